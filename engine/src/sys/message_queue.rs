//! System V message queues: the one kernel object here that outlives every process that knows it.
//!
//! So whoever creates a queue without a key removes it, and a queue with a key is there for others on purpose. Queues are
//! made with mode 0600: what is in them is read and answered as if it came from within. A wait in `msgsnd` or
//! `msgrcv` cannot be combined with any other and is never restarted after a signal: callers see `EINTR`.

use std::io;
use std::mem::{MaybeUninit, size_of};

use nix::errno::Errno;

/// Mode of new queues.
const MODE: libc::c_int = 0o600;
/// Bytes of the type in front of each message.
const TYPE: usize = size_of::<libc::c_long>();

/// How an attempt to send or receive ended, other than by an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// The message is in the queue, or has been taken from it: its type and length.
    Done(i64, usize),
    /// There is no room, or no message, and the call was not to wait.
    WouldBlock,
    /// A signal has come while the call was waiting.
    Interrupted,
    /// The queue has been removed.
    Removed,
}

/// What is in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueState {
    /// Messages waiting.
    pub messages: u64,
    /// Their bytes, without types.
    pub bytes: u64,
    /// The most bytes the queue takes.
    pub capacity: u64,
}

/// A queue that exists, or did when it was opened. Plain: dropping it removes nothing.
#[derive(Debug)]
pub struct MessageQueue {
    id: i32,
    /// One message with its type; kept, so that a message costs no allocation.
    buffer: Vec<libc::c_long>,
}

impl MessageQueue {
    /// The queue with this key, made if there is none; key 0: a new one that nobody else finds.
    pub fn open(key: i32) -> io::Result<MessageQueue> {
        // SAFETY: no pointers; key 0 is IPC_PRIVATE.
        let id = unsafe { libc::msgget(key, libc::IPC_CREAT | MODE) };
        Errno::result(id)?;
        let buffer = Vec::new();
        Ok(MessageQueue { id, buffer })
    }

    /// The queue with this key, of this user, made with these rights if there is none. `EACCES` if it is another user's:
    /// who owns a queue may write to it, whatever its rights.
    pub fn open_own(key: i32, rights: u32) -> io::Result<MessageQueue> {
        let rights = (rights & 0o666) as libc::c_int;
        // SAFETY: no pointers.
        let id = Errno::result(unsafe { libc::msgget(key, libc::IPC_CREAT | rights) }).or_else(
            |errno| match errno {
                // There is one, with fewer rights than a new one would have.
                // SAFETY: as above.
                Errno::EACCES => Errno::result(unsafe { libc::msgget(key, 0) }),
                errno => Err(errno),
            },
        )?;
        let queue = MessageQueue::of(id);
        let owners = queue.query()?.msg_perm;
        let own = nix::unistd::geteuid().as_raw();
        if [owners.uid, owners.cuid]
            .iter()
            .any(|&uid| uid != own && uid != 0)
        {
            return Err(Errno::EACCES.into());
        }
        Ok(queue)
    }

    /// A queue that somebody else has opened, by its number.
    pub fn of(id: i32) -> MessageQueue {
        let buffer = Vec::new();
        MessageQueue { id, buffer }
    }

    /// A key made of a file's identity, as ftok(3) does, so that all programs that use the file find the same queue.
    pub fn key_of(path: &std::ffi::CStr, project: i32) -> io::Result<i32> {
        // SAFETY: reads the C text.
        let key = unsafe { libc::ftok(path.as_ptr(), project) };
        Ok(Errno::result(key)?)
    }

    /// The system's number of the queue.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// Put a message of type `kind` (at least 1) into the queue.
    pub fn send(&mut self, kind: i64, data: &[u8], wait: bool) -> io::Result<Queued> {
        self.make_room(data.len());
        let Some(first) = self.buffer.first_mut() else {
            return Ok(Queued::WouldBlock); // there is room for a type at least
        };
        *first = kind as libc::c_long;
        // SAFETY: `make_room` has made the buffer this long behind the type; `data` is another slice.
        unsafe {
            let text = self.buffer.as_mut_ptr().cast::<u8>().add(TYPE);
            std::ptr::copy_nonoverlapping(data.as_ptr(), text, data.len());
        }
        // SAFETY: the buffer holds a type and `data.len()` bytes.
        let sent = unsafe {
            libc::msgsnd(
                self.id,
                self.buffer.as_ptr().cast(),
                data.len(),
                flags(wait),
            )
        };
        match Errno::result(sent) {
            Ok(_) => Ok(Queued::Done(kind, data.len())),
            Err(errno) => ended(errno),
        }
    }

    /// Take the next message of type `kind`, of any type for 0, if it has at most `limit` bytes; a longer one stays
    /// where it is, and the error is `E2BIG`. [`MessageQueue::received`] has the bytes.
    pub fn receive(&mut self, kind: i64, limit: usize, wait: bool) -> io::Result<Queued> {
        self.make_room(limit);
        // SAFETY: the buffer has room for a type and `limit` bytes.
        let got = unsafe {
            libc::msgrcv(
                self.id,
                self.buffer.as_mut_ptr().cast(),
                limit,
                kind as libc::c_long,
                flags(wait),
            )
        };
        match Errno::result(got) {
            Ok(length) => Ok(Queued::Done(
                self.buffer.first().copied().unwrap_or_default(),
                length as usize,
            )),
            Err(errno) => ended(errno),
        }
    }

    /// The first `length` bytes of the message that was received last.
    pub fn received(&self, length: usize) -> &[u8] {
        let room = (self.buffer.len() * TYPE).saturating_sub(TYPE);
        // SAFETY: within the buffer, whose memory is initialised from the beginning.
        unsafe {
            let text = self
                .buffer
                .as_ptr()
                .cast::<u8>()
                .add(TYPE.min(self.buffer.len() * TYPE));
            std::slice::from_raw_parts(text, length.min(room))
        }
    }

    fn make_room(&mut self, bytes: usize) {
        let words = 1 + bytes.div_ceil(TYPE);
        if self.buffer.len() < words {
            self.buffer.resize(words, 0);
        }
    }

    fn query(&self) -> io::Result<libc::msqid_ds> {
        let mut about = MaybeUninit::<libc::msqid_ds>::zeroed();
        // SAFETY: room for one struct.
        let asked = unsafe { libc::msgctl(self.id, libc::IPC_STAT, about.as_mut_ptr()) };
        Errno::result(asked)?;
        // SAFETY: written by the call that succeeded (and valid as zero anyway).
        Ok(unsafe { about.assume_init() })
    }

    /// What is in the queue now.
    pub fn state(&self) -> io::Result<QueueState> {
        let about = self.query()?;
        Ok(QueueState {
            messages: about.msg_qnum,
            bytes: about.__msg_cbytes,
            capacity: about.msg_qbytes,
        })
    }

    /// The most bytes that the queue shall take. More than the system's default is root's right.
    pub fn set_capacity(&self, bytes: u64) -> io::Result<()> {
        let mut about = self.query()?;
        about.msg_qbytes = bytes;
        // SAFETY: reads one whole struct.
        let set = unsafe { libc::msgctl(self.id, libc::IPC_SET, &raw mut about) };
        Errno::result(set)?;
        Ok(())
    }

    /// Remove the queue from the system, with what is in it; those who wait in it are woken.
    pub fn remove(&self) -> io::Result<()> {
        remove(self.id)
    }
}

/// Remove a queue. A plain system call, fit for a signal handler.
pub(crate) fn remove(id: i32) -> io::Result<()> {
    // SAFETY: IPC_RMID uses no pointer.
    let removed = unsafe { libc::msgctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
    Errno::result(removed)?;
    Ok(())
}

fn flags(wait: bool) -> libc::c_int {
    if wait { 0 } else { libc::IPC_NOWAIT }
}

fn ended(errno: Errno) -> io::Result<Queued> {
    match errno {
        Errno::EAGAIN | Errno::ENOMSG => Ok(Queued::WouldBlock),
        Errno::EINTR => Ok(Queued::Interrupted),
        Errno::EIDRM => Ok(Queued::Removed),
        errno => Err(errno.into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    struct Own(MessageQueue);

    impl Drop for Own {
        fn drop(&mut self) {
            let _ = self.0.remove();
        }
    }

    fn queue() -> Own {
        Own(MessageQueue::open(0).unwrap())
    }

    #[test]
    fn messages_come_in_order_and_by_type() {
        let Own(queue) = &mut queue();
        for (kind, text) in [(1, "one"), (2, "two"), (1, "three")] {
            assert_eq!(
                queue.send(kind, text.as_bytes(), false).unwrap(),
                Queued::Done(kind, text.len())
            );
        }
        let state = queue.state().unwrap();
        assert_eq!((state.messages, state.bytes), (3, 11));
        assert_eq!(queue.receive(2, 100, false).unwrap(), Queued::Done(2, 3));
        assert_eq!(queue.received(3), b"two");
        assert_eq!(queue.receive(0, 100, false).unwrap(), Queued::Done(1, 3));
        assert_eq!(queue.received(3), b"one");
        assert_eq!(queue.receive(0, 100, false).unwrap(), Queued::Done(1, 5));
        assert_eq!(queue.receive(0, 100, false).unwrap(), Queued::WouldBlock);
        let _ = queue.remove();
    }

    #[test]
    fn a_full_queue_says_so_and_a_message_that_does_not_fit_stays() {
        let own = queue();
        let mut queue = MessageQueue {
            id: own.0.id(),
            buffer: Vec::new(),
        };
        queue.set_capacity(1000).unwrap();
        let mut sent = 0;
        while queue.send(1, &[7; 300], false).unwrap() != Queued::WouldBlock {
            sent += 1;
        }
        assert_eq!(sent, 3);
        let error = queue.receive(0, 299, false).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::E2BIG));
        assert_eq!(queue.receive(0, 300, false).unwrap(), Queued::Done(1, 300));
        assert_eq!(queue.received(300), [7; 300]);
        assert_eq!(queue.state().unwrap().messages, 2);
    }

    #[test]
    fn one_who_waits_is_woken_when_the_queue_is_removed() {
        let own = queue();
        let id = own.0.id();
        let waiter = std::thread::spawn(move || {
            let mut queue = MessageQueue {
                id,
                buffer: Vec::new(),
            };
            queue.receive(0, 10, true).unwrap()
        });
        std::thread::sleep(std::time::Duration::from_millis(20)); // either way it must come back
        own.0.remove().unwrap();
        let ended = waiter.join();
        let gone = MessageQueue {
            id,
            buffer: Vec::new(),
        }
        .state()
        .unwrap_err();
        assert!(matches!(
            gone.raw_os_error(),
            Some(libc::EINVAL | libc::EIDRM)
        ));
        assert!(!matches!(ended, Ok(Queued::Done(..))));
    }

    #[test]
    fn a_new_queue_is_for_its_owner_only() {
        let own = queue();
        assert_eq!(own.0.query().unwrap().msg_perm.mode & 0o777, 0o600);
    }
}
