//! The kinds of processes, and the callbacks of workers, by number in shared memory and by name for people.

/// Which process this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The process that called start().
    Master,
    /// The process that forks and replaces workers.
    Manager,
    /// A worker, with its id.
    Worker(u32),
    /// A task worker, with its id: they come after those of the workers.
    TaskWorker(u32),
    /// A user process, with its id: they come last.
    UserProcess(u32),
}

/// A callback of a worker, as statistics and crash records name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Callback {
    /// None has run yet.
    None = 0,
    /// [`crate::Handler::on_bootstrap`].
    Bootstrap = 1,
    /// [`crate::Handler::on_worker_start`].
    WorkerStart = 2,
    /// [`crate::Handler::on_connect`].
    Connect = 3,
    /// [`crate::Handler::on_receive`].
    Receive = 4,
    /// [`crate::Handler::on_close`].
    Close = 5,
    /// [`crate::Handler::on_worker_exit`].
    WorkerExit = 6,
    /// [`crate::Handler::on_worker_stop`].
    WorkerStop = 7,
    /// [`crate::Handler::on_packet`].
    Packet = 8,
    /// [`crate::Handler::on_buffer_full`].
    BufferFull = 9,
    /// [`crate::Handler::on_buffer_empty`].
    BufferEmpty = 10,
    /// [`crate::Handler::on_task`].
    Task = 20,
    /// [`crate::Handler::on_finish`].
    Finish = 21,
    /// [`crate::Handler::on_task_lost`].
    TaskLost = 22,
    /// [`crate::Handler::on_pipe_message`].
    PipeMessage = 23,
    /// [`crate::Handler::on_user_process`].
    UserProcess = 24,
    /// [`crate::Handler::on_command`].
    Command = 25,
    /// A timer.
    Timer = 32,
    /// A descriptor that is ready.
    Event = 33,
    /// A call that was put off.
    Defer = 34,
    /// A turn of the event loop.
    Turn = 35,
    /// A signal.
    Signal = 36,
}

impl Callback {
    /// Its name as PHP programmers write it; empty for none.
    pub fn name(self) -> &'static str {
        match self {
            Callback::None => "",
            Callback::Bootstrap => "bootstrap",
            Callback::WorkerStart => "onWorkerStart",
            Callback::Connect => "onConnect",
            Callback::Receive => "onReceive",
            Callback::Close => "onClose",
            Callback::WorkerExit => "onWorkerExit",
            Callback::WorkerStop => "onWorkerStop",
            Callback::Packet => "onPacket",
            Callback::BufferFull => "onBufferFull",
            Callback::BufferEmpty => "onBufferEmpty",
            Callback::Task => "onTask",
            Callback::Finish => "onFinish",
            Callback::TaskLost => "onTaskLost",
            Callback::PipeMessage => "onPipeMessage",
            Callback::UserProcess => "user process",
            Callback::Command => "command",
            Callback::Timer => "timer",
            Callback::Event => "event",
            Callback::Defer => "defer",
            Callback::Turn => "cycle",
            Callback::Signal => "signal",
        }
    }

    /// Whether the event loop has called it, not a message.
    pub(crate) fn is_job(self) -> bool {
        use Callback::{Defer, Event, Signal, Timer, Turn};
        matches!(self, Timer | Event | Defer | Turn | Signal)
    }

    /// From the number in shared memory; anything unknown is none.
    pub(crate) fn from_u32(number: u32) -> Callback {
        use Callback::{
            Bootstrap, BufferEmpty, BufferFull, Close, Command, Connect, Defer, Event, Finish,
            Packet, PipeMessage, Receive, Signal, Task, TaskLost, Timer, Turn, UserProcess,
            WorkerExit, WorkerStart, WorkerStop,
        };
        [
            Bootstrap,
            WorkerStart,
            Connect,
            Receive,
            Close,
            WorkerExit,
            WorkerStop,
            Packet,
            BufferFull,
            BufferEmpty,
            Task,
            Finish,
            TaskLost,
            PipeMessage,
            UserProcess,
            Command,
            Timer,
            Event,
            Defer,
            Turn,
            Signal,
        ]
        .into_iter()
        .find(|&callback| callback as u32 == number)
        .unwrap_or(Callback::None)
    }
}

/// Which events of a port a handler wants. Events nobody wants are not sent to workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interests {
    /// `on_connect`.
    pub connect: bool,
    /// `on_receive`; a port that takes connections needs it.
    pub receive: bool,
    /// `on_close`.
    pub close: bool,
    /// `on_packet`; a port that takes datagrams needs it, or `on_receive` in its place.
    pub packet: bool,
    /// `on_buffer_full`.
    pub buffer_full: bool,
    /// `on_buffer_empty`.
    pub buffer_empty: bool,
}
