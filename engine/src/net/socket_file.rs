//! The file of a unix socket: made by bind, given its mode and owner, removed by who made it.

use std::fs::{self, Metadata};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nix::unistd::{Gid, Uid, fchownat};

use super::options::SocketOptions;

/// A socket file that this server has made.
#[derive(Debug)]
pub(super) struct SocketFile {
    /// Absolute: a server in the background has another working directory.
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    /// The file that bind(2) has just made.
    pub(super) fn made(path: &Path) -> io::Result<SocketFile> {
        let path = std::path::absolute(path)?;
        let found = fs::symlink_metadata(&path)?;
        Ok(SocketFile {
            device: found.dev(),
            inode: found.ino(),
            path,
        })
    }

    /// Owner, then mode: a change of owner may take bits off the mode. Through a descriptor of the file itself, so
    /// that nobody puts another file in its place between the look and the change.
    pub(super) fn dress(&self, options: &SocketOptions) -> io::Result<()> {
        if (options.unix_mode, options.unix_user, options.unix_group) == (None, None, None) {
            return Ok(());
        }
        let flags = libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        let file = fs::OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(&self.path)?;
        if !self.is(&file.metadata()?) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if options.unix_user.is_some() || options.unix_group.is_some() {
            let user = options.unix_user.map(Uid::from_raw);
            let group = options.unix_group.map(Gid::from_raw);
            fchownat(file.as_fd(), "", user, group, AtFlags::AT_EMPTY_PATH)?;
        }
        if let Some(mode) = options.unix_mode {
            let link = format!("/proc/self/fd/{}", file.as_raw_fd()); // fchmod refuses O_PATH descriptors
            fs::set_permissions(link, fs::Permissions::from_mode(mode & 0o7777))?;
        }
        Ok(())
    }

    /// Remove it, unless the path is somebody else's by now: of a successor that was started meanwhile.
    pub(super) fn remove(&self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| self.is(&found)) {
            let _ = fs::remove_file(&self.path); // already gone is as good
        }
    }

    fn is(&self, found: &Metadata) -> bool {
        found.file_type().is_socket() && (found.dev(), found.ino()) == (self.device, self.inode)
    }
}

/// A socket file without a socket would make bind fail for ever. Anything else at the path, a socket in use included, is
/// left alone: bind then says that the address is in use.
pub(super) fn remove_stale(path: &str) {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket && is_refused(path).unwrap_or(false) {
        let _ = fs::remove_file(path); // if this fails, bind says why
    }
}

/// Whether there is no socket behind the file. The probe is a datagram socket whatever kind is to be bound: a stream
/// socket that is bound and does not listen yet refuses other streams just as a dead one, but to a datagram socket it
/// is a socket of another kind (`EPROTOTYPE`).
fn is_refused(path: &str) -> nix::Result<bool> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let probe = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
    let outcome = connect(probe.as_raw_fd(), &UnixAddr::new(path)?);
    Ok(outcome == Err(Errno::ECONNREFUSED))
}
