//! Lines for the engine's log, whether there is a server or not.

use skep::LogLevel;

use crate::classes::server::live_engine;
use crate::{defaults, globals};

/// To the log of this process's server; without one, to where the log of a server would be.
pub(crate) fn warning(text: &str) {
    match (globals::context(), live_engine()) {
        (Some(context), _) => context.log_warning(text),
        (None, Some(engine)) => engine.log_warning(text),
        (None, None) => defaults::settings().log_line(LogLevel::Warning, text),
    }
}
