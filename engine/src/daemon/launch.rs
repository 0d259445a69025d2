//! Becoming a daemon. The process that the user started waits until the server is ready, or says why it is not.

use std::fmt::Display;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};

use super::notify::Notifier;
use crate::error::{Doing, Result};
use crate::log::Log;
use crate::sys::fork::{self, Fork};
use crate::sys::{pipe, process};

/// Exit code of a launcher whose server did not come up.
const FAILED: i32 = 255;
/// What the launcher reads when the server is ready. Anything else is the reason why it is not.
const READY: &[u8] = b"\0ready";

/// The daemon's end of the pipe to its launcher. Dropped without a word, it tells of a failure.
pub(super) struct Launch(File);

impl Launch {
    /// Go on in a child that has a session of its own; the calling process only waits for its news.
    pub(super) fn detach(log: &Log, notifier: Option<&Notifier>) -> Result<Launch> {
        let (watch, hold) = pipe::channel().doing("create a pipe to the launcher")?;
        fork::flush_stdio(); // both processes would write what is buffered
        match fork::fork().doing("fork the daemon")? {
            Fork::Parent(daemon) => {
                drop(hold);
                wait(File::from(watch), daemon, notifier)
            }
            Fork::Child => {
                drop(watch);
                let launch = Launch(File::from(hold));
                let detached = process::detach().and_then(|()| log.capture_output());
                match detached.doing("become a daemon") {
                    Ok(()) => Ok(launch),
                    Err(error) => {
                        launch.failed(&error);
                        Err(error)
                    }
                }
            }
        }
    }

    pub(super) fn ready(mut self) {
        let _ = self.0.write_all(READY); // the launcher may have been killed: the server does not care
    }

    pub(super) fn failed(mut self, why: &dyn Display) {
        let _ = self.0.write_all(why.to_string().as_bytes()); // as above
    }
}

/// The launcher's rest of life.
fn wait(mut news: File, daemon: i32, notifier: Option<&Notifier>) -> ! {
    let mut text = Vec::new();
    let mut piece = [0; 512];
    // Not to the end: a child that onStart has forked holds the other end too.
    while text != READY {
        match news.read(&mut piece) {
            Ok(0) => break, // no news is bad news
            Ok(count) => text.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    if text == READY {
        if let Some(notifier) = notifier {
            // systemd believes only the main process, as a rule, and that is this one until it says otherwise.
            notifier.hand_over_to(daemon);
        }
        fork::exit_now(0);
    }
    let reason = match String::from_utf8_lossy(&text) {
        reason if reason.is_empty() => "the server ended before it was ready, see its log".into(),
        reason => reason,
    };
    let _ = writeln!(
        std::io::stderr(),
        "skep: failed to start server. Error: {reason}"
    );
    fork::exit_now(FAILED)
}
