//! Lines for the engine's log, whether there is a server or not.

use skep::settings::Settings;

use crate::classes::server::live_engine;
use crate::globals;

/// To the log of this process's server; without one, to where the log of a server would be.
pub(crate) fn warning(text: &str) {
    match (globals::context(), live_engine()) {
        (Some(context), _) => context.log_warning(text),
        (None, Some(engine)) => engine.log_warning(text),
        (None, None) => Settings::default().log_warning(text),
    }
}
