//! Status numbers, their texts, and the last failure of each thread.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::{CString, c_char};

use crate::Refused;
use crate::error::{self, Error, code};

/// What a call returns: SKEP_OK, or why it failed. Numbers are never used again for anything else.
pub type skep_status = i32;

/// Done.
pub const SKEP_OK: skep_status = 0;
/// A pointer that is needed is NULL.
pub const SKEP_NULL_ARGUMENT: skep_status = -1;
/// An argument is outside of what is allowed.
pub const SKEP_INVALID_ARGUMENT: skep_status = -2;
/// The library met a bug of its own; the handle may only be freed.
pub const SKEP_PANIC: skep_status = -3;
/// No setting has this name.
pub const SKEP_UNKNOWN_SETTING: skep_status = -4;
/// The setting exists, but not with this value or a value of this type.
pub const SKEP_BAD_SETTING: skep_status = -5;
/// The address cannot be listened on; the code is the system's.
pub const SKEP_LISTEN_FAILED: skep_status = -6;
/// The server could not be started; the server can only be freed.
pub const SKEP_START_FAILED: skep_status = -7;
/// The call does not fit what the server or the process is doing at the moment.
pub const SKEP_STATE: skep_status = -8;
/// The call works only in callbacks of a running server.
pub const SKEP_NOT_RUNNING: skep_status = -9;
/// The session is closed.
pub const SKEP_SESSION_CLOSED: skep_status = -10;
/// No session has this id, or it is long gone.
pub const SKEP_SESSION_UNKNOWN: skep_status = -11;
/// The session's close callback runs right now.
pub const SKEP_SESSION_CLOSING: skep_status = -12;
/// As much is waiting for this client as the setting socket_buffer_size allows.
pub const SKEP_OUTPUT_FULL: skep_status = -13;
/// The data is larger than the setting output_buffer_size allows.
pub const SKEP_TOO_LARGE: skep_status = -14;
/// There is nothing to send.
pub const SKEP_NO_PAYLOAD: skep_status = -15;
/// A callback the server cannot do without is not registered; it may be registered now.
pub const SKEP_MISSING_CALLBACK: skep_status = -16;
/// The master ended early with an exit code of its own; skep_last_error_code() has it.
pub const SKEP_LEFT: skep_status = -17;
/// A handle was used on another thread than the one that made it.
pub const SKEP_WRONG_THREAD: skep_status = -18;
/// A system call failed; the code is the system's.
pub const SKEP_SYSTEM: skep_status = -19;
/// As much waits in the queue as the settings allow.
pub const SKEP_QUEUE_FULL: skep_status = -20;
/// What was waited for has not come in time.
pub const SKEP_TIMED_OUT: skep_status = -21;
/// The task is through and has given no result.
pub const SKEP_NO_RESULT: skep_status = -22;
/// The task is lost: it will have no result.
pub const SKEP_TASK_LOST: skep_status = -23;

/// Why a call failed, on its way to the caller.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) status: skep_status,
    /// An `errno`, a code of the engine, or 0 where the status says it all.
    pub(super) code: i32,
    pub(super) text: Cow<'static, str>,
}

impl Fault {
    pub(super) fn new(status: skep_status, text: impl Into<Cow<'static, str>>) -> Fault {
        Fault {
            status,
            code: 0,
            text: text.into(),
        }
    }

    /// An argument, named as in the header, is NULL.
    pub(super) fn null(argument: &'static str) -> Fault {
        Fault::new(SKEP_NULL_ARGUMENT, format!("{argument} is NULL"))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let status = match &error {
            Error::Listen { .. } | Error::ListenCall { .. } => SKEP_LISTEN_FAILED,
            Error::UnknownSetting(_) => SKEP_UNKNOWN_SETTING,
            Error::BadSetting(_) | Error::Tls { .. } => SKEP_BAD_SETTING,
            Error::State(_) => SKEP_STATE,
            Error::MissingCallback(_) => SKEP_MISSING_CALLBACK,
            Error::Threads(_) | Error::Taken(_) => SKEP_START_FAILED,
            Error::System { .. } => SKEP_SYSTEM,
        };
        Fault {
            status,
            code: error.code(),
            text: error.to_string().into(),
        }
    }
}

impl From<Refused> for Fault {
    fn from(Refused(code): Refused) -> Fault {
        let status = match code {
            code::SESSION_CLOSED => SKEP_SESSION_CLOSED,
            code::SESSION_NOT_EXIST => SKEP_SESSION_UNKNOWN,
            code::SESSION_CLOSING => SKEP_SESSION_CLOSING,
            code::OUTPUT_BUFFER_OVERFLOW => SKEP_OUTPUT_FULL,
            code::DATA_LENGTH_TOO_LARGE | code::TASK_TOO_BIG => SKEP_TOO_LARGE,
            code::TASK_DISPATCH_FAILED => SKEP_QUEUE_FULL,
            code::NO_PAYLOAD => SKEP_NO_PAYLOAD,
            code::INVALID_PARAMS | code::NAME_TOO_LONG | code::NOT_REGULAR_FILE => {
                SKEP_INVALID_ARGUMENT
            }
            code::WRONG_OPERATION | code::OPERATION_NOT_SUPPORT | code::FATAL => SKEP_STATE,
            _ => SKEP_SYSTEM,
        };
        Fault {
            status,
            code,
            text: error::text(code).into(),
        }
    }
}

/// What a status means, in a few words. Never NULL, whatever the number.
///
/// Ownership: the text belongs to the library and lives as long as it.
/// Callable from: anywhere, any thread.
/// Errors: none; an unknown number has a text that says so.
#[unsafe(no_mangle)]
pub extern "C" fn skep_status_text(status: skep_status) -> *const c_char {
    let text = match status {
        SKEP_OK => c"ok",
        SKEP_NULL_ARGUMENT => c"a needed pointer is NULL",
        SKEP_INVALID_ARGUMENT => c"an argument is out of range",
        SKEP_PANIC => c"a bug in the library",
        SKEP_UNKNOWN_SETTING => c"no setting has this name",
        SKEP_BAD_SETTING => c"the setting cannot have this value",
        SKEP_LISTEN_FAILED => c"the address cannot be listened on",
        SKEP_START_FAILED => c"the server could not be started",
        SKEP_STATE => c"not possible in this state",
        SKEP_NOT_RUNNING => c"the server does not run",
        SKEP_SESSION_CLOSED => c"the session is closed",
        SKEP_SESSION_UNKNOWN => c"no session has this id",
        SKEP_SESSION_CLOSING => c"the session is being closed",
        SKEP_OUTPUT_FULL => c"too much is waiting for this client",
        SKEP_TOO_LARGE => c"the data is too large",
        SKEP_NO_PAYLOAD => c"nothing to send",
        SKEP_MISSING_CALLBACK => c"a needed callback is not registered",
        SKEP_LEFT => c"the master ended early",
        SKEP_WRONG_THREAD => c"the handle belongs to another thread",
        SKEP_SYSTEM => c"a system call failed",
        SKEP_QUEUE_FULL => c"too much is waiting in the queue",
        SKEP_TIMED_OUT => c"not in time",
        SKEP_NO_RESULT => c"the task has given no result",
        SKEP_TASK_LOST => c"the task is lost",
        _ => c"unknown status",
    };
    text.as_ptr()
}

/// The last failure of a thread.
#[derive(Default)]
struct Last {
    code: i32,
    text: CString,
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::default();
}

/// Keep a failure for `skep_last_error_*` and return its status.
pub(super) fn remember(fault: Fault) -> skep_status {
    let mut bytes = fault.text.into_owned().into_bytes();
    bytes.retain(|byte| *byte != 0); // texts quote what users gave
    let last = Last {
        code: fault.code,
        text: CString::new(bytes).unwrap_or_default(),
    };
    // A thread at its end has no last failure any more; the status says enough.
    let _ = LAST.try_with(|kept| kept.replace(last));
    fault.status
}

/// What the last failed call on this thread met, in words. Calls that succeed leave it as it is;
/// an empty text means that no call has failed yet.
///
/// Ownership: the text belongs to the library and is valid until the next failed call on this thread.
/// Callable from: anywhere, any thread.
/// Errors: none; never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn skep_last_error_text() -> *const c_char {
    LAST.try_with(|last| last.borrow().text.as_ptr())
        .unwrap_or(c"".as_ptr())
}

/// The number that goes with skep_last_error_text(): an errno if below 500, a code of the engine
/// above, 0 where the status says everything. After SKEP_LEFT it is the exit code.
///
/// Ownership: none.
/// Callable from: anywhere, any thread.
/// Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn skep_last_error_code() -> i32 {
    LAST.try_with(|last| last.borrow().code).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ffi::CStr;

    use super::*;

    fn shown(text: *const c_char) -> String {
        // SAFETY: the functions under test return valid texts.
        unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned()
    }

    #[test]
    fn every_status_has_a_text_of_its_own() {
        let texts: HashSet<_> = (SKEP_TASK_LOST..=SKEP_OK)
            .map(|n| shown(skep_status_text(n)))
            .collect();
        assert_eq!(texts.len() as i32, SKEP_OK - SKEP_TASK_LOST + 1);
        assert!(!texts.contains("unknown status"));
        assert_eq!(
            shown(skep_status_text(SKEP_TASK_LOST - 1)),
            "unknown status"
        );
        assert_eq!(shown(skep_status_text(1)), "unknown status");
    }

    #[test]
    fn last_failure_survives_nul_bytes_in_its_text() {
        let fault = Fault {
            status: SKEP_STATE,
            code: 7,
            text: "a\0b".into(),
        };
        assert_eq!(remember(fault), SKEP_STATE);
        assert_eq!(skep_last_error_code(), 7);
        assert_eq!(shown(skep_last_error_text()), "ab");
    }

    #[test]
    fn refusals_keep_the_number_of_the_engine() {
        let fault = Fault::from(Refused(code::SESSION_NOT_EXIST));
        assert_eq!((fault.status, fault.code), (SKEP_SESSION_UNKNOWN, 1005));
    }
}
