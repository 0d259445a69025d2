//! `listen`, alias `addlistener`, and `getSocket`: more ports than the one of the constructor.

use std::borrow::Cow;
use std::ptr::null_mut;

use skep::error::code::{
    BAD_HOST_ADDR, INVALID_LISTEN_PORT, NAME_TOO_LONG, OPERATION_NOT_SUPPORT, TOO_MANY_LISTEN_PORT,
};
use skep::{Error, Role, SocketType};

use super::configuration::own_array;
use super::{Listener, Phase, Property, ServerObject, this};
use crate::classes::port;
use crate::constants::SSL;
use crate::exception::{code, warn};
use crate::globals;
use crate::method::{Call, Entry, PUBLIC, handler, optional, param, parse, ty};
use crate::socket;
use crate::zend::{Zv, zend_object};

/// What a script wants to listen on.
pub(super) struct Wanted<'a> {
    host: &'a [u8],
    pub(super) port: i64,
    /// As given, without the flag for TLS.
    number: i64,
    pub(super) kind: Option<SocketType>,
    pub(super) tls: bool,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(host: &'a [u8], port: i64, kind: i64) -> Wanted<'a> {
        let number = kind & !SSL;
        Wanted {
            host,
            port,
            number,
            kind: SocketType::from_number(number),
            tls: kind & SSL != 0,
        }
    }

    pub(super) fn host(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.host)
    }

    /// Whether the sockets are those that the service manager has passed.
    pub(super) fn is_passed(&self) -> bool {
        self.host.eq_ignore_ascii_case(b"SYSTEMD") && self.port == 0
    }

    /// Code and text, if no address could change that.
    pub(super) fn refusal(&self) -> Option<(i32, &'static str)> {
        let datagrams = self.kind.is_some_and(SocketType::is_datagram);
        (self.tls && datagrams).then_some((
            OPERATION_NOT_SUPPORT,
            "TLS over datagrams (DTLS) is not supported",
        ))
    }
}

pub(super) fn listen_entry(name: &'static std::ffi::CStr) -> Entry {
    Entry {
        name,
        handler: handler!(listen),
        params: const {
            &[
                param(c"host", ty::STRING),
                param(c"port", ty::INT),
                param(c"sock_type", ty::INT),
            ]
        },
        returns: ty::FALSE,
        returns_class: Some(c"Skep\\Server\\Port"),
        flags: PUBLIC,
    }
}

pub(super) fn get_socket_entry() -> Entry {
    Entry {
        name: c"getSocket",
        handler: handler!(get_socket),
        params: const { &[optional(c"port", ty::INT, c"0")] },
        returns: ty::FALSE,
        returns_class: Some(c"Socket"),
        flags: PUBLIC,
    }
}

fn listen(call: &mut Call) {
    let Some(server) = this(call) else { return };
    if server.phase() != Phase::Bound {
        warn(
            code::FATAL,
            format_args!("server is running, cannot add listener"),
        );
        return call.give_bool(false);
    }
    let (mut host, mut len) = (std::ptr::null::<std::ffi::c_char>(), 0usize);
    let (mut port, mut kind) = (0i64, 0i64);
    if !parse!(call, c"sll", host, len, port, kind) {
        return;
    }
    // SAFETY: PHP's argument, alive during the call.
    let host = unsafe { std::slice::from_raw_parts(host.cast::<u8>(), len) };
    let wanted = Wanted::new(host, port, kind);
    if let Some((code, text)) = wanted.refusal() {
        warn(code, format_args!("{text}"));
        return call.give_bool(false);
    }
    match add(server, &wanted) {
        Ok(index) => {
            server.add_port(index, host);
            match server.port(index) {
                Some(port) => call.give(Zv::object(port).share()),
                None => call.give_bool(false),
            }
        }
        Err(code) => {
            globals::set_last_error(code);
            call.give_bool(false);
        }
    }
}

/// Bind one more port; its index. The error has been logged.
fn add(server: &ServerObject, wanted: &Wanted<'_>) -> Result<u16, i32> {
    // SAFETY: bound, so there is an engine; nothing else borrows it, as no user code runs below.
    let engine = unsafe { &mut *server.engine.get() };
    let host = wanted.host();
    let Some(kind) = wanted.kind else {
        let number = wanted.number;
        engine.log_warning(&format!("listen(): unknown socket type [{number}]"));
        return Err(libc::ESOCKTNOSUPPORT);
    };
    let added = engine.listen(&host, wanted.port, kind);
    let index = added.map_err(|error| {
        report(engine, wanted, &error);
        error.code()
    })?;
    if wanted.tls {
        // Refused for datagrams only, see `Wanted::refusal`.
        engine.use_tls(index).map_err(|error| error.code())?;
    }
    Ok(index)
}

/// Log why a port could not be bound.
fn report(engine: &skep::Server, wanted: &Wanted<'_>, error: &Error) {
    let (host, port) = (wanted.host(), wanted.port);
    let line = |code: i32, text: String| format!("listen() (ERRNO {code}): {text}");
    match error.code() {
        code @ INVALID_LISTEN_PORT => {
            engine.log_error(&line(code, format!("invalid port [{port}]")));
        }
        code @ NAME_TOO_LONG => engine.log_error(&line(
            code,
            format!("address '{host}' exceeds the limit of 107 characters"),
        )),
        code @ TOO_MANY_LISTEN_PORT => engine.log_error(&line(
            code,
            "up to 60000 listening ports are allowed".into(),
        )),
        BAD_HOST_ADDR => {
            engine.log_warning(&format!("listen(): Invalid address '{host}:{port}'"));
        }
        _ => engine.log_warning(&format!("listen(): {error}")),
    }
}

impl ServerObject {
    /// Make the object of a port that the engine has bound, and show it in `ports`. None if there is no such port.
    pub(super) fn add_port(&self, index: u16, host: &[u8]) -> Option<Listener> {
        // SAFETY: bound, so there is an engine, borrowed for this statement.
        let listener = unsafe { &*self.engine.get() }
            .port_info(index)
            .map(|info| Listener {
                port: info.port,
                socket: info.socket,
                kind: info.kind as i64,
                tls: info.tls,
            })?;
        let port = port::new(self, index, host, listener);
        self.ports.borrow_mut().push(Zv::object(port));
        // SAFETY: a declared property of a live object; the array is separated before it is written.
        unsafe {
            let list = own_array(self.slot(Property::Ports));
            let mut value = Zv::object(port).share();
            ext_php_rs::ffi::zend_hash_next_index_insert(list, value.ptr());
        }
        Some(listener)
    }

    /// The object of a port; the server holds a reference to it.
    pub(crate) fn port(&self, index: u16) -> Option<*mut zend_object> {
        let ports = self.ports.borrow();
        ports.get(usize::from(index)).map(|port| port.as_object())
    }

    /// What is said about the listening socket of a port.
    pub(crate) fn listener(&self, index: u16) -> Option<Listener> {
        self.port(index).map(port::listener)
    }

    /// Number of ports.
    pub(crate) fn port_count(&self) -> u16 {
        self.ports.borrow().len() as u16
    }

    /// The descriptor of a port's socket, if this process has it.
    fn open_socket(&self, index: u16) -> Option<i32> {
        match (self.phase(), globals::context()) {
            (Phase::Bound, _) => self.listener(index).map(|listener| listener.socket),
            (Phase::Running, Some(context)) => context.port_socket(index),
            _ => None,
        }
    }

    /// Return PHP's object for the socket of a port, or false after a warning.
    pub(crate) fn give_socket(&self, call: &mut Call, index: u16) {
        match self.open_socket(index) {
            Some(descriptor) => call.give(socket::import(descriptor)),
            None => {
                let held = match globals::context().map(skep::Context::role) {
                    Some(Role::Worker(_) | Role::Manager) => "the master has it",
                    _ => "it is closed",
                };
                warn(
                    code::FATAL,
                    format_args!("the socket of this port is not open in this process: {held}"),
                );
                call.give_bool(false);
            }
        }
    }
}

fn get_socket(call: &mut Call) {
    let Some(server) = this(call) else { return };
    let mut number = 0i64;
    if !parse!(call, c"|l", number) {
        return;
    }
    let named = |index: &u16| {
        let listener = server.listener(*index);
        listener.is_some_and(|listener| i64::from(listener.port) == number)
    };
    let index = match number {
        0 => Some(0),
        _ => (0..server.port_count()).find(named),
    };
    match index {
        Some(index) => server.give_socket(call, index),
        None => {
            warn(
                code::FATAL,
                format_args!("the server does not listen on port[{number}]"),
            );
            call.give_bool(false);
        }
    }
}

/// Take the ports out of a server that is being freed.
pub(super) fn forget_ports(server: &ServerObject) {
    for port in server.ports.take() {
        port::forget_server(port.as_object());
        port.release();
    }
}

/// What the garbage collector must know of a server beside its properties: its ports and
/// processes, and what answers commands.
pub(super) unsafe extern "C" fn get_gc(
    object: *mut zend_object,
    table: *mut *mut crate::zend::zval,
    count: *mut std::ffi::c_int,
) -> *mut crate::zend::HashTable {
    // SAFETY: PHP asks for a live object of this class, and reads the table before any other code runs.
    unsafe {
        let server = ServerObject::of(object);
        let (ports, commands) = (&*server.ports.as_ptr(), &*server.commands.as_ptr());
        let seen = &mut *server.seen.as_ptr();
        seen.clear();
        seen.extend(ports.iter().copied());
        seen.extend((*server.processes.as_ptr()).iter().copied());
        seen.extend(commands.iter().map(|function| function.callable));
        *table = match seen.is_empty() {
            true => null_mut(),
            false => seen.as_mut_ptr().cast(),
        };
        *count = seen.len() as std::ffi::c_int;
        ext_php_rs::ffi::zend_std_get_properties(object)
    }
}
