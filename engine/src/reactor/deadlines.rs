//! What a connection has to have done by when, and what becomes of it otherwise.
//!
//! Reading and writing only note the time. Each connection has one live entry in the wheel, due at its next
//! deadline as that was known when the entry was made; when it comes back, the real deadline is worked out, and
//! the entry goes in again if that has moved. A deadline that is earlier than the entry gets a new one, and the
//! old one is nobody's when it comes back.
//!
//! To give connections one more kind of deadline, add a time to [`Times`], a line to [`Times::next`], a variant
//! to [`Overdue`] and what it means to `Reactor::overdue`; call `Reactor::watch` when the deadline comes up. What has to be
//! done before a session can begin has [`Times::begin_by_ms`] already.

use super::connection::{Connection, Stage};
use super::turn::Reactor;
use super::wheel::{Entry, Wheel};
use crate::net::unsent;
use crate::session::table::state;
use crate::settings::SessionSettings;

/// So many entries more than connections are not worth a clean-up.
const SLACK: usize = 1024;

/// When a connection has done what; monotonic ms, 0 for what is not the case.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Bytes came last.
    pub(super) read_ms: u64,
    /// Bytes came or went last.
    pub(super) moved_ms: u64,
    /// Since when the rest of a message is awaited.
    pub(super) half_since_ms: u64,
    /// Since when the peer has taken nothing of what waits for it.
    pub(super) stalled_since_ms: u64,
    /// What the kernel had left to send then.
    unsent: usize,
    /// The session must have begun by then: what comes before it has its own time limit.
    pub(super) begin_by_ms: u64,
    /// A closed connection waits for its peer until then.
    pub(super) linger_until_ms: u64,
    /// When its live entry in the wheel is due; 0: there is none.
    armed_ms: u64,
}

/// What a connection has not done in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Its session has not begun.
    Begin,
    /// The client has sent nothing (`heartbeat_idle_time`).
    Heartbeat,
    /// Nothing went in either direction (`max_idle_time`).
    Idle,
    /// The rest of a message has not come (`receive_timeout`).
    Message,
    /// The client takes nothing (`send_stall_timeout`).
    Output,
    /// The peer of a closed connection has not closed its own side.
    Linger,
}

impl Times {
    /// Of a connection that is new.
    pub(super) fn new(now_ms: u64) -> Times {
        Times {
            read_ms: now_ms,
            moved_ms: now_ms,
            ..Times::default()
        }
    }

    /// Bytes have come.
    pub(super) fn note_read(&mut self, now_ms: u64) {
        self.read_ms = now_ms;
        self.moved_ms = now_ms;
    }

    /// What was read has been cut into messages. `half`: some is left that waits for more; `after_whole`: and it
    /// came after a whole message. True: the rest of it is awaited from now on.
    pub(super) fn note_half(&mut self, half: bool, after_whole: bool, now_ms: u64) -> bool {
        let begins = half && (after_whole || self.half_since_ms == 0);
        if begins || !half {
            self.half_since_ms = if half { now_ms } else { 0 };
        }
        begins
    }

    /// The next deadline.
    fn next(
        &self,
        stage: Stage,
        limits: &SessionSettings,
        silence_counts: bool,
    ) -> Option<(u64, Overdue)> {
        let span = |since: u64, limit: u64, what| (limit > 0).then_some((since + limit, what));
        let state = |since: u64, limit, what| span(since, limit, what).filter(|_| since > 0);
        let point = |at: u64, what| (at > 0).then_some((at, what));
        // Silence is looked at in intervals, at the same time for all sessions.
        let checked = |(due_ms, what): (u64, Overdue)| {
            let interval_ms = u64::from(limits.heartbeat_check_s.max(1)) * 1000;
            (due_ms.next_multiple_of(interval_ms), what)
        };
        // A client that is only waiting for the last of its output has no reason to say anything.
        let heard_ms = match stage {
            Stage::Opening | Stage::Open => self.read_ms,
            _ => self.moved_ms,
        };
        let [begin, heartbeat, idle, message, output, linger] = [
            point(self.begin_by_ms, Overdue::Begin),
            span(heard_ms, limits.heartbeat_ms(), Overdue::Heartbeat).map(checked),
            span(self.moved_ms, limits.max_idle_ms, Overdue::Idle),
            state(
                self.half_since_ms,
                limits.receive_timeout_ms,
                Overdue::Message,
            ),
            state(self.stalled_since_ms, limits.send_stall_ms, Overdue::Output),
            point(self.linger_until_ms, Overdue::Linger),
        ];
        let [heartbeat, idle] = [heartbeat, idle].map(|limit| limit.filter(|_| silence_counts));
        let deadlines = match stage {
            Stage::Opening => [begin, heartbeat, idle, None, None],
            Stage::Open => [heartbeat, idle, message, output, None],
            // A worker is at the close event, however long it takes.
            Stage::PeerClosed => [output, None, None, None, None],
            Stage::Closing => [heartbeat, idle, output, None, None],
            Stage::Lingering => [linger, None, None, None, None],
        };
        let deadlines = deadlines.into_iter().flatten();
        deadlines.min_by_key(|&(due_ms, _)| due_ms)
    }
}

/// The deadlines of a reactor's connections.
pub(super) struct Deadlines {
    wheel: Wheel,
    /// For what comes due, to be used again.
    due: Vec<Entry>,
}

impl Deadlines {
    pub(super) fn new(now_ms: u64) -> Deadlines {
        Deadlines {
            wheel: Wheel::new(now_ms),
            due: Vec::new(),
        }
    }

    /// When to look; monotonic ms.
    pub(super) fn next(&self) -> Option<u64> {
        self.wheel.next()
    }
}

/// Whether an entry is the live one of its connection.
fn is_live(entry: &Entry, connection: Option<&Connection>) -> bool {
    connection.is_some_and(|connection| {
        connection.id == entry.id && connection.times.armed_ms == entry.due_ms
    })
}

impl Reactor {
    /// A deadline of a connection may have come up, or have become earlier.
    pub(super) fn watch(&mut self, token: usize) {
        if let Some((due_ms, _)) = self.deadline(token, true) {
            self.arm(token, due_ms);
        }
    }

    /// The kernel takes no more for a connection; `moved`: but it has taken something before.
    pub(super) fn note_blocked(&mut self, token: usize, moved: bool) {
        let connection = &mut self.connections[token];
        connection.blocked = true;
        let times = &mut connection.times;
        if !moved && times.stalled_since_ms > 0 {
            return;
        }
        times.stalled_since_ms = self.now_ms;
        let limits = &self.ports.get(connection.port).settings.session;
        if limits.send_stall_ms > 0 {
            times.unsent = unsent::bytes(&connection.socket);
            self.watch(token);
        }
    }

    /// See to everything that is due.
    pub(super) fn expire(&mut self) {
        if self.deadlines.next().is_none_or(|due| due > self.now_ms) {
            return;
        }
        let mut due = std::mem::take(&mut self.deadlines.due);
        self.deadlines.wheel.expire(self.now_ms, &mut due);
        for entry in due.drain(..) {
            if is_live(&entry, self.connections.get(entry.token)) {
                self.connections[entry.token].times.armed_ms = 0;
                self.look(entry.token);
            }
        }
        self.deadlines.due = due;
    }

    fn deadline(&self, token: usize, silence_counts: bool) -> Option<(u64, Overdue)> {
        let connection = self.connections.get(token)?;
        let limits = &self.ports.get(connection.port).settings.session;
        connection
            .times
            .next(connection.stage, limits, silence_counts)
    }

    /// Have the connection looked at when this is due.
    fn arm(&mut self, token: usize, due_ms: u64) {
        let connection = &mut self.connections[token];
        let times = &mut connection.times;
        if times.armed_ms > 0 && times.armed_ms <= due_ms {
            return;
        }
        times.armed_ms = due_ms;
        let wheel = &mut self.deadlines.wheel;
        wheel.add(due_ms, token, connection.id);
        if wheel.len() > 2 * self.connections.len() + SLACK {
            let connections = &self.connections;
            wheel.retain(|entry| is_live(entry, connections.get(entry.token)));
        }
    }

    /// A connection's entry has come due: has its deadline?
    fn look(&mut self, token: usize) {
        match self.deadline(token, true) {
            Some((due_ms, _)) if due_ms <= self.now_ms => {}
            Some((due_ms, _)) => return self.arm(token, due_ms),
            None => return,
        }
        // So it seems. Now for what reading and writing do not note.
        let now_ms = self.now_ms;
        let connection = &mut self.connections[token];
        let limits = &self.ports.get(connection.port).settings.session;
        let held_back = connection.queued;
        let times = &mut connection.times;
        if times.half_since_ms > 0 && (held_back || connection.paused) {
            times.half_since_ms = now_ms; // it is us who keep the rest waiting
        }
        if times.stalled_since_ms > 0 && limits.send_stall_ms > 0 {
            let unsent = unsent::bytes(&connection.socket);
            if unsent < std::mem::replace(&mut times.unsent, unsent) {
                times.stalled_since_ms = now_ms; // the kernel goes on, if slowly
            }
        }
        let slot = self.shared.sessions.find(connection.id);
        let silence_counts = !held_back && !slot.is_some_and(|slot| slot.has(state::PROTECTED));
        // Silence that is allowed now may not be later, and nobody tells us.
        let again = limits.shortest_silence_ms().filter(|_| !silence_counts);
        let again = again.map(|limit| now_ms + (limit / 2).max(1));
        let next = self.deadline(token, silence_counts);
        match next {
            Some((due_ms, what)) if due_ms <= now_ms => self.overdue(token, what),
            _ => {
                let next = next.map(|(due_ms, _)| due_ms);
                if let Some(due_ms) = next.into_iter().chain(again).min() {
                    self.arm(token, due_ms);
                }
            }
        }
    }

    /// A connection has not done in time what it should have done.
    fn overdue(&mut self, token: usize, what: Overdue) {
        let connection = &self.connections[token];
        let (id, waiting) = (connection.id, connection.outbox.len());
        let limits = &self.ports.get(connection.port).settings.session;
        let slot = self.shared.sessions.find(id);
        let whose = || slot.map_or_else(String::new, |slot| format!(" [{}]", slot.remote()));
        match what {
            Overdue::Heartbeat | Overdue::Idle => self.cut_off(token),
            Overdue::Begin => self.turn_away(
                token,
                unsent::TIMED_OUT,
                "was too slow to begin its session",
            ),
            Overdue::Linger => self.release(token),
            Overdue::Message => {
                let limit = limits.receive_timeout_ms as f64 / 1e3;
                let text = format!(
                    "the rest of a message from session#{id}{} has not come in {limit} s",
                    whose()
                );
                self.log.coded("receive", unsent::TIMED_OUT, text);
                if let Some(slot) = slot {
                    slot.note_errno(unsent::TIMED_OUT);
                }
                self.end_input(token); // what came before is still answered
            }
            Overdue::Output => {
                let limit = limits.send_stall_ms as f64 / 1e3;
                let text = format!(
                    "session#{id}{} has taken nothing for {limit} s, {waiting} bytes for it are dropped",
                    whose()
                );
                self.log.coded("send", unsent::TIMED_OUT, text);
                self.break_off(token, unsent::TIMED_OUT);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> SessionSettings {
        SessionSettings {
            heartbeat_idle_s: 10,
            heartbeat_check_s: 5,
            max_idle_ms: 4_000,
            receive_timeout_ms: 3_000,
            send_stall_ms: 2_000,
            ..SessionSettings::default()
        }
    }

    #[test]
    fn the_first_deadline_counts() {
        let mut times = Times::new(1_000);
        let next = |times: &Times| times.next(Stage::Open, &limits(), true);
        assert_eq!(next(&times), Some((5_000, Overdue::Idle)));
        times.moved_ms = 12_000; // something was sent
        assert_eq!(next(&times), Some((15_000, Overdue::Heartbeat)));
        assert!(times.note_half(true, false, 7_000));
        assert_eq!(next(&times), Some((10_000, Overdue::Message)));
        times.stalled_since_ms = 7_900;
        assert_eq!(next(&times), Some((9_900, Overdue::Output)));
        times.begin_by_ms = 9_000;
        let opening = times.next(Stage::Opening, &limits(), true);
        assert_eq!(opening, Some((9_000, Overdue::Begin)));
        assert_eq!(
            Times::new(1).next(Stage::Open, &SessionSettings::default(), true),
            None
        );
    }

    #[test]
    fn allowed_silence_has_no_deadline() {
        let mut times = Times::new(1_000);
        assert_eq!(times.next(Stage::Open, &limits(), false), None);
        times.stalled_since_ms = 1_000;
        let next = times.next(Stage::Open, &limits(), false);
        assert_eq!(next, Some((3_000, Overdue::Output)));
    }

    #[test]
    fn every_stage_has_deadlines_of_its_own() {
        let mut times = Times::new(1_000);
        times.note_half(true, false, 1_000);
        times.moved_ms = 9_000;
        times.linger_until_ms = 9_500;
        let next = |times: &Times, stage| times.next(stage, &limits(), true);
        assert_eq!(next(&times, Stage::PeerClosed), None);
        let closing = next(&times, Stage::Closing);
        assert_eq!(closing, Some((13_000, Overdue::Idle)));
        let lingering = next(&times, Stage::Lingering);
        assert_eq!(lingering, Some((9_500, Overdue::Linger)));
        times.stalled_since_ms = 9_000;
        let output = Some((11_000, Overdue::Output));
        assert_eq!(next(&times, Stage::PeerClosed), output);
        assert_eq!(next(&times, Stage::Closing), output);
    }

    #[test]
    fn the_rest_of_a_message_is_awaited_from_its_beginning_on() {
        let mut times = Times::new(1);
        assert!(!times.note_half(false, true, 5));
        assert!(times.note_half(true, true, 10));
        assert!(!times.note_half(true, false, 20), "more of the same");
        assert_eq!(times.half_since_ms, 10);
        assert!(times.note_half(true, true, 30), "the next one");
        assert_eq!(times.half_since_ms, 30);
        assert!(!times.note_half(false, true, 40));
        assert_eq!(times.half_since_ms, 0);
    }
}
