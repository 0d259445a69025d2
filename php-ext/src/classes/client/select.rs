//! `swoole_client_select`: which of several clients, sockets or streams are ready.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use ext_php_rs::ffi::{
    _zend_new_array, zend_hash_get_current_data_ex, zend_hash_index_update,
    zend_hash_move_forward_ex, zend_hash_update,
};
use skep::client::{Interest, Watched, limit};

use super::{as_client, plain, said};
use crate::exception::{code, pending, warn};
use crate::globals;
use crate::method::{Call, parse};
use crate::zend::{
    _php_stream_cast, HashPosition, HashTable, Zv, bytes, kind, php_file_le_pstream,
    php_file_le_stream, zend_fetch_resource2, zend_hash_get_current_key_ex,
    zend_hash_internal_pointer_reset_ex, zend_string, zval,
};

/// `PHP_STREAM_AS_FD_FOR_SELECT`, without the stream giving its buffer up.
const FOR_SELECT: i32 = 3 | 0x2000_0000;

pub(crate) fn select(call: &mut Call) {
    let (mut read, mut write, mut except) =
        (null_mut::<zval>(), null_mut::<zval>(), null_mut::<zval>());
    let (mut timeout, mut forever) = (0.5f64, false);
    if !parse!(call, c"zzz|d!", read, write, except, timeout, forever) {
        return;
    }
    let sets = [
        (read, Interest::Read),
        (write, Interest::Write),
        (except, Interest::Except),
    ];
    // A length function may run in here: the arrays it might change are copies then.
    // SAFETY: PHP's arguments.
    let held = sets.map(|(set, _)| unsafe { Zv::read(set) }.share());
    let outcome = wait(&sets, timeout, forever);
    held.into_iter().for_each(Zv::release);
    if pending() || globals::bailed() {
        return;
    }
    match outcome {
        Outcome::Nothing => {
            warn(
                code::FATAL,
                format_args!("no resource arrays were passed to select"),
            );
            call.give_bool(false);
        }
        Outcome::Failed((number, line)) => {
            warn(
                number,
                format_args!("unable to select, Error: {}", said(&line)),
            );
            call.give_bool(false);
        }
        Outcome::Ready(count) => call.give(Zv::long(count as i64)),
    }
}

#[allow(
    clippy::large_enum_variant,
    reason = "plain data on the stack has no destructor"
)]
enum Outcome {
    Nothing,
    Failed((i32, crate::exception::Line)),
    Ready(usize),
}

/// So many places are looked at without memory of their own.
const MOST: usize = 1024;

fn wait(sets: &[(*mut zval, Interest); 3], timeout: f64, forever: bool) -> Outcome {
    let mut flags = [false; MOST];
    let (count, total) = {
        let mut watched = Vec::new();
        let mut waiting = Vec::new();
        for (set, interest) in sets {
            // SAFETY: PHP's argument.
            let Some(table) = (unsafe { table(*set) }) else {
                continue;
            };
            // SAFETY: the table is alive; nothing runs that changes it.
            unsafe {
                each(table, |_, _, value| {
                    if let Some((fd, has_waiting)) = descriptor(value) {
                        watched.push(Watched {
                            fd,
                            interest: *interest,
                            ready: false,
                        });
                        waiting.push(has_waiting && *interest == Interest::Read);
                    }
                });
            }
        }
        if watched.is_empty() {
            return Outcome::Nothing;
        }
        if watched.len() > MOST {
            let text = skep::client::ClientError::from(libc::EINVAL);
            return Outcome::Failed(plain(text));
        }
        let time = match (forever, waiting.contains(&true)) {
            (_, true) => Some(std::time::Duration::ZERO),
            (true, false) => None,
            // No time is no waiting here, and less than that is no limit.
            (false, false) if timeout == 0.0 => Some(std::time::Duration::ZERO),
            (false, false) => limit(timeout),
        };
        if let Err(error) = skep::client::select(&mut watched, time) {
            return Outcome::Failed(plain(error));
        }
        let mut count = 0;
        for (flag, (one, waiting)) in flags.iter_mut().zip(watched.iter().zip(&waiting)) {
            *flag = one.ready || *waiting;
            count += usize::from(*flag);
        }
        (count, watched.len())
    };
    let mut flags = flags[..total].iter();
    for (set, _) in sets {
        // SAFETY: PHP's argument.
        let Some(table) = (unsafe { table(*set) }) else {
            continue;
        };
        // SAFETY: a new array of our own, and keys and values of the old one, which lives until it is replaced.
        unsafe {
            let kept = _zend_new_array(8);
            each(table, |text, number, value| {
                if descriptor(value).is_some() && flags.next() == Some(&true) {
                    let mut value = value.share();
                    match text.is_null() {
                        true => zend_hash_index_update(kept, number, value.ptr()),
                        false => zend_hash_update(kept, text, value.ptr()),
                    };
                }
            });
            Zv::array(kept).assign(*set);
        }
    }
    Outcome::Ready(count)
}

/// The array of an argument, if it is one.
///
/// # Safety
/// `set` must be an initialized zval.
unsafe fn table(set: *mut zval) -> Option<*mut HashTable> {
    // SAFETY: promised by the caller.
    let value = unsafe { Zv::read(set) };
    (value.kind() == kind::ARRAY).then(|| value.as_array())
}

/// Walk an array with both kinds of keys.
///
/// # Safety
/// `table` must be alive and stay as it is.
unsafe fn each(table: *mut HashTable, mut with: impl FnMut(*mut zend_string, u64, Zv)) {
    let mut at: HashPosition = 0;
    // SAFETY: alive, says the caller; the position is moved by the API only.
    unsafe {
        zend_hash_internal_pointer_reset_ex(table, &raw mut at);
        loop {
            let data = zend_hash_get_current_data_ex(table, &raw mut at);
            if data.is_null() {
                return;
            }
            let (mut text, mut number) = (null_mut(), 0);
            zend_hash_get_current_key_ex(table, &raw mut text, &raw mut number, &raw const at);
            with(text, number, Zv::read(data));
            zend_hash_move_forward_ex(table, &raw mut at);
        }
    }
}

/// The descriptor of a client that is connected, a socket, a stream, or a number; and whether a client has something
/// to read already.
fn descriptor(value: Zv) -> Option<(i32, bool)> {
    match value.kind() {
        kind::LONG => i32::try_from(value.as_long())
            .ok()
            .filter(|fd| *fd >= 0)
            .map(|fd| (fd, false)),
        kind::RESOURCE => stream(value).map(|fd| (fd, false)),
        kind::OBJECT => match as_client(value.as_object()) {
            Some(client) if !client.busy.get() => {
                let engine = client.engine();
                engine.socket().map(|fd| (fd, engine.has_waiting()))
            }
            Some(_) => None,
            None => socket(value).map(|fd| (fd, false)),
        },
        _ => None,
    }
}

/// Of an object of the extension sockets: its number is the first thing in it.
fn socket(value: Zv) -> Option<i32> {
    let object = value.as_object();
    // SAFETY: a live object; the extension's class cannot be extended, and its objects begin with the number.
    unsafe {
        if bytes((*(*object).ce).name) != b"Socket" {
            return None;
        }
        let front = (*(*object).handlers).offset as usize;
        let number = object.byte_sub(front).cast::<i32>().read();
        (number >= 0).then_some(number)
    }
}

fn stream(value: Zv) -> Option<i32> {
    let mut number: *mut c_void = null_mut();
    // SAFETY: a live resource; the answer is a number in the room of a pointer, as PHP's own macro has it.
    unsafe {
        let stream = zend_fetch_resource2(
            value.as_pointer(),
            null(),
            php_file_le_stream(),
            php_file_le_pstream(),
        );
        if stream.is_null() || _php_stream_cast(stream, FOR_SELECT, &raw mut number, 0) != 0 {
            return None;
        }
    }
    let number = number as usize as u32 as i32;
    (number >= 0).then_some(number)
}
