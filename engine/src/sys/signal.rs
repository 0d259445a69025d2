//! Signals: the handler sets a bit and rings the bell of its own process; loops decide.
//!
//! One handler serves every role. A blocked mask with a signalfd would be inherited by each program
//! that user code starts; a handler is reset by `exec`, so nothing leaks. Signals a role does not
//! care about but must survive (HUP, PIPE, ...) get the same handler instead of `SIG_IGN`, which
//! `exec` would keep.

use std::io;
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};

use nix::sys::signal::{self, SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal};

pub(crate) use libc::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGKILL, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
    SIGVTALRM, SIGWINCH,
};

/// Bits of signals that have come and were not taken yet.
static PENDING: AtomicU64 = AtomicU64::new(0);
/// Descriptor of the bell to ring; -1 before a role has installed itself.
static BELL: AtomicI32 = AtomicI32::new(-1);
/// Pid of the supervisor that forked this process; 0 where there is none to lose.
static SUPERVISOR: AtomicI32 = AtomicI32::new(0);
/// Pid of the process that takes over when the supervisor dies (the master, for workers).
static GUARDIAN: AtomicI32 = AtomicI32::new(0);

/// What [`on_term`] was given; 0 for none.
static TERM_HOOK: AtomicUsize = AtomicUsize::new(0);

/// From now on, call `hook` in the signal handler of SIGTERM, in this process and those it forks. It may do
/// what is async-signal-safe: store to atomics, make plain system calls.
pub(crate) fn on_term(hook: extern "C" fn()) {
    TERM_HOOK.store(hook as usize, Ordering::Release);
}

fn call_term_hook() {
    let hook = TERM_HOOK.load(Ordering::Acquire);
    if hook != 0 {
        // SAFETY: only `on_term` writes here, and what it writes is a function of this type.
        unsafe { std::mem::transmute::<usize, extern "C" fn()>(hook)() };
    }
}

/// A set of signals taken from [`take`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending(u64);

impl Pending {
    /// Whether `signal` has come since the last take.
    pub(crate) fn has(self, signal: i32) -> bool {
        self.0 & (1 << signal) != 0
    }
}

/// The signals that have come since the last call.
pub(crate) fn take() -> Pending {
    if PENDING.load(Ordering::Relaxed) == 0 {
        return Pending(0);
    }
    Pending(PENDING.swap(0, Ordering::AcqRel))
}

extern "C" fn note(signal: libc::c_int) {
    // Everything here is async-signal-safe: atomics and plain system calls; errno is put back.
    let errno = nix::errno::Errno::last_raw();
    if signal == SIGALRM && orphaned() {
        // Armed below: the supervisors have been dead for a while and this process is still in user code.
        // SAFETY: _exit is async-signal-safe.
        unsafe { libc::_exit(EXIT_ORPHANED) };
    }
    PENDING.fetch_or(1 << signal, Ordering::AcqRel);
    if signal == SIGTERM {
        call_term_hook();
    }
    let bell = BELL.load(Ordering::Relaxed);
    if bell >= 0 {
        let one = 1u64;
        // SAFETY: write(2) of eight bytes from a local; `bell` is an eventfd of this process, and
        // even a foreign descriptor number would cause no more than a failed or stray write.
        unsafe { libc::write(bell, (&raw const one).cast(), 8) };
    }
    if signal == SIGTERM && orphaned() {
        // The loop will see the bit, unless a callback keeps it away: then the alarm ends it.
        let fuse = libc::itimerval {
            it_interval: libc::timeval {
                tv_sec: 0,
                tv_usec: 0,
            },
            it_value: libc::timeval {
                tv_sec: 0,
                tv_usec: ORPHAN_GRACE_US,
            },
        };
        // SAFETY: setitimer reads one valid struct and is a plain system call on Linux.
        unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const fuse, std::ptr::null_mut()) };
    }
    nix::errno::Errno::set_raw(errno);
}

/// Exit code of a process whose supervisors died while a callback kept it busy.
const EXIT_ORPHANED: i32 = 255;
/// How long a callback may go on after both supervisors are dead. Below the promised second.
const ORPHAN_GRACE_US: libc::suseconds_t = 700_000;

/// The orphan stops in an orderly, bounded way: no alarm any more.
pub(crate) fn disarm_fuse() {
    let off = libc::itimerval {
        it_interval: libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        },
        it_value: libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        },
    };
    // SAFETY: as for arming: setitimer reads one valid struct.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const off, std::ptr::null_mut()) };
}

fn orphaned() -> bool {
    let supervisor = SUPERVISOR.load(Ordering::Relaxed);
    // SAFETY: getppid has no preconditions.
    let parent = unsafe { libc::getppid() };
    supervisor != 0 && parent != supervisor && parent != GUARDIAN.load(Ordering::Relaxed)
}

/// Name the process that forked this one and the one that inherits it (0: none), for the check
/// "am I an orphan" in the handler.
pub(crate) fn set_supervisor(supervisor: i32, guardian: i32) {
    GUARDIAN.store(guardian, Ordering::Relaxed);
    SUPERVISOR.store(supervisor, Ordering::Relaxed);
}

/// Dispositions as they were before [`install`]; put back when the value is dropped.
pub(crate) struct Installed(Vec<(Signal, SigAction)>);

/// Handle `signals` in this process from now on, waking `bell` (an eventfd) for each.
/// Bits noted before are forgotten: after a fork they were the parent's.
pub(crate) fn install(signals: &[i32], bell: i32) -> io::Result<Installed> {
    PENDING.store(0, Ordering::Release);
    BELL.store(bell, Ordering::Release);
    let action = SigAction::new(
        SigHandler::Handler(note),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    let mut before = Vec::with_capacity(signals.len());
    for &number in signals {
        let signal = Signal::try_from(number)?;
        // SAFETY: `note` does only async-signal-safe work (argued there).
        before.push((signal, unsafe { signal::sigaction(signal, &action) }?));
    }
    let mut set = SigSet::empty();
    signals
        .iter()
        .filter_map(|&n| Signal::try_from(n).ok())
        .for_each(|s| set.add(s));
    signal::pthread_sigmask(SigmaskHow::SIG_UNBLOCK, Some(&set), None)?;
    Ok(Installed(before))
}

/// Back to the default action, for signals a parent handled and this process leaves to fate.
pub(crate) fn restore_default(signals: &[i32]) {
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in signals.iter().filter_map(|&n| Signal::try_from(n).ok()) {
        // SAFETY: the default action runs no code of ours.
        let _ = unsafe { signal::sigaction(signal, &action) };
    }
}

impl Installed {
    /// Leave the handlers in place (a forked child that installs its own must not put back the parent's).
    pub(crate) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        if self.0.is_empty() {
            return;
        }
        for (signal, action) in self.0.drain(..) {
            // SAFETY: `action` is what was installed before us, by the host program.
            let _ = unsafe { signal::sigaction(signal, &action) };
        }
        BELL.store(-1, Ordering::Release);
    }
}

/// Block all signals in the calling thread: reactor threads leave them to the main thread, whose
/// handlers may belong to the host program.
pub(crate) fn block_all_in_thread() {
    let _ = signal::pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None);
}

/// Send `number` to `pid`. False if there is no such process (or no right to signal it).
pub(crate) fn send(pid: i32, number: i32) -> bool {
    // SAFETY: kill has no memory effects here. `pid` > 0 is the callers' duty, checked so that 0 or -1
    // can never reach a whole group.
    pid > 0 && unsafe { libc::kill(pid, number) } == 0
}

/// Die by `number` with its default action, as a shell expects of an interrupted program.
pub(crate) fn die_by(number: i32) -> ! {
    restore_default(&[number]);
    send(std::process::id() as i32, number);
    super::fork::exit_now(128 + number)
}

/// A signal's name as strsignal(3) prints it: `Killed` for 9.
pub(crate) fn description(number: i32) -> String {
    // SAFETY: strsignal returns a valid C string or NULL; the copy is taken at once, and the callers
    // (master, manager) ask from one thread.
    unsafe {
        let text = libc::strsignal(number);
        if text.is_null() {
            return format!("Unknown signal {number}");
        }
        std::ffi::CStr::from_ptr(text)
            .to_string_lossy()
            .into_owned()
    }
}

/// A signal's symbolic name: `SIGKILL` for 9.
pub(crate) fn name(number: i32) -> String {
    Signal::try_from(number).map_or_else(|_| format!("SIG{number}"), |signal| signal.to_string())
}

/// The same for a text that needs no room of its own; a real-time signal is `SIGRT`.
pub(crate) fn static_name(number: i32) -> &'static str {
    Signal::try_from(number).map_or("SIGRT", Signal::as_str)
}

/// Whether the default action of a signal writes a core file (signal(7)).
pub(crate) fn dumps_core(number: i32) -> bool {
    use libc::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP, SIGXCPU, SIGXFSZ};
    [
        SIGQUIT, SIGILL, SIGABRT, SIGFPE, SIGSEGV, SIGBUS, SIGSYS, SIGTRAP, SIGXCPU, SIGXFSZ,
    ]
    .contains(&number)
}
