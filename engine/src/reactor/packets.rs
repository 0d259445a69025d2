//! Datagram ports: read in batches, each datagram one message for a worker.
//!
//! A port is read by one reactor, chosen by the port's index. Datagrams know no back pressure, so there are two ways
//! when workers are slow: if none has room, the socket is not read (the kernel keeps what fits its buffer); if one has
//! none while others serve, what comes for that one is dropped and counted.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::{hash, io};

use mio::unix::SourceFd;
use mio::{Interest, Token};

use super::feed::Place;
use super::turn::Reactor;
use crate::choice::Target;
use crate::dispatch::DatagramKey;
use crate::ipc::frame::{Head, Kind, Origin};
use crate::log::{Log, Topic};
use crate::net::datagram::{Batch, Received};
use crate::net::listener::Listener;
use crate::net::peer::DatagramPeer;
use crate::packet::Packet;
use crate::port::Ports;
use crate::stats::bump;

/// Token of the first datagram port, by index among those of this reactor. Connections have small ones.
const FIRST: usize = usize::MAX / 2;
/// Batches of one port before others get their turn.
const BATCHES_PER_TURN: usize = 8;
/// Complaints about one port come at most so often.
const COMPLAINT_MS: u64 = 1000;
/// Marks a sender in the place of a session id: no session has such an id.
const SENDER: u64 = 1 << 63;

/// A datagram port as its reactor sees it.
struct PacketPort {
    index: u16,
    number: u16,
    listener: Arc<Listener>,
    batch: Batch,
    /// Datagrams of the batch that are still to be given to workers: from this one to the end.
    next: usize,
    /// In a queue for reading already.
    queued: bool,
    /// What the dispatch function has said about the next datagram.
    decided: Option<Target>,
    complaints: Complaints,
}

/// What the log is told now and then.
#[derive(Default)]
struct Complaints {
    /// Dropped for lack of room, since the last line.
    dropped: u64,
    /// Too long, since the last line.
    truncated: u64,
    /// Monotonic ms at which the next line may be written.
    next_ms: u64,
}

/// The datagram ports of one reactor.
#[derive(Default)]
pub(super) struct PacketPorts {
    ports: Vec<PacketPort>,
    /// A frame, put together here.
    frame: Vec<u8>,
}

impl PacketPorts {
    /// Those that reactor `id` of `reactors` reads.
    pub(super) fn of(ports: &Ports, id: u32, reactors: u32) -> io::Result<PacketPorts> {
        let mut own = PacketPorts::default();
        for (index, port) in ports.iter() {
            let Some(listener) = &port.datagrams else {
                continue;
            };
            if u32::from(index) % reactors == id {
                own.ports.push(PacketPort {
                    index,
                    number: port.number,
                    batch: Batch::new(listener.as_fd(), port.kind)?,
                    listener: Arc::clone(listener),
                    next: 0,
                    queued: false,
                    decided: None,
                    complaints: Complaints::default(),
                });
            }
        }
        Ok(own)
    }

    /// Which of them a token means.
    pub(super) fn place(token: usize) -> Option<usize> {
        token.checked_sub(FIRST)
    }

    /// Datagrams that were read and not given to a worker.
    pub(super) fn left(&self) -> usize {
        self.ports.iter().map(PacketPort::left).sum()
    }

    /// When there is something to tell the log, monotonic ms.
    pub(super) fn next_complaint(&self) -> Option<u64> {
        let due = self.ports.iter().filter_map(|port| port.complaints.due());
        due.min()
    }

    /// Tell the log what is due.
    pub(super) fn complain(&mut self, log: &Log, now_ms: u64) {
        for port in &mut self.ports {
            if port.complaints.due().is_some_and(|due| due <= now_ms) {
                port.complaints
                    .write(port.number, port.listener.host(), log, now_ms);
            }
        }
    }
}

impl PacketPort {
    fn left(&self) -> usize {
        self.batch.len() - self.next.min(self.batch.len())
    }
}

impl Complaints {
    fn due(&self) -> Option<u64> {
        (self.dropped + self.truncated > 0).then_some(self.next_ms)
    }

    fn write(&mut self, number: u16, host: &str, log: &Log, now_ms: u64) {
        let (dropped, truncated) = (
            std::mem::take(&mut self.dropped),
            std::mem::take(&mut self.truncated),
        );
        if dropped > 0 {
            log.warning(format_args!(
                "{host}:{number}: {dropped} datagrams dropped, their worker has no room for more"
            ));
        }
        if truncated > 0 {
            log.warning(format_args!(
                "{host}:{number}: {truncated} datagrams dropped, they are longer than the buffers of this socket"
            ));
        }
        self.next_ms = now_ms + COMPLAINT_MS;
    }
}

impl Reactor {
    /// Begin to read the datagram ports. What has come before is waiting in the kernel, and is reported.
    pub(super) fn read_datagrams(&mut self) {
        for (place, port) in self.packets.ports.iter().enumerate() {
            let watched = self.poll.registry().register(
                &mut SourceFd(&port.listener.raw()),
                Token(FIRST + place),
                Interest::READABLE,
            );
            if let Err(error) = watched {
                self.log.error(format_args!(
                    "epoll: cannot watch the datagrams of port {}: {error}",
                    port.number
                ));
            }
        }
    }

    /// Read a datagram port whose turn has come in the queue.
    pub(super) fn read_packets_again(&mut self, place: usize) {
        if let Some(port) = self.packets.ports.get_mut(place) {
            port.queued = false;
            self.read_packets(place);
        }
    }

    /// Read a datagram port until nothing is left, no worker has room, or it is the turn of others.
    pub(super) fn read_packets(&mut self, place: usize) {
        let mut packets = std::mem::take(&mut self.packets);
        if let Some(port) = packets.ports.get_mut(place)
            && !port.queued
        {
            match self.take_datagrams(port, place, &mut packets.frame) {
                Outcome::Drained => {}
                Outcome::Waits => port.queued = true, // the feed has it
                Outcome::Turn => {
                    port.queued = true;
                    self.again.push_back(FIRST + place);
                }
            }
        }
        self.packets = packets;
    }

    fn take_datagrams(
        &mut self,
        port: &mut PacketPort,
        place: usize,
        frame: &mut Vec<u8>,
    ) -> Outcome {
        for _ in 0..BATCHES_PER_TURN {
            if !self.deliver_batch(port, place, frame) {
                return Outcome::Waits;
            }
            if self.draining() {
                return Outcome::Drained;
            }
            port.next = 0;
            match port.batch.receive(port.listener.as_fd()) {
                Received::Datagrams(count) => {
                    // What came with the last one is all that there was.
                    if count < port.batch.capacity() {
                        return match self.deliver_batch(port, place, frame) {
                            true => Outcome::Drained,
                            false => Outcome::Waits,
                        };
                    }
                }
                Received::WouldBlock => return Outcome::Drained,
                Received::Broken(errno) => {
                    let text = crate::error::text(errno);
                    let number = port.number;
                    let topic = Topic {
                        function: "recvmmsg",
                        code: errno,
                    };
                    self.log.limited(
                        topic,
                        format_args!("recvmmsg() on port {number} failed, Error: {text}[{errno}]"),
                    );
                }
            }
        }
        Outcome::Turn
    }

    /// Give what is left of a batch to workers. False: there is no room, and the port will be read again.
    fn deliver_batch(&mut self, port: &mut PacketPort, place: usize, frame: &mut Vec<u8>) -> bool {
        let (mut given, mut bytes, mut unwanted, mut done) = (0, 0, 0, 0);
        let origin = Origin {
            port: port.index,
            by_server: false,
        };
        let mut obstacle = None;
        for datagram in port.batch.iter().skip(port.next) {
            if datagram.truncated_from.is_some() {
                port.complaints.truncated += 1;
                done += 1;
                continue;
            }
            let sender = sender(datagram.peer);
            let key = DatagramKey::of(datagram.peer);
            let decided = port.decided.take();
            let target = decided.unwrap_or_else(|| {
                let dispatcher = self.feed.dispatcher();
                dispatcher.consult_datagram(port.index, &key, datagram.bytes)
            });
            match self.feed.place(&key, sender, target) {
                Place::Seat(seat) => {
                    frame.clear();
                    Packet::encode(self.now_us, datagram.peer, frame);
                    frame.extend_from_slice(datagram.bytes);
                    self.feed.dispatcher().advance();
                    self.feed.push(
                        seat,
                        Head::new(Kind::Packet, sender, origin.encode()),
                        frame,
                    );
                    given += 1;
                    bytes += datagram.bytes.len() as u64;
                }
                Place::Nowhere => port.complaints.dropped += 1,
                Place::Unwanted => unwanted += 1,
                Place::Full(why) => {
                    port.decided = Some(target); // the function is not asked again
                    obstacle = Some(why);
                    break;
                }
            }
            done += 1;
        }
        port.next += done;
        let own = self.shared.reactor(self.id);
        bump(&own.dispatched, given);
        bump(&own.packets, given);
        bump(&own.received_bytes, bytes);
        bump(&own.packets_dropped, done as u64 - given - unwanted);
        if let Some(obstacle) = &obstacle {
            self.feed.wait(obstacle, 0, FIRST + place);
        }
        obstacle.is_none()
    }
}

/// Why reading a port has ended.
enum Outcome {
    Drained,
    Waits,
    Turn,
}

/// What datagrams of one sender have in common, where messages of a session have its id: if their worker is replaced,
/// they must not overtake each other.
fn sender(peer: &DatagramPeer) -> u64 {
    use hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    hasher.write(peer.encode().bytes());
    hasher.finish() | SENDER
}
