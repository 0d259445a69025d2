//! Typed places in one shared mapping.
//!
//! Before the first fork a [`Layout`] adds up what is needed and hands out places ([`At`]); then one
//! [`Region`] is mapped and the places are turned into references. Places are offsets, never
//! pointers, and every type put there consists of atomics, so a reference may be held by any number
//! of processes and threads at once.

use std::{io, marker::PhantomData, ptr::NonNull};

use crate::sys::memory::SharedMap;
use crate::sys::mutex::RobustMutex;

/// Types that may live in shared memory.
///
/// # Safety
/// All-zero bytes are a valid value, every field is an atomic (or padding), there is no pointer in
/// it, and dropping does nothing.
pub(crate) unsafe trait Shared {}

/// Declares a struct for shared memory: every field's type must be [`Shared`] itself, which is
/// checked, so the modules that declare such blocks need no `unsafe` of their own.
macro_rules! shared_block {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug)]
        #[repr(C, align(64))]
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $type,)* }

        const _: () = {
            const fn all_shared<T: $crate::ipc::shm::Shared>() {}
            $(all_shared::<$type>();)*
        };
        // SAFETY: every field is `Shared` (checked above), so zero is valid, there is no pointer, and
        // dropping does nothing; padding is never read.
        #[allow(unsafe_code, reason = "the argument is made here, once, for all blocks")]
        unsafe impl $crate::ipc::shm::Shared for $name {}
    };
}
pub(crate) use shared_block;

// SAFETY: an integer that any process may load and store; zero is valid.
unsafe impl Shared for std::sync::atomic::AtomicI32 {}
// SAFETY: as above.
unsafe impl Shared for std::sync::atomic::AtomicU32 {}
// SAFETY: as above.
unsafe impl Shared for std::sync::atomic::AtomicU64 {}
// SAFETY: made for several processes, see there; zero is a value, if one that must be made a mutex before use; no
// pointer that anybody but its holder follows, and no destructor.
unsafe impl Shared for RobustMutex {}
// SAFETY: an array of such.
unsafe impl<T: Shared, const N: usize> Shared for [T; N] {}

/// A place for `count` values of `T` in a region.
#[derive(Debug)]
pub(crate) struct At<T> {
    offset: usize,
    count: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for At<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for At<T> {}

impl<T: Shared> At<T> {
    /// The place of one of the values.
    pub(crate) fn nth(self, index: usize) -> At<T> {
        assert!(index < self.count, "no such value");
        At {
            offset: self.offset + index * size_of::<T>(),
            count: 1,
            kind: PhantomData,
        }
    }
}

/// A place for bytes in a region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BytesAt {
    offset: usize,
    len: usize,
}

impl BytesAt {
    /// One of equal parts of the place.
    pub(crate) fn part(self, index: usize, len: usize) -> BytesAt {
        assert!((index + 1) * len <= self.len, "no such part");
        BytesAt {
            offset: self.offset + index * len,
            len,
        }
    }
}

/// Adds up a region's contents.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    len: usize,
}

/// Everything starts on its own cache line, so that neighbours never share one.
const LINE: usize = 64;

impl Layout {
    /// Room for `count` values of `T`.
    pub(crate) fn place<T: Shared>(&mut self, count: usize) -> At<T> {
        let offset = self.reserve(size_of::<T>() * count, align_of::<T>().max(LINE));
        At {
            offset,
            count,
            kind: PhantomData,
        }
    }

    /// Room for `len` bytes, page aligned: rings that are never used then never cost a page.
    pub(crate) fn bytes(&mut self, len: usize) -> BytesAt {
        BytesAt {
            offset: self.reserve(len, 4096),
            len,
        }
    }

    fn reserve(&mut self, len: usize, align: usize) -> usize {
        let offset = self.len.next_multiple_of(align);
        self.len = offset + len;
        offset
    }
}

/// The mapping behind a finished [`Layout`].
pub(crate) struct Region {
    map: SharedMap,
}

impl Region {
    /// Map a layout; all bytes are zero.
    pub(crate) fn map(layout: &Layout) -> io::Result<Region> {
        if cfg!(loom) {
            // Zero is no valid value for loom's atomics: models keep theirs on the heap.
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Region {
            map: SharedMap::new(layout.len.max(1))?,
        })
    }

    /// Map a layout onto a file, for processes that have no common parent mapping.
    #[cfg(test)]
    pub(crate) fn map_file(layout: &Layout, file: &std::fs::File) -> io::Result<Region> {
        Ok(Region {
            map: SharedMap::of_file(file, layout.len.max(1))?,
        })
    }

    /// The values at a place.
    pub(crate) fn slice<T: Shared>(&self, at: At<T>) -> &[T] {
        let bytes = size_of::<T>() * at.count;
        assert!(
            at.offset + bytes <= self.map.len(),
            "place of another region"
        );
        // SAFETY: in bounds (asserted), aligned by `Layout` and the page-aligned base, initialised
        // (zero is valid for `Shared`), and shared references are all that anybody gets: the type
        // has only atomics inside.
        unsafe {
            let first = self.map.base().add(at.offset).cast::<T>();
            std::slice::from_raw_parts(first.as_ptr(), at.count)
        }
    }

    /// The one value at a place.
    pub(crate) fn one<T: Shared>(&self, at: At<T>) -> &T {
        &self.slice(at)[0]
    }

    /// Copy bytes to a place that one process writes and another one reads when that is dead. What does not fit is
    /// left out; how much was copied.
    pub(crate) fn fill(&self, at: BytesAt, bytes: &[u8]) -> usize {
        let (base, len) = self.bytes(at);
        let count = bytes.len().min(len);
        // SAFETY: in bounds of the place; by the contract above nobody else accesses it now.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), base.as_ptr(), count) };
        count
    }

    /// A copy of the first bytes of such a place, when its writer is dead.
    pub(crate) fn copy(&self, at: BytesAt, count: usize) -> Vec<u8> {
        let (base, len) = self.bytes(at);
        // SAFETY: in bounds of the place, initialised (the mapping begins as zeros); the writer is dead and reaped.
        unsafe { std::slice::from_raw_parts(base.as_ptr(), count.min(len)) }.to_vec()
    }

    /// First byte and length of a byte place. What is behind it is shared: use it through a lane.
    pub(crate) fn bytes(&self, at: BytesAt) -> (NonNull<u8>, usize) {
        assert!(
            at.offset + at.len <= self.map.len(),
            "place of another region"
        );
        // SAFETY: in bounds of the mapping (asserted), so the offset stays inside one allocation.
        (unsafe { self.map.base().add(at.offset) }, at.len)
    }
}
