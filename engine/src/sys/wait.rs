//! Reaping children.

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
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

/// A child that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reaped {
    pub(crate) pid: i32,
    pub(crate) exit: Exit,
    /// Its largest resident memory, KiB.
    pub(crate) peak_rss_kib: u64,
}

/// Whether a child has ended and was not reaped.
pub(crate) fn has_ended(pid: i32) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    !matches!(
        waitid(Id::Pid(Pid::from_raw(pid)), flags),
        Ok(WaitStatus::StillAlive) | Err(_)
    )
}

/// The next child that has ended, if any; never blocks. `None` also when there is no child at all.
pub(crate) fn reap() -> Option<Reaped> {
    reap_telling(0, |_| {})
}

/// The same; children that a signal has stopped (SIGSTOP, SIGTSTP) are told of.
pub(crate) fn reap_and_see_stopped(stopped: impl FnMut(i32)) -> Option<Reaped> {
    reap_telling(libc::WUNTRACED, stopped)
}

fn reap_telling(options: i32, mut stopped: impl FnMut(i32)) -> Option<Reaped> {
    let options = options | libc::WNOHANG;
    loop {
        let mut status = 0;
        // SAFETY: all zero is a valid `rusage`, a struct of integers.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: both pointers are to locals. (wait4 because waitpid does not tell what the child used.)
        let pid = unsafe { libc::wait4(-1, &raw mut status, options, &raw mut usage) };
        if pid < 0 && nix::errno::Errno::last() == nix::errno::Errno::EINTR {
            continue;
        }
        if pid <= 0 {
            return None;
        }
        let exit = match (libc::WIFEXITED(status), libc::WIFSIGNALED(status)) {
            (true, _) => Exit {
                code: libc::WEXITSTATUS(status),
                signal: 0,
            },
            (_, true) => Exit {
                code: 0,
                signal: libc::WTERMSIG(status),
            },
            _ => {
                stopped(pid);
                continue;
            }
        };
        let peak_rss_kib = usage.ru_maxrss.max(0) as u64;
        return Some(Reaped {
            pid,
            exit,
            peak_rss_kib,
        });
    }
}
