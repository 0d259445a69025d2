//! Reaping children.

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit {
    /// Exit code, 0 if a signal ended it.
    pub(crate) code: i32,
    /// Signal number, 0 if it ended by itself.
    pub(crate) signal: i32,
}

impl Exit {
    /// Ended by itself with code 0.
    pub(crate) fn is_clean(self) -> bool {
        self.code == 0 && self.signal == 0
    }
}

/// The next child that has ended, if any; never blocks. `None` also when there is no child at all.
pub(crate) fn reap() -> Option<(i32, Exit)> {
    loop {
        match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => {
                return Some((pid.as_raw(), Exit { code, signal: 0 }));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) => {
                return Some((
                    pid.as_raw(),
                    Exit {
                        code: 0,
                        signal: signal as i32,
                    },
                ));
            }
            Ok(WaitStatus::StillAlive) => return None,
            Ok(_) | Err(Errno::EINTR) => {} // stops and continues are nobody's end
            Err(_) => return None,
        }
    }
}
