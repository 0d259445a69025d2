//! What `swoole_async_set` has set for all servers that are made from then on: the settings of the log. Other settings
//! of that function belong to parts of the reference that are not here, and have no effect. And what `php.ini` says of servers.

use std::cell::RefCell;

use skep::Result;
use skep::settings::{Row, Settings, Value};

use crate::convert::setting;
use crate::ini;
use crate::zend::{HashTable, bytes, walk};

thread_local! {
    /// Of PHP's one thread.
    static DEFAULTS: RefCell<Vec<(&'static str, Value)>> = const { RefCell::new(Vec::new()) };
}

/// Take what belongs here. Nothing has changed if a value is refused.
///
/// # Safety
/// `given` must be alive.
pub(crate) unsafe fn take(given: *mut HashTable) -> Result<()> {
    let (mut taken, mut displayed) = (Vec::new(), None);
    // SAFETY: alive, says the caller; the closure runs no PHP code.
    unsafe {
        walk(given, |key, value| {
            let key = match key.is_null() {
                true => b"",
                false => bytes(key),
            };
            if key == b"display_errors" {
                displayed = Some(!crate::callbacks::is_nothing(value));
            }
            let row = std::str::from_utf8(key).ok().and_then(Row::find);
            if let Some(row) = row.filter(|row| row.key.starts_with("log_")) {
                taken.push((row.key, setting(value)));
            }
            true
        });
    }
    let mut trial = settings();
    for (key, value) in &taken {
        trial.set(key, value)?;
    }
    DEFAULTS.with_borrow_mut(|defaults| defaults.extend(taken));
    if let Some(displayed) = displayed {
        ini::set_display_errors(displayed);
    }
    Ok(())
}

/// What the configuration of PHP says about servers.
fn configured() -> (&'static str, Value) {
    let size = ini::socket_buffer_size();
    ("socket_buffer_size", Value::Int(size as i64))
}

/// The settings of a server that was just made.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    let (key, value) = configured();
    let _ = settings.set(key, &value); // a number, in range
    DEFAULTS.with_borrow(|defaults| {
        for (key, value) in defaults {
            let _ = settings.set(key, value); // tried before
        }
    });
    settings
}

/// Give them to a server that was just made.
pub(crate) fn apply(server: &mut skep::Server) {
    let (key, value) = configured();
    let _ = server.set(key, &value); // a number, in range
    DEFAULTS.with_borrow(|defaults| {
        for (key, value) in defaults {
            let _ = server.set(key, value); // tried before
        }
    });
}
