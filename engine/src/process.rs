//! Processes of user code: children that are nobody's worker, and what they talk over.
//!
//! A front that offers them to scripts (`Skep\Process`) finds here what needs the platform's care: a fork that leaves
//! no role of a server behind in the child, a pair of sockets that tells the death of the other side, System V queues.

use std::io;

pub use crate::sys::channel::{Channel, ChannelKind, pair};
pub use crate::sys::message_queue::{MessageQueue, QueueState, Queued};

use crate::sys::fork::{self, Fork};
use crate::sys::{output, process};

/// Which side of a fork this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forked {
    /// The new process.
    Child,
    /// The old process, with the child's pid.
    Parent(i32),
}

/// Fork on behalf of user code. The child of a server's process is no part of the server: signals have their default
/// action there, and [`crate::Context`] refuses everything. Not in the master of a running server, which has threads.
pub fn fork() -> io::Result<Forked> {
    fork::flush_stdio(); // what C code has buffered would be written twice
    Ok(match fork::fork_for_user()? {
        Fork::Child => Forked::Child,
        Fork::Parent(pid) => Forked::Parent(pid),
    })
}

/// Go on in a child of this process, which ends here with code 0: detached from the terminal, in a session of its own.
/// `descriptors` become standard input, output and error, those that are not negative.
pub fn detach(keep_directory: bool, keep_stdio: bool, descriptors: [i32; 3]) -> io::Result<()> {
    fork::flush_stdio();
    if let Fork::Parent(_) = fork::fork()? {
        fork::exit_now(0);
    }
    process::new_session(!keep_directory)?;
    if !keep_stdio {
        output::close_stdio()?;
    }
    output::take_stdio(descriptors)
}

/// End this process without destructors and exit handlers, with what C code has buffered written.
pub fn exit_now(code: i32) -> ! {
    fork::flush_stdio();
    fork::exit_now(code)
}
