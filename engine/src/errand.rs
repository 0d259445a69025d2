//! Questions that only the master's main thread can answer: those to functions of a host that must not be entered on
//! other threads, as PHP.
//!
//! A reactor posts an errand, rings the main thread and waits; the main thread answers in its loop. This is the one
//! place where a reactor waits for anybody, so nobody whom it waits for may wait for it: the main thread never waits for
//! room in a reactor's lane while errands are possible (see `Context::never_wait`), and it closes the counter before it
//! waits for the reactors' end. After that, and once a function has asked to end the process, every question is
//! refused at once, those under way too.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};

use crossbeam_queue::SegQueue;

use crate::choice::{DispatchEvent, DispatchFn, DispatchKind, LengthFn, Target};
use crate::ipc::doorbell::Doorbell;
use crate::sync::{AtomicU32, Ordering, fence};

/// How much of a message is shown to a dispatch function: scripts know this figure.
const SHOWN: usize = 8152;

/// A question with data of its own: it goes to another thread.
pub(crate) enum Question {
    /// Which worker?
    Dispatch {
        session: u64,
        kind: DispatchKind,
        port: u16,
        data: Vec<u8>,
    },
    /// How long is the message on this port that begins so?
    Length { port: u16, data: Vec<u8> },
}

/// The answer to a question, in its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Target(Target),
    Length(i64),
}

/// A question and who waits for its answer.
pub(crate) struct Errand {
    pub(crate) question: Question,
    answer: SyncSender<Answer>,
}

impl Errand {
    /// Dropped without this, it is refused.
    pub(crate) fn answer(self, answer: Answer) {
        let _ = self.answer.send(answer); // there is room for one, and the reactor waits for it
    }
}

/// The counter that reactors come to.
#[derive(Default)]
pub(crate) struct Errands {
    queue: SegQueue<Errand>,
    closed: AtomicU32,
    /// Somebody may come: a function was made below.
    expected: AtomicU32,
    /// Of the main thread.
    bell: OnceLock<Doorbell>,
}

impl Errands {
    /// Main thread, before the first reactor starts.
    pub(crate) fn open(&self, bell: Doorbell) {
        let _ = self.bell.set(bell); // a server starts once
    }

    /// Reactor: ask, and wait. `None`: refused.
    pub(crate) fn ask(&self, question: Question) -> Option<Answer> {
        let (answer, waiting) = sync_channel(1);
        self.queue.push(Errand { question, answer });
        // Either this look sees that the counter has closed, or the last look of `close` sees the errand.
        fence(Ordering::SeqCst);
        if self.closed.load(Ordering::Relaxed) == 1 {
            return None;
        }
        self.bell.get()?.ring_if_asleep_fenced();
        waiting.recv().ok()
    }

    /// A dispatch function that asks the main thread. Refused, it leaves everything to the mode.
    pub(crate) fn dispatch_fn(self: &Arc<Errands>) -> DispatchFn {
        self.expected.store(1, Ordering::Relaxed);
        let errands = Arc::clone(self);
        Arc::new(move |event: &DispatchEvent<'_>| {
            let &DispatchEvent {
                session,
                kind,
                port,
                data,
            } = event;
            let question = Question::Dispatch {
                session,
                kind,
                port,
                data: data[..data.len().min(SHOWN)].to_vec(),
            };
            match errands.ask(question) {
                Some(Answer::Target(target)) => target,
                _ => Target::Mode,
            }
        })
    }

    /// A function for the length of messages that asks the main thread. Refused, it takes no message for one.
    pub(crate) fn length_fn(self: &Arc<Errands>, port: u16) -> LengthFn {
        self.expected.store(1, Ordering::Relaxed);
        let errands = Arc::clone(self);
        Arc::new(move |data: &[u8]| {
            let data = data.to_vec();
            match errands.ask(Question::Length { port, data }) {
                Some(Answer::Length(length)) => length,
                _ => -1,
            }
        })
    }

    /// Whether errands are to be expected at all.
    pub(crate) fn may_come(&self) -> bool {
        self.expected.load(Ordering::Relaxed) == 1
    }

    /// Main thread: the next one.
    pub(crate) fn next(&self) -> Option<Errand> {
        self.queue.pop()
    }

    /// Main thread: whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Main thread: from now on everything is refused.
    pub(crate) fn close(&self) {
        self.closed.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        while self.queue.pop().is_some() {}
    }
}

#[cfg(all(test, not(any(loom, miri))))]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use std::thread;

    use super::*;
    use crate::ipc::directory::{Endpoint, Plan};
    use crate::shared::Shared;

    fn counter() -> Arc<Errands> {
        let plan = Plan {
            workers: 1,
            reactors: 1,
            request_lane: 1024,
            reply_lane: 1024,
            task_workers: 0,
            user_processes: 0,
            task_ring: 1024,
            keeps_tasks: false,
            parcel_bytes: 1 << 20,
        };
        let shared = Shared::create(plan, 1).unwrap();
        let errands = Arc::new(Errands::default());
        errands.open(shared.directory.bell(Endpoint::Main));
        errands
    }

    fn length(byte: u8) -> Question {
        Question::Length {
            port: 0,
            data: vec![byte],
        }
    }

    #[test]
    fn everybody_gets_the_answer_to_the_own_question() {
        let errands = counter();
        let askers: Vec<_> = (0..4u8)
            .map(|asker| {
                let errands = Arc::clone(&errands);
                thread::spawn(move || {
                    for _ in 0..200 {
                        let answer = errands.ask(length(asker));
                        assert_eq!(answer, Some(Answer::Length(i64::from(asker))));
                    }
                })
            })
            .collect();
        let mut served = 0;
        while served < 800 {
            let Some(errand) = errands.next() else {
                thread::yield_now();
                continue;
            };
            let Question::Length { data, .. } = &errand.question else {
                panic!("nobody asked that");
            };
            let answer = Answer::Length(i64::from(data[0]));
            errand.answer(answer);
            served += 1;
        }
        askers.into_iter().for_each(|asker| asker.join().unwrap());
        assert!(errands.is_empty());
    }

    #[test]
    fn a_closed_counter_refuses_those_who_wait_and_those_who_come() {
        for _ in 0..50 {
            let errands = counter();
            let asker = {
                let errands = Arc::clone(&errands);
                thread::spawn(move || errands.ask(length(1)))
            };
            errands.close();
            assert_eq!(asker.join().unwrap(), None);
            assert_eq!(errands.ask(length(2)), None);
        }
    }

    #[test]
    fn an_errand_that_is_dropped_is_refused() {
        let errands = counter();
        let asker = {
            let errands = Arc::clone(&errands);
            thread::spawn(move || errands.ask(length(1)))
        };
        loop {
            if let Some(errand) = errands.next() {
                drop(errand);
                break;
            }
            thread::yield_now();
        }
        assert_eq!(asker.join().unwrap(), None);
    }
}
