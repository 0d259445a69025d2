//! What is behind the opaque C names, and who owns it.
//!
//! | C | Rust | owned by |
//! |---|---|---|
//! | `skep_server *` | `Box<skep_server>` | the caller, from `skep_server_new` to `skep_server_free` |
//!
//! A handle is reached from C through raw pointers and again from the callbacks it runs, so it is only
//! ever borrowed shared; what changes is in cells, and no borrow of a cell outlives one statement.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::callbacks::Callbacks;
use super::status::{Fault, SKEP_NOT_RUNNING, SKEP_STATE, SKEP_WRONG_THREAD};
use crate::{Context, Leave, PortInfo, Server, Step};

/// A server: settings and callbacks first, then skep_server_start(). It belongs to the thread that
/// made it, in every process that this thread forks.
pub struct skep_server {
    phase: RefCell<Phase>,
    /// What this process can do; replaced in each forked process.
    context: RefCell<Option<Rc<Context>>>,
    pub(super) callbacks: Callbacks,
    /// The callback at work has asked to end the process with this code.
    leave: Cell<Option<i32>>,
    /// What is known of the ports, for every process.
    ports: RefCell<Vec<PortInfo>>,
    thread: usize,
}

enum Phase {
    Setup(Box<Server>),
    Running,
    Ended,
}

impl skep_server {
    pub(super) fn new(server: Server) -> skep_server {
        skep_server {
            ports: RefCell::new(ports_of(&server)),
            phase: RefCell::new(Phase::Setup(Box::new(server))),
            context: RefCell::new(None),
            callbacks: Callbacks::default(),
            leave: Cell::new(None),
            thread: this_thread(),
        }
    }

    /// The primary port's number.
    pub(super) fn port(&self) -> u16 {
        self.port_info(0).map_or(0, |port| port.port)
    }

    pub(super) fn port_info(&self, index: u16) -> Option<PortInfo> {
        self.ports.borrow().get(usize::from(index)).cloned()
    }

    /// The ports have changed: see what they are now.
    pub(super) fn note_ports(&self) -> Result<(), Fault> {
        let ports = self.setup(|server| Ok(ports_of(server)))?;
        self.ports.replace(ports);
        Ok(())
    }

    /// Change the server before it starts. `change` must not call user code.
    pub(super) fn setup<T>(
        &self,
        change: impl FnOnce(&mut Server) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        match &mut *self.phase.borrow_mut() {
            Phase::Setup(server) => change(server),
            Phase::Running => Err(Fault::new(
                SKEP_STATE,
                "the server has been started already",
            )),
            Phase::Ended => Err(Fault::new(SKEP_STATE, "the server has ended")),
        }
    }

    /// Take the server out to run it.
    pub(super) fn begin(&self) -> Result<Server, Fault> {
        self.setup(|_| Ok(()))?;
        match self.phase.replace(Phase::Running) {
            Phase::Setup(server) => Ok(*server),
            Phase::Running | Phase::Ended => Err(Fault::new(
                SKEP_STATE,
                "the server has been started already",
            )),
        }
    }

    /// The server has ended or did not start: nothing but freeing is left.
    pub(super) fn end(&self) {
        self.phase.replace(Phase::Ended);
        // Taken out before it is dropped, so that no borrow is held while it goes.
        let context = self.context.take();
        drop(context);
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(&*self.phase.borrow(), Phase::Running)
    }

    pub(super) fn attach(&self, context: &Rc<Context>) {
        let inherited = self.context.replace(Some(Rc::clone(context)));
        drop(inherited);
    }

    /// What this process can do, from within a callback.
    pub(super) fn context(&self) -> Result<Rc<Context>, Fault> {
        let context = self.context.borrow().clone();
        context.ok_or_else(|| Fault::new(SKEP_NOT_RUNNING, "the server does not run"))
    }

    pub(super) fn ask_to_leave(&self, code: i32) {
        self.leave.set(Some(code));
    }

    /// The callback at hand has not returned yet: it will want this.
    pub(super) fn put_off(&self, leave: Leave) {
        self.leave.set(Some(leave.code));
    }

    /// What the callback that has just returned wants.
    pub(super) fn step(&self) -> Step {
        self.leave.take().map_or(Ok(()), |code| Err(Leave { code }))
    }
}

fn ports_of(server: &Server) -> Vec<PortInfo> {
    (0..).map_while(|index| server.port_info(index)).collect()
}

/// Follow a handle.
///
/// # Safety
/// `server` is NULL or came from `skep_server_new` and has not been freed, and is not freed within `'a`.
pub(super) unsafe fn get<'a>(server: *const skep_server) -> Result<&'a skep_server, Fault> {
    if server.is_null() {
        return Err(Fault::null("server"));
    }
    // SAFETY: not NULL, so by contract a live box; all borrows of it are shared ones. Reading `thread`
    // from another thread is sound, it never changes.
    let server = unsafe { &*server };
    if server.thread != this_thread() {
        return Err(Fault::new(
            SKEP_WRONG_THREAD,
            "the server was made by another thread",
        ));
    }
    Ok(server)
}

/// A number no other living thread of this process has; the same in a forked child.
fn this_thread() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| std::ptr::from_ref(here).addr())
}
