//! Log lines: `[<date> <marker><pid>.<id>]` TAB `<LEVEL>` TAB text LF, or one JSON object; one write each.
//!
//! All processes append to one file, each through a [`Log`] of its own, whose clones its threads share.
//! Nothing that goes wrong here calls the log again: a complaint is one more line of the batch at hand,
//! and batches are written when the lock is free again.
//!
//! Reopening: master and manager count up a shared word, the generation, when they are asked to; each
//! process compares before it writes a line and whenever its loop wakes ([`Log::tick`]). So no signal has
//! to reach a process whose callback a signal would disturb.

mod fold;
mod ignored;
mod limit;
mod line;
mod options;
mod sink;

use std::fmt::Display;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

pub use self::ignored::ignore_error;
pub(crate) use self::limit::Topic;
pub(crate) use self::options::{Format, Options, Rotation};

use self::fold::Fold;
use self::limit::{Admission, Limit};
use self::sink::Sink;
use crate::sync::{AtomicU64, Ordering};
use crate::sys::{clock, fork, output};

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What goes on.
    Info = 2,
    /// What is worth knowing.
    Notice = 3,
    /// What is not as it should be.
    Warning = 4,
    /// What does not work.
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
    TaskWorker(u32),
    UserProcess(u32),
}

/// Where lines go. Cheap to clone; the clones in one process share file and memory.
#[derive(Clone)]
pub(crate) struct Log {
    core: Arc<Core>,
    author: Author,
}

struct Core {
    options: Options,
    state: Mutex<State>,
    /// Reads the generation that all processes share; set once, before the first fork.
    generation: OnceLock<Box<dyn Fn() -> u64 + Send + Sync>>,
    /// The generation this process has opened its file in.
    seen: AtomicU64,
    /// Monotonic ms at which a note about lines held back is due; 0: none.
    note_due: AtomicU64,
    /// Lines that nobody took, since one was taken.
    dropped: AtomicU64,
}

struct State {
    /// Who this process is by now.
    author: Author,
    sink: Sink,
    fold: Fold,
    limit: Limit,
}

/// Lines to be written, and where to.
struct Batch {
    file: Option<Arc<File>>,
    lines: Vec<(Level, String)>,
}

impl Log {
    /// A log as the options say. The error is what opening the file said; lines then go to standard output.
    pub(crate) fn open(options: Options) -> (Log, Option<std::io::Error>) {
        let (sink, error) = Sink::open(&options);
        let core = Core {
            options,
            state: Mutex::new(State {
                author: Author::Nobody,
                sink,
                fold: Fold::default(),
                limit: Limit::default(),
            }),
            generation: OnceLock::new(),
            seen: AtomicU64::new(0),
            note_due: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        };
        let log = Log {
            core: Arc::new(core),
            author: Author::Nobody,
        };
        (log, error)
    }

    /// The same file, for a role, at the beginning of its process.
    pub(crate) fn by(&self, author: Author) -> Log {
        if let Some(mut state) = self.lock() {
            state.author = author;
            state.limit = Limit::default();
            state.fold = Fold::default(); // what the parent has not written yet, the parent writes
            self.core.note_due.store(0, Ordering::Relaxed);
        }
        Log {
            core: Arc::clone(&self.core),
            author,
        }
    }

    /// The same by whoever this process is by now: for who holds a log since before the process had a role.
    pub(crate) fn of_process(&self) -> Log {
        let author = self.lock().map_or(self.author, |state| state.author);
        Log {
            core: Arc::clone(&self.core),
            author,
        }
    }

    /// Follow this generation from now on.
    pub(crate) fn follow(&self, generation: impl Fn() -> u64 + Send + Sync + 'static) {
        self.core.seen.store(generation(), Ordering::Relaxed);
        let _ = self.core.generation.set(Box::new(generation)); // a server is started once
    }

    /// New files shall belong to these ids, so that workers that run under them can open them again.
    pub(crate) fn give_to(&self, uid: u32, gid: u32) {
        if let Some(mut state) = self.lock() {
            state.sink.give_to(uid, gid);
        }
    }

    /// Standard output and error go where the lines go, also after a reopening.
    pub(crate) fn capture_output(&self) -> std::io::Result<()> {
        self.lock()
            .map_or(Ok(()), |mut state| state.sink.capture_output())
    }

    /// The file's name means nothing in this process any more (it has changed its root directory).
    pub(crate) fn seal(&self) {
        if let Some(mut state) = self.lock() {
            state.sink.seal();
        }
    }

    /// Open the file anew in this process, now.
    pub(crate) fn reopen(&self) {
        let batch = self.lock().map(|mut state| {
            let complaint = state.sink.reopen(&self.core.options);
            state.batch(complaint)
        });
        self.write(batch);
    }

    /// From loops, before they sleep and after: do what is due. Returns when (monotonic ms) to come again.
    pub(crate) fn tick(&self) -> Option<u64> {
        let due = self.core.note_due.load(Ordering::Relaxed);
        if self.has_new_generation() || (due > 0 && due <= clock::monotonic_ms()) {
            let batch = self.lock().map(|mut state| {
                let complaint = self.follow_generation(&mut state);
                let mut batch = state.batch(complaint);
                batch
                    .lines
                    .extend(state.fold.take_due(clock::monotonic_ms()));
                let held = state.limit.take_due(clock::monotonic_ms());
                batch
                    .lines
                    .extend(held.into_iter().map(|text| (Level::Warning, text)));
                self.set_due(&state);
                batch
            });
            self.write(batch);
        }
        Some(self.core.note_due.load(Ordering::Relaxed)).filter(|due| *due > 0)
    }

    /// At the end of a process: what was folded so far.
    pub(crate) fn finish(&self) {
        let batch = self.lock().map(|mut state| {
            let mut batch = state.batch(None);
            batch.lines.extend(state.fold.take_note());
            let held = state.limit.take_due(u64::MAX);
            batch
                .lines
                .extend(held.into_iter().map(|text| (Level::Warning, text)));
            self.set_due(&state);
            batch
        });
        self.write(batch);
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

    /// A warning with a code, `<function>() (ERRNO <code>): <message>`, of which there may be floods.
    pub(crate) fn coded(&self, function: &'static str, code: i32, message: impl Display) {
        let text = format_args!("{function}() (ERRNO {code}): {message}");
        self.limited(Topic { function, code }, text);
    }

    /// The same for a line that is written in another way.
    pub(crate) fn limited(&self, topic: Topic, text: impl Display) {
        if (Level::Warning as u8) < self.core.options.level || ignored::has(topic.code) {
            return;
        }
        let admission = self.lock().map(|mut state| {
            let admission = state.limit.admit(topic, clock::monotonic_ms());
            self.set_due(&state);
            admission
        });
        match admission {
            Some(Admission::Counted(None)) => {}
            Some(Admission::Counted(Some(note))) => self.warning(note),
            Some(Admission::Whole) | None => self.warning(text),
        }
    }

    /// One line.
    pub(crate) fn line(&self, level: Level, text: &dyn Display) {
        if (level as u8) < self.core.options.level {
            return;
        }
        let text = text.to_string(); // user code may be behind it: not under the lock
        if ignored::is_in(&text) {
            return;
        }
        let batch = self.lock().map(|mut state| {
            let complaint = self.follow_generation(&mut state);
            let rotated = state.sink.rotate(&self.core.options);
            let mut batch = state.batch(complaint.or(rotated));
            batch
                .lines
                .extend(state.fold.admit(level, text, clock::monotonic_ms()));
            self.set_due(&state);
            batch
        });
        self.write(batch);
    }

    fn has_new_generation(&self) -> bool {
        let generation = self.core.generation.get();
        generation.is_some_and(|read| read() != self.core.seen.load(Ordering::Relaxed))
    }

    fn follow_generation(&self, state: &mut State) -> Option<String> {
        let generation = self.core.generation.get()?();
        (self.core.seen.swap(generation, Ordering::Relaxed) != generation)
            .then(|| state.sink.reopen(&self.core.options))
            .flatten()
    }

    fn set_due(&self, state: &State) {
        let due = state.fold.due().into_iter().chain(state.limit.due());
        self.core
            .note_due
            .store(due.min().unwrap_or(0), Ordering::Relaxed);
    }

    /// None in a child that user code forked while another thread of its parent held the lock: nobody
    /// would ever open that again.
    fn lock(&self) -> Option<MutexGuard<'_, State>> {
        if fork::is_foreign() {
            return self.core.state.try_lock().ok();
        }
        Some(
            self.core
                .state
                .lock()
                .unwrap_or_else(|poison| poison.into_inner()),
        )
    }

    fn write(&self, batch: Option<Batch>) {
        let Some(Batch { file, lines }) = batch else {
            return;
        };
        for (level, text) in lines {
            let dropped = self.core.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                let text =
                    format!("{dropped} log lines before this one were dropped: nobody took them");
                self.put(&file, Level::Warning, &text, dropped);
            }
            self.put(&file, level, &text, 1);
        }
    }

    /// One line, or none: whoever supervises must not wait for a reader of the log. `worth`: what is lost
    /// with it.
    fn put(&self, file: &Option<Arc<File>>, level: Level, text: &str, worth: u64) {
        let line = line::of(&self.core.options, self.author, level, text);
        let put = match file {
            Some(file) => output::write_or_drop(&**file, line.as_bytes()),
            None => output::write_or_drop(std::io::stdout().lock(), line.as_bytes()),
        };
        if !put {
            self.core.dropped.fetch_add(worth, Ordering::Relaxed);
        }
    }
}

impl State {
    fn batch(&self, complaint: Option<String>) -> Batch {
        Batch {
            file: self.sink.file(),
            lines: complaint
                .into_iter()
                .map(|text| (Level::Warning, text))
                .collect(),
        }
    }
}
