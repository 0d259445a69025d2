//! Accepting, on the master's main thread: take connections, open sessions, choose reactors.

use std::io::ErrorKind;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use super::inbox::{Inbox, Order};
use crate::error::code;
use crate::ipc::directory::Endpoint;
use crate::ipc::doorbell::Doorbell;
use crate::log::{Log, Topic};
use crate::net::address::Peer;
use crate::net::listener::Listener;
use crate::net::options::SocketOptions;
use crate::net::reserve::{Refusal, Reserve};
use crate::port::Ports;
use crate::session::SessionId;
use crate::session::table::Birth;
use crate::shared::Shared;
use crate::stats::bump;
use crate::sync::Ordering;
use crate::sys::clock;

/// Connections taken before signals and mail get their turn.
const PER_TURN: usize = 64;
/// Pause after the system refused to give another descriptor.
const PAUSE_MS: u64 = 100;
/// Pause while every slot of the session table is taken, most of them by sessions that have ended.
const SLOT_PAUSE_MS: u64 = 10;

/// One line in so many ms about clients that are turned away.
const REFUSALS_MS: u64 = 1000;

/// A reactor as the acceptor sees it.
struct Target {
    inbox: Arc<Inbox>,
    bell: Doorbell,
    /// Connections given to it, ever.
    given: u64,
    touched: bool,
}

/// The master's accepting half.
pub(crate) struct Acceptor {
    shared: Arc<Shared>,
    limit: u32,
    targets: Vec<Target>,
    next_id: u64,
    /// By port: what its connections have not inherited, if the socket was passed listening.
    options: Vec<SocketOptions>,
    /// By port: it may have connections waiting (edge-triggered: nobody says so twice).
    ready: Vec<bool>,
    /// Monotonic ms until which accepting rests.
    paused_until: u64,
    /// The limit is reached and the log says so.
    full: bool,
    /// Given up to turn a client away when there is no other descriptor.
    reserve: Option<Reserve>,
    /// Monotonic ms of the last line about that.
    refusals_said_ms: u64,
    log: Log,
}

impl Acceptor {
    pub(crate) fn new(
        shared: Arc<Shared>,
        ports: &Ports,
        limit: u32,
        first_id: u64,
        inboxes: &[Arc<Inbox>],
        log: Log,
    ) -> Acceptor {
        let targets = inboxes
            .iter()
            .enumerate()
            .map(|(reactor, inbox)| Target {
                inbox: Arc::clone(inbox),
                bell: shared.directory.bell(Endpoint::Reactor(reactor as u32)),
                given: 0,
                touched: false,
            })
            .collect();
        let options = ports.iter().map(|(_, port)| port.settings.sockets());
        let options: Vec<_> = options.collect();
        Acceptor {
            shared,
            limit,
            targets,
            next_id: first_id,
            ready: vec![false; options.len()],
            options,
            paused_until: 0,
            full: false,
            reserve: Reserve::new().ok(),
            refusals_said_ms: 0,
            log,
        }
    }

    /// The listener of a port became readable.
    pub(crate) fn note_ready(&mut self, port: usize) {
        self.ready[port] = true;
    }

    /// Monotonic ms at which to try again although nothing happens; `None`: no need. A server at its
    /// limit is woken by the reactor that ends a session.
    pub(crate) fn next_try(&self) -> Option<u64> {
        (self.ready.contains(&true) && self.shared.open_sessions() < u64::from(self.limit))
            .then_some(self.paused_until)
    }

    /// Take what is waiting, up to a turn's share for each port.
    pub(crate) fn accept(&mut self, listeners: &[Arc<Listener>]) {
        if !self.ready.contains(&true) || clock::monotonic_ms() < self.paused_until {
            return;
        }
        for (port, listener) in listeners.iter().enumerate() {
            if self.ready[port] && !self.accept_from(port, listener) {
                break;
            }
        }
        for target in &mut self.targets {
            if std::mem::take(&mut target.touched) {
                target.bell.ring_if_asleep();
            }
        }
    }

    /// False: no port can take anything now.
    fn accept_from(&mut self, port: usize, listener: &Listener) -> bool {
        for _ in 0..PER_TURN {
            if self.shared.open_sessions() >= u64::from(self.limit) {
                if !std::mem::replace(&mut self.full, true) {
                    self.log.coded(
                        "accept",
                        code::TOO_MANY_SOCKET,
                        format_args!("Too many connections [now: {}]", self.limit),
                    );
                }
                return false;
            }
            self.full = false;
            let Some(id) = self.shared.sessions.free_id(self.next_id) else {
                // Ended sessions keep their slots until their workers have seen the close event.
                self.paused_until = clock::monotonic_ms() + SLOT_PAUSE_MS;
                return false;
            };
            match listener.accept() {
                Ok((socket, peer)) => {
                    listener.dress(&socket, &self.options[port]);
                    self.admit(id, port as u16, socket, &peer);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.ready[port] = false;
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {
                    bump(&self.shared.server().aborted, 1); // the peer was faster than we
                }
                Err(error) if Reserve::is_for(&error) && self.refuse_one(listener) => {}
                Err(error) => {
                    let errno = error.raw_os_error().unwrap_or(0);
                    let text = crate::error::text(errno);
                    let topic = Topic {
                        function: "accept",
                        code: errno,
                    };
                    self.log.limited(
                        topic,
                        format_args!("accept(): accept() failed, Error: {text}[{errno}]"),
                    );
                    self.paused_until = clock::monotonic_ms() + PAUSE_MS;
                    return false;
                }
            }
        }
        true
    }

    /// There is no descriptor for another connection: the one that has waited longest is told so.
    fn refuse_one(&mut self, listener: &Listener) -> bool {
        let Some(reserve) = &mut self.reserve else {
            return false;
        };
        let refused = reserve.refuse_one(listener) == Refusal::Refused;
        if refused {
            bump(&self.shared.server().aborted, 1);
            let now = clock::monotonic_ms();
            if now >= self.refusals_said_ms + REFUSALS_MS {
                self.refusals_said_ms = now;
                self.log.warning(
                    "accept(): accept() failed, Error: Too many open files[24]; clients are turned away",
                );
            }
        }
        refused
    }

    /// Open a session for a new connection and give it to the reactor with the fewest.
    fn admit(&mut self, id: SessionId, port: u16, socket: OwnedFd, peer: &Peer) {
        self.next_id = id + 1;
        let reactor = self.least_loaded();
        self.shared.sessions.open(
            id,
            Birth {
                port,
                reactor: reactor as u32,
                socket: socket.as_raw_fd(),
                peer,
                now_us: clock::wall_us(),
            },
        );
        let server = self.shared.server();
        server.last_session.store(id, Ordering::Release);
        server.accepted.store(
            server.accepted.load(Ordering::Relaxed) + 1,
            Ordering::Release,
        );
        let target = &mut self.targets[reactor];
        target.given += 1;
        target.touched = true;
        target.inbox.order(Order::Adopt(socket, id));
    }

    /// Fewest connections, ties to the lowest id.
    fn least_loaded(&self) -> usize {
        let load = |(reactor, target): (usize, &Target)| {
            let closed = self
                .shared
                .reactor(reactor as u32)
                .closed
                .load(Ordering::Acquire);
            (target.given.saturating_sub(closed), reactor)
        };
        self.targets
            .iter()
            .enumerate()
            .map(load)
            .min()
            .map_or(0, |(_, reactor)| reactor)
    }
}
