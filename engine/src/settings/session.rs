//! Settings of one port about its sessions: how long they may be silent, how much may wait for them.

use super::port::PortSettings;

/// Checked values; a limit of 0 is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionSettings {
    /// Without bytes from the client for so long, a session is dead.
    pub(crate) heartbeat_idle_s: u32,
    /// How often that is looked at; the same on all ports.
    pub(crate) heartbeat_check_s: u32,
    /// Without bytes in either direction for so long, too.
    pub(crate) max_idle_ms: u64,
    /// How long the rest of a message that has begun may take.
    pub(crate) receive_timeout_ms: u64,
    /// How long a client may take nothing of what waits for it.
    pub(crate) send_stall_ms: u64,
    /// Output that is much; without a value, most of `socket_buffer_size`.
    pub(crate) buffer_high: Option<u64>,
    /// Output that is little again.
    pub(crate) buffer_low: u64,
}

impl SessionSettings {
    pub(crate) fn heartbeat_ms(&self) -> u64 {
        u64::from(self.heartbeat_idle_s) * 1000
    }

    /// The shortest silence that ends a session.
    pub(crate) fn shortest_silence_ms(&self) -> Option<u64> {
        let limits = [self.heartbeat_ms(), self.max_idle_ms];
        limits.into_iter().filter(|&limit| limit > 0).min()
    }
}

impl PortSettings {
    /// From how much output on the client counts as slow.
    pub(crate) fn high_watermark(&self) -> u64 {
        self.session
            .buffer_high
            .unwrap_or(self.socket_buffer_size / 5 * 4)
    }
}

/// Work out the heartbeat of each port; the primary one is the first. `check_s`: `heartbeat_check_interval`, 0 none.
///
/// An interval gives every port that has no idle time of its own twice the interval; without an interval, half
/// the idle time of the primary port counts as one. In the end the interval is at most half of the shortest
/// idle time, and at least a second.
pub(crate) fn complete_heartbeats(check_s: u32, ports: &mut [PortSettings]) {
    let primary = ports
        .first()
        .map_or(0, |port| port.session.heartbeat_idle_s);
    let interval = match (check_s, primary) {
        (0, 0) => None,
        (0, idle) => Some((idle / 2).max(1)),
        (interval, _) => Some(interval),
    };
    for port in ports.iter_mut() {
        let idle = &mut port.session.heartbeat_idle_s;
        if let (0, Some(interval)) = (*idle, interval) {
            *idle = 2 * interval;
        }
    }
    let idle = ports.iter().map(|port| port.session.heartbeat_idle_s);
    let halves = idle.filter(|&idle| idle > 0).map(|idle| (idle / 2).max(1));
    let check_s = halves.chain(interval).min().unwrap_or(0);
    for port in ports {
        port.session.heartbeat_check_s = check_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The idle times, and the interval behind them.
    fn completed(check_s: u32, idle: &[u32]) -> Vec<u32> {
        let port = |&idle: &u32| {
            let mut port = PortSettings::default();
            port.session.heartbeat_idle_s = idle;
            port
        };
        let mut ports: Vec<_> = idle.iter().map(port).collect();
        complete_heartbeats(check_s, &mut ports);
        let checks = ports.iter().map(|port| port.session.heartbeat_check_s);
        { ports.iter().map(|port| port.session.heartbeat_idle_s) }
            .chain(checks.take(1))
            .collect()
    }

    #[test]
    fn an_interval_gives_idle_times_to_ports_without() {
        assert_eq!(completed(0, &[0, 0]), [0, 0, 0]);
        assert_eq!(completed(3, &[0, 0, 5]), [6, 6, 5, 2]);
        assert_eq!(completed(3, &[60, 0]), [60, 6, 3]);
    }

    #[test]
    fn an_idle_time_of_the_primary_port_stands_for_an_interval() {
        assert_eq!(completed(0, &[10, 0, 7]), [10, 10, 7, 3]);
        assert_eq!(completed(0, &[5, 0]), [5, 4, 2]);
        assert_eq!(completed(0, &[1, 0]), [1, 2, 1]);
    }

    #[test]
    fn an_idle_time_of_another_port_is_its_own_affair() {
        assert_eq!(completed(0, &[0, 4, 0]), [0, 4, 0, 2]);
    }

    #[test]
    fn the_high_watermark_follows_the_buffer_unless_it_is_set() {
        let mut port = PortSettings::default();
        assert_eq!(port.high_watermark(), (8 << 20) / 5 * 4);
        port.session.buffer_high = Some(7);
        assert_eq!(port.high_watermark(), 7);
    }
}
