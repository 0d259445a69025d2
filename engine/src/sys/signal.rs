//! Signals: the handler sets a bit and rings the bell of its own process; loops decide.
//!
//! One handler serves every role. A blocked mask with a signalfd would be inherited by each program
//! that user code starts; a handler is reset by `exec`, so nothing leaks. Signals a role does not
//! care about but must survive (HUP, PIPE, ...) get the same handler instead of `SIG_IGN`, which
//! `exec` would keep.

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::sys::signal::{self, SigSet, SigmaskHow, Signal};

use super::fuse;

pub(crate) use libc::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGKILL, SIGPIPE, SIGPROF, SIGPWR, SIGQUIT, SIGSTKFLT,
    SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH, SIGXFSZ,
};

/// The first realtime signal; those below it belong to the C library.
pub(crate) fn realtime_min() -> i32 {
    libc::SIGRTMIN()
}

/// The last realtime signal.
pub(crate) fn realtime_max() -> i32 {
    libc::SIGRTMAX()
}

/// The place of `signal` (1 to 64) in a word; none for other numbers.
pub(super) fn bit(signal: i32) -> u64 {
    match signal {
        1..=64 => 1 << (signal - 1),
        _ => 0,
    }
}

/// Bits of signals that have come and were not taken yet.
static PENDING: AtomicU64 = AtomicU64::new(0);
/// Descriptor of the bell to ring; -1 before a role has installed itself.
static BELL: AtomicI32 = AtomicI32::new(-1);

/// What [`on_term`] was given; 0 for none.
static TERM_HOOK: AtomicUsize = AtomicUsize::new(0);

/// From now on, call `hook` in the signal handler of SIGTERM, in this process and those it forks. It may do
/// what is async-signal-safe: store to atomics, make plain system calls.
pub(crate) fn on_term(hook: extern "C" fn()) {
    TERM_HOOK.store(hook as usize, Ordering::Release);
}

/// Call what is kept in `place`: 0 or an `extern "C" fn()`.
pub(super) fn call_hook(place: &AtomicUsize) {
    let hook = place.load(Ordering::Acquire);
    if hook != 0 {
        // SAFETY: only `on_term` and `fuse::on_orphaned` give such places, and what they write there is a function of this type.
        unsafe { std::mem::transmute::<usize, extern "C" fn()>(hook)() };
    }
}

/// A set of signals taken from [`take`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending(u64);

impl Pending {
    /// Whether nothing has come.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `signal` has come since the last take.
    pub(crate) fn has(self, signal: i32) -> bool {
        self.0 & bit(signal) != 0
    }
}

/// The signals that have come since the last call.
pub(crate) fn take() -> Pending {
    if PENDING.load(Ordering::Relaxed) == 0 {
        return Pending(0);
    }
    Pending(PENDING.swap(0, Ordering::AcqRel))
}

/// Whether `signal` has come and was not taken yet. It stays untaken.
pub(crate) fn has_come(signal: i32) -> bool {
    PENDING.load(Ordering::Relaxed) & bit(signal) != 0
}

extern "C" fn note(signal: libc::c_int) {
    // Everything here is async-signal-safe: atomics and plain system calls; errno is put back.
    let errno = nix::errno::Errno::last_raw();
    PENDING.fetch_or(bit(signal), Ordering::AcqRel);
    if signal == SIGTERM {
        call_hook(&TERM_HOOK);
    }
    let bell = BELL.load(Ordering::Relaxed);
    if bell >= 0 {
        let one = 1u64;
        // SAFETY: write(2) of eight bytes from a local; `bell` is an eventfd of this process, and
        // even a foreign descriptor number would cause no more than a failed or stray write.
        unsafe { libc::write(bell, (&raw const one).cast(), 8) };
    }
    if signal == SIGTERM || signal == fuse::parent_died() {
        fuse::look(); // the loop will see the bit, unless a callback keeps it away
    }
    nix::errno::Errno::set_raw(errno);
}

/// What the host program had for each signal before the engine took it: `(signal, disposition)`.
/// Children inherit it with everything else, so a worker can give back what its manager took.
static HOST: Mutex<Vec<(i32, libc::sigaction)>> = Mutex::new(Vec::new());
/// Signals that stay the engine's whatever user code installs, as bits.
static OWNED: AtomicU64 = AtomicU64::new(0);

fn host() -> std::sync::MutexGuard<'static, Vec<(i32, libc::sigaction)>> {
    HOST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The host's dispositions come back when this is dropped.
pub(crate) struct Installed {
    signals: Vec<i32>,
}

/// Handle `signals` in this process from now on, waking `bell` (an eventfd) for each.
/// Bits noted before are forgotten: after a fork they were the parent's.
pub(crate) fn install(signals: &[i32], bell: i32) -> io::Result<Installed> {
    PENDING.store(0, Ordering::Release);
    BELL.store(bell, Ordering::Release);
    OWNED.store(0, Ordering::Release);
    for &signal in signals {
        let before = match set_disposition(signal, &noting()) {
            Ok(before) => before,
            // One that nobody may handle here: tools that watch a process keep realtime signals for themselves.
            Err(error)
                if signal > realtime_min() && error.kind() == io::ErrorKind::InvalidInput =>
            {
                continue;
            }
            Err(error) => return Err(error),
        };
        let ours = before.sa_sigaction == noting().sa_sigaction; // inherited from the manager
        let mut host = host();
        if !ours && !host.iter().any(|(known, _)| *known == signal) {
            host.push((signal, before));
        }
    }
    unblock(signals)?;
    Ok(Installed {
        signals: signals.to_vec(),
    })
}

/// From now on [`reassert`] gives these back to the engine.
pub(crate) fn own(signals: &[i32]) {
    let bits = signals.iter().fold(0, |bits, &signal| bits | bit(signal));
    OWNED.store(bits, Ordering::Release);
}

/// After user code has run: the signals that the role lives by are the engine's again, whatever handlers
/// that code has installed.
pub(crate) fn reassert() {
    let mut owned = OWNED.load(Ordering::Relaxed);
    while owned != 0 {
        let signal = owned.trailing_zeros() as i32 + 1;
        owned &= owned - 1;
        let _ = set_disposition(signal, &noting()); // it worked before, at `install`
    }
}

/// The same, and none of them is blocked any more.
pub(crate) fn reassert_unblocked() {
    reassert();
    let owned = OWNED.load(Ordering::Relaxed);
    let signals: Vec<i32> = (1..=64)
        .filter(|&signal| owned & bit(signal) != 0)
        .collect();
    if !signals.is_empty() {
        let _ = unblock(&signals);
    }
}

fn noting() -> libc::sigaction {
    let handler: extern "C" fn(libc::c_int) = note;
    disposition(handler as libc::sighandler_t, libc::SA_RESTART)
}

pub(super) fn disposition(handler: libc::sighandler_t, flags: libc::c_int) -> libc::sigaction {
    // SAFETY: all zero is a valid `sigaction`: default action, empty mask, no restorer (libc sets its own).
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    action
}

/// Set, and return what was before.
pub(super) fn set_disposition(
    signal: i32,
    action: &libc::sigaction,
) -> io::Result<libc::sigaction> {
    let mut before = MaybeUninit::zeroed();
    // SAFETY: both point to whole structs. The handler is `note`, which does only async-signal-safe work
    // (argued there), or what the host program had.
    let done = unsafe { libc::sigaction(signal, action, before.as_mut_ptr()) };
    Errno::result(done)?;
    // SAFETY: the call succeeded, so it has written the struct (which was valid as zero anyway).
    Ok(unsafe { before.assume_init() })
}

/// Whether a signal is the engine's, whatever user code installs.
pub(super) fn is_owned(signal: i32) -> bool {
    OWNED.load(Ordering::Relaxed) & bit(signal) != 0
}

/// By hand, because nix's sets know no realtime signals.
fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: sigemptyset initialises the set it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    for &signal in signals {
        // SAFETY: the set was initialised above; a bad number is refused by an error, which leaves it as it is.
        unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    }
    // SAFETY: initialised above.
    unsafe { set.assume_init() }
}

pub(super) fn unblock(signals: &[i32]) -> io::Result<()> {
    let set = set_of(signals);
    // SAFETY: reads the set, writes nothing of ours.
    match unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut()) }
    {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// A signal that waits in the calling thread while this lives.
pub(super) struct Blocked {
    set: libc::sigset_t,
    before: libc::sigset_t,
}

impl Blocked {
    pub(super) fn new(number: i32) -> io::Result<Blocked> {
        let set = set_of(&[number]);
        let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: reads one set and writes the other; both are whole.
        match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, before.as_mut_ptr()) }
        {
            // SAFETY: written by the call, and valid as zero anyway.
            0 => Ok(unsafe { before.assume_init() }),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
        .map(|before| Blocked { set, before })
    }

    /// Take the signal that has come, if it has.
    pub(super) fn take(&self) -> io::Result<bool> {
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: reads a set and a time; what it could write is not asked for.
        let came = unsafe {
            libc::sigtimedwait(&raw const self.set, std::ptr::null_mut(), &raw const now)
        };
        match Errno::result(came) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        while self.take().unwrap_or(false) {}
        // SAFETY: reads the set that `new` was given by the system.
        unsafe {
            libc::pthread_sigmask(
                libc::SIG_SETMASK,
                &raw const self.before,
                std::ptr::null_mut(),
            )
        };
    }
}

/// Back to the default action, for signals a parent handled and this process leaves to fate.
pub(crate) fn restore_default(signals: &[i32]) {
    for &signal in signals {
        let _ = set_disposition(signal, &disposition(libc::SIG_DFL, 0));
    }
}

/// Give these back to the host program, as it had them before the engine took them.
pub(crate) fn restore_host(signals: &[i32]) {
    for (signal, action) in host().iter() {
        if signals.contains(signal) {
            let _ = set_disposition(*signal, action);
        }
    }
}

impl Installed {
    /// Leave the handlers in place (a forked child that installs its own must not put back the parent's).
    pub(crate) fn keep(mut self) {
        self.signals.clear();
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        if self.signals.is_empty() {
            return;
        }
        OWNED.store(0, Ordering::Release);
        restore_host(&self.signals);
        host().clear();
        BELL.store(-1, Ordering::Release);
    }
}

/// This process is no role any more, but a child that user code forked within one: what the role handled has the
/// default action, what the host program had is the host's again, and nobody is rung.
pub(crate) fn forget_role() {
    BELL.store(-1, Ordering::Release);
    OWNED.store(0, Ordering::Release);
    TERM_HOOK.store(0, Ordering::Release);
    fuse::forget();
    PENDING.store(0, Ordering::Release);
    let ours = noting().sa_sigaction;
    for signal in 1..=realtime_max() {
        let mut now = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: asks only, into room for one struct.
        let asked = unsafe { libc::sigaction(signal, std::ptr::null(), now.as_mut_ptr()) };
        // SAFETY: written by the call, and valid as zero anyway.
        if asked == 0 && unsafe { now.assume_init() }.sa_sigaction == ours {
            let _ = set_disposition(signal, &disposition(libc::SIG_DFL, 0));
        }
    }
    super::user_signal::forget_all();
    let mut host = host();
    for (signal, action) in host.drain(..) {
        let _ = set_disposition(signal, &action);
    }
}

/// Block all signals in the calling thread: reactor threads leave them to the main thread, whose
/// handlers may belong to the host program.
pub(crate) fn block_all_in_thread() {
    let _ = signal::pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None);
}

/// Block all signals in the calling thread but `number`, which is how another thread interrupts its system calls.
pub(crate) fn block_others_in_thread(number: i32) {
    let mut others = SigSet::all();
    if let Ok(number) = Signal::try_from(number) {
        others.remove(number);
    }
    let _ = signal::pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&others), None);
}

/// Interrupt a thread: what it waits for in the system is over, if it does not block `number`, which has a handler.
pub(crate) fn interrupt_thread<T>(thread: &std::thread::JoinHandle<T>, number: i32) {
    // SAFETY: the handle says that the thread was not joined, so its id is valid, even if it has ended.
    unsafe { libc::pthread_kill(thread.as_pthread_t(), number) };
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
