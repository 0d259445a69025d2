//! The observer's loop: accept, answer, write the file; never for long.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::client::{Client, Then};
use super::file::StatsFile;
use super::pulse::Pulse;
use crate::ipc::directory::Endpoint;
use crate::ipc::doorbell::Doorbell;
use crate::log::Log;
use crate::net::SocketType;
use crate::net::listener::Listener;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::sys::clock;

/// Connections at a time; others wait in the kernel's queue until one has ended.
const CLIENTS: usize = 16;
/// Pause after the system refused to give a descriptor.
const PAUSE_MS: u64 = 100;

const WAKE: Token = Token(CLIENTS);
const LISTENER: Token = Token(CLIENTS + 1);

/// The thread's state.
pub(super) struct Watch {
    shared: Arc<Shared>,
    pulse: Arc<Pulse>,
    main: Doorbell,
    listener: Option<Listener>,
    /// The listener may have connections waiting (edge-triggered: nobody says so twice).
    ready: bool,
    /// Monotonic ms until which accepting rests.
    paused_until: u64,
    clients: Slab<Client>,
    file: Option<StatsFile>,
    poll: Poll,
    events: Events,
    log: Log,
}

impl Watch {
    pub(super) fn new(
        listener: Option<Listener>,
        settings: &Settings,
        shared: &Arc<Shared>,
        pulse: &Arc<Pulse>,
        log: Log,
    ) -> io::Result<Watch> {
        let poll = Poll::new()?;
        let watch = |fd, token| {
            let registry = poll.registry();
            registry.register(&mut SourceFd(&fd), token, Interest::READABLE)
        };
        watch(pulse.wake.raw(), WAKE)?;
        if let Some(listener) = &listener {
            watch(listener.raw(), LISTENER)?;
            log.info(format_args!("metrics on {}", place(listener)));
        }
        Ok(Watch {
            shared: Arc::clone(shared),
            pulse: Arc::clone(pulse),
            main: shared.directory.bell(Endpoint::Main),
            ready: listener.is_some(),
            listener,
            paused_until: 0,
            clients: Slab::with_capacity(CLIENTS),
            file: StatsFile::new(settings),
            poll,
            events: Events::with_capacity(CLIENTS + 2),
            log,
        })
    }

    /// Until the main thread says that it is over.
    pub(super) fn run(&mut self) {
        while !self.pulse.is_over() {
            let now = clock::monotonic_ms();
            if let Some(file) = &mut self.file
                && file.due_ms() <= now
            {
                file.write(&self.shared, &self.log);
            }
            self.accept(now);
            self.serve(now);
            self.sleep();
        }
        if let Some(file) = &mut self.file {
            file.write(&self.shared, &self.log);
        }
        if let Some(listener) = &self.listener {
            listener.unlink();
        }
    }

    fn sleep(&mut self) {
        let has_room = self.clients.len() < CLIENTS;
        let accept_again = (self.ready && has_room).then_some(self.paused_until);
        let file = self.file.as_ref().map(StatsFile::due_ms);
        let clients = self.clients.iter().map(|(_, client)| client.due_ms());
        let due = clients.chain(file).chain(accept_again).min();
        let now = clock::monotonic_ms();
        let timeout = due.map(|due| Duration::from_millis(due.saturating_sub(now)));
        // Interrupted cannot happen (signals are blocked here), other errors not on a valid epoll.
        if self.poll.poll(&mut self.events, timeout).is_err() {
            self.events.clear();
        }
        self.ready |= self.events.iter().any(|event| event.token() == LISTENER);
    }

    fn accept(&mut self, now: u64) {
        let Some(listener) = &self.listener else {
            return;
        };
        while self.ready && self.clients.len() < CLIENTS && now >= self.paused_until {
            let socket = match listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.ready = false;
                    return;
                }
                // This one has gone again; the next may be there.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.log
                        .warning(format_args!("metrics: accept() failed. Error: {error}"));
                    self.paused_until = now + PAUSE_MS;
                    return;
                }
            };
            let client = Client::new(socket, now);
            let entry = self.clients.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registry = self.poll.registry();
            let watched =
                registry.register(&mut SourceFd(&client.raw()), Token(entry.key()), interest);
            if watched.is_ok() {
                entry.insert(client);
            }
        }
    }

    /// All of them, whoever has news: they are few.
    fn serve(&mut self, now: u64) {
        let (shared, pulse, main) = (&self.shared, &self.pulse, &self.main);
        let mut asked = false;
        self.clients.retain(|_, client| {
            let ask = || {
                asked = true;
                pulse.ask()
            };
            client.advance(shared, now, ask, pulse.turns()) == Then::Wait
        });
        if asked {
            main.ring();
        }
    }
}

/// Where the endpoint is, as a client writes it.
fn place(listener: &Listener) -> String {
    match listener.kind() {
        SocketType::UnixStream => format!("unix:{}", listener.host()),
        _ => format!("http://{}:{}/metrics", listener.host(), listener.port()),
    }
}
