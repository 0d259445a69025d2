//! systemd's notification protocol (sd_notify(3)): datagrams to a unix socket, one assignment per line.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::sys::{clock, process};

/// The way to the service manager.
pub(super) struct Notifier {
    socket: UnixDatagram,
    /// Half of what the watchdog allows, ms; 0: there is no watchdog.
    interval: u64,
    /// Monotonic ms at which it is to be fed.
    next_feed: u64,
}

impl Notifier {
    /// As the environment says. The variables are removed, so that programs started by user code do not
    /// speak for the server.
    pub(super) fn from_environment() -> Option<Notifier> {
        let path = process::take_variable("NOTIFY_SOCKET");
        let usec =
            process::take_variable("WATCHDOG_USEC").and_then(|text| text.parse::<u64>().ok());
        let pid = process::take_variable("WATCHDOG_PID").and_then(|text| text.parse::<i32>().ok());
        let path = path?;
        let address = match path.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok()?,
            None => SocketAddr::from_pathname(&path).ok()?,
        };
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect_addr(&address).ok()?;
        // A manager that does not read shall not stop the server.
        socket.set_nonblocking(true).ok()?;
        let is_ours = pid.is_none_or(|pid| pid == process::pid());
        Some(Notifier {
            socket,
            interval: usec
                .filter(|_| is_ours)
                .map_or(0, |usec| (usec / 2000).max(1)),
            next_feed: 0,
        })
    }

    fn tell(&self, text: &str) {
        let _ = self.socket.send(text.as_bytes()); // nobody to tell about it
    }

    pub(super) fn ready(&mut self) {
        self.tell(&format!("READY=1\nMAINPID={}", process::pid()));
    }

    /// From the launcher: the server is ready, and is another process.
    pub(super) fn hand_over_to(&self, daemon: i32) {
        self.tell(&format!("MAINPID={daemon}\nREADY=1"));
    }

    pub(super) fn reloading(&mut self) {
        self.tell(&format!(
            "RELOADING=1\nMONOTONIC_USEC={}",
            clock::monotonic_us()
        ));
    }

    pub(super) fn stopping(&mut self) {
        self.tell("STOPPING=1");
    }

    /// Feed it if it is time; returns when it is time again.
    pub(super) fn feed_watchdog(&mut self, now: u64) -> Option<u64> {
        if self.interval == 0 {
            return None;
        }
        if now >= self.next_feed {
            self.tell("WATCHDOG=1");
            self.next_feed = now + self.interval;
        }
        Some(self.next_feed)
    }
}
