//! skep: a multi-process network server engine.
//!
//! A *master* process accepts connections and reads and writes them on *reactor* threads; *worker*
//! processes, forked and supervised by a *manager*, run the user's callbacks. Messages travel between
//! them on rings in shared memory. `docs/ARCHITECTURE.md` has the design and its reasons.
//!
//! ```no_run
//! use std::rc::Rc;
//! use skep::{Children, Context, Handler, Server, SessionId, SocketType, Step};
//!
//! struct Echo;
//! impl Handler for Echo {
//!     fn on_receive(&self, server: &Context, session: SessionId, _reactor: i32, data: &[u8]) -> Step {
//!         let _ = server.send(session, data); // refused only if the client has gone
//!         Ok(())
//!     }
//! }
//!
//! let server = Server::bind("127.0.0.1", 9501, SocketType::Tcp)?;
//! server.start(Rc::new(Echo), Children::Exit)?;
//! # Ok::<(), skep::Error>(())
//! ```
//!
//! Modules, upper layers first; each imports only from those below it (`.ci/layers.sh` checks):
//! `capi` · `server` `client` · `role` · `daemon` `reactor` `dispatch` `observer` · `handler` `context` `event_loop` · `timer` `errand` `shared` · `session`
//! `tls` · `settings` `protocol` `log` `stats` `memory` · `ipc` `net` · `sys` · `callback` `choice` `command` `error` `sync`.

#![deny(unsafe_code)]

/// The programs in README.md compile: tests of the documentation look here.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

mod callback;
pub mod capi;
mod choice;
pub mod client;
pub mod command;
mod context;
mod daemon;
mod dispatch;
mod errand;
pub mod error;
mod event_loop;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod handler;
#[allow(unsafe_code, reason = "rings and blocks in shared memory")]
mod ipc;
mod log;
pub mod memory;
#[allow(unsafe_code, reason = "socket calls without a safe wrapper")]
mod net;
mod observer;
mod packet;
mod port;
pub mod process;
mod protocol;
mod reactor;
mod role;
mod server;
mod session;
pub mod settings;
mod shared;
mod stats;
mod sync;
#[allow(unsafe_code, reason = "system calls")]
mod sys;
pub mod task;
mod timer;
mod tls;

pub use choice::{DispatchEvent, DispatchFn, DispatchKind, LengthFn, Target};
pub use context::{Context, Refused, Role, WorkerStatus};
pub use daemon::set_process_title;
pub use error::{Error, Result};
pub use event_loop::{DeferredFn, EventLoop, SignalFn, TimerFn, TurnFn, WatchFn};
pub use handler::{CLOSED_BY_SERVER, Callback, Death, Handler, Interests, Leave, Step};
#[cfg(not(loom))]
#[doc(hidden)]
pub use ipc::probe;
pub use log::{Level as LogLevel, ignore_error};
pub use net::SocketType;
pub use packet::Packet;
pub use role::{Ended, Pool, PoolContext, PoolEnded, PoolHandler, PoolMessages};
pub use server::{Children, PortInfo, Server};
pub use session::{SessionId, SessionInfo, TlsInfo};
pub use stats::{Figure, Stats, WorkerReport, WorkerState, WorkerStats};
pub use sys::poller::Readiness;
pub use timer::{TimerId, TimerInfo, TimerStats};
