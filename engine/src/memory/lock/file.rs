//! A lock on a file, held by a process and not by those it forks.
//!
//! flock(2) locks belong to an open file, which a fork shares. So each process opens the file for itself, and the
//! children of a holder find its descriptor closed: the lock ends with the holder, whatever children it had. (The
//! other kind, of fcntl(2), belongs to the process, but is lost when the process closes any descriptor of that file:
//! a script that locks itself would lose it with the next `include`.)

use std::cell::{RefCell, RefMut};
use std::fs::{File, TryLockError};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use super::{LockMode, Result};
use crate::sys::{forks, lock};

pub(super) struct FileLock {
    path: PathBuf,
    /// Keeps hold of the file, whatever happens to its name.
    anchor: File,
    /// This process's own, once it was needed.
    own: RefCell<Option<Own>>,
}

struct Own {
    file: ManuallyDrop<File>,
    /// The process that opened it. In others the descriptor is closed, and its number may be another file's.
    generation: u64,
}

impl Own {
    fn new(file: File) -> Own {
        forks::close_in_children(file.as_raw_fd());
        Own {
            file: ManuallyDrop::new(file),
            generation: forks::generation(),
        }
    }

    fn is_ours(&self) -> bool {
        self.generation == forks::generation()
    }
}

impl FileLock {
    pub(super) fn new(path: &Path) -> io::Result<FileLock> {
        lock::make(path)?;
        // A process may change its directory before it locks.
        let path = std::path::absolute(path)?;
        let anchor = lock::anchor(&path)?;
        Ok(FileLock {
            path,
            anchor,
            own: RefCell::new(None),
        })
    }

    /// False if somebody holds it.
    pub(super) fn try_lock(&self, mode: LockMode) -> Result<bool> {
        let own = self.own()?;
        let Some(Own { file, .. }) = &*own else {
            return Ok(false); // never: `own` has just opened it
        };
        let tried = match mode {
            LockMode::Exclusive => file.try_lock(),
            LockMode::Shared => file.try_lock_shared(),
        };
        match tried {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    pub(super) fn unlock(&self) -> Result<()> {
        match &*self.own.borrow() {
            Some(own) if own.is_ours() => Ok(own.file.unlock()?),
            _ => Ok(()),
        }
    }

    /// Opened by this process.
    fn own(&self) -> io::Result<RefMut<'_, Option<Own>>> {
        let mut own = self.own.borrow_mut();
        if !own.as_ref().is_some_and(Own::is_ours) {
            // What the parent opened is closed here, and is not dropped: the value has no destructor.
            *own = Some(Own::new(lock::open_again(&self.anchor, &self.path)?));
        }
        Ok(own)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        if let Some(own) = self.own.take().filter(Own::is_ours) {
            forks::forget(own.file.as_raw_fd());
            drop(ManuallyDrop::into_inner(own.file));
        }
    }
}
