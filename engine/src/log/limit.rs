//! Complaints of one kind that come in floods: the first in full, then their number, once in a second.
//!
//! What [`super::fold`] does for lines that are the same to the letter, this does for lines that name one
//! session or another: they are told apart by function and code.

/// How long complaints are counted instead of written.
const WINDOW_MS: u64 = 1000;

/// What complaints have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Topic {
    /// Where it went wrong, as the line begins.
    pub(crate) function: &'static str,
    /// An engine code or an `errno`.
    pub(crate) code: i32,
}

/// A topic that was written about a moment ago.
struct Window {
    topic: Topic,
    /// Monotonic ms.
    since: u64,
    held: u64,
}

/// The topics of one process.
#[derive(Default)]
pub(super) struct Limit(Vec<Window>);

/// What becomes of a complaint.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Write it.
    Whole,
    /// It was counted; write this in its place, if there is something.
    Counted(Option<String>),
}

impl Limit {
    pub(super) fn admit(&mut self, topic: Topic, now: u64) -> Admission {
        let window = self.0.iter_mut().find(|window| window.topic == topic);
        let Some(window) = window else {
            self.0.push(Window {
                topic,
                since: now,
                held: 0,
            });
            return Admission::Whole;
        };
        let over = now >= window.since + WINDOW_MS;
        if over && window.held == 0 {
            window.since = now;
            return Admission::Whole;
        }
        let note = if over { window.close(now) } else { None };
        window.held += 1;
        Admission::Counted(note)
    }

    /// When a note is due.
    pub(super) fn due(&self) -> Option<u64> {
        let held = self.0.iter().filter(|window| window.held > 0);
        held.map(|window| window.since + WINDOW_MS).min()
    }

    /// The notes that are due.
    pub(super) fn take_due(&mut self, now: u64) -> Vec<String> {
        let over = |window: &&mut Window| now >= window.since + WINDOW_MS;
        let windows = self.0.iter_mut().filter(over);
        windows.filter_map(|window| window.close(now)).collect()
    }
}

impl Window {
    /// What was held back, in one line; the next second begins.
    fn close(&mut self, now: u64) -> Option<String> {
        let Topic { function, code } = self.topic;
        self.since = now;
        match std::mem::take(&mut self.held) {
            0 => None,
            count => Some(format!(
                "{function}() (ERRNO {code}): {count} more of these within a second"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEND: Topic = Topic {
        function: "send",
        code: 1009,
    };

    #[test]
    fn a_flood_costs_one_line_and_then_one_a_second() {
        let mut limit = Limit::default();
        let written: Vec<_> = (0..3_500)
            .map(|ms| limit.admit(SEND, 10_000 + ms))
            .filter(|admission| *admission != Admission::Counted(None))
            .collect();
        let note = |count| {
            let text = format!("send() (ERRNO 1009): {count} more of these within a second");
            Admission::Counted(Some(text))
        };
        assert_eq!(
            written,
            [Admission::Whole, note(999), note(1000), note(1000)]
        );
        assert_eq!(limit.due(), Some(14_000));
        assert_eq!(limit.take_due(13_999), Vec::<String>::new());
        assert_eq!(limit.take_due(14_000).len(), 1, "the last 500 of them");
        assert_eq!(limit.due(), None);
    }

    #[test]
    fn after_a_quiet_second_a_line_is_whole_again() {
        let mut limit = Limit::default();
        assert_eq!(limit.admit(SEND, 0), Admission::Whole);
        assert_eq!(limit.admit(SEND, 1000), Admission::Whole);
        assert_eq!(limit.admit(SEND, 1500), Admission::Counted(None));
        limit.take_due(2000);
        assert_eq!(limit.admit(SEND, 3000), Admission::Whole);
    }

    #[test]
    fn topics_do_not_hide_each_other() {
        let mut limit = Limit::default();
        assert_eq!(limit.admit(SEND, 0), Admission::Whole);
        let other = Topic { code: 1203, ..SEND };
        assert_eq!(limit.admit(other, 0), Admission::Whole);
        let other = Topic {
            function: "receive",
            ..SEND
        };
        assert_eq!(limit.admit(other, 0), Admission::Whole);
        assert_eq!(limit.admit(SEND, 1), Admission::Counted(None));
    }
}
