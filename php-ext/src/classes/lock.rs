//! Class `Skep\Lock`: a lock between processes. It has the methods of both generations of the reference.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use skep::memory::{Lock, LockError, LockKind, LockMode, Locked};

use super::atomic::timeout;
use super::boxed::{Boxed, Room, construct, is_constructed, put, take, this};
use super::state::{Class, closed_class};
use super::{alias, constant, property};
use crate::call;
use crate::exception::{code, throw_exception, warn};
use crate::method::{Call, method, optional, parse, ty};
use crate::zend::Zv;

static CLASS: Class = Class::new(c"Skep\\Lock");

/// Counted, because a handler of a signal that comes while somebody waits may destroy the lock.
struct Shared(Rc<Lock>);

impl Boxed for Shared {
    const CLASS: &'static Class = &CLASS;
}

/// Kinds as scripts number them.
const RWLOCK: i64 = 1;
const FILELOCK: i64 = 2;
const MUTEX: i64 = 3;
const SEM: i64 = 4;
const SPINLOCK: i64 = 5;

/// Operations: PHP's own constants, `LOCK_NB` to be added to one of the others.
const LOCK_SH: i64 = 1;
const LOCK_EX: i64 = 2;
const LOCK_NB: i64 = 4;

/// `errCode`: the first declared property.
const ERR_CODE: usize = 0;

fn create(call: &mut Call) {
    let (mut kind, mut file, mut len) = (MUTEX, std::ptr::null::<u8>(), 0usize);
    if !parse!(call, c"|lp", kind, file, len) || is_constructed::<Shared>(call) {
        return;
    }
    let path = match len {
        0 => b"",
        // SAFETY: PHP's argument, alive during the call.
        _ => unsafe { std::slice::from_raw_parts(file, len) },
    };
    let made = match kind {
        MUTEX => Lock::new(LockKind::Mutex),
        RWLOCK => Lock::new(LockKind::ReadWrite),
        SPINLOCK => Lock::new(LockKind::Spin),
        SEM => Lock::new(LockKind::Semaphore),
        FILELOCK if path.is_empty() => {
            return throw_exception(
                libc::EINVAL,
                format_args!("lock type[{FILELOCK}] requires a file"),
            );
        }
        FILELOCK => Lock::file(Path::new(std::ffi::OsStr::from_bytes(path))),
        _ => {
            let code = kind.try_into().unwrap_or(-1);
            return throw_exception(code, format_args!("lock type[{kind}] is not support"));
        }
    };
    if kind != FILELOCK && !path.is_empty() {
        drop(made);
        return throw_exception(
            libc::EINVAL,
            format_args!("lock type[{kind}] does not take a file"),
        );
    }
    match made {
        Ok(lock) => construct(call, Shared(Rc::new(lock))),
        Err(error) => refuse(&path[..len.min(path.len())], errno(error)),
    }
}

/// As plain data: an exception may end the script.
fn errno(error: io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EINVAL)
}

fn refuse(path: &[u8], code: i32) {
    if path.is_empty() {
        return throw_exception(code, format_args!("failed to allocate shared memory"));
    }
    let line = crate::exception::Line::new(format_args!("{}", skep::error::text(code)));
    let text = crate::convert::Text(line.as_c());
    throw_exception(
        code,
        format_args!(
            "failed to open lock file '{}', Error: {text}[{code}]",
            path.escape_ascii()
        ),
    );
}

/// How long a method waits.
#[derive(Clone, Copy)]
enum Wait {
    No,
    /// None: for ever.
    For(Option<Duration>),
}

/// Take the lock, and set `errCode` and the result.
fn acquire(call: &mut Call, mode: LockMode, wait: Wait) {
    let Some(shared) = this::<Shared>(call) else {
        return;
    };
    let code = {
        let lock = Rc::clone(&shared.0);
        let result = match wait {
            Wait::No => lock.try_lock(mode),
            Wait::For(timeout) => lock.lock_while(mode, timeout, &mut || !call::interrupts()),
        };
        match result {
            Ok(Locked::Clean) => Ok(0),
            Ok(Locked::HolderDied) => Ok(libc::EOWNERDEAD),
            Err(error) => Err(LockError::errno(&error)),
        }
    };
    let (Ok(number) | Err(number)) = code;
    put(call, ERR_CODE, Zv::long(number.into()));
    call.give_bool(code.is_ok());
}

fn lock(call: &mut Call) {
    let (mut operation, mut seconds) = (LOCK_EX, -1.0f64);
    if !parse!(call, c"|ld", operation, seconds) {
        return;
    }
    let mode = match operation & !LOCK_NB {
        LOCK_EX => LockMode::Exclusive,
        LOCK_SH => LockMode::Shared,
        _ => {
            if this::<Shared>(call).is_none() {
                return;
            }
            put(call, ERR_CODE, Zv::long(libc::EINVAL.into()));
            call.give_bool(false);
            return warn(
                code::FATAL,
                format_args!("lock operation[{operation}] is not supported"),
            );
        }
    };
    let wait = match operation & LOCK_NB {
        0 => Wait::For(timeout(seconds)),
        _ => Wait::No,
    };
    acquire(call, mode, wait);
}

fn trylock(call: &mut Call) {
    if parse!(call, c"") {
        acquire(call, LockMode::Exclusive, Wait::No);
    }
}

fn lock_read(call: &mut Call) {
    if parse!(call, c"") {
        acquire(call, LockMode::Shared, Wait::For(None));
    }
}

fn trylock_read(call: &mut Call) {
    if parse!(call, c"") {
        acquire(call, LockMode::Shared, Wait::No);
    }
}

fn lockwait(call: &mut Call) {
    let mut seconds = 1.0f64;
    if parse!(call, c"|d", seconds) {
        acquire(call, LockMode::Exclusive, Wait::For(timeout(seconds)));
    }
}

fn unlock(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let Some(shared) = this::<Shared>(call) else {
        return;
    };
    let number = match shared.0.unlock() {
        Ok(()) => 0,
        Err(error) => error.errno(),
    };
    put(call, ERR_CODE, Zv::long(number.into()));
    call.give_bool(number == 0);
}

fn destroy(call: &mut Call) {
    if parse!(call, c"") && this::<Shared>(call).is_some() {
        // SAFETY: the object of the running call. Who waits on it now, below on the stack, has a count of its own.
        drop(unsafe { take::<Shared>(call.this()) });
    }
}

pub(super) fn register() {
    let methods = [
        method!(
            c"__construct",
            create,
            [
                optional(c"type", ty::INT, c"self::MUTEX"),
                optional(c"file", ty::STRING, c"''")
            ],
            ty::NONE
        ),
        method!(
            c"lock",
            lock,
            [
                optional(c"operation", ty::INT, c"LOCK_EX"),
                optional(c"timeout", ty::FLOAT, c"-1")
            ],
            ty::BOOL
        ),
        method!(c"trylock", trylock, [], ty::BOOL),
        method!(c"lock_read", lock_read, [], ty::BOOL),
        method!(c"trylock_read", trylock_read, [], ty::BOOL),
        method!(
            c"lockwait",
            lockwait,
            [optional(c"timeout", ty::FLOAT, c"1.0")],
            ty::BOOL
        ),
        method!(c"unlock", unlock, [], ty::BOOL),
        method!(c"destroy", destroy, [], ty::VOID),
    ];
    let class = closed_class::<Room<Shared>>(&methods);
    for (name, value) in [
        (c"MUTEX", MUTEX),
        (c"RWLOCK", RWLOCK),
        (c"SPINLOCK", SPINLOCK),
        (c"FILELOCK", FILELOCK),
        (c"SEM", SEM),
    ] {
        constant(class, name, value);
    }
    property(class, c"errCode", Zv::long(0), true);
    alias(class, &[c"Swoole\\Lock", c"swoole_lock"]);
}
