//! The pid file: locked for the life of the server, removed by the process that wrote it and only while it
//! still names that process.
//!
//! A file without a lock is a leftover and is taken over. Whoever ends removes the file while it holds the
//! lock, so the one who gets the lock next looks whether the name still leads to the file it has locked.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::sys::lock::{self, Locked};
use crate::sys::process;

/// How often a file may vanish between being opened and being locked.
const ATTEMPTS: u32 = 16;

/// Why there is no pid file.
pub(super) enum Trouble {
    /// A server that runs holds it.
    Taken(String),
    /// The path cannot be written; a text for the log.
    Unwritable(String),
}

/// A held pid file.
pub(super) struct PidFile {
    path: PathBuf,
    file: Locked,
    pid: i32,
}

impl PidFile {
    pub(super) fn descriptor(&self) -> i32 {
        self.file.as_raw_fd()
    }

    /// Write this process's pid to `path` and hold it.
    pub(super) fn hold(path: &str) -> Result<PidFile, Trouble> {
        let unwritable = |error: io::Error| {
            let code = error.raw_os_error().unwrap_or(0);
            let text = crate::error::text(code);
            Trouble::Unwritable(format!("open('{path}') failed, Error: {text}[{code}]"))
        };
        for _ in 0..ATTEMPTS {
            let opened = open(Path::new(path)).map_err(unwritable)?;
            let file = match lock::try_lock(opened) {
                Ok(file) => file,
                Err((mut file, error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(Trouble::Taken(format!(
                        "pid_file '{path}' is held by a running server (pid {})",
                        read(&mut file).unwrap_or_else(|| "unknown".into())
                    )));
                }
                Err((_, error)) => return Err(unwritable(error)),
            };
            if !leads_to(Path::new(path), &file) {
                continue; // its owner has ended and removed it meanwhile
            }
            let mut held = PidFile {
                path: path.into(),
                file,
                pid: process::pid(),
            };
            held.write().map_err(unwritable)?;
            return Ok(held);
        }
        Err(unwritable(io::ErrorKind::ResourceBusy.into()))
    }

    fn write(&mut self) -> io::Result<()> {
        let text = self.pid.to_string();
        // In this order the file is never empty for a reader.
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(text.len() as u64)?;
        self.file.set_permissions(Permissions::from_mode(0o644)) // whatever the umask: tools read it
    }

    /// Remove it, if it is still this process's.
    pub(super) fn remove(mut self) {
        let names_us = read(&mut self.file).is_some_and(|text| text == self.pid.to_string());
        if process::pid() == self.pid && names_us && leads_to(&self.path, &self.file) {
            let _ = fs::remove_file(&self.path); // a leftover is taken over by the next server
        }
        if process::pid() != self.pid {
            self.abandon();
        }
    }

    /// In a child: the file is the parent's.
    pub(super) fn abandon(self) {
        lock::abandon(self.file);
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false) // it may be somebody's
        .mode(0o644)
        .open(path)
}

fn read(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    Some(text.trim().to_string()).filter(|text| !text.is_empty())
}

fn leads_to(path: &Path, file: &File) -> bool {
    let (Ok(named), Ok(held)) = (fs::metadata(path), file.metadata()) else {
        return false;
    };
    (named.dev(), named.ino()) == (held.dev(), held.ino())
}
