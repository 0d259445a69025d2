//! One turn of a reactor: sleep, read, dispatch, take mail, write.

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::connection::{Connection, Stage};
use super::deadlines::Deadlines;
use super::deliveries::Deliveries;
use super::endings::Endings;
use super::feed::Feed;
use super::inbox::{Inbox, Order};
use super::outbox::{Amount, Left, Spares};
use super::packets::PacketPorts;
use super::sealed;
use super::spin::Spin;
use crate::choice::DispatchFn;
use crate::dispatch::Dispatcher;
use crate::ipc::directory::Endpoint;
use crate::ipc::doorbell::Doorbell;
use crate::ipc::mailbox::{Drained, Mailbox};
use crate::log::Log;
use crate::net::handover;
use crate::port::Ports;
use crate::protocol::raw;
use crate::session::SessionId;
use crate::session::table::{Slot, state};
use crate::settings::{Settings, Sizes};
use crate::shared::Shared;
use crate::sync::{AtomicU64, Ordering};
use crate::sys::{clock, process};
use crate::tls;

const BELL: Token = Token(usize::MAX);
/// Messages of one lane before the next lane gets its turn.
const MAIL_PER_LANE: usize = 256;

/// How often to look at a replaced process that is still at work, should its ring be missed.
const PARKED_RECHECK: Duration = Duration::from_millis(5);

/// What a reactor is made of.
pub(crate) struct Setup {
    pub(crate) id: u32,
    pub(crate) shared: Arc<Shared>,
    pub(crate) ports: Ports,
    pub(crate) settings: Arc<Settings>,
    pub(crate) sizes: Sizes,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) files: handover::Receiver,
    pub(crate) turn: Arc<AtomicU64>,
    /// The user's dispatch function.
    pub(crate) dispatch: Option<DispatchFn>,
    pub(crate) log: Log,
}

/// A reactor thread's state.
pub(crate) struct Reactor {
    pub(super) id: u32,
    pub(super) shared: Arc<Shared>,
    /// Counted without atomics: it is cloned per read, and a counter shared by all reactors would be fought over.
    pub(super) ports: Rc<Ports>,
    pub(super) log: Log,
    pub(super) connections: Slab<Connection>,
    pub(super) feed: Feed,
    pub(super) spares: Spares,
    pub(super) deliveries: Deliveries,
    pub(super) now_us: u64,
    /// Connections with output to write.
    pub(super) dirty: Vec<usize>,
    pub(super) endings: Endings,
    pub(super) packets: PacketPorts,
    inbox: Arc<Inbox>,
    pub(super) main: Doorbell,
    manager: Doorbell,
    pub(super) poll: Poll,
    events: Events,
    pub(super) scratch: Box<[u8]>,
    /// What TLS has decrypted.
    pub(super) plain: Vec<u8>,
    pub(super) tls_spares: tls::Spares,
    /// Connections to read again without waiting for an event.
    pub(super) again: VecDeque<usize>,
    /// Connections with whole messages that were read and not given to a worker.
    pub(super) ready_inputs: usize,
    pub(super) deadlines: Deadlines,
    /// New sessions are not read until somebody resumes them.
    delay_receive: bool,
    pub(super) now_ms: u64,
    spin: Spin,
    /// Messages given to workers in this turn.
    pub(super) delivered: usize,
    reading: bool,
    /// Every session is to end, once the mail that is waiting has been read: it holds their last answers.
    finish_asked: bool,
    pub(super) finishing: bool,
    pub(super) next_dismissal_ms: u64,
    quit: bool,
}

impl Reactor {
    /// To be made on the reactor's own thread.
    pub(crate) fn new(setup: Setup) -> io::Result<(Reactor, Mailbox)> {
        let Setup {
            id,
            shared,
            ports,
            settings,
            sizes,
            inbox,
            files,
            turn,
            dispatch,
            log,
        } = setup;
        let mailbox = shared.directory.mailbox(Endpoint::Reactor(id));
        let poll = Poll::new()?;
        poll.registry().register(
            &mut SourceFd(&mailbox.bell().descriptor().raw()),
            BELL,
            Interest::READABLE,
        )?;
        let dispatcher = Dispatcher::new(
            &settings,
            dispatch,
            id,
            Arc::clone(&shared),
            turn,
            log.clone(),
        );
        let packets = PacketPorts::of(&ports, id, shared.reactor_count())?;
        let reactor = Reactor {
            id,
            packets,
            feed: Feed::new(dispatcher, &shared, sizes.max_queued_bytes),
            main: shared.directory.bell(Endpoint::Main),
            manager: shared.directory.bell(Endpoint::Manager),
            shared,
            ports: Rc::new(ports),
            log,
            connections: Slab::new(),
            spares: Spares::default(),
            deliveries: Deliveries::new(files),
            now_us: clock::wall_us(),
            now_ms: clock::monotonic_ms(),
            dirty: Vec::new(),
            endings: Endings::new(settings.worker_queue_size as usize, MAIL_PER_LANE),
            inbox,
            poll,
            events: Events::with_capacity(1024),
            scratch: vec![0; raw::CHUNK].into_boxed_slice(),
            plain: Vec::new(),
            tls_spares: tls::Spares::default(),
            again: VecDeque::new(),
            ready_inputs: 0,
            deadlines: Deadlines::new(clock::monotonic_ms()),
            delay_receive: settings.enable_delay_receive,
            spin: Spin::new(process::cpus()),
            delivered: 0,
            reading: true,
            finish_asked: false,
            finishing: false,
            next_dismissal_ms: 0,
            quit: false,
        };
        Ok((reactor, mailbox))
    }

    /// Whether nothing is read any more.
    pub(super) fn draining(&self) -> bool {
        !self.reading
    }

    /// Serve until told to quit.
    pub(crate) fn run(&mut self, mailbox: &mut Mailbox) {
        while !self.quit {
            self.sleep(mailbox);
            self.follow_routes(mailbox);
            self.take_orders();
            self.serve_ready();
            self.feed.ring(self.now_ms);
            self.take_mail(mailbox);
            self.rescue(mailbox);
            self.flush_all();
            self.advance_feed();
            self.dismiss_answered();
            self.expire();
            self.packets.complain(&self.log, self.now_ms);
            self.feed.ring(self.now_ms);
            self.report();
        }
        self.abandon_all();
    }

    /// How long this turn has kept everybody else waiting, if that is a record.
    fn note_turn(&self) {
        let took = clock::coarse_ms().saturating_sub(self.now_ms);
        let longest = &self.shared.reactor(self.id).longest_turn_ms;
        if took > longest.load(Ordering::Relaxed) {
            longest.store(took, Ordering::Relaxed);
        }
    }

    fn sleep(&mut self, mailbox: &mut Mailbox) {
        self.note_turn();
        let nothing_left = self.again.is_empty() && self.dirty.is_empty();
        if std::mem::take(&mut self.delivered) == 1 && nothing_left {
            self.spin.wait(|| mailbox.has_mail());
        }
        let may_sleep =
            nothing_left && self.endings.is_empty() && mailbox.may_sleep() && self.inbox.is_empty();
        let (parked, ripe) = self.feed.parked();
        let due = { self.deadlines.next().into_iter() }
            .chain(self.log.tick())
            .chain(self.next_dismissal())
            .chain(self.packets.next_complaint())
            .chain(self.feed.dispatcher().next_look())
            .min();
        let due = due.map(|at| Duration::from_millis(at.saturating_sub(clock::monotonic_ms())));
        let timeout = match may_sleep && !ripe {
            false => Some(Duration::ZERO),
            true => due
                .into_iter()
                .chain(parked.then_some(PARKED_RECHECK))
                .min(),
        };
        // Interrupted cannot happen (signals are blocked here), other errors not on a valid epoll.
        if self.poll.poll(&mut self.events, timeout).is_err() {
            self.events.clear();
        }
        mailbox.awake();
        self.now_us = clock::wall_us();
        self.now_ms = clock::monotonic_ms();
    }

    /// Processes that have been replaced: bring what waits for them to their successors.
    fn follow_routes(&mut self, mailbox: &mut Mailbox) {
        if !self.feed.has_new_routes(&self.shared) {
            return;
        }
        let routes = self.shared.server().routes.load(Ordering::Acquire);
        self.report_unquiet(); // what is recalled is in no lane for a moment
        while let Some(old) = self.feed.begin_change(&self.shared) {
            mailbox.drain_sender(Endpoint::Worker(old), |head, payload| {
                self.handle_mail(head, payload)
            });
            self.feed.hand_over();
        }
        self.feed.note_routes(routes);
        let own = self.shared.reactor(self.id);
        own.routes_seen.store(routes, Ordering::Release);
        self.manager.ring(); // the seats left behind are free for others
    }

    fn take_orders(&mut self) {
        while let Some(order) = self.inbox.next() {
            match order {
                Order::Adopt(socket, id) => self.adopt(socket, id),
                Order::ReadDatagrams => self.read_datagrams(),
                Order::Drain => {
                    self.reading = false;
                    self.let_go_held();
                }
                Order::Finish => self.finish_asked = true,
                Order::Quit => self.quit = true,
            }
        }
    }

    fn adopt(&mut self, socket: std::os::fd::OwnedFd, id: SessionId) {
        use std::os::fd::AsRawFd;
        let Some(port) = self.shared.sessions.find(id).map(Slot::port) else {
            return; // the main thread opens the session before it hands the socket over
        };
        let fd = socket.as_raw_fd();
        let token = self
            .connections
            .insert(Connection::new(socket, id, port, self.now_ms));
        // Both directions at once: edge-triggered, writability is reported only after a full socket.
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) =
            self.poll
                .registry()
                .register(&mut SourceFd(&fd), Token(token), interest)
        {
            self.log
                .error(format_args!("epoll: cannot watch session#{id}: {error}"));
            return self.give_up(token);
        }
        if let Some(slot) = self.shared.sessions.find(id) {
            slot.set_token(token as u32);
        }
        self.watch(token);
        self.open(token);
    }

    /// The session begins: from here on it is seen, and can be sent to.
    pub(super) fn begin(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        let id = connection.id;
        let owner = self.feed.dispatcher().owner_for(id);
        connection.owner = owner;
        connection.paused = self.delay_receive;
        connection.times.begin_by_ms = 0;
        if let Some(slot) = self.shared.sessions.find(id) {
            slot.set_owner(owner);
            slot.note_alive(self.now_ms);
            let paused = if self.delay_receive { state::PAUSED } else { 0 };
            let spread = match self.feed.dispatcher().spreads() {
                true => state::SPREAD,
                false => 0,
            };
            slot.mark(state::LIVE | paused | spread);
        }
        self.announce(token);
        if self.finishing {
            self.finish(token);
        }
    }

    /// Read and write whatever the poll found ready, then what was left over before.
    fn serve_ready(&mut self) {
        let again = std::mem::take(&mut self.again);
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in events.iter().filter(|event| event.token() != BELL) {
            let token = event.token().0;
            if let Some(place) = PacketPorts::place(token) {
                self.read_packets(place);
                continue;
            }
            if event.is_writable()
                && let Some(connection) = self.connections.get_mut(token)
                && connection.blocked
            {
                connection.blocked = false;
                self.touch(token);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.read(token, event.is_read_closed() || event.is_error());
            }
        }
        self.events = events;
        for token in again {
            if let Some(place) = PacketPorts::place(token) {
                self.read_packets_again(place);
            } else if let Some(connection) = self.connections.get_mut(token) {
                connection.queued = false;
                self.read(token, true);
            }
        }
    }

    /// Remember to write this connection's output at the end of the turn.
    pub(super) fn touch(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        if !connection.dirty {
            connection.dirty = true;
            self.dirty.push(token);
        }
    }

    fn flush_all(&mut self) {
        for token in std::mem::take(&mut self.dirty) {
            let Some(connection) = self.connections.get_mut(token) else {
                continue;
            };
            connection.dirty = false;
            self.flush(token);
        }
    }

    /// Write one connection's output, and close it if that is what it waits for.
    fn flush(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        let before = connection.outbox.waiting();
        let (outbox, socket) = (&mut connection.outbox, &connection.socket);
        let (left, sealed) = match &mut connection.tls {
            None => (outbox.flush(socket, &mut self.spares), 0),
            Some(tls) => {
                let last = connection.stage == Stage::Closing;
                let (spares, tls_spares) = (&mut self.spares, &mut self.tls_spares);
                sealed::flush(tls, outbox, socket, spares, tls_spares, last)
            }
        };
        let written = before - connection.outbox.waiting();
        let moved = written.bytes() + sealed > 0;
        if moved {
            connection.times.moved_ms = self.now_ms;
        }
        self.account_written(token, written);
        if !matches!(left, Left::Blocked) {
            self.connections[token].times.stalled_since_ms = 0;
        }
        match left {
            Left::Nothing if self.connections[token].stage == Stage::Closing => {
                self.end_output(token)
            }
            Left::Nothing => {}
            Left::More => self.touch(token),
            Left::Blocked => {
                self.note_blocked(token, moved);
                if self.connections[token].stage == Stage::Closing {
                    // It may wait, before it reads, for room for what it sent while nobody read it.
                    self.read_again(token);
                }
            }
            Left::Broken(errno) => self.break_off(token, errno),
            Left::Fault(fault) => self.file_failed(token, &fault),
        }
    }

    /// So much has left a connection's outbox.
    pub(super) fn account_written(&mut self, token: usize, amount: Amount) {
        if amount == Amount::default() {
            return;
        }
        if let Some(slot) = self.shared.sessions.find(self.connections[token].id) {
            slot.note_sent(amount.sends, self.now_us);
            if amount.files > 0 || amount.descriptors > 0 {
                slot.note_file_sent(amount.descriptors, amount.files);
            }
        }
        let waiting = &self.shared.reactor(self.id).output_bytes;
        waiting.store(
            waiting
                .load(Ordering::Relaxed)
                .saturating_sub(amount.bytes()),
            Ordering::Relaxed,
        );
        self.output_shrank(token);
    }

    fn take_mail(&mut self, mailbox: &mut Mailbox) {
        let drained = mailbox.drain(MAIL_PER_LANE, |_, head, payload| {
            self.handle_mail(head, payload)
        });
        let again = &mut self.again;
        self.feed
            .unpark(&self.shared, drained == Drained::Empty, |token| {
                again.push_back(token)
            });
        if drained == Drained::Empty && std::mem::take(&mut self.finish_asked) {
            self.finish_all();
        }
        for (id, kind) in self.endings.after_round(drained == Drained::Empty) {
            self.end(id, kind);
        }
        for head in mailbox.take_dropped() {
            self.forget_partial(head);
        }
        for from in mailbox.take_corrupt() {
            self.log.error(format_args!(
                "a lane from {from:?} held garbage and was emptied"
            ));
        }
    }

    fn advance_feed(&mut self) {
        let again = &mut self.again;
        self.feed.advance(|token| again.push_back(token));
        self.shared
            .reactor(self.id)
            .held_back
            .store(self.feed.waiting() as u64, Ordering::Relaxed);
    }

    /// Tell the main thread that something is on its way for a moment where it cannot see it.
    pub(super) fn report_unquiet(&self) {
        self.inbox.report(false);
    }

    /// Tell the main thread, if it may be waiting for that.
    fn report(&mut self) {
        let idle = self.feed.is_empty() && self.ready_inputs == 0 && self.packets.left() == 0;
        let quiet = !self.reading && idle;
        if self.inbox.report(quiet) {
            self.main.ring();
        }
    }
}
