//! Calls that raise SIGPIPE and have no flag against it.
//!
//! Reactor threads block every signal, so nothing reaches them; but the same call made elsewhere, in a host that
//! neither ignores nor handles SIGPIPE, would end the process. The kernel sends this signal to the calling *thread*, so
//! blocking it there, and taking back what the call has raised, hides it completely and changes nothing for others.

use std::mem::MaybeUninit;

use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};

/// Make a call that may raise SIGPIPE; `raised` says of its outcome whether it has (its error was EPIPE).
///
/// A thread that blocks the signal already is left as it is: what stays pending there was its own decision.
pub(crate) fn hidden<T>(call: impl FnOnce() -> T, raised: impl FnOnce(&T) -> bool) -> T {
    let mut pipe = SigSet::empty();
    pipe.add(Signal::SIGPIPE);
    let mut before = SigSet::empty();
    let masked = pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&pipe), Some(&mut before));
    let outcome = call();
    if masked.is_ok() && !before.contains(Signal::SIGPIPE) {
        if raised(&outcome) {
            take_back(&pipe);
        }
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None); // fails for a bad `how` only
    }
    outcome
}

/// Take the pending signal, without waiting for one.
fn take_back(pipe: &SigSet) {
    let at_once = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
    // SAFETY: all three pointers are to live values, the second to writable room of its type.
    let _ = unsafe { libc::sigtimedwait(pipe.as_ref(), info.as_mut_ptr(), &raw const at_once) };
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    fn pending() -> bool {
        let mut set = SigSet::empty();
        // SAFETY: writable room for a set.
        let asked = unsafe { libc::sigpending((&raw mut set).cast()) };
        assert_eq!(asked, 0);
        set.contains(Signal::SIGPIPE)
    }

    fn raise() {
        // SAFETY: no pointers; the signal goes to this thread.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGPIPE) };
    }

    #[test]
    fn what_the_call_raised_is_gone_and_the_mask_is_as_before() {
        // A thread of its own: masks are per thread, and this one's are looked at.
        let thread = std::thread::spawn(|| {
            let mut pipe = SigSet::empty();
            pipe.add(Signal::SIGPIPE);
            pthread_sigmask(SigmaskHow::SIG_UNBLOCK, Some(&pipe), None).unwrap();
            let seen = hidden(
                || {
                    raise();
                    pending()
                },
                |seen| *seen,
            );
            assert!(seen, "blocked, so pending during the call");
            assert!(!pending());
            let now = SigSet::thread_get_mask().unwrap();
            assert!(!now.contains(Signal::SIGPIPE));
        });
        thread.join().unwrap();
    }

    #[test]
    fn a_thread_that_blocks_the_signal_keeps_it() {
        let thread = std::thread::spawn(|| {
            let mut pipe = SigSet::empty();
            pipe.add(Signal::SIGPIPE);
            pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&pipe), None).unwrap();
            hidden(raise, |()| true);
            assert!(pending());
            take_back(&pipe);
            assert!(SigSet::thread_get_mask().unwrap().contains(Signal::SIGPIPE));
        });
        thread.join().unwrap();
    }
}
