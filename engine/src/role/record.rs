//! The crash record: one line that says which process died, how, and in what.

use std::fmt::Write;

use crate::handler::{Callback, Death};
use crate::sys::{process, signal};

/// The line for the log.
pub(super) fn of(death: &Death) -> String {
    let mut line = format!("worker {} (pid {}) lost: ", death.worker, death.pid);
    // Writing to a string cannot fail.
    let _ = match death.signal {
        0 => write!(line, "exit code {}", death.code),
        number => write!(line, "signal {} ({})", number, signal::name(number)),
    };
    let seconds = death.uptime_ms as f64 / 1000.0;
    let _ = write!(
        line,
        ", uptime {seconds:.3} s, {} requests served",
        death.requests
    );
    match death.callback {
        Callback::None => line.push_str(", before its first callback"),
        callback => {
            let _ = write!(line, ", last callback {}", callback.name());
        }
    }
    if death.session != 0 {
        let _ = write!(line, ", fd {}", death.session);
    }
    let megabytes = death.peak_rss_kib as f64 / 1024.0;
    let _ = write!(line, ", peak memory {megabytes:.1} MiB");
    if let (true, Some(pattern)) = (signal::dumps_core(death.signal), process::core_pattern()) {
        let _ = write!(line, ", core pattern {pattern}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_signal_callback_and_session() {
        let death = Death {
            worker: 3,
            pid: 99,
            code: 0,
            signal: 9,
            uptime_ms: 12_345,
            requests: 17,
            callback: Callback::Receive,
            session: 5,
            peak_rss_kib: 2048,
        };
        assert_eq!(
            of(&death),
            "worker 3 (pid 99) lost: signal 9 (SIGKILL), uptime 12.345 s, 17 requests served, \
             last callback onReceive, fd 5, peak memory 2.0 MiB"
        );
    }
}
