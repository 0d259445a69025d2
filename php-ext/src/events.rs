//! What can be registered with `on()`: events of the server, and events of its ports.

use std::ffi::CStr;

/// Events of the server; the numbers are slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Start,
    BeforeShutdown,
    Shutdown,
    WorkerStart,
    WorkerStop,
    WorkerError,
    ManagerStart,
    ManagerStop,
    WorkerExit,
    BeforeReload,
    AfterReload,
    Task,
    Finish,
    TaskLost,
    PipeMessage,
    /// Not an event of `on()`, but the setting `dispatch_func`.
    Dispatch,
}

/// Number of events of the server.
pub(crate) const EVENTS: usize = 16;

/// Every event of the server: its name in `on()`, and the private property that holds its callable.
pub(crate) const NAMES: [(Event, &str, &CStr); EVENTS] = [
    (Event::Start, "start", c"onStart"),
    (Event::BeforeShutdown, "beforeShutdown", c"onBeforeShutdown"),
    (Event::Shutdown, "shutdown", c"onShutdown"),
    (Event::WorkerStart, "workerStart", c"onWorkerStart"),
    (Event::WorkerStop, "workerStop", c"onWorkerStop"),
    (Event::WorkerError, "workerError", c"onWorkerError"),
    (Event::ManagerStart, "managerStart", c"onManagerStart"),
    (Event::ManagerStop, "managerStop", c"onManagerStop"),
    (Event::WorkerExit, "workerExit", c"onWorkerExit"),
    (Event::BeforeReload, "beforeReload", c"onBeforeReload"),
    (Event::AfterReload, "afterReload", c"onAfterReload"),
    (Event::Task, "task", c"onTask"),
    (Event::Finish, "finish", c"onFinish"),
    (Event::TaskLost, "taskLost", c"onTaskLost"),
    (Event::PipeMessage, "pipeMessage", c"onPipeMessage"),
    (Event::Dispatch, "dispatch_func", c"dispatchFunc"),
];

impl Event {
    /// By name, without regard to case.
    pub(crate) fn find(name: &[u8]) -> Option<Event> {
        let mut rows = NAMES.iter();
        let row = rows.find(|row| name.eq_ignore_ascii_case(row.1.as_bytes()))?;
        Some(row.0).filter(|event| *event != Event::Dispatch)
    }

    /// As in `on()`.
    pub(crate) fn name(self) -> &'static str {
        NAMES[self as usize].1
    }
}

/// Events of a port; the numbers are slots. Those from `Request` on belong to servers of HTTP and WebSocket:
/// a port takes callbacks for them, and none of them happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortEvent {
    Connect,
    Receive,
    Close,
    Packet,
    BufferFull,
    BufferEmpty,
    Request,
    Handshake,
    Open,
    Message,
    Disconnect,
    BeforeHandshakeResponse,
    /// Not an event of `on()`, but the setting `package_length_func`.
    Length,
}

/// Number of events of a port.
pub(crate) const PORT_EVENTS: usize = 13;

/// Every event of a port: its name in `on()`, and the private property that holds its callable.
#[rustfmt::skip]
pub(crate) const PORT_NAMES: [(PortEvent, &str, &CStr); PORT_EVENTS] = [
    (PortEvent::Connect, "connect", c"onConnect"),
    (PortEvent::Receive, "receive", c"onReceive"),
    (PortEvent::Close, "close", c"onClose"),
    (PortEvent::Packet, "packet", c"onPacket"),
    (PortEvent::BufferFull, "bufferFull", c"onBufferFull"),
    (PortEvent::BufferEmpty, "bufferEmpty", c"onBufferEmpty"),
    (PortEvent::Request, "request", c"onRequest"),
    (PortEvent::Handshake, "handshake", c"onHandshake"),
    (PortEvent::Open, "open", c"onOpen"),
    (PortEvent::Message, "message", c"onMessage"),
    (PortEvent::Disconnect, "disconnect", c"onDisconnect"),
    (PortEvent::BeforeHandshakeResponse, "beforeHandshakeResponse", c"onBeforeHandshakeResponse"),
    (PortEvent::Length, "package_length_func", c"packageLengthFunc"),
];

impl PortEvent {
    /// By name, without regard to case.
    pub(crate) fn find(name: &[u8]) -> Option<PortEvent> {
        let mut rows = PORT_NAMES.iter();
        let row = rows.find(|row| name.eq_ignore_ascii_case(row.1.as_bytes()))?;
        Some(row.0).filter(|event| *event != PortEvent::Length)
    }

    /// As in `on()`.
    pub(crate) fn name(self) -> &'static str {
        PORT_NAMES[self as usize].1
    }
}
