//! The open file: begun anew on request and by the calendar, kept when the new one cannot be had.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::sync::Arc;

use super::{Options, Rotation};
use crate::sys::{clock, output, process};

/// Where lines go.
pub(super) struct Sink {
    /// `None`: standard output.
    file: Option<Arc<File>>,
    /// The calendar's part of its name.
    suffix: String,
    /// Wall second in which the calendar was asked last.
    asked: u64,
    /// Whom new files shall belong to.
    owner: Option<(u32, u32)>,
    captures_output: bool,
    sealed: bool,
    /// The log has a line about the file that cannot be had.
    complained: bool,
}

impl Sink {
    pub(super) fn open(options: &Options) -> (Sink, Option<io::Error>) {
        let suffix = options.rotation.suffix();
        let (file, error) = match options.file.as_ref().map(|path| open(path, &suffix, None)) {
            None => (None, None),
            Some(Ok(file)) => (Some(Arc::new(file)), None),
            Some(Err(error)) => (None, Some(error)),
        };
        let sink = Sink {
            file,
            suffix,
            asked: clock::wall_s(),
            owner: None,
            captures_output: false,
            sealed: false,
            complained: error.is_some(),
        };
        (sink, error)
    }

    pub(super) fn file(&self) -> Option<Arc<File>> {
        self.file.clone()
    }

    pub(super) fn give_to(&mut self, uid: u32, gid: u32) {
        self.owner = Some((uid, gid));
        if let Some(file) = &self.file {
            give(file, (uid, gid));
        }
    }

    pub(super) fn capture_output(&mut self) -> io::Result<()> {
        self.captures_output = true;
        output::redirect(self.file.as_deref())
    }

    pub(super) fn seal(&mut self) {
        self.sealed = true;
    }

    /// Open the same name again: somebody has moved the file. The complaint, if there is a new one.
    pub(super) fn reopen(&mut self, options: &Options) -> Option<String> {
        // A pipe or a terminal (/dev/stdout) is not moved, and opening it again may not be allowed.
        let is_file = |file: &Arc<File>| file.metadata().is_ok_and(|data| data.is_file());
        if self.file.as_ref().is_some_and(|file| !is_file(file)) {
            return None;
        }
        let suffix = options.rotation.suffix();
        self.change(options, suffix)
    }

    /// Begin the next file if the calendar says so. Asked at most once a second.
    pub(super) fn rotate(&mut self, options: &Options) -> Option<String> {
        let now = clock::wall_s();
        if options.rotation == Rotation::Never || std::mem::replace(&mut self.asked, now) == now {
            return None;
        }
        let suffix = options.rotation.suffix();
        if suffix == self.suffix {
            return None;
        }
        self.change(options, suffix)
    }

    fn change(&mut self, options: &Options, suffix: String) -> Option<String> {
        let path = options.file.as_ref()?;
        let opened = match self.sealed {
            false => open(path, &suffix, self.owner),
            true => Err(io::ErrorKind::PermissionDenied.into()),
        };
        match opened {
            Ok(file) => {
                let file = Arc::new(file);
                if self.captures_output {
                    let _ = output::redirect(Some(&file)); // the old one then goes on
                }
                self.file = Some(file);
                self.suffix = suffix;
                self.complained = false;
                None
            }
            Err(_) if std::mem::replace(&mut self.complained, true) => None,
            Err(_) if self.sealed => Some(format!(
                "open() (ERRNO 502): '{path}{suffix}' cannot be reopened after chroot, the old file is used until the next reload"
            )),
            Err(error) => {
                let code = error.raw_os_error().unwrap_or(0);
                let text = crate::error::text(code);
                Some(format!(
                    "open() (ERRNO 502): open('{path}{suffix}') failed. Error: {text}[{code}]; the old file is used on"
                ))
            }
        }
    }
}

fn open(path: &str, suffix: &str, owner: Option<(u32, u32)>) -> io::Result<File> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o666)
        .open(format!("{path}{suffix}"))?;
    if let Some(owner) = owner {
        give(&file, owner);
    }
    Ok(file)
}

/// So that a worker without root's rights can open it after a rotation.
fn give(file: &File, (uid, gid): (u32, u32)) {
    let is_roots = file
        .metadata()
        .is_ok_and(|data| data.is_file() && data.uid() == 0);
    if is_roots && uid != 0 && process::is_root() {
        let _ = fchown(file, Some(uid), Some(gid)); // the worker will say that it cannot open the file
    }
}
