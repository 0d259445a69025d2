//! Log lines: `[<date> <marker><pid>.<id>]` TAB `<LEVEL>` TAB text LF, one write each.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::sys::{clock, process};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Info = 2,
    Notice = 3,
    Warning = 4,
    Error = 5,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Info => "INFO",
            Level::Notice => "NOTICE",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
        }
    }
}

/// Who writes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// Before start.
    Nobody,
    Master,
    Manager,
    Worker(u32),
}

/// A sink for lines. Cheap to clone; clones with another author share the file.
#[derive(Clone)]
pub(crate) struct Log {
    sink: Arc<Option<File>>,
    level: u8,
    author: Author,
    /// Last line and how often it came, shared by the clones of one process, to fold floods.
    recent: Arc<Mutex<Recent>>,
}

#[derive(Default)]
struct Recent {
    text: String,
    second: u64,
    suppressed: u64,
}

impl Log {
    /// To `path`, appending, or to standard output. The error is what opening the file said.
    pub(crate) fn open(path: Option<&str>, level: u8) -> (Log, Option<std::io::Error>) {
        let opened = path.map(|path| {
            OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o666)
                .open(path)
        });
        let (sink, error) = match opened {
            None => (None, None),
            Some(Ok(file)) => (Some(file), None),
            Some(Err(error)) => (None, Some(error)),
        };
        let recent = Arc::new(Mutex::new(Recent::default()));
        (
            Log {
                sink: Arc::new(sink),
                level,
                author: Author::Nobody,
                recent,
            },
            error,
        )
    }

    /// The same sink, for another role.
    pub(crate) fn by(&self, author: Author) -> Log {
        Log {
            author,
            recent: Arc::new(Mutex::new(Recent::default())),
            ..self.clone()
        }
    }

    pub(crate) fn info(&self, text: impl Display) {
        self.line(Level::Info, &text);
    }

    pub(crate) fn notice(&self, text: impl Display) {
        self.line(Level::Notice, &text);
    }

    pub(crate) fn warning(&self, text: impl Display) {
        self.line(Level::Warning, &text);
    }

    pub(crate) fn error(&self, text: impl Display) {
        self.line(Level::Error, &text);
    }

    fn line(&self, level: Level, text: &dyn Display) {
        if (level as u8) < self.level {
            return;
        }
        let text = text.to_string();
        let now = clock::wall_s();
        // Not held while writing: a logger must never wait for itself.
        let repeated = {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            // Facts of the server's life are rare and all wanted; complaints can come in floods.
            if level >= Level::Warning && recent.text == text && recent.second == now {
                recent.suppressed += 1;
                return;
            }
            recent.second = now;
            recent.text.clone_from(&text);
            std::mem::take(&mut recent.suppressed)
        };
        if repeated > 0 {
            self.write(
                level,
                &format!("the line before was repeated {repeated} times"),
            );
        }
        self.write(level, &text);
    }

    fn write(&self, level: Level, text: &str) {
        let (marker, id) = match self.author {
            Author::Nobody => ('%', 0),
            Author::Master => ('#', 0),
            Author::Manager => ('$', 0),
            Author::Worker(id) => ('*', id),
        };
        let date = clock::local_time(c"%F %T");
        let line = format!(
            "[{date} {marker}{}.{id}]\t{}\t{text}\n",
            process::pid(),
            level.word()
        );
        // A log that cannot be written has nowhere to complain to.
        let _ = match self.sink.as_ref() {
            Some(file) => (&*file).write_all(line.as_bytes()),
            None => {
                let mut out = std::io::stdout().lock();
                out.write_all(line.as_bytes()).and_then(|()| out.flush())
            }
        };
    }
}
