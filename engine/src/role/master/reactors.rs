//! The master's reactor threads: starting them, orders to all of them, waiting for their end.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::daemon;
use crate::ipc::directory::Endpoint;
use crate::ipc::doorbell::Doorbell;
use crate::net::handover;
use crate::reactor::inbox::{Inbox, Order};
use crate::reactor::{Reactor, Setup};
use crate::role::exit;
use crate::shared::Shared;
use crate::sync::AtomicU64;
use crate::sys::{fork, signal};

/// The reactor threads, in the order of their ids.
pub(super) struct Reactors(Vec<Handle>);

struct Handle {
    inbox: Arc<Inbox>,
    bell: Doorbell,
    thread: Option<JoinHandle<()>>,
}

/// What a reactor has as one of several.
pub(super) struct Place {
    pub(super) id: u32,
    pub(super) inbox: Arc<Inbox>,
    /// Open files come here.
    pub(super) files: handover::Receiver,
    /// A count that all of them share, for the modes that take turns.
    pub(super) turn: Arc<AtomicU64>,
}

impl Reactors {
    /// One thread for each of `receivers`.
    pub(super) fn start(
        shared: &Shared,
        receivers: Vec<handover::Receiver>,
        setup: impl Fn(Place) -> Setup,
    ) -> io::Result<Reactors> {
        let turn = Arc::new(AtomicU64::new(0));
        let mut reactors = Vec::new();
        for (id, files) in (0..).zip(receivers) {
            let inbox = Arc::new(Inbox::default());
            let setup = setup(Place {
                id,
                inbox: Arc::clone(&inbox),
                files,
                turn: Arc::clone(&turn),
            });
            let thread = std::thread::Builder::new()
                .name(format!("reactor-{id}"))
                .spawn(move || reactor_thread(setup))?;
            let bell = shared.directory.bell(Endpoint::Reactor(id));
            reactors.push(Handle {
                inbox,
                bell,
                thread: Some(thread),
            });
        }
        Ok(Reactors(reactors))
    }

    pub(super) fn inboxes(&self) -> Vec<Arc<Inbox>> {
        let inboxes = self.0.iter().map(|reactor| Arc::clone(&reactor.inbox));
        inboxes.collect()
    }

    /// Whether all that was read has been handed to workers.
    pub(super) fn are_quiet(&self) -> bool {
        self.0.iter().all(|reactor| reactor.inbox.is_quiet())
    }

    pub(super) fn order_all(&self, order: impl Fn() -> Order) {
        for reactor in &self.0 {
            reactor.inbox.order(order());
            reactor.bell.ring();
        }
    }

    pub(super) fn join(&mut self) {
        self.order_all(|| Order::Quit);
        for reactor in &mut self.0 {
            if let Some(thread) = reactor.thread.take() {
                let _ = thread.join(); // a panicking reactor has aborted the process
            }
        }
    }
}

/// A reactor thread's body. Without its reactors the master is of no use, so a panic here ends it;
/// manager and workers notice and end as well.
fn reactor_thread(setup: Setup) {
    signal::block_all_in_thread();
    let log = setup.log.clone();
    daemon::cpus::pin(&setup.settings.daemon, setup.id, &log);
    let served =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match Reactor::new(setup) {
            Ok((mut reactor, mut mailbox)) => {
                reactor.run(&mut mailbox);
                Ok(())
            }
            Err(error) => Err(error),
        }));
    match served {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            log.error(format_args!("Fatal error: a reactor cannot start: {error}"));
            fork::exit_now(exit::FATAL);
        }
        Err(_) => {
            log.error("Fatal error: a reactor thread panicked");
            fork::exit_now(exit::PANICKED);
        }
    }
}
