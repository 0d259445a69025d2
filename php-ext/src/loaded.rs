//! The files that were loaded before `start()`: a reload does not load them again, so it says which of
//! them have changed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use skep::Context;

use crate::zend::{bytes, eg, walk};

/// Most lines of one report.
const LINES: usize = 10;

/// What tells one content of a file from another, as far as that can be had without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// `None`: there is no such file.
    fn of(path: &Path) -> Option<Stamp> {
        let found = fs::metadata(path).ok()?;
        Some(Stamp {
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
        })
    }
}

/// Files with their state when the server started.
pub(crate) struct Loaded(Vec<(PathBuf, Stamp)>);

impl Loaded {
    /// What PHP has loaded up to now. What is no file of the file system (`phar://`) is left out.
    pub(crate) fn now() -> Loaded {
        let mut files = Vec::new();
        // SAFETY: PHP's table of included files; no PHP code runs below, so nothing changes it or jumps.
        unsafe {
            walk(&raw mut (*eg()).included_files, |name, _| {
                if !name.is_null() {
                    let path = Path::new(OsStr::from_bytes(bytes(name)));
                    files.extend(Stamp::of(path).map(|stamp| (path.to_owned(), stamp)));
                }
                true
            });
        }
        Loaded(files)
    }

    fn changed(&self) -> Vec<&Path> {
        let differs = |file: &&(PathBuf, Stamp)| Stamp::of(&file.0) != Some(file.1);
        let changed = self.0.iter().filter(differs);
        changed.map(|file| file.0.as_path()).collect()
    }

    /// Name the changed files in the log.
    pub(crate) fn report_changes(&self, context: &Context) {
        let changed = self.changed();
        for path in changed.iter().take(LINES) {
            context.log_warning(&format!(
                "file {} has changed since it was loaded before start(): a reload does not load it again",
                path.display()
            ));
        }
        if changed.len() > LINES {
            let more = changed.len() - LINES;
            context.log_warning(&format!(
                "and {more} more files that were loaded before start() have changed"
            ));
        }
    }
}
