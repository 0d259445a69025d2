//! User code that does not come back, and has done with its signals what scripts do.

use std::time::{Duration, Instant};

use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask,
};

/// The ways to stay: in a sleep, in a loop, with a time limit of its own (SIGALRM), with all of the named signals ignored, with
/// those blocked, with every signal blocked that there is.
pub const WAYS: [&str; 6] = ["sleep", "spin", "alarm", "ignoring", "blocking", "deaf"];

extern "C" fn nothing(_: i32) {}

/// Stay in this process for a minute: longer than any test looks.
pub fn stay(way: &str) {
    match way {
        "alarm" => {
            take(Signal::SIGALRM, SigHandler::Handler(nothing));
            nix::unistd::alarm::set(3);
        }
        "ignoring" => Signal::iterator().for_each(|signal| take(signal, SigHandler::SigIgn)),
        "blocking" => {
            let named: SigSet = Signal::iterator().collect();
            let _ = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&named), None);
        }
        "deaf" => {
            let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None);
        }
        _ => {}
    }
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        if way != "spin" {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

fn take(signal: Signal, handler: SigHandler) {
    if !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP) {
        let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
        // SAFETY: the handler does nothing.
        let _ = unsafe { sigaction(signal, &action) };
    }
}
