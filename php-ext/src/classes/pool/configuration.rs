//! A pool before it starts: its constructor, settings, callbacks, and where it listens.

use std::cell::{Cell, RefCell};
use std::ptr::{null, null_mut};

use skep::error::code::{INVALID_PARAMS, WRONG_OPERATION};
use skep::{Pool, PoolMessages};

use super::{Event, Inner, NAMES, PoolObject, place, state, this};
use crate::callbacks::is_nothing;
use crate::classes::process::refuse_coroutines;
use crate::classes::server::in_cli;
use crate::convert::{Text, setting};
use crate::exception::{Line, code, pending, throw_error, throw_exception, warn, warn_unsupported};
use crate::globals;
use crate::method::{Call, parse};
use crate::zend::{HashTable, Zv, bytes, walk, zend_string, zval};

pub(super) fn construct(call: &mut Call) {
    let (mut workers, mut kind, mut key, mut coroutine) = (0i64, 0i64, 0i64, false);
    if !parse!(call, c"l|llb", workers, kind, key, coroutine) {
        return;
    }
    let object = call.this();
    // SAFETY: as in `this`.
    if !unsafe { state(object) }.inner.get().is_null() {
        return state::throw_constructed::<PoolObject>();
    }
    if !in_cli() {
        return throw_error(format_args!(
            "Skep\\Process\\Pool can only be used in PHP CLI mode"
        ));
    }
    if globals::context().is_some() {
        return throw_error(format_args!(
            "cannot create Skep\\Process\\Pool because a server is running"
        ));
    }
    let messages = match kind {
        0 => PoolMessages::None,
        1 => PoolMessages::Unix,
        2 => PoolMessages::Queue { key: key as i32 }, // a key is 32 bits for the system
        3 => PoolMessages::Clients,
        other => {
            return throw_exception(INVALID_PARAMS, format_args!("unknown ipc_type [{other}]"));
        }
    };
    if workers <= 0 {
        return throw_exception(
            INVALID_PARAMS,
            format_args!("the parameter $worker_num must be greater than 0"),
        );
    }
    let workers = u32::try_from(workers).unwrap_or(u32::MAX);
    let refusal = match Pool::new(workers, messages) {
        Ok(pool) => {
            let inner = Inner {
                pool: RefCell::new(Some(pool)),
                messages,
                workers,
                context: RefCell::new(None),
                deaf: Cell::new(false),
                maker: std::process::id(),
            };
            // SAFETY: as in `this`.
            unsafe { state(object) }
                .inner
                .set(Box::into_raw(Box::new(inner)));
            None
        }
        Err(error) => Some((error.code(), Line::new(format_args!("{error}")))),
    };
    if let Some((code, line)) = refusal {
        return throw_exception(code, format_args!("{}", Text(line.as_c())));
    }
    if coroutine {
        refuse_coroutines();
    }
}

pub(super) fn set(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let mut given = null_mut::<HashTable>();
    if !parse!(call, c"h", given) {
        return;
    }
    // SAFETY: PHP's argument, which this call holds; a warning may end the script, and nothing is owned across it.
    unsafe {
        walk(given, |key, value| {
            if key.is_null() {
                return true;
            }
            match bytes(key) {
                b"enable_coroutine" if is_nothing(value) => {}
                b"enable_coroutine" => refuse_coroutines(),
                name => match configure(inner, name, value) {
                    Set::Done => {}
                    Set::Unknown => warn_unsupported(key),
                    Set::Refused(line) => {
                        warn(INVALID_PARAMS, format_args!("{}", Text(line.as_c())))
                    }
                },
            }
            !pending()
        });
    }
}

#[allow(
    clippy::large_enum_variant,
    reason = "plain data on the stack has no destructor"
)]
enum Set {
    Done,
    Unknown,
    Refused(Line),
}

fn configure(inner: &Inner, name: &[u8], value: Zv) -> Set {
    let name = match name {
        b"max_package_size" => b"package_max_length", // what the reference calls it for pools
        name => name,
    };
    let mut pool = inner.pool.borrow_mut();
    let Some(pool) = pool.as_mut() else {
        return Set::Refused(Line::new(format_args!(
            "process pool is started. unable to execute set()"
        )));
    };
    let Ok(name) = std::str::from_utf8(name) else {
        return Set::Unknown;
    };
    match pool.set(name, &setting(value)) {
        Ok(()) => Set::Done,
        Err(skep::Error::UnknownSetting(_)) => Set::Unknown,
        Err(error) => Set::Refused(Line::new(format_args!("{error}"))),
    }
}

pub(super) fn on(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let (mut name, mut callable) = (null_mut::<zend_string>(), null_mut::<zval>());
    if !parse!(call, c"Sz", name, callable) {
        return;
    }
    if inner.pool.borrow().is_none() {
        warn(
            code::FATAL,
            format_args!("process pool is started. unable to register event callback function"),
        );
        return call.give_bool(false);
    }
    // SAFETY: PHP's arguments.
    let (name, value) = unsafe { (bytes(name), Zv::read(callable)) };
    let found = NAMES
        .iter()
        .find(|row| name.eq_ignore_ascii_case(row.1.as_bytes()));
    let done = match found {
        None => {
            let line = Line::new(format_args!(
                "unknown event types[{}]",
                String::from_utf8_lossy(name)
            ));
            warn(code::NOTICE, format_args!("{}", Text(line.as_c())));
            false
        }
        Some((Event::Message, ..)) if inner.messages == PoolMessages::None => {
            warn(
                code::FATAL,
                format_args!("cannot set onMessage event with ipc_type=0"),
            );
            false
        }
        Some((event, ..)) => place(call.this(), *event).register(value),
    };
    call.give_bool(done);
}

pub(super) fn listen(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let (mut host, mut len, mut port, mut backlog) = (null::<u8>(), 0usize, 0i64, 2048i64);
    if !parse!(call, c"s|ll", host, len, port, backlog) {
        return;
    }
    // SAFETY: PHP's argument, alive during the call.
    let host = unsafe { std::slice::from_raw_parts(host, len) };
    let refusal = match (inner.pool.borrow_mut().as_mut(), std::str::from_utf8(host)) {
        (None, _) => Some((
            WRONG_OPERATION,
            Line::new(format_args!("process pool is started. unable to listen")),
        )),
        (_, Err(_)) => Some((
            INVALID_PARAMS,
            Line::new(format_args!("the host is no address")),
        )),
        (Some(pool), Ok(host)) => {
            let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
            let refused = pool.listen(host, port, backlog).err();
            refused.map(|error| (error.code(), Line::new(format_args!("{error}"))))
        }
    };
    if let Some((code, line)) = &refusal {
        inner.deaf.set(true);
        warn(*code, format_args!("{}", Text(line.as_c())));
    }
    call.give_bool(refusal.is_none());
}
