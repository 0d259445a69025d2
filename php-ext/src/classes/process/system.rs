//! Static methods: children that have ended, signals that are sent, the alarm, detaching, CPUs.

use std::ptr::null_mut;

use skep::Role;
use skep::error::code::{INVALID_PARAMS, WRONG_OPERATION};

use crate::convert::{List, Map};
use crate::exception::{code, warn, warn_system};
use crate::globals;
use crate::looping::descriptor;
use crate::method::{Call, parse};
use crate::zend::{HashTable, Zv, kind, walk};

use super::signals::dispatch_pending_signals;

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

pub(super) fn wait(call: &mut Call) {
    let mut blocking = true;
    if !parse!(call, c"|b", blocking) {
        return;
    }
    // The children of these two are the server's own: whoever took the news of a worker's death would keep it from
    // being replaced.
    if let Some(context) = globals::context()
        && matches!(context.role(), Role::Master | Role::Manager)
        && !context.is_forked_child()
    {
        warn(
            WRONG_OPERATION,
            format_args!("cannot wait for processes in master or manager process"),
        );
        return call.give_bool(false);
    }
    let mut status = 0;
    let flags = if blocking { 0 } else { libc::WNOHANG };
    // SAFETY: writes one integer.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, flags) };
    if pid <= 0 {
        let errno = errno();
        if pid < 0 && errno == libc::EINTR {
            dispatch_pending_signals();
        }
        if pid < 0 {
            globals::set_last_error(errno);
        }
        return call.give_bool(false);
    }
    let map = Map::new();
    map.put("pid", Zv::long(pid.into()));
    let (code, signal) = match libc::WIFSIGNALED(status) {
        true => (0, libc::WTERMSIG(status)),
        false => (libc::WEXITSTATUS(status), 0),
    };
    map.put("code", Zv::long(code.into()));
    map.put("signal", Zv::long(signal.into()));
    call.give(map.into_value());
}

pub(super) fn kill(call: &mut Call) {
    let (mut pid, mut signal) = (0i64, i64::from(libc::SIGTERM));
    if !parse!(call, c"l|l", pid, signal) {
        return;
    }
    let sent = match (i32::try_from(pid), i32::try_from(signal)) {
        // SAFETY: no pointers.
        (Ok(pid), Ok(signal)) => match unsafe { libc::kill(pid, signal) } {
            0 => Ok(()),
            _ => Err(errno()),
        },
        (Err(_), _) => Err(libc::ESRCH),
        (_, Err(_)) => Err(libc::EINVAL),
    };
    if let Err(errno) = sent {
        match (signal, errno) {
            (0, libc::ESRCH) => globals::set_last_error(errno), // a question, and its answer
            _ => warn_system(errno, format_args!("kill({pid}, {signal}) failed")),
        }
    }
    call.give_bool(sent.is_ok());
}

pub(super) fn alarm(call: &mut Call) {
    let (mut usec, mut which) = (0i64, 0i64);
    if !parse!(call, c"l|l", usec, which) {
        return;
    }
    let usec = usec.max(0);
    let time = libc::timeval {
        tv_sec: usec / 1_000_000,
        tv_usec: usec % 1_000_000,
    };
    // Again and again, until it is cancelled.
    let timer = libc::itimerval {
        it_interval: time,
        it_value: time,
    };
    // SAFETY: reads one struct.
    let done = unsafe { libc::setitimer(which as libc::c_int, &raw const timer, null_mut()) };
    if done != 0 {
        warn_system(errno(), format_args!("setitimer() failed"));
    }
    call.give_bool(done == 0);
}

pub(super) fn daemon(call: &mut Call) {
    let (mut no_chdir, mut no_close, mut pipes) = (true, true, null_mut::<HashTable>());
    if !parse!(call, c"|bbh", no_chdir, no_close, pipes) {
        return;
    }
    if globals::context().is_some() {
        warn(
            WRONG_OPERATION,
            format_args!("cannot become a daemon while a server is running"),
        );
        return call.give_bool(false);
    }
    let mut descriptors = [-1; 3];
    if !pipes.is_null() {
        let mut at = 0;
        let mut sound = true;
        // SAFETY: PHP's argument; a stream that has none is a warning of PHP's, and nothing is owned here.
        unsafe {
            walk(pipes, |_, value| {
                if at < descriptors.len() && value.kind() != kind::NULL {
                    match descriptor::of(value) {
                        Some(descriptor) => descriptors[at] = descriptor,
                        None => sound = false,
                    }
                }
                at += 1;
                sound
            });
        }
        if !sound {
            return call.give_bool(false);
        }
    }
    if let Err(error) = skep::process::detach(no_chdir, no_close, descriptors) {
        warn_system(
            error.raw_os_error().unwrap_or(0),
            format_args!("daemon() failed"),
        );
        return call.give_bool(false);
    }
    call.give_bool(true);
}

/// CPUs that are online.
fn cpus() -> i64 {
    // SAFETY: a plain C function.
    unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }.max(1)
}

pub(super) fn set_affinity(call: &mut Call) {
    let mut given = null_mut::<HashTable>();
    if !parse!(call, c"h", given) {
        return;
    }
    // SAFETY: zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    let (mut count, mut bad) = (0i64, None);
    let cpus = cpus();
    // SAFETY: PHP's argument; the closure runs no PHP code.
    unsafe {
        walk(given, |_, value| {
            count += 1;
            let cpu = crate::convert::integer(value);
            match cpu {
                _ if !(0..cpus).contains(&cpu) => bad = bad.or(Some(cpu)),
                cpu => libc::CPU_SET(cpu as usize, &mut set),
            }
            true
        });
    }
    if count == 0 {
        return call.give_bool(false);
    }
    if count > cpus {
        warn(code::FATAL, format_args!("More than the number of CPU"));
        return call.give_bool(false);
    }
    if let Some(cpu) = bad {
        warn(INVALID_PARAMS, format_args!("invalid cpu id [{cpu}]"));
        return call.give_bool(false);
    }
    // SAFETY: reads one whole set.
    let done = unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) } == 0;
    if !done {
        warn_system(errno(), format_args!("sched_setaffinity() failed"));
    }
    call.give_bool(done);
}

pub(super) fn get_affinity(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    // SAFETY: zero is the empty set, and the call writes one whole set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    if unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) } != 0 {
        warn_system(errno(), format_args!("sched_getaffinity() failed"));
        return call.give_bool(false);
    }
    let list = List::new();
    for cpu in 0..libc::CPU_SETSIZE as usize {
        // SAFETY: a number below the size of the set.
        if unsafe { libc::CPU_ISSET(cpu, &set) } {
            list.push(Zv::long(cpu as i64));
        }
    }
    call.give(list.into_value());
}
