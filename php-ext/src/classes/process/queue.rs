//! The message queue of a process, which other programs may know by its key.

use std::ffi::CString;
use std::ptr::null;

use ext_php_rs::ffi::ext_php_rs_sapi_globals;
use skep::process::{MessageQueue, Queued};

use super::signals::dispatch_pending_signals;
use super::{Inner, Property, put, this};
use crate::convert::Map;
use crate::exception::{code, warn, warn_system};
use crate::globals;
use crate::method::{Call, parse};
use crate::zend::Zv;

/// `IPC_NOWAIT`, to be combined with the mode: nothing waits.
pub(super) const NOWAIT: i64 = 256;
/// `SWOOLE_MSGQUEUE_ORIENT`: each process gets what was pushed for it. The other mode is 2, whoever comes first.
const ORIENT: i64 = 1;
const BALANCE: i64 = 2;
/// Shortest message that is too long.
const TOO_BIG: usize = 65536;
/// What `pop()` takes by default, and at most.
const DEFAULT_SIZE: i64 = 65536;

pub(super) fn use_queue(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let (mut key, mut mode, mut capacity) = (0i64, BALANCE, -1i64);
    if !parse!(call, c"|lll", key, mode, capacity) {
        return;
    }
    if !matches!(mode & !NOWAIT, ORIENT | BALANCE) {
        warn(code::FATAL, format_args!("unknown queue mode [{mode}]"));
        return call.give_bool(false);
    }
    let opened = match key {
        0 => key_of_script(),
        key => Ok(key as i32), // a key is 32 bits for the system
    }
    .and_then(|key| Ok((key, MessageQueue::open(key)?)))
    .and_then(|(key, queue)| {
        if let Ok(capacity @ 1..) = u64::try_from(capacity) {
            queue.set_capacity(capacity)?;
        }
        Ok((key, queue))
    })
    .map_err(|error| error.raw_os_error().unwrap_or(0));
    let (key, queue) = match opened {
        Ok(opened) => opened,
        Err(errno) => {
            warn_system(errno, format_args!("msgget() failed"));
            return call.give_bool(false);
        }
    };
    let id = queue.id();
    inner.queue.replace(Some(queue));
    inner.own_messages.set(mode & !NOWAIT == ORIENT);
    inner.impatient.set(mode & NOWAIT != 0);
    put(call.this(), Property::QueueId, Zv::long(id.into()));
    put(call.this(), Property::QueueKey, Zv::long(key.into()));
    call.give_bool(true);
}

/// All processes of a script find the same queue.
fn key_of_script() -> std::io::Result<i32> {
    // SAFETY: PHP's globals; the path of the script is a C text, or null where there is no file.
    let path = unsafe {
        let path = (*ext_php_rs_sapi_globals()).request_info.path_translated;
        match path.is_null() {
            true => CString::default(),
            false => std::ffi::CStr::from_ptr(path).to_owned(),
        }
    };
    MessageQueue::key_of(&path, 1)
}

/// Do something with the queue; none, and nothing said, if there is none.
fn with_queue<T>(inner: &Inner, then: impl FnOnce(&mut MessageQueue) -> T) -> Option<T> {
    inner.queue.borrow_mut().as_mut().map(then)
}

fn give_refusal(call: &mut Call, text: &str) {
    warn(code::FATAL, format_args!("{text}"));
    call.give_bool(false);
}

pub(super) fn push(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let (mut data, mut len) = (null::<u8>(), 0usize);
    if !parse!(call, c"s", data, len) {
        return;
    }
    match len {
        0 => return give_refusal(call, "the data to push is empty"),
        TOO_BIG.. => return give_refusal(call, "the data to push is too big"),
        _ => {}
    }
    // SAFETY: PHP's argument, alive during the call.
    let data = unsafe { std::slice::from_raw_parts(data, len) };
    let wait = !inner.impatient.get();
    let sent = with_queue(inner, |queue| {
        queue
            .send(inner.id.get().max(1), data, wait)
            .map_err(|error| error.raw_os_error().unwrap_or(0))
    });
    match sent {
        None => give_refusal(call, "no msgqueue, cannot use push()"),
        Some(sent) => {
            let done = settle(sent, libc::EAGAIN, "msgsnd");
            call.give_bool(done.is_some());
        }
    }
}

pub(super) fn pop(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let mut size = DEFAULT_SIZE;
    if !parse!(call, c"|l", size) {
        return;
    }
    let size = match size {
        ..=0 | DEFAULT_SIZE.. => DEFAULT_SIZE,
        size => size,
    };
    let kind = match inner.own_messages.get() {
        true => inner.id.get().max(1),
        false => 0,
    };
    let wait = !inner.impatient.get();
    let got = with_queue(inner, |queue| {
        queue
            .receive(kind, size as usize, wait)
            .map_err(|error| error.raw_os_error().unwrap_or(0))
    });
    let Some(got) = got else {
        return give_refusal(call, "no msgqueue, cannot use pop()");
    };
    let Some(length) = settle(got, libc::ENOMSG, "msgrcv") else {
        return call.give_bool(false);
    };
    let bytes: *const [u8] = match inner.queue.borrow().as_ref() {
        Some(queue) => queue.received(length),
        None => &[],
    };
    // SAFETY: the queue's buffer, which nobody touches before the string is made.
    call.give(Zv::text(unsafe { &*bytes }));
}

/// The length; none after the error is known to the script. `empty`: the code if the call was not to wait.
fn settle(outcome: Result<Queued, i32>, empty: i32, name: &str) -> Option<usize> {
    match outcome {
        Ok(Queued::Done(_, length)) => return Some(length),
        Ok(Queued::WouldBlock) => globals::set_last_error(empty),
        Ok(Queued::Interrupted) => {
            dispatch_pending_signals();
            globals::set_last_error(libc::EINTR);
        }
        Ok(Queued::Removed) => warn_system(libc::EIDRM, format_args!("{name}() failed")),
        Err(errno) => warn_system(errno, format_args!("{name}() failed")),
    }
    None
}

pub(super) fn stat(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    if !parse!(call, c"") {
        return;
    }
    match with_queue(inner, |queue| queue.state().ok()) {
        None => give_refusal(call, "no queue, can't get stats of the queue"),
        Some(None) => call.give_bool(false),
        Some(Some(state)) => {
            let map = Map::new();
            map.put_long("queue_num", state.messages);
            map.put_long("queue_bytes", state.bytes);
            call.give(map.into_value());
        }
    }
}

pub(super) fn free(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    if !parse!(call, c"") {
        return;
    }
    let removed = with_queue(inner, |queue| queue.remove().is_ok());
    if removed == Some(true) {
        inner.queue.replace(None);
    }
    call.give_bool(removed == Some(true));
}
