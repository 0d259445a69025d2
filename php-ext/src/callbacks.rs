//! The engine's handler over PHP callables.

mod asked;
mod callback;
mod guarded;
mod tasks;

use std::cell::Cell;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use skep::command::Command;
use skep::{
    Context, Death, DispatchEvent, Handler, Interests, Leave, Packet, Role, SessionId, Step,
    Target as Worker,
};

use skep::settings::Settings;
use skep::task::{LostTask, PipeMessage, Task, TaskId, TaskResult};

pub(crate) use self::callback::{Callback, is_nothing};
use crate::call::{Frame, Target};
use crate::classes::data::Shape;
use crate::classes::server::ServerObject;
use crate::classes::{port, process};
use crate::events::{Event, PORT_EVENTS, PORT_NAMES, PortEvent};
use crate::globals;
use crate::loaded::Loaded;
use crate::looping;
use crate::opcache::{self, Before};
use crate::overdue;
use crate::random;
use crate::zend::{Zv, zend_object};

/// The handler that `start()` hands to the engine.
pub(crate) struct PhpHandler {
    /// Alive while `start()` is on the stack, because PHP's frame of that call holds it.
    server: *mut zend_object,
    /// By port: its own callback of each event, or else the primary port's. Their callables are held for as
    /// long as the server runs.
    ports: Vec<[Option<Callback>; PORT_EVENTS]>,
    /// Set once this process must end: the exit code.
    left: Cell<Option<i32>>,
    /// A fatal error of PHP or a panic has ended a callback: nothing more can be called.
    broken: Cell<bool>,
    /// What was loaded before `start()`.
    loaded: Loaded,
    /// Setting `event_object`: callbacks get one object in the place of single arguments.
    objects: bool,
    /// The same for `onTask`.
    task_objects: bool,
    /// A result came for which there is no callback, and that was said.
    finish_missed: Cell<bool>,
}

impl PhpHandler {
    /// For the server whose `start()` runs.
    pub(crate) fn new(server: *mut zend_object, settings: &Settings) -> PhpHandler {
        opcache::mark();
        // SAFETY: alive, see the field.
        let ports = callbacks_of_ports(unsafe { ServerObject::of(server) });
        PhpHandler {
            server,
            ports,
            left: Cell::new(None),
            broken: Cell::new(false),
            loaded: Loaded::now(),
            objects: settings.event_object(),
            task_objects: settings.task_object(),
            finish_missed: Cell::new(false),
        }
    }

    /// The code with which a callback asked this process to end.
    pub(crate) fn left(&self) -> Option<i32> {
        self.left.get()
    }

    fn object(&self) -> &ServerObject {
        // SAFETY: alive, see the field.
        unsafe { ServerObject::of(self.server) }
    }

    /// Call the event's callback, if there is one. `build` adds the arguments after the server.
    fn run(&self, context: &Context, event: Event, build: impl FnOnce(Frame) -> Frame) -> Step {
        let Some(callback) = self.object().place(event).callback() else {
            return Ok(());
        };
        // exit() and exceptions leave PHP in order, so the worker's stop callback comes after them; after
        // a fatal error there is nothing left to call it with.
        let last_words = event == Event::WorkerStop && !self.broken.get() && !globals::panicked();
        if let (Some(code), false) = (self.left.get(), last_words) {
            return Err(Leave { code });
        }
        let frame = build(Frame::new(callback.target).with(Zv::object(self.server)));
        self.guarded(context, event.name(), &frame)
    }

    /// As `run`, for an event of the port at hand.
    fn run_at_port(
        &self,
        context: &Context,
        event: PortEvent,
        build: impl FnOnce(Frame) -> Frame,
    ) -> Step {
        let Some(callback) = self.port_callback(context.event_port(), event) else {
            return Ok(());
        };
        if let Some(code) = self.left.get() {
            return Err(Leave { code });
        }
        let frame = build(Frame::new(callback.target).with(Zv::object(self.server)));
        self.guarded(context, event.name(), &frame)
    }

    fn port_callback(&self, port: u16, event: PortEvent) -> Option<Callback> {
        *self.ports.get(usize::from(port))?.get(event as usize)?
    }

    /// Call user code from the event loop.
    pub(crate) fn run_job(&self, context: &Context, event: &str, frame: &Frame) -> Step {
        match self.left.get() {
            Some(code) => Err(Leave { code }),
            None => self.guarded(context, event, frame),
        }
    }

    /// Have the opcode cache forget what has changed.
    fn freshen(&self, context: &Context, before: Before) -> Step {
        if !opcache::is_there() {
            return Ok(());
        }
        if !opcache::is_restricted() {
            let event = match before {
                Before::Reload => "beforeReload",
                Before::Bootstrap => "bootstrap",
            };
            return self.guarded(context, event, &Frame::new(Target::Freshen(before)));
        }
        if before == Before::Reload {
            context.log_warning(
                "opcache.restrict_api is set: a reload cannot renew what the opcode cache holds",
            );
        }
        Ok(())
    }
}

fn long(value: impl Into<i64>) -> Zv {
    Zv::long(value.into())
}

fn id(session: SessionId) -> Zv {
    Zv::long(session as i64)
}

/// The object of a session's event.
fn of_session(session: SessionId, reactor: i32, dispatched_us: u64) -> Shape {
    Shape::Event {
        reactor: reactor.into(),
        session: session as i64,
        time: dispatched_us as f64 / 1e6,
    }
}

impl Handler for PhpHandler {
    fn interests(&self, port: u16) -> Interests {
        let has = |event| self.port_callback(port, event).is_some();
        Interests {
            connect: has(PortEvent::Connect),
            receive: has(PortEvent::Receive),
            close: has(PortEvent::Close),
            packet: has(PortEvent::Packet),
            buffer_full: has(PortEvent::BufferFull),
            buffer_empty: has(PortEvent::BufferEmpty),
        }
    }

    fn dispatches(&self) -> bool {
        self.dispatch_func().is_some()
    }

    fn on_dispatch(&self, context: &Context, event: &DispatchEvent<'_>) -> Result<Worker, Leave> {
        self.choose(context, event)
    }

    fn measures(&self, port: u16) -> bool {
        self.length_func(port).is_some()
    }

    fn on_length(&self, context: &Context, port: u16, data: &[u8]) -> Result<i64, Leave> {
        self.measure(context, port, data)
    }

    fn on_command(
        &self,
        context: &Context,
        command: &Command<'_>,
        data: &[u8],
    ) -> Result<Vec<u8>, Leave> {
        self.obey(context, command, data)
    }

    fn attach(&self, context: &Rc<Context>) {
        globals::set_context(context);
        globals::set_handler(Some(self));
        self.object().show_process(context);
        if context.role() != Role::Master {
            random::reseed();
        }
        if context.worker_id().is_some() {
            overdue::watch(context);
        }
    }

    fn on_start(&self, context: &Context) -> Step {
        self.run(context, Event::Start, |frame| frame)
    }

    fn on_before_shutdown(&self, context: &Context) -> Step {
        self.run(context, Event::BeforeShutdown, |frame| frame)
    }

    fn on_shutdown(&self, context: &Context) -> Step {
        self.run(context, Event::Shutdown, |frame| frame)
    }

    fn on_manager_start(&self, context: &Context) -> Step {
        self.run(context, Event::ManagerStart, |frame| frame)
    }

    fn on_manager_stop(&self, context: &Context) -> Step {
        self.run(context, Event::ManagerStop, |frame| frame)
    }

    fn on_worker_error(&self, context: &Context, death: &Death) -> Step {
        let shape = Shape::StatusInfo(death);
        self.run(context, Event::WorkerError, |frame| {
            let frame = match self.objects {
                true => frame.with_object(&shape),
                false => frame
                    .with(long(death.worker))
                    .with(long(death.pid))
                    .with(long(death.code))
                    .with(long(death.signal)),
            };
            frame.with_death(death)
        })
    }

    fn on_before_reload(&self, context: &Context) -> Step {
        self.loaded.report_changes(context);
        self.freshen(context, Before::Reload)?;
        self.run(context, Event::BeforeReload, |frame| frame)
    }

    fn on_after_reload(&self, context: &Context) -> Step {
        self.run(context, Event::AfterReload, |frame| frame)
    }

    fn loads_bootstrap(&self) -> bool {
        true
    }

    fn on_bootstrap(&self, context: &Context, path: &str) -> Step {
        self.freshen(context, Before::Bootstrap)?;
        // With links resolved: the opcode cache would take the path for the file that it led to before.
        let real = std::fs::canonicalize(path);
        let path = real.as_ref().map_or(Path::new(path), |real| real);
        let frame = Frame::new(Target::File).with_bytes(path.as_os_str().as_bytes());
        self.guarded(context, "bootstrap", &frame)
    }

    fn on_user_process(&self, context: &Context, process: u32) -> Step {
        let object = self.object().process(process);
        // It was a callable when the object was made; its class cannot have gone.
        let (Some(object), Some(callback)) = (object, object.and_then(process::arrive)) else {
            return self.leave(255);
        };
        let frame = callback.frame().with(Zv::object(object));
        self.guarded(context, "process", &frame)?;
        looping::finish(); // timers and the like that it has made
        match self.left.get() {
            Some(code) => Err(Leave { code }),
            None => Ok(()),
        }
    }

    fn on_worker_exit(&self, context: &Context, worker: u32) -> Step {
        self.run(context, Event::WorkerExit, |frame| frame.with(long(worker)))
    }

    fn on_worker_start(&self, context: &Context, worker: u32) -> Step {
        self.run(context, Event::WorkerStart, |frame| {
            frame.with(long(worker))
        })
    }

    fn on_worker_stop(&self, context: &Context, worker: u32) -> Step {
        self.run(context, Event::WorkerStop, |frame| frame.with(long(worker)))
    }

    fn on_connect(&self, context: &Context, session: SessionId, reactor: i32) -> Step {
        let shape = of_session(session, reactor, 0);
        self.run_at_port(context, PortEvent::Connect, |frame| match self.objects {
            true => frame.with_object(&shape),
            false => frame.with(id(session)).with(long(reactor)),
        })
    }

    fn on_receive(&self, context: &Context, session: SessionId, reactor: i32, data: &[u8]) -> Step {
        if self.objects {
            let packet = context.packet().map(|packet| packet.dispatch_us);
            let time = context.last_dispatch_us(session).or(packet).unwrap_or(0);
            let shape = of_session(session, reactor, time);
            return self.run_at_port(context, PortEvent::Receive, |frame| {
                frame.with_bytes(data).with_object(&shape)
            });
        }
        self.run_at_port(context, PortEvent::Receive, |frame| {
            frame.with(id(session)).with(long(reactor)).with_bytes(data)
        })
    }

    fn on_packet(&self, context: &Context, packet: &Packet, data: &[u8]) -> Step {
        let shape = Shape::Packet(packet);
        self.run_at_port(context, PortEvent::Packet, |frame| {
            let frame = frame.with_bytes(data);
            match self.objects {
                true => frame.with_object(&shape),
                false => frame.with_packet(packet),
            }
        })
    }

    fn on_close(&self, context: &Context, session: SessionId, reactor: i32) -> Step {
        let shape = of_session(session, reactor, 0);
        self.run_at_port(context, PortEvent::Close, |frame| match self.objects {
            true => frame.with_object(&shape),
            false => frame.with(id(session)).with(long(reactor)),
        })
    }

    fn runs_tasks(&self) -> bool {
        self.has(Event::Task)
    }

    fn on_task(&self, context: &Context, task: &Task, data: &[u8]) -> Step {
        self.run_task(context, task, data)
    }

    fn on_finish(&self, context: &Context, result: &TaskResult, data: &[u8]) -> Step {
        self.run_finish(context, result, data)
    }

    fn on_task_done(&self, context: &Context, task: TaskId) -> Step {
        self.forget_finisher(context, task)
    }

    fn on_task_lost(&self, context: &Context, lost: &LostTask) -> Step {
        self.run_task_lost(context, lost)
    }

    fn takes_messages(&self) -> bool {
        self.has(Event::PipeMessage)
    }

    fn on_pipe_message(&self, context: &Context, message: &PipeMessage, data: &[u8]) -> Step {
        self.run_pipe_message(context, message, data)
    }

    fn on_buffer_full(&self, context: &Context, session: SessionId) -> Step {
        self.run_at_port(context, PortEvent::BufferFull, |frame| {
            frame.with(id(session))
        })
    }

    fn on_buffer_empty(&self, context: &Context, session: SessionId) -> Step {
        self.run_at_port(context, PortEvent::BufferEmpty, |frame| {
            frame.with(id(session))
        })
    }
}

/// What to call for each event of each port.
fn callbacks_of_ports(server: &ServerObject) -> Vec<[Option<Callback>; PORT_EVENTS]> {
    let own = |index| {
        let port = server.port(index);
        PORT_NAMES.map(|row| port::place(port?, row.0).callback())
    };
    let primary = own(0);
    (0..server.port_count())
        .map(|index| {
            let mut callbacks = own(index);
            for (callback, fallback) in callbacks.iter_mut().zip(primary) {
                *callback = callback.or(fallback);
            }
            // This one is a setting: a port with settings of its own takes over none.
            let length = PortEvent::Length as usize;
            if server.port(index).is_some_and(port::has_own_setting) {
                callbacks[length] = own(index)[length];
            }
            callbacks
        })
        .collect()
}
