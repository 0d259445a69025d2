//! Structs that the caller provides and that may grow: their first field is their `size`.

use super::status::{Fault, SKEP_INVALID_ARGUMENT};

/// A C struct whose first field is `size_t size`.
///
/// # Safety
/// `repr(C)`, the first field is `size: usize`, and the struct has no padding between fields or
/// after them: all its bytes are copied to C.
pub(super) unsafe trait Growing: Copy {
    /// Size in the first version of the interface.
    const FIRST: usize;

    /// Write `size`.
    fn set_size(&mut self, size: usize);
}

/// A caller's struct, checked.
pub(super) struct SizedOut<T> {
    place: *mut T,
    size: usize,
}

impl<T: Growing> SizedOut<T> {
    /// # Safety
    /// `place` is NULL, or its `size` is readable and that many bytes are writable until the value is dropped.
    pub(super) unsafe fn new(place: *mut T, argument: &'static str) -> Result<SizedOut<T>, Fault> {
        if place.is_null() {
            return Err(Fault::null(argument));
        }
        // SAFETY: not NULL, so readable by contract; `size` is the first field.
        let size = unsafe { place.cast::<usize>().read() };
        if size < T::FIRST || size > isize::MAX as usize {
            let text =
                format!("{argument}->size is {size}, it must be set to the size of the struct");
            return Err(Fault::new(SKEP_INVALID_ARGUMENT, text));
        }
        Ok(SizedOut { place, size })
    }

    /// Fill in what both sides know; what only the caller knows becomes 0, and `size` says how much is filled.
    pub(super) fn set(self, mut value: T) {
        let known = self.size.min(size_of::<T>());
        value.set_size(known);
        let (from, to) = (
            std::ptr::from_ref(&value).cast::<u8>(),
            self.place.cast::<u8>(),
        );
        // SAFETY: `known` bytes exist on both sides, all initialised (no padding, by the trait's
        // contract), and a local value does not overlap with the caller's.
        unsafe { from.copy_to_nonoverlapping(to, known) };
        // SAFETY: the caller's struct has `size` bytes by the contract of `new`, and `known <= size`.
        unsafe { to.add(known).write_bytes(0, self.size - known) };
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a failing test may panic where it stands"
)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Pair {
        size: usize,
        old: u64,
        new: u64,
    }

    // SAFETY: 8 + 8 + 8 bytes, `size` first.
    unsafe impl Growing for Pair {
        const FIRST: usize = 16;

        fn set_size(&mut self, size: usize) {
            self.size = size;
        }
    }

    /// Fill a struct of which the caller says that it has `size` bytes.
    fn filled(size: usize) -> Result<[u64; 4], Fault> {
        let mut place = [size as u64, 7, 7, 7];
        // SAFETY: 32 bytes, at least as many as any test says.
        let out = unsafe { SizedOut::<Pair>::new(place.as_mut_ptr().cast(), "out") }?;
        out.set(Pair {
            size: 0,
            old: 1,
            new: 2,
        });
        Ok(place)
    }

    #[test]
    fn older_caller_gets_what_it_knows_and_newer_caller_zeroes() {
        assert_eq!(filled(16).unwrap(), [16, 1, 7, 7]);
        assert_eq!(filled(24).unwrap(), [24, 1, 2, 7]);
        assert_eq!(filled(32).unwrap(), [24, 1, 2, 0]);
    }

    #[test]
    fn size_that_was_not_set_is_refused() {
        for size in [0, 8, 15, usize::MAX] {
            assert_eq!(filled(size).unwrap_err().status, SKEP_INVALID_ARGUMENT);
        }
    }
}
