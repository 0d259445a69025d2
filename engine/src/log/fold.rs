//! A complaint that comes again and again costs two lines a second: the complaint and a count.

use super::Level;

/// How long repetitions are counted instead of written.
const WINDOW_MS: u64 = 1000;

/// The last line and its repetitions.
#[derive(Default)]
pub(super) struct Fold {
    last: Option<(Level, String)>,
    /// Monotonic ms at which it was written.
    since: u64,
    repeated: u64,
}

impl Fold {
    /// A line that somebody wants written; returns what is to be written.
    pub(super) fn admit(&mut self, level: Level, text: String, now: u64) -> Vec<(Level, String)> {
        // Facts of the server's life are rare and all wanted; complaints can come in floods.
        let again = level >= Level::Warning
            && self
                .last
                .as_ref()
                .is_some_and(|last| last.0 == level && last.1 == text);
        if again && now < self.since + WINDOW_MS {
            self.repeated += 1;
            return Vec::new();
        }
        let mut lines: Vec<_> = self.take_note().into_iter().collect();
        lines.push((level, text.clone()));
        self.last = Some((level, text));
        self.since = now;
        lines
    }

    /// When a note is due, if there is something to be noted.
    pub(super) fn due(&self) -> Option<u64> {
        (self.repeated > 0).then_some(self.since + WINDOW_MS)
    }

    /// The note, if it is due.
    pub(super) fn take_due(&mut self, now: u64) -> Option<(Level, String)> {
        self.due()
            .filter(|due| *due <= now)
            .and_then(|_| self.take_note())
    }

    /// The note, due or not.
    pub(super) fn take_note(&mut self) -> Option<(Level, String)> {
        let (level, _) = self.last.as_ref()?;
        match std::mem::take(&mut self.repeated) {
            0 => None,
            count => Some((
                *level,
                format!("the line before was repeated {count} times"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: Vec<(Level, String)>) -> Vec<String> {
        lines.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn a_flood_costs_two_lines_a_second() {
        let mut fold = Fold::default();
        let written: Vec<_> = (0..3_000)
            .flat_map(|ms| texts(fold.admit(Level::Error, "no".into(), 10_000 + ms)))
            .collect();
        let note = "the line before was repeated 999 times";
        assert_eq!(written, ["no", note, "no", note, "no"]);
        assert_eq!(fold.due(), Some(13_000));
        assert_eq!(fold.take_due(12_999), None);
        assert_eq!(fold.take_due(13_000), Some((Level::Error, note.into())));
        assert_eq!(
            (fold.due(), fold.take_due(20_000)),
            (None, None),
            "said once"
        );
    }

    #[test]
    fn another_line_brings_the_note_with_the_level_of_what_was_repeated() {
        let mut fold = Fold::default();
        fold.admit(Level::Error, "no".into(), 0);
        fold.admit(Level::Error, "no".into(), 1);
        let lines = fold.admit(Level::Info, "yes".into(), 2);
        assert_eq!(
            lines[0],
            (Level::Error, "the line before was repeated 1 times".into())
        );
        assert_eq!(lines[1], (Level::Info, "yes".into()));
    }

    #[test]
    fn facts_are_never_folded() {
        let mut fold = Fold::default();
        for now in 0..3 {
            assert_eq!(
                texts(fold.admit(Level::Info, "reload".into(), now)),
                ["reload"]
            );
        }
    }
}
