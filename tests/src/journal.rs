//! The event log that every process of a server under test writes: one line per event, one write per
//! line, appended, so the order of the lines is the order of the events.
//!
//! `<pid> <role> <event> key=value ...`

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;

/// The writing end. Opened before the first fork, so all processes share one description.
pub struct Journal(File);

impl Journal {
    /// Append to `path`, which is made if it is not there.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Journal> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Journal(file))
    }

    /// Write one event. A journal that cannot be written fails the test that reads it.
    pub fn write(&self, role: &str, event: &str, arguments: &str) {
        let line = format!("{} {role} {event} {arguments}\n", std::process::id());
        let _ = (&self.0).write_all(line.as_bytes());
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Process that wrote it.
    pub pid: i32,
    /// `master`, `manager`, `worker0`, ... or `caller` before and after start().
    pub role: String,
    /// What happened.
    pub name: String,
    arguments: HashMap<String, String>,
}

impl Event {
    fn parse(line: &str) -> Option<Event> {
        let mut words = line.split(' ');
        let (pid, role, name) = (words.next()?, words.next()?, words.next()?);
        let pairs = words.filter_map(|word| word.split_once('='));
        let arguments = pairs
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        Some(Event {
            pid: pid.parse().ok()?,
            role: role.into(),
            name: name.into(),
            arguments,
        })
    }

    /// An argument as it stands there; panics if the event has none of this name.
    #[track_caller]
    pub fn text(&self, key: &str) -> &str {
        let found = self.arguments.get(key);
        found.unwrap_or_else(|| panic!("no {key} in {self:?}"))
    }

    /// An argument that is a number; panics if the event has none of this name.
    #[track_caller]
    pub fn number<T: FromStr>(&self, key: &str) -> T {
        let found = self.arguments.get(key).and_then(|value| value.parse().ok());
        found.unwrap_or_else(|| panic!("no number '{key}' in {self:?}"))
    }

    /// The session an event is about.
    pub fn session(&self) -> u64 {
        self.number("session")
    }
}

/// All events written so far.
pub fn read(path: impl AsRef<Path>) -> Vec<Event> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter_map(Event::parse).collect()
}

/// The events of one name.
pub fn named<'a>(events: &'a [Event], name: &str) -> Vec<&'a Event> {
    events.iter().filter(|event| event.name == name).collect()
}
