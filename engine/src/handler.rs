//! What a user of the engine writes: one method per event, each with an empty default.
//!
//! All methods of one process are called on one thread, never two at a time, with one exception
//! that is part of the contract: [`Context::close`] runs `on_close` before it returns, so a handler can
//! be entered again from within its own call. That is why methods take `&self`; keep state in `Cell`
//! and `RefCell`, and hold no borrow across a call into [`Context`].

use std::rc::Rc;

use crate::context::Context;
use crate::session::SessionId;

/// The process cannot go on: end it with this exit code, without further callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leave {
    /// Exit code, 0 to 255. The message at work counts as lost, whatever the code.
    pub code: i32,
}

/// What a callback returns.
pub type Step = Result<(), Leave>;

/// Which events a handler wants. Events nobody wants are not sent to workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interests {
    /// `on_connect`.
    pub connect: bool,
    /// `on_receive`; a stream server cannot start without it.
    pub receive: bool,
    /// `on_close`.
    pub close: bool,
}

/// The reactor id that `on_close` gets when [`Context::close`] ended the session. A client that left, a
/// broken connection, a lost request and a stopping server give the real reactor id.
pub const CLOSED_BY_SERVER: i32 = -1;

/// A server's callbacks.
pub trait Handler {
    /// Which events to deliver. Asked once, at start.
    fn interests(&self) -> Interests {
        Interests {
            connect: true,
            receive: true,
            close: true,
        }
    }

    /// First call in each process, before any other: here is what this process can do.
    fn attach(&self, context: &Rc<Context>) {
        let _ = context;
    }

    /// Master: every process has been forked, accepting begins when this returns.
    fn on_start(&self, context: &Context) -> Step {
        let _ = context;
        Ok(())
    }

    /// Master: a stop was asked for; the server still serves.
    fn on_before_shutdown(&self, context: &Context) -> Step {
        let _ = context;
        Ok(())
    }

    /// Master: all other processes are gone. The last callback.
    fn on_shutdown(&self, context: &Context) -> Step {
        let _ = context;
        Ok(())
    }

    /// Manager: the first generation of workers has been forked.
    fn on_manager_start(&self, context: &Context) -> Step {
        let _ = context;
        Ok(())
    }

    /// Manager: all workers are gone.
    fn on_manager_stop(&self, context: &Context) -> Step {
        let _ = context;
        Ok(())
    }

    /// Manager: a worker ended with a code other than 0 or by a signal; called before it is replaced.
    fn on_worker_error(
        &self,
        context: &Context,
        worker: u32,
        pid: i32,
        code: i32,
        signal: i32,
    ) -> Step {
        let _ = (context, worker, pid, code, signal);
        Ok(())
    }

    /// Worker: first event of the process.
    fn on_worker_start(&self, context: &Context, worker: u32) -> Step {
        let _ = (context, worker);
        Ok(())
    }

    /// Worker: last event of a process that ends in good order.
    fn on_worker_stop(&self, context: &Context, worker: u32) -> Step {
        let _ = (context, worker);
        Ok(())
    }

    /// Worker: a session has begun.
    fn on_connect(&self, context: &Context, session: SessionId, reactor: i32) -> Step {
        let _ = (context, session, reactor);
        Ok(())
    }

    /// Worker: a message has come. `data` is valid during the call only.
    fn on_receive(&self, context: &Context, session: SessionId, reactor: i32, data: &[u8]) -> Step {
        let _ = (context, session, reactor, data);
        Ok(())
    }

    /// Worker: a session has ended. `reactor` is [`CLOSED_BY_SERVER`] if a callback closed it.
    fn on_close(&self, context: &Context, session: SessionId, reactor: i32) -> Step {
        let _ = (context, session, reactor);
        Ok(())
    }
}
