//! The pipe between a process and the one that started it.

use std::io;
use std::ptr::null;
use std::time::Duration;

use super::signals::dispatch_pending_signals;
use super::{Property, put, this, with_pipe};
use crate::exception::{code, warn, warn_system};
use crate::globals;
use crate::method::{Call, parse};
use crate::zend::Zv;

/// `swoole_last_error()` after a read or write that has waited long enough.
const TIMEOUT: i32 = 6002;
/// What `read()` asks for by default.
const DEFAULT_SIZE: i64 = 8192;
/// Scratch memory that a process keeps between two reads.
const KEPT: usize = 64 << 10;
/// The most that one `read()` returns.
const LARGEST_SIZE: i64 = 64 << 20;

pub(super) fn write(call: &mut Call) {
    let (mut data, mut len) = (null::<u8>(), 0usize);
    if !parse!(call, c"s", data, len) {
        return;
    }
    if len == 0 {
        warn(code::FATAL, format_args!("the data to send is empty"));
        return call.give_bool(false);
    }
    // SAFETY: PHP's argument, alive during the call.
    let data = unsafe { std::slice::from_raw_parts(data, len) };
    let written = with_pipe(call, "no pipe, cannot write into pipe", |inner, channel| {
        channel
            .write(data, inner.patience.get())
            .map_err(|error| errno(&error))
    });
    match written {
        None => {}
        Some(Ok(written)) => call.give(Zv::long(written as i64)),
        Some(Err(errno)) => {
            match errno {
                TIMEOUT => globals::set_last_error(TIMEOUT),
                errno => warn_system(errno, format_args!("write() failed")),
            }
            call.give_bool(false);
        }
    }
}

pub(super) fn read(call: &mut Call) {
    let mut size = DEFAULT_SIZE;
    if !parse!(call, c"|l", size) {
        return;
    }
    let size = match size {
        ..=0 => DEFAULT_SIZE,
        size => size.min(LARGEST_SIZE),
    };
    let got = with_pipe(call, "no pipe, cannot read from pipe", |inner, channel| {
        let mut scratch = inner.scratch.take();
        if scratch.len() < size as usize {
            scratch = vec![0; size as usize]; // memory that is used as far as something comes
        }
        let room = scratch.get_mut(..size as usize).unwrap_or_default();
        let read = channel.read(room, inner.patience.get());
        let start = scratch.as_ptr();
        inner.scratch.set(scratch);
        read.map(|length| (start, length))
            .map_err(|error| errno(&error))
    });
    match got {
        None => {}
        Some(Ok((start, length))) => {
            // SAFETY: the scratch memory of this object, which nobody touches before the string is made.
            let bytes = unsafe { std::slice::from_raw_parts(start, length) };
            call.give(Zv::text(bytes));
            forget_much(call);
        }
        Some(Err(errno)) => {
            forget_much(call);
            match errno {
                libc::EINTR => {
                    dispatch_pending_signals();
                    globals::set_last_error(errno);
                }
                TIMEOUT | libc::EAGAIN => globals::set_last_error(errno),
                errno => warn_system(errno, format_args!("read() failed")),
            }
            call.give_bool(false);
        }
    }
}

/// Scratch memory for one unusually long read is not kept.
fn forget_much(call: &mut Call) {
    if let Some(inner) = this(call) {
        let scratch = inner.scratch.take();
        if scratch.len() <= KEPT {
            inner.scratch.set(scratch);
        }
    }
}

fn errno(error: &io::Error) -> i32 {
    match error.kind() {
        io::ErrorKind::TimedOut => TIMEOUT,
        _ => error.raw_os_error().unwrap_or(0),
    }
}

/// Values of `close()`.
const BOTH: i64 = 0;
const WRITING: i64 = 1;
const READING: i64 = 2;

pub(super) fn close(call: &mut Call) {
    let mut which = BOTH;
    if !parse!(call, c"|l", which) {
        return;
    }
    let shut = with_pipe(
        call,
        "no pipe, cannot close the pipe",
        |_, channel| match which {
            BOTH => true,
            WRITING | READING => channel.shut(which == READING).is_ok(),
            _ => false,
        },
    );
    let Some(shut) = shut else { return };
    if !shut {
        warn(code::FATAL, format_args!("cannot close the pipe"));
    } else if which == BOTH
        && let Some(inner) = this(call)
    {
        inner.ours.replace(None);
        inner.theirs.replace(None);
        put(call.this(), Property::Pipe, Zv::NULL);
    }
    call.give_bool(shut);
}

pub(super) fn set_timeout(call: &mut Call) {
    let mut seconds = 0f64;
    if !parse!(call, c"d", seconds) {
        return;
    }
    let done = with_pipe(call, "no pipe, cannot setTimeout the pipe", |inner, _| {
        // Nothing, and what is no time at all: for ever.
        let patience = Duration::try_from_secs_f64(seconds).ok();
        inner.patience.set(patience.filter(|time| !time.is_zero()));
    });
    if done.is_some() {
        call.give_bool(true);
    }
}

pub(super) fn set_blocking(call: &mut Call) {
    let mut blocking = true;
    if !parse!(call, c"b", blocking) {
        return;
    }
    let done = with_pipe(
        call,
        "no pipe, cannot setBlocking the pipe",
        |_, channel| channel.set_blocking(blocking).is_ok(),
    );
    if let Some(done) = done {
        call.give_bool(done);
    }
}
