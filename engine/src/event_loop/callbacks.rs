//! What the loop calls. Each gets the server's process it runs in, `None` in a program without a server.

use std::os::fd::RawFd;

use crate::context::Context;
use crate::handler::Step;
use crate::sys::poller::Readiness;
use crate::timer::TimerId;

/// A timer's callback; gets the timer's id.
pub type TimerFn = Box<dyn FnMut(Option<&Context>, TimerId) -> Step>;

/// A descriptor's callback; gets the descriptor and what it is ready for.
pub type WatchFn = Box<dyn FnMut(Option<&Context>, RawFd, Readiness) -> Step>;

/// A call that was put off.
pub type DeferredFn = Box<dyn FnOnce(Option<&Context>) -> Step>;

/// Called in each turn.
pub type TurnFn = Box<dyn FnMut(Option<&Context>) -> Step>;

/// A signal's callback; gets its number.
pub type SignalFn = Box<dyn FnMut(Option<&Context>, i32) -> Step>;
