//! Handing a descriptor (an open file, a memory file) to a reactor thread of the master, from any process of the tree.
//!
//! A lane carries bytes; a descriptor can only travel over a unix socket. So each reactor has one socket pair, made
//! before the first fork: every process has the sending end, the master the receiving one. The message that means
//! something goes over the lane and names a *ticket*; the descriptor goes over the pair, under that ticket, first. So
//! when the reactor reads the ticket, the descriptor is there: a look at the pair, and never a wait.
//!
//! The pair is `SOCK_SEQPACKET`. A stream would glue messages of different processes together, and gives descriptors
//! no firm place among the bytes; a datagram socket is bounded by `net.unix.max_dgram_qlen` (10 by default) as soon as
//! it is not one of a connected pair, and says nothing when the other end is gone. Here each message is one ticket with
//! one descriptor, whoever sends, the bound is the send buffer (some hundred messages), and a dead receiver is `EPIPE`.
//!
//! A process may be killed between the two sends. Its descriptor then arrives and nobody asks for it: [`Arrivals`]
//! keeps what has come until it is taken, or until it is too old. Nobody watches the pair for that alone: it is looked at
//! when the next file is asked for.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair,
};

/// One message: the ticket.
const TICKET: usize = size_of::<u64>();
/// Descriptors there is room for in one message. One is expected; more are taken to be closed.
const ROOM: usize = 4;
/// Messages taken in one go: more than the send buffer holds, so only a flood meets it.
const AT_ONCE: usize = 4096;
/// Between two tries when the kernel has too many descriptors on their way.
const CONGESTED: Duration = Duration::from_millis(2);

/// The two ends for one reactor.
pub(crate) fn pair() -> io::Result<(Sender, Receiver)> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let (sender, receiver) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
    Ok((Sender(sender), Receiver(receiver)))
}

/// The end that every process has.
#[derive(Debug)]
pub(crate) struct Sender(OwnedFd);

impl Sender {
    /// Send `descriptor` under `ticket`; the caller may close its own then. `TimedOut` if there is no room for longer
    /// than `patience`: the reactor reads only when it reads its lanes. `BrokenPipe` if it is gone.
    pub(crate) fn send(
        &self,
        ticket: u64,
        descriptor: BorrowedFd<'_>,
        patience: Duration,
    ) -> io::Result<()> {
        let deadline = Instant::now() + patience;
        let bytes = ticket.to_le_bytes();
        let descriptors = [descriptor.as_raw_fd()];
        loop {
            let sent = sendmsg::<()>(
                self.0.as_raw_fd(),
                &[IoSlice::new(&bytes)],
                &[ControlMessage::ScmRights(&descriptors)],
                MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
                None,
            );
            let left = deadline.saturating_duration_since(Instant::now());
            match sent {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if !left.is_zero() => self.wait_for_room(left)?,
                Err(Errno::ETOOMANYREFS) if !left.is_zero() => {
                    std::thread::sleep(CONGESTED.min(left)); // room in our own queue says nothing about it
                }
                Err(Errno::EAGAIN | Errno::ETOOMANYREFS) => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn wait_for_room(&self, left: Duration) -> io::Result<()> {
        let most = u16::try_from(left.as_millis() + 1).unwrap_or(u16::MAX);
        let mut watched = [PollFd::new(self.0.as_fd(), PollFlags::POLLOUT)];
        match poll(&mut watched, PollTimeout::from(most)) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// The end of the reactor.
#[derive(Debug)]
pub(crate) struct Receiver(OwnedFd);

impl Receiver {
    /// Everything that has come, in its order. A ticket without a descriptor is one that could not be given to this
    /// process, because it has as many as it may have.
    pub(crate) fn receive_all(&self) -> Vec<(u64, Option<OwnedFd>)> {
        let mut came = Vec::new();
        for _ in 0..AT_ONCE {
            match receive_one(self.0.as_raw_fd()) {
                Some(Message::Ticket(ticket, descriptor)) => came.push((ticket, descriptor)),
                Some(Message::Noise) => {}
                None => break,
            }
        }
        came
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

enum Message {
    Ticket(u64, Option<OwnedFd>),
    /// Not of our making; its descriptors are closed.
    Noise,
}

/// The next message; none if there is none (or no sender is left).
fn receive_one(socket: RawFd) -> Option<Message> {
    let mut bytes = [0u8; TICKET + 1]; // one more, to see that a message is too long
    // u64: control data wants the alignment of its header.
    let mut control = [0u64; 8];
    // SAFETY: only computes a size.
    let space = unsafe { libc::CMSG_SPACE((ROOM * size_of::<RawFd>()) as u32) } as usize;
    let mut piece = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: integers and pointers, for which all zero is a value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut piece;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = space.min(size_of_val(&control)) as _;
    let count = loop {
        // SAFETY: the header points to locals with the lengths it gives.
        let count = unsafe {
            libc::recvmsg(
                socket,
                &raw mut header,
                libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC,
            )
        };
        match Errno::result(count) {
            Ok(0) => return None, // no message is empty: the senders are gone
            Ok(count) => break count as usize,
            Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    };
    let mut descriptors = descriptors(&header);
    let ticket: Option<[u8; TICKET]> = bytes.get(..count).and_then(|b| b.try_into().ok());
    let Some(ticket) = ticket.map(u64::from_le_bytes) else {
        return Some(Message::Noise);
    };
    let is_whole = header.msg_flags & (libc::MSG_CTRUNC | libc::MSG_TRUNC) == 0;
    let only = descriptors
        .pop()
        .filter(|_| is_whole && descriptors.is_empty());
    Some(Message::Ticket(ticket, only))
}

/// Every descriptor that came with a message: from here on they are closed if nobody keeps them.
fn descriptors(header: &libc::msghdr) -> Vec<OwnedFd> {
    let mut found = Vec::new();
    // SAFETY: the kernel has filled the control data of `header`, which is still where it points to.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !next.is_null() {
        // SAFETY: not null, so inside the control data and aligned.
        let part = unsafe { &*next };
        if (part.cmsg_level, part.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            // SAFETY: only computes a size.
            let front = unsafe { libc::CMSG_LEN(0) } as usize;
            let count = (part.cmsg_len as usize).saturating_sub(front) / size_of::<RawFd>();
            for place in 0..count {
                // SAFETY: `cmsg_len` covers `count` descriptors, which the kernel has installed for this call alone.
                let descriptor = unsafe {
                    let data = libc::CMSG_DATA(next).cast::<RawFd>();
                    OwnedFd::from_raw_fd(data.add(place).read_unaligned())
                };
                found.push(descriptor);
            }
        }
        // SAFETY: as for the first one.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
    }
    found
}

/// Descriptors that have come and were not asked for yet.
#[derive(Debug)]
pub(crate) struct Arrivals {
    waiting: HashMap<u64, (Option<OwnedFd>, u64)>,
    /// Milliseconds after which nobody will ask any more.
    patience_ms: u64,
}

impl Arrivals {
    pub(crate) fn new(patience_ms: u64) -> Arrivals {
        Arrivals {
            waiting: HashMap::new(),
            patience_ms,
        }
    }

    /// Take in what has come by now.
    pub(crate) fn collect(&mut self, receiver: &Receiver, now_ms: u64) {
        for (ticket, descriptor) in receiver.receive_all() {
            self.add(ticket, descriptor, now_ms);
        }
    }

    /// One that has come. Of two with one ticket the later counts.
    pub(crate) fn add(&mut self, ticket: u64, descriptor: Option<OwnedFd>, now_ms: u64) {
        self.waiting.insert(ticket, (descriptor, now_ms));
    }

    /// The descriptor of this ticket. None: it has not come, or was lost on its way. One that was sent before the
    /// message that names it is here after a [`Arrivals::collect`].
    pub(crate) fn take(&mut self, ticket: u64) -> Option<OwnedFd> {
        self.waiting.remove(&ticket)?.0
    }

    /// Close what has waited too long: whoever sent it has died before it could say what it was for. How many.
    pub(crate) fn expire(&mut self, now_ms: u64) -> usize {
        let before = self.waiting.len();
        let patience = self.patience_ms;
        self.waiting
            .retain(|_, (_, came)| now_ms.saturating_sub(*came) < patience);
        before - self.waiting.len()
    }
}

#[cfg(test)]
mod tests;
