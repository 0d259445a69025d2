//! Lines in the engine's log, and settings for all servers.

use skep::{LogLevel, ignore_error};

use crate::classes::server::live_engine;
use crate::convert::Text;
use crate::defaults;
use crate::exception::{Line, code, fatal, warn};
use crate::globals;
use crate::method::{Call, Entry, method, param, parse, ty};
use crate::zend::HashTable;

pub(super) fn entries() -> [Entry; 4] {
    [
        method!(
            c"swoole_error_log",
            error_log,
            [param(c"level", ty::INT), param(c"msg", ty::STRING)],
            ty::VOID
        ),
        method!(
            c"swoole_error_log_ex",
            error_log_ex,
            [
                param(c"level", ty::INT),
                param(c"error", ty::INT),
                param(c"msg", ty::STRING)
            ],
            ty::VOID
        ),
        method!(
            c"swoole_ignore_error",
            ignore,
            [param(c"error", ty::INT)],
            ty::VOID
        ),
        method!(
            c"swoole_async_set",
            async_set,
            [param(c"settings", ty::ARRAY)],
            ty::BOOL
        ),
    ]
}

/// By the number of `SWOOLE_LOG_*`; none for those that only a debug build writes, and for no level at all.
fn level(number: i64) -> Option<LogLevel> {
    match number {
        2 => Some(LogLevel::Info),
        3 => Some(LogLevel::Notice),
        4 => Some(LogLevel::Warning),
        5 => Some(LogLevel::Error),
        _ => None,
    }
}

/// To the log of this process's server; without one, to where the log of a server would be.
fn write(level: LogLevel, text: &str) {
    match (globals::context(), live_engine()) {
        (Some(context), _) => context.log_line(level, text),
        (None, Some(engine)) => engine.log_line(level, text),
        (None, None) => defaults::settings().log_line(level, text),
    }
}

fn error_log(call: &mut Call) {
    let (mut number, mut text, mut len) = (0i64, std::ptr::null::<u8>(), 0usize);
    if parse!(call, c"ls", number, text, len)
        && let Some(level) = level(number)
    {
        // SAFETY: PHP's argument, alive during the call. No PHP code runs below.
        let text = unsafe { std::slice::from_raw_parts(text, len) };
        write(level, &String::from_utf8_lossy(text));
    }
}

fn error_log_ex(call: &mut Call) {
    let (mut number, mut error) = (0i64, 0i64);
    let (mut text, mut len) = (std::ptr::null::<u8>(), 0usize);
    if parse!(call, c"lls", number, error, text, len)
        && let Some(level) = level(number)
    {
        // SAFETY: as above.
        let text = unsafe { std::slice::from_raw_parts(text, len) };
        let text = String::from_utf8_lossy(text);
        write(level, &format!("(ERRNO {error}): {text}"));
    }
}

fn ignore(call: &mut Call) {
    let mut error = 0i64;
    if parse!(call, c"l", error)
        && let Ok(error) = i32::try_from(error)
    {
        ignore_error(error);
    }
}

fn async_set(call: &mut Call) {
    let mut given: *mut HashTable = std::ptr::null_mut();
    if !parse!(call, c"h", given) {
        return;
    }
    if globals::context().is_some() {
        return fatal(format_args!(
            "eventLoop has already been created. unable to change settings"
        ));
    }
    // SAFETY: PHP's argument.
    let taken =
        unsafe { defaults::take(given) }.map_err(|error| Line::new(format_args!("{error}")));
    match taken {
        Ok(()) => call.give_bool(true),
        Err(line) => {
            call.give_bool(false);
            warn(code::FATAL, format_args!("{}", Text(line.as_c())));
        }
    }
}
