//! The platform: what the engine needs from Linux, one kernel object or call family per file.
//!
//! Everything above this layer works with these names and never with libc or nix:
//!
//! * [`memory::SharedMap`]: zeroed memory that children share
//! * [`fork::fork`], [`fork::Fork`]: a child process, or this one
//! * [`wait::reap`]: the next dead child
//! * [`signal`]: handlers that set a bit and ring the bell of their own process
//! * [`message_queue::MessageQueue`], [`channel::pair`]: what user code's processes talk over
//! * [`eventfd::EventFd`], [`pipe::lifeline`]: wake-ups, and the death of a supervisor
//! * [`fuse`], [`last_line`]: the end of a process whose supervisors are dead, whatever keeps it busy
//! * [`process`]: ids, limits, the parent-death signal, a session of its own
//! * [`identity`]: users, groups, another root directory; [`affinity`]: CPUs; [`title`]: the name in `ps`
//! * [`output`]: standard output and error; [`lock`]: a file that one process holds
//! * [`mutex::RobustMutex`]: held by one thread of all processes, freed by its death; [`futex`]: sleeping on a word
//! * [`forks`]: knowing that somebody has forked this process
//! * [`file`]: files to be sent, memory files; [`sigpipe::hidden`]: calls that would raise it
//! * [`ready::wait`]: any of a few descriptors
//! * [`random::number`]: different in every process
//! * [`poller::Poller`]: descriptors of user code, level-triggered; [`user_signal`]: signals that user code listens to
//! * [`clock`]: monotonic and wall time, local time as text

pub(crate) mod affinity;
pub(crate) mod channel;
pub(crate) mod clock;
pub(crate) mod eventfd;
pub(crate) mod file;
pub(crate) mod fork;
pub(crate) mod forks;
pub(crate) mod fuse;
pub(crate) mod futex;
pub(crate) mod identity;
pub(crate) mod last_line;
pub(crate) mod lock;
pub(crate) mod memory;
pub(crate) mod message_queue;
pub(crate) mod mutex;
pub(crate) mod output;
pub(crate) mod pipe;
pub(crate) mod poller;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod ready;
pub(crate) mod signal;
pub(crate) mod sigpipe;
pub(crate) mod title;
pub(crate) mod user_signal;
#[cfg(all(test, not(loom)))]
pub(crate) mod victims;
pub(crate) mod wait;
