//! Constants `SWOOLE_*` with the reference's values, and skep's own.

use std::ffi::{CStr, CString};

use ext_php_rs::ffi::{
    zend_register_bool_constant, zend_register_double_constant, zend_register_long_constant,
    zend_register_string_constant,
};

use crate::errors::ERRORS;
use crate::zend::{eg, has};

/// `SWOOLE_BASE`.
pub(crate) const MODE_BASE: i64 = 1;
/// `SWOOLE_PROCESS`.
pub(crate) const MODE_PROCESS: i64 = 2;
/// `SWOOLE_SSL`, a flag of socket types.
pub(crate) const SSL: i64 = 512;

/// The level of the reference's interface that is reproduced.
pub(crate) const LEVEL: &CStr = c"6.2.2";

/// Integers, without their prefix `SWOOLE_`.
#[rustfmt::skip]
const LONGS: &[(&str, i64)] = &[
    ("BASE", MODE_BASE), ("PROCESS", MODE_PROCESS), ("SSL", SSL),
    ("SOCK_TCP", 1), ("TCP", 1), ("SOCK_UDP", 2), ("UDP", 2),
    ("SOCK_TCP6", 3), ("TCP6", 3), ("SOCK_UDP6", 4), ("UDP6", 4),
    ("SOCK_UNIX_STREAM", 5), ("UNIX_STREAM", 5), ("SOCK_UNIX_DGRAM", 6), ("UNIX_DGRAM", 6),
    ("SOCK_RAW", 7), ("RAW", 7), ("SOCK_RAW6", 8), ("RAW6", 8),
    ("SSL_SSLv2", 2), ("SSL_SSLv3", 4), ("SSL_TLSv1", 8), ("SSL_TLSv1_1", 16), ("SSL_TLSv1_2", 32), ("SSL_TLSv1_3", 64),
    ("SSL_DTLS", 128),
    ("SSLv23_METHOD", 0), ("SSLv23_SERVER_METHOD", 4), ("SSLv23_CLIENT_METHOD", 5),
    ("TLS_METHOD", 0), ("TLS_SERVER_METHOD", 4), ("TLS_CLIENT_METHOD", 5),
    ("SSLv3_METHOD", 1), ("SSLv3_SERVER_METHOD", 2), ("SSLv3_CLIENT_METHOD", 3),
    ("TLSv1_METHOD", 6), ("TLSv1_SERVER_METHOD", 7), ("TLSv1_CLIENT_METHOD", 8),
    ("TLSv1_1_METHOD", 9), ("TLSv1_1_SERVER_METHOD", 10), ("TLSv1_1_CLIENT_METHOD", 11),
    ("TLSv1_2_METHOD", 12), ("TLSv1_2_SERVER_METHOD", 13), ("TLSv1_2_CLIENT_METHOD", 14),
    ("DTLS_CLIENT_METHOD", 15), ("DTLS_SERVER_METHOD", 16),
    ("SYNC", 2048), ("ASYNC", 1024), ("KEEP", 4096), ("IOV_MAX", 1024),
    ("EVENT_READ", 512), ("EVENT_WRITE", 1024),
    ("DISPATCH_ROUND", 1), ("DISPATCH_FDMOD", 2), ("DISPATCH_IDLE_WORKER", 3), ("DISPATCH_IPMOD", 4),
    ("DISPATCH_UIDMOD", 5), ("DISPATCH_USERFUNC", 6), ("DISPATCH_STREAM", 7), ("DISPATCH_CO_CONN_LB", 8),
    ("DISPATCH_CO_REQ_LB", 9), ("DISPATCH_CONCURRENT_LB", 10),
    ("DISPATCH_RESULT_DISCARD_PACKET", -1), ("DISPATCH_RESULT_CLOSE_CONNECTION", -2),
    ("DISPATCH_RESULT_USERFUNC_FALLBACK", -3),
    ("IPC_NONE", 0), ("IPC_UNIXSOCK", 1), ("IPC_UNSOCK", 1), ("IPC_MSGQUEUE", 2), ("IPC_PREEMPTIVE", 3), ("IPC_SOCKET", 3),
    ("TASK_TMPFILE", 1), ("TASK_SERIALIZE", 2), ("TASK_NONBLOCK", 4), ("TASK_CALLBACK", 8),
    ("TASK_WAITALL", 16), ("TASK_COROUTINE", 32), ("TASK_PEEK", 64), ("TASK_NOREPLY", 128),
    ("WORKER_BUSY", 1), ("WORKER_IDLE", 2), ("WORKER_EXIT", 3),
    ("SERVER_COMMAND_MASTER", 2), ("SERVER_COMMAND_REACTOR_THREAD", 4), ("SERVER_COMMAND_EVENT_WORKER", 8),
    ("SERVER_COMMAND_WORKER", 8), ("SERVER_COMMAND_TASK_WORKER", 16), ("SERVER_COMMAND_MANAGER", 32),
    ("MSGQUEUE_ORIENT", 1), ("MSGQUEUE_BALANCE", 2),
    ("LOG_DEBUG", 0), ("LOG_TRACE", 1), ("LOG_INFO", 2), ("LOG_NOTICE", 3), ("LOG_WARNING", 4), ("LOG_ERROR", 5), ("LOG_NONE", 6),
    ("LOG_ROTATION_SINGLE", 0), ("LOG_ROTATION_MONTHLY", 1), ("LOG_ROTATION_DAILY", 2),
    ("LOG_ROTATION_HOURLY", 3), ("LOG_ROTATION_EVERY_MINUTE", 4),
    ("STRERROR_SYSTEM", 0), ("STRERROR_GAI", 1), ("STRERROR_DNS", 2), ("STRERROR_SWOOLE", 9),
    ("MUTEX", 3), ("RWLOCK", 1), ("SPINLOCK", 5), ("FILELOCK", 2), ("SEM", 4),
    ("TIMER_MIN_MS", 1), ("TIMER_MAX_MS", i64::MAX),
    ("EXIT_IN_COROUTINE", 2), ("EXIT_IN_SERVER", 4),
    ("DEFAULT_MAX_CORO_NUM", 100_000), ("CORO_MAX_NUM_LIMIT", i64::MAX),
    ("CORO_INIT", 0), ("CORO_WAITING", 1), ("CORO_RUNNING", 2), ("CORO_END", 3),
    ("CHANNEL_OK", 0), ("CHANNEL_TIMEOUT", -1), ("CHANNEL_CLOSED", -2), ("CHANNEL_CANCELED", -3),
    ("VERSION_ID", 60202), ("MAJOR_VERSION", 6), ("MINOR_VERSION", 2), ("RELEASE_VERSION", 2),
];

/// Register all of them but those that somebody else has defined.
pub(crate) fn register(module: i32) {
    for (name, value) in LONGS {
        long(&format!("SWOOLE_{name}"), *value, module);
    }
    // pcntl starts before this module if it is there at all, see `get_module`.
    for (name, value) in OF_PCNTL {
        long(name, (*value).into(), module);
    }
    // A dispatch mode of our own.
    long("SKEP_DISPATCH_ADAPTIVE", 11, module);
    // An error code of our own.
    long(
        "SKEP_ERROR_TASK_NO_RESULT",
        skep::error::code::TASK_NO_RESULT.into(),
        module,
    );
    for (code, name, _) in ERRORS {
        long(&format!("SWOOLE_ERROR_{name}"), (*code).into(), module);
    }
    for (name, value) in [
        ("SWOOLE_SOCK_SYNC", false),
        ("SWOOLE_SOCK_ASYNC", true),
        ("SWOOLE_DEBUG", false),
    ] {
        // SAFETY: module startup; the name is copied.
        define(name, |name| unsafe {
            zend_register_bool_constant(
                name.as_ptr(),
                name.count_bytes(),
                value,
                PERSISTENT,
                module,
            );
        });
    }
    for (name, value) in [
        ("SWOOLE_TIMER_MIN_SEC", 0.001),
        ("SWOOLE_TIMER_MAX_SEC", 9_223_372_036_854_776.0),
    ] {
        // SAFETY: as above.
        define(name, |name| unsafe {
            zend_register_double_constant(
                name.as_ptr(),
                name.count_bytes(),
                value,
                PERSISTENT,
                module,
            );
        });
    }
    for (name, value) in [
        ("SWOOLE_VERSION", LEVEL),
        ("SWOOLE_EXTRA_VERSION", c""),
        ("SKEP_VERSION", crate::VERSION),
    ] {
        // SAFETY: as above; the value is copied too.
        define(name, |name| unsafe {
            zend_register_string_constant(
                name.as_ptr(),
                name.count_bytes(),
                value.as_ptr(),
                PERSISTENT,
                module,
            );
        });
    }
}

/// Signals and kinds of priorities, which scripts know from the extension pcntl.
#[rustfmt::skip]
const OF_PCNTL: &[(&str, i32)] = &[
    ("SIGHUP", libc::SIGHUP), ("SIGINT", libc::SIGINT), ("SIGQUIT", libc::SIGQUIT), ("SIGILL", libc::SIGILL),
    ("SIGTRAP", libc::SIGTRAP), ("SIGABRT", libc::SIGABRT), ("SIGIOT", libc::SIGABRT), ("SIGBUS", libc::SIGBUS),
    ("SIGFPE", libc::SIGFPE), ("SIGKILL", libc::SIGKILL), ("SIGUSR1", libc::SIGUSR1), ("SIGSEGV", libc::SIGSEGV),
    ("SIGUSR2", libc::SIGUSR2), ("SIGPIPE", libc::SIGPIPE), ("SIGALRM", libc::SIGALRM), ("SIGTERM", libc::SIGTERM),
    ("SIGSTKFLT", libc::SIGSTKFLT), ("SIGCHLD", libc::SIGCHLD), ("SIGCLD", libc::SIGCHLD), ("SIGCONT", libc::SIGCONT),
    ("SIGSTOP", libc::SIGSTOP), ("SIGTSTP", libc::SIGTSTP), ("SIGTTIN", libc::SIGTTIN), ("SIGTTOU", libc::SIGTTOU),
    ("SIGURG", libc::SIGURG), ("SIGXCPU", libc::SIGXCPU), ("SIGXFSZ", libc::SIGXFSZ), ("SIGVTALRM", libc::SIGVTALRM),
    ("SIGPROF", libc::SIGPROF), ("SIGWINCH", libc::SIGWINCH), ("SIGPOLL", libc::SIGPOLL), ("SIGIO", libc::SIGIO),
    ("SIGPWR", libc::SIGPWR), ("SIGSYS", libc::SIGSYS), ("SIGBABY", libc::SIGSYS),
    ("PRIO_PROCESS", libc::PRIO_PROCESS as i32), ("PRIO_PGRP", libc::PRIO_PGRP as i32), ("PRIO_USER", libc::PRIO_USER as i32),
];

/// `CONST_PERSISTENT`.
const PERSISTENT: i32 = 1;

fn long(name: &str, value: i64, module: i32) {
    // SAFETY: as in `register`.
    define(name, |name| unsafe {
        zend_register_long_constant(name.as_ptr(), name.count_bytes(), value, PERSISTENT, module);
    });
}

fn define(name: &str, register: impl FnOnce(&CStr)) {
    // SAFETY: PHP's table of constants.
    let constants = unsafe { (*eg()).zend_constants };
    if let Ok(name) = CString::new(name)
        && !has(constants, &name)
    {
        register(&name);
    }
}
