//! Files whose content is sent: opened and looked at by who asks for the sending, so that a mistake is known while
//! somebody can be told; and memory files, for content that has no name.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;

use nix::fcntl::{
    FallocateFlags, FcntlArg, PosixFadviseAdvice, SealFlag, fallocate, fcntl, posix_fadvise,
};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// How much of a file is asked to be read in ahead of its sending.
const READ_AHEAD: u64 = 4 << 20;
/// The least memory that is given back at a time.
const HOLE: u64 = 2 << 20;

/// Why a file cannot be sent.
#[derive(Debug)]
pub(crate) enum CannotOpen {
    /// A directory, a pipe, a device: nothing with a length.
    NotRegular,
    /// The system's reason.
    System(io::Error),
}

impl From<io::Error> for CannotOpen {
    fn from(error: io::Error) -> CannotOpen {
        CannotOpen::System(error)
    }
}

/// A regular file, open for reading.
#[derive(Debug)]
pub(crate) struct Sendable {
    pub(crate) file: OwnedFd,
    /// Bytes, when it was opened.
    pub(crate) size: u64,
}

/// Open a file to be sent.
pub(crate) fn open(path: &Path) -> Result<Sendable, CannotOpen> {
    // A look first: opening a device may do something to it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(CannotOpen::NotRegular);
    }
    // And if it is another file by now, opening it must not wait (a pipe without a writer).
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY) // close-on-exec is what std always asks for
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(CannotOpen::NotRegular);
    }
    Ok(Sendable {
        size: found.len(),
        file: file.into(),
    })
}

/// Tell the kernel that this part will be read, in order: it begins to fetch the first of it now, so that the thread
/// that sends waits less for the disk. Only advice: nothing depends on it.
pub(crate) fn read_ahead(file: impl AsFd, offset: u64, len: u64) {
    let Ok(start) = i64::try_from(offset) else {
        return;
    };
    let whole = i64::try_from(len).unwrap_or(0); // 0: to the end
    let first = len.min(READ_AHEAD) as i64;
    let _ = posix_fadvise(
        &file,
        start,
        whole,
        PosixFadviseAdvice::POSIX_FADV_SEQUENTIAL,
    );
    let _ = posix_fadvise(&file, start, first, PosixFadviseAdvice::POSIX_FADV_WILLNEED);
}

/// A file in memory with this content, gone with its last descriptor. Its length can never change, so who sends from
/// it never meets an early end; its content is not sealed, because [`free_behind`] counts as writing. `name` is for
/// `/proc` alone.
pub(crate) fn memfd(name: &str, content: &[u8]) -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut file = File::from(memfd_create(name, flags)?);
    file.write_all(content)?;
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(file.into())
}

/// An empty file in memory, of any length, gone with its last descriptor. `name` is for `/proc` alone.
pub(crate) fn sparse(name: &str) -> io::Result<File> {
    Ok(File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC)?))
}

/// Give the memory of a memory file back that was sent, up to `offset`; up to `freed` that was done before. How far
/// it is done now.
///
/// What sendfile(2) has sent is still in the sockets' queues, as the pages themselves. A page that goes as a whole lives
/// on there, but where a hole covers a part of one, that part is zeroed in place, under the reader's eyes. Pages may
/// be huge ones: so holes begin and end at multiples of their size.
pub(crate) fn free_behind(file: impl AsFd, freed: u64, offset: u64) -> u64 {
    static UNIT: OnceLock<u64> = OnceLock::new();
    let unit = *UNIT.get_or_init(|| {
        let text = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
        let huge = text.ok().and_then(|size| size.trim().parse().ok());
        huge.unwrap_or(0).max(HOLE)
    });
    let edge = offset / unit * unit;
    if edge <= freed || punch_hole(file, freed, edge - freed).is_err() {
        return freed; // if it cannot be done, the memory goes back with the file
    }
    edge
}

/// Give the memory (or disk blocks) of a part back, now that it has been sent. It reads as zeros then; the length stays.
pub(crate) fn punch_hole(file: impl AsFd, offset: u64, len: u64) -> io::Result<()> {
    let start = i64::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
    let len = i64::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
    let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    Ok(fallocate(file, flags, start, len)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{FileExt, MetadataExt};

    #[test]
    fn a_regular_file_is_opened_with_its_size_and_nothing_else_is() {
        let sendable = open(Path::new("/proc/self/exe")).unwrap();
        let exe = std::fs::metadata("/proc/self/exe").unwrap().len();
        assert_eq!(sendable.size, exe);
        let flags = fcntl(&sendable.file, FcntlArg::F_GETFD).unwrap();
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
        read_ahead(&sendable.file, 0, sendable.size);
        read_ahead(&sendable.file, u64::MAX, u64::MAX); // harmless

        for odd in ["/tmp", "/dev/null"] {
            let refused = open(Path::new(odd));
            assert!(matches!(refused, Err(CannotOpen::NotRegular)), "{odd}");
        }
        let code = |path: &str| match open(Path::new(path)) {
            Err(CannotOpen::System(error)) => error.raw_os_error(),
            other => panic!("{other:?}"),
        };
        assert_eq!(code("/nowhere/at/all"), Some(libc::ENOENT));
        assert_eq!(code(&"x".repeat(300)), Some(libc::ENAMETOOLONG));
        assert_eq!(code("no\0name"), None);
    }

    #[test]
    fn a_pipe_without_a_writer_is_refused_at_once() {
        let path = std::env::temp_dir().join(format!("skep-fifo-{}", std::process::id()));
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let refused = open(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(refused, Err(CannotOpen::NotRegular)));
    }

    #[test]
    fn a_memory_file_keeps_its_length_and_gives_back_what_was_sent() {
        let content = vec![7u8; 1 << 20];
        let file = File::from(memfd("skep-test", &content).unwrap());
        let name = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
        assert!(name.to_str().unwrap().contains("skep-test"));
        assert!(file.set_len(10).is_err(), "cannot shrink");
        assert!(file.set_len(2 << 20).is_err(), "cannot grow");

        let blocks = file.metadata().unwrap().blocks();
        punch_hole(&file, 0, 512 << 10).unwrap();
        let left = file.metadata().unwrap();
        assert_eq!(left.len(), 1 << 20);
        assert_eq!(left.blocks() * 2, blocks);
        let mut bytes = [0; 2];
        file.read_exact_at(&mut bytes, (512 << 10) - 1).unwrap();
        assert_eq!(bytes, [0, 7]);
        assert!(punch_hole(&file, u64::MAX, 1).is_err());
    }

    #[test]
    fn memory_goes_back_in_pieces_that_hold_no_part_of_a_page() {
        let file = memfd("skep-test", &vec![7u8; 9 << 20]).unwrap();
        let blocks = |file: &OwnedFd| {
            let file = File::from(file.try_clone().unwrap());
            file.metadata().unwrap().blocks()
        };
        let whole = blocks(&file);
        assert_eq!(free_behind(&file, 0, 100_000), 0);
        assert_eq!(blocks(&file), whole);
        let freed = free_behind(&file, 0, 9 << 20);
        assert!(freed > 0 && freed.is_multiple_of(HOLE));
        assert_eq!(blocks(&file) * (9 << 20), whole * ((9 << 20) - freed));
        assert_eq!(free_behind(&file, freed, 9 << 20), freed);
    }

    #[test]
    fn an_empty_memory_file_is_empty() {
        let file = File::from(memfd("skep-empty", b"").unwrap());
        assert_eq!(file.metadata().unwrap().len(), 0);
    }
}
