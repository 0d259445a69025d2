//! The master: accepts, owns the reactor threads, leads the stop. Its main thread never does client I/O.

mod errands;
mod reactors;
mod stopping;

use std::os::fd::{OwnedFd, RawFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use self::reactors::Reactors;
use super::intake::Intake;
use super::messages::Messages;
use super::signals::{self, Action};
use super::stop::Account;
use super::{Ground, exit, phase::Phase};
use crate::context::{Context, Wires};
use crate::daemon::Service;
use crate::errand::Errands;
use crate::handler::Step;
use crate::ipc::directory::Endpoint;
use crate::ipc::doorbell::Doorbell;
use crate::ipc::exchange::Target;
use crate::ipc::frame::{Head, Kind, shutdown};
use crate::ipc::lane::Verdict;
use crate::ipc::mailbox::Mailbox;
use crate::ipc::queue::Claimant;
use crate::log::{Author, Log};
use crate::net::handover;
use crate::net::listener::Listener;
use crate::observer::Observer;
use crate::port::Ports;
use crate::reactor::Setup;
use crate::reactor::accept::Acceptor;
use crate::reactor::inbox::Order;
use crate::settings::IpcMode;
use crate::shared::Shared;
use crate::sync::Ordering;
use crate::sys::wait;
use crate::sys::{clock, process, signal};

const BELL: Token = Token(0);
/// The first listening socket; the others follow.
const LISTENERS: usize = 1;
/// What the event loop watches.
const JOBS: Token = Token(usize::MAX);

struct Master {
    context: Rc<Context>,
    shared: Arc<Shared>,
    ports: Ports,
    log: Log,
    service: Rc<Service>,
    signals: signals::Table,
    manager: i32,
    manager_gone: bool,
    reactors: Reactors,
    observer: Option<Observer>,
    intake: Intake,
    acceptor: Acceptor,
    errands: Arc<Errands>,
    /// By port; empty once nothing is accepted any more.
    listeners: Vec<Arc<Listener>>,
    poll: Poll,
    events: Events,
    ipc_mode: IpcMode,
    max_wait_ms: u64,
    shutdown_delay_ms: u64,
    account: Account,
    /// Reloads begun that have been followed.
    reloads_seen: u64,
    /// Monotonic ms of the request to stop; 0: none yet.
    asked_ms: u64,
    /// Monotonic ms by which the phase of leaving, or the whole stop, must be through; 0 while serving.
    deadline: u64,
    /// A second request, or SIGINT: nothing gets any time of its own any more.
    hurried: bool,
    /// The manager did not end and was killed for it.
    manager_killed: bool,
    /// SIGINT or SIGQUIT: the process ends by this signal, without `on_shutdown`.
    interrupted: i32,
    code: i32,
    /// The event loop has called something, and is to be turned again before a sleep.
    more: bool,
    /// The event loop's descriptor, as the poll has it.
    watched_jobs: Option<RawFd>,
}

/// The master's life; returns its exit code.
pub(super) fn run(
    ground: Ground,
    listeners: Vec<Arc<Listener>>,
    metrics: Option<Listener>,
    receivers: Vec<handover::Receiver>,
    manager: i32,
    holds: Vec<OwnedFd>,
    installed: signal::Installed,
) -> i32 {
    let shared = Arc::clone(&ground.shared);
    let bell = shared.directory.bell(Endpoint::Main);
    let log = ground.log.by(Author::Master);
    ground.service.as_master();
    process::set_subreaper(true);
    let code = match Master::new(
        ground,
        listeners,
        metrics,
        receivers,
        manager,
        &bell,
        log.clone(),
    ) {
        Ok(mut master) => master.live(),
        Err(error) => {
            log.error(format_args!("failed to start server. Error: {error}"));
            exit::FATAL
        }
    };
    drop(holds); // whoever is left learns it now, if not before
    process::set_subreaper(false);
    drop(installed);
    code
}

impl Master {
    fn new(
        ground: Ground,
        listeners: Vec<Arc<Listener>>,
        metrics: Option<Listener>,
        receivers: Vec<handover::Receiver>,
        manager: i32,
        bell: &Doorbell,
        log: Log,
    ) -> std::io::Result<Master> {
        let Ground {
            handler,
            ports,
            settings,
            sizes,
            shared,
            service,
            dispatch,
            errands,
            file_senders,
            commands,
            event_loop,
            ..
        } = ground;
        errands.open(bell.clone());
        event_loop.adopt(); // made before the process became a daemon
        let poll = Poll::new()?;
        poll.registry().register(
            &mut SourceFd(&bell.descriptor().raw()),
            BELL,
            Interest::READABLE,
        )?;
        let reactors = Reactors::start(&shared, receivers, |place| Setup {
            id: place.id,
            shared: Arc::clone(&shared),
            ports: ports.clone(),
            settings: Arc::clone(&settings),
            sizes,
            inbox: place.inbox,
            files: place.files,
            turn: place.turn,
            dispatch: dispatch.clone(),
            log: log.clone(),
        })?;
        let acceptor = Acceptor::new(
            Arc::clone(&shared),
            &ports,
            sizes.max_connection,
            settings.start_session_id + 1,
            &reactors.inboxes(),
            log.clone(),
        );
        let observer = Observer::start(metrics, &settings, &shared, &log)?;
        let ipc_mode = settings.tasks.ipc_mode;
        let (max_wait_ms, shutdown_delay_ms) = (settings.max_wait_ms, settings.shutdown_delay_ms);
        let account = Account::open(&shared, clock::monotonic_ms());
        let context = Context::new(
            Endpoint::Main,
            handler,
            Arc::clone(&shared),
            ports.clone(),
            settings,
            log.clone(),
            Wires {
                file_senders,
                lifelines: Vec::new(),
                commands,
                event_loop,
            },
        );
        if errands.may_come() {
            context.never_wait();
        }
        Ok(Master {
            context,
            shared,
            ports,
            log,
            service,
            signals: signals::supervisor(),
            manager,
            manager_gone: false,
            reactors,
            observer,
            intake: Intake::default(),
            acceptor,
            errands,
            listeners,
            poll,
            events: Events::with_capacity(16),
            ipc_mode,
            max_wait_ms,
            shutdown_delay_ms,
            account,
            reloads_seen: 0,
            asked_ms: 0,
            deadline: 0,
            hurried: false,
            manager_killed: false,
            interrupted: 0,
            code: exit::NORMAL,
            more: false,
            watched_jobs: None,
        })
    }

    fn live(&mut self) -> i32 {
        let mut mailbox = self.shared.directory.mailbox(Endpoint::Main);
        let mut messages = Messages::of_supervisor(&self.context, Target::Main, Claimant::MAIN);
        self.await_first_generation(&mut mailbox);
        self.context.handler().attach(&Rc::clone(&self.context));
        if !self.manager_gone {
            let started = self.context.handler().on_start(&self.context);
            self.heed(started);
            self.begin_serving();
            if Phase::of(&self.shared) == Phase::Serving {
                self.service.ready();
            }
        }
        while Phase::of(&self.shared) != Phase::Stopped {
            self.sleep(&mut mailbox, &messages);
            self.heed_signals();
            self.read_mail(&mut mailbox);
            self.obey_commands(&mut messages);
            self.follow_reloads();
            self.reap();
            self.serve_errands();
            self.tend();
            self.context.flush_backlog();
            self.acceptor.accept(&self.listeners);
            self.advance_phase();
        }
        self.errands.close(); // nobody answers from here on
        self.reactors.join();
        self.close_account();
        drop(self.observer.take());
        if self.interrupted != 0 {
            self.service.end();
            self.log.finish();
            signal::die_by(self.interrupted);
        }
        if let Err(leave) = self.context.handler().on_shutdown(&self.context) {
            self.code = leave.code;
        }
        self.code
    }

    /// `on_start` comes after every process has been forked.
    fn await_first_generation(&mut self, mailbox: &mut Mailbox) {
        while self.shared.server().forked.load(Ordering::Acquire) == 0 && !self.manager_gone {
            self.beat();
            mailbox.awake();
            let _ = self
                .poll
                .poll(&mut self.events, Some(Duration::from_millis(100)));
            self.reap();
        }
    }

    fn begin_serving(&mut self) {
        if Phase::of(&self.shared) != Phase::Starting {
            return; // on_start asked for the end
        }
        Phase::Serving.publish(&self.shared);
        match Intake::open(&self.shared, self.ipc_mode, &self.log) {
            Ok(intake) => self.intake = intake,
            Err(error) => {
                self.log
                    .error(format_args!("cannot take tasks of other programs: {error}"));
                self.code = exit::FATAL;
                return self.begin_stop();
            }
        }
        for (index, listener) in self.listeners.iter().enumerate() {
            if listener.kind().is_datagram() {
                continue; // the reactors read those
            }
            let watched = self.poll.registry().register(
                &mut SourceFd(&listener.raw()),
                Token(LISTENERS + index),
                Interest::READABLE,
            );
            if let Err(error) = watched {
                self.log.error(format_args!(
                    "epoll: cannot watch the listening socket: {error}"
                ));
                self.code = exit::FATAL;
                return self.begin_stop();
            }
            self.acceptor.note_ready(index);
        }
        if self
            .listeners
            .iter()
            .any(|listener| listener.kind().is_datagram())
        {
            self.reactors.order_all(|| Order::ReadDatagrams);
        }
    }

    /// Tell whoever asks that this loop turns.
    fn beat(&self) {
        if let Some(observer) = &self.observer {
            observer.beat();
        }
    }

    fn sleep(&mut self, mailbox: &mut Mailbox, messages: &Messages) {
        self.beat();
        let memory = self.context.give_back_memory();
        let more = std::mem::take(&mut self.more); // a descriptor may still be ready
        let idle = !more && !messages.has_any();
        let may_sleep = mailbox.may_sleep() && self.errands.is_empty() && idle;
        self.watch_jobs();
        let now = clock::monotonic_ms();
        let accepts = !self.listeners.is_empty();
        let accept_again = accepts.then(|| self.acceptor.next_try()).flatten();
        let next = accept_again
            .into_iter()
            .chain((self.deadline > 0).then(|| self.next_deadline()))
            .chain(self.log.tick())
            .chain(self.service.tick(&self.shared))
            .chain(self.context.event_loop().next_due())
            .chain(memory)
            .min();
        let timeout = match (may_sleep, next) {
            (false, _) => Some(Duration::ZERO),
            (true, Some(due)) => Some(Duration::from_millis(due.saturating_sub(now))),
            (true, None) => None,
        };
        // The bell, a signal and the time are looked at by the loop.
        if self.poll.poll(&mut self.events, timeout).is_ok() {
            let listening = |token: &Token| *token != BELL && *token != JOBS;
            for event in self.events.iter().filter(|event| listening(&event.token())) {
                self.acceptor.note_ready(event.token().0 - LISTENERS);
            }
        }
        mailbox.awake();
    }

    /// Call what is ready and due, one round of it.
    fn tend(&mut self) {
        let step = self.context.tend();
        if step == Ok(true) {
            signal::reassert_unblocked(); // as after other callbacks
            self.more = true;
        }
        self.heed(step.map(drop));
    }

    /// Wake up for the event loop's descriptors, once there are any.
    fn watch_jobs(&mut self) {
        let descriptor = self.context.event_loop().descriptor();
        if self.watched_jobs == descriptor {
            return;
        }
        let registry = self.poll.registry();
        if let Some(old) = self.watched_jobs.take() {
            let _ = registry.deregister(&mut SourceFd(&old));
        }
        if let Some(raw) = descriptor {
            // A failure (out of memory) is tried again before the next sleep.
            let watched = registry.register(&mut SourceFd(&raw), JOBS, Interest::READABLE);
            self.watched_jobs = watched.ok().map(|()| raw);
        }
    }

    fn heed_signals(&mut self) {
        for action in self.signals.take() {
            match action {
                Action::Interrupt(number) => self.interrupt(number),
                Action::Stop => self.ask_to_stop(),
                Action::Reopen => self.reopen_logs(),
                Action::Reload => {
                    self.reopen_logs();
                    let _ = self.context.to_manager(Head::new(Kind::Reload, 0, 0));
                }
                Action::ReloadTasks => {
                    signal::send(self.manager, signal::SIGUSR2); // it reopens the logs, too
                }
                Action::Reap | Action::Survive | Action::Die | Action::Host => {}
            }
        }
    }

    fn obey_commands(&mut self, messages: &mut Messages) {
        while self.context.next_reply().is_some() {} // of commands whose time was up
        // One at a time: new connections come between.
        if let Some(step) = messages.next(&self.context) {
            self.heed(step);
        }
        let leaving = self.context.take_leaving().map_or(Ok(()), Err);
        self.heed(leaving);
    }

    /// Here first: this process may create a file that workers under another account may only open.
    fn reopen_logs(&self) {
        self.log.reopen();
        self.shared.reopen_logs();
    }

    /// New certificates count for the clients that come from now on.
    fn reload_tls(&self) {
        for (_, port) in self.ports.iter() {
            let Some(tls) = &port.tls else { continue };
            match tls.reload() {
                Ok(()) => self.log.info(format_args!(
                    "port {}: TLS certificates read again",
                    port.number
                )),
                Err(error) => self.log.warning(format_args!(
                    "port {}: the TLS certificates stay as they were: {error}",
                    port.number
                )),
            }
        }
    }

    /// A reload of the workers renews the certificates, too, whoever has asked for it.
    fn follow_reloads(&mut self) {
        let begun = self.shared.server().reloads_begun.load(Ordering::Acquire);
        if std::mem::replace(&mut self.reloads_seen, begun) != begun {
            self.reload_tls();
        }
    }

    fn read_mail(&mut self, mailbox: &mut Mailbox) {
        let mut heads = self.context.take_own();
        mailbox.drain(64, |_, head, _| {
            heads.push(head);
            Verdict::Done
        });
        for head in heads {
            match (head.kind, head.argument) {
                // Only a second signal ends the patience: TERM to the whole group comes both ways.
                (Kind::Shutdown, 0) if Phase::of(&self.shared) < Phase::Leaving => {
                    self.ask_to_stop()
                }
                (Kind::Shutdown, 0) => {}
                (Kind::ReloadTls, _) => self.reload_tls(),
                (Kind::Shutdown, shutdown::AT_ONCE) => self.begin_stop(),
                (Kind::Shutdown, number) => self.interrupt(number as i32),
                (other, _) => self
                    .log
                    .error(format_args!("master: unexpected message {other:?}")),
            }
        }
    }

    fn reap(&mut self) {
        while let Some(reaped) = wait::reap() {
            if reaped.pid == self.manager {
                self.manager_gone = true;
                self.manager_ended(reaped.exit);
            }
        }
    }

    fn heed(&mut self, step: Step) {
        if let Err(leave) = step {
            self.code = leave.code;
            self.begin_stop();
        }
    }
}
