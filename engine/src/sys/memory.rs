//! Anonymous shared memory: zeroed, lazily backed, inherited by children, gone with the last of them.

use std::{io, num::NonZeroUsize, ptr::NonNull};

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::{SysconfVar, sysconf};

/// One shared mapping. Children made by `fork` see the same bytes at the same address.
pub(crate) struct SharedMap {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is plain memory without thread affinity; who may touch which byte when is
// the business of the typed views built on it (`ipc::shm`), which hand out atomics and rings.
unsafe impl Send for SharedMap {}
// SAFETY: as above: this type itself offers no access to the bytes but a raw pointer.
unsafe impl Sync for SharedMap {}

impl SharedMap {
    /// Map `len` bytes (rounded up to pages by the kernel). Pages cost memory only once touched:
    /// `MAP_NORESERVE` keeps a large, mostly unused layout out of the commit accounting.
    pub(crate) fn new(len: usize) -> io::Result<SharedMap> {
        let size = NonZeroUsize::new(len).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice aliases nothing.
        let base = unsafe {
            mmap_anonymous(
                None,
                size,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE,
            )
        }?;
        Ok(SharedMap {
            base: base.cast(),
            len,
        })
    }

    /// Map a file, grown to `len` bytes if it is shorter. Tests that kill processes share one.
    #[cfg(test)]
    pub(crate) fn of_file(file: &std::fs::File, len: usize) -> io::Result<SharedMap> {
        let size = NonZeroUsize::new(len).ok_or(io::ErrorKind::InvalidInput)?;
        if file.metadata()?.len() < len as u64 {
            file.set_len(len as u64)?;
        }
        // SAFETY: a fresh mapping at an address of the kernel's choice aliases nothing, and the file
        // is as long as the mapping.
        let base = unsafe {
            nix::sys::mman::mmap(
                None,
                size,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
                file,
                0,
            )
        }?;
        Ok(SharedMap {
            base: base.cast(),
            len,
        })
    }

    /// Give the memory behind a part of the mapping back; it reads as zeros then. Only whole pages are given back.
    ///
    /// # Safety
    /// `start` points into a mapping of this kind that is as long from there; nobody else accesses these bytes meanwhile,
    /// and nobody needs what is in them.
    pub(crate) unsafe fn give_back(start: NonNull<u8>, len: usize) {
        const PAGE: usize = 4096; // a larger real one makes the call fail, which does no harm
        let skip = start.as_ptr().align_offset(PAGE);
        let len = len.saturating_sub(skip) / PAGE * PAGE;
        if len == 0 {
            return;
        }
        // SAFETY: `skip + len` is within what the caller vouches for.
        let first = unsafe { start.add(skip) };
        // SAFETY: by the caller's word. Where it is refused the memory stays as it was.
        let _ = unsafe { madvise(first.cast(), len, MmapAdvise::MADV_REMOVE) };
    }

    /// First byte of the mapping; page aligned.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Length in bytes as asked for.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl Drop for SharedMap {
    fn drop(&mut self) {
        // SAFETY: `base` and `len` are those of our own mapping, and every view borrows this value
        // (or an Arc of it), so none is left. A failure would leave memory mapped, nothing else.
        let _ = unsafe { munmap(self.base.cast(), self.len) };
    }
}

/// Resident memory of this process, bytes. Where there is no `/proc` (a chroot): the most it ever had.
pub(crate) fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok());
    match (pages, sysconf(SysconfVar::PAGE_SIZE)) {
        (Some(pages), Ok(Some(size))) => pages * size as u64,
        _ => getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss() as u64 * 1024),
    }
}
