//! Class `Skep\Server\Port`: one listening address of a server.

use std::cell::Cell;
use std::ptr::null_mut;

use ext_php_rs::ffi::zend_hash_str_find;

use super::place::Place;
use super::server::{Listener, Phase, ServerObject, Whose, merge};
use super::state::{self, Class, State, open_class};
use super::{alias, connections, property, slot, text_property};
use crate::callbacks::Callback;
use crate::convert::Text;
use crate::events::{PORT_EVENTS, PORT_NAMES, PortEvent};
use crate::exception::{Line, code, pending, warn};
use crate::method::{Call, Entry, PRIVATE, PUBLIC, handler, method, param, parse, ty};
use crate::zend::{HashTable, Zv, bytes, kind, zend_function, zend_object, zend_string};

/// Declared properties, in order; the callables of `on()` follow.
#[derive(Clone, Copy)]
enum Property {
    Host,
    Port,
    Type,
    Sock,
    Ssl,
    Setting,
    Connections,
    FirstCallback,
}

/// The Rust side of the object.
struct PortObject {
    /// The server it belongs to; cleared when that is freed. Not a reference: the server holds the port.
    server: Cell<*mut zend_object>,
    /// Its place among the server's ports; 0 is the primary one.
    index: Cell<u16>,
    listener: Cell<Listener>,
    /// `set()` was called on the port itself.
    own_setting: Cell<bool>,
    callbacks: [Cell<Option<Callback>>; PORT_EVENTS],
}

static CLASS: Class = Class::new(c"Skep\\Server\\Port");

impl State for PortObject {
    const CLASS: &'static Class = &CLASS;

    fn new(_: *mut zend_object) -> PortObject {
        PortObject {
            server: Cell::new(null_mut()),
            index: Cell::new(0),
            listener: Cell::new(Listener {
                port: 0,
                socket: 0,
                kind: 0,
                tls: false,
            }),
            own_setting: Cell::new(false),
            callbacks: [const { Cell::new(None) }; PORT_EVENTS],
        }
    }
}

/// # Safety
/// `object` must be alive and of this class or below.
unsafe fn state<'a>(object: *mut zend_object) -> &'a PortObject {
    // SAFETY: promised by the caller.
    unsafe { state::of(object) }
}

pub(super) fn register() {
    let methods = [
        Entry {
            name: c"__construct",
            handler: handler!(construct),
            params: &[],
            returns: ty::NONE,
            returns_class: None,
            flags: PRIVATE,
        },
        method!(c"set", set, [param(c"settings", ty::ARRAY)], ty::VOID),
        method!(
            c"on",
            on,
            [
                param(c"event_name", ty::STRING),
                param(c"callback", ty::CALLABLE)
            ],
            ty::BOOL
        ),
        Entry {
            name: c"getCallback",
            handler: handler!(get_callback),
            params: const { &[param(c"event_name", ty::STRING)] },
            returns: ty::ARRAY | ty::STRING | ty::NULL,
            returns_class: Some(c"Closure"),
            flags: PUBLIC,
        },
        Entry {
            name: c"getSocket",
            handler: handler!(get_socket),
            params: &[],
            returns: ty::FALSE,
            returns_class: Some(c"Socket"),
            flags: PUBLIC,
        },
    ];
    let class = open_class::<PortObject>(&methods);
    text_property(class, c"host");
    for (name, default) in [
        (c"port", Zv::long(0)),
        (c"type", Zv::long(0)),
        (c"sock", Zv::long(-1)),
        (c"ssl", Zv::bool(false)),
        (c"setting", Zv::NULL),
        (c"connections", Zv::NULL),
    ] {
        property(class, name, default, true);
    }
    for (_, _, name) in PORT_NAMES {
        property(class, name, Zv::NULL, false);
    }
    alias(class, &[c"Swoole\\Server\\Port", c"swoole_server_port"]);
}

/// The object of a port that the engine has bound. Returns one reference.
pub(super) fn new(
    server: &ServerObject,
    index: u16,
    host: &[u8],
    listener: Listener,
) -> *mut zend_object {
    let object = state::make::<PortObject>();
    let put = |property: Property, value: Zv| {
        // SAFETY: a declared property of a live object.
        unsafe { value.assign(slot(object, property as usize)) };
    };
    // SAFETY: made above.
    let state = unsafe { state(object) };
    state.server.set(server.object());
    state.index.set(index);
    state.listener.set(listener);
    put(Property::Host, Zv::text(host));
    put(Property::Port, Zv::long(listener.port.into()));
    put(Property::Type, Zv::long(listener.kind));
    put(Property::Sock, Zv::long(listener.socket.into()));
    put(Property::Ssl, Zv::bool(listener.tls));
    let connections = connections::new(connections::Whose::Port(index));
    put(Property::Connections, Zv::object(connections));
    object
}

/// What is said about the listening socket.
pub(super) fn listener(port: *mut zend_object) -> Listener {
    // SAFETY: the server holds a reference to its port.
    unsafe { state(port) }.listener.get()
}

/// Where the callable of an event is.
pub(crate) fn place<'a>(port: *mut zend_object, event: PortEvent) -> Place<'a> {
    let index = Property::FirstCallback as usize + event as usize;
    // SAFETY: as above; the class declares these properties behind the others, in this order.
    unsafe { Place::new(&state(port).callbacks[event as usize], slot(port, index)) }
}

/// Whether a port takes over no settings from the primary port.
pub(crate) fn has_own_setting(port: *mut zend_object) -> bool {
    // SAFETY: as in `listener`.
    let state = unsafe { state(port) };
    state.index.get() > 0 && state.own_setting.get()
}

/// The server is being freed.
pub(super) fn forget_server(port: *mut zend_object) {
    // SAFETY: the server holds a reference to its port.
    unsafe { state(port) }.server.set(null_mut());
}

/// `Server::set` also configures the primary port.
pub(super) fn merge_setting(port: *mut zend_object, given: *mut HashTable) {
    // SAFETY: as in `forget_server`; a declared property.
    unsafe { merge(slot(port, Property::Setting as usize), given) };
}

/// A port that was not configured itself shows the settings it has taken over: the server's, and those that only
/// the primary port was given.
pub(super) fn take_over_setting(port: *mut zend_object, setting: Zv, primary: *mut zend_object) {
    // SAFETY: as above.
    unsafe {
        if state(port).own_setting.get() {
            return;
        }
        let own = slot(port, Property::Setting as usize);
        setting.share().assign(own);
        let primary_setting = Zv::read(slot(primary, Property::Setting as usize));
        if state(primary).own_setting.get() && primary_setting.kind() == kind::ARRAY {
            merge(own, primary_setting.as_array());
        }
    }
}

/// Method `on`, for the server to call.
pub(super) fn on_method() -> *mut zend_function {
    // SAFETY: a registered class with this method.
    unsafe {
        let class = CLASS.entry();
        let found = zend_hash_str_find(&raw const (*class).function_table, c"on".as_ptr(), 2);
        (*found).value.func
    }
}

fn construct(_: &mut Call) {}

/// The server of a port that is still there.
fn server<'a>(call: &Call) -> Option<&'a ServerObject> {
    // SAFETY: PHP calls methods of this class on its objects only.
    let server = unsafe { state(call.this()) }.server.get();
    // SAFETY: not null, so the server has not been freed.
    (!server.is_null()).then(|| unsafe { ServerObject::of(server) })
}

fn set(call: &mut Call) {
    let mut given: *mut HashTable = null_mut();
    if !parse!(call, c"h", given) {
        return;
    }
    match server(call).filter(|server| server.phase() == Phase::Bound) {
        Some(server) => {
            // SAFETY: of this class, see `server`.
            let port = unsafe { state(call.this()) };
            let taken = server.configure(given, Whose::Port(port.index.get()));
            if taken && !pending() {
                port.own_setting.set(true);
            }
        }
        None => warn(
            code::FATAL,
            format_args!("server is running, unable to execute Skep\\Server\\Port->set"),
        ),
    }
}

fn on(call: &mut Call) {
    if server(call).is_none_or(|server| server.phase() != Phase::Bound) {
        warn(
            code::FATAL,
            format_args!("can't register event callback function after server started"),
        );
        return call.give_bool(false);
    }
    let (mut name, mut callable): (*mut zend_string, *mut crate::zend::zval) =
        (null_mut(), null_mut());
    if !parse!(call, c"Sz", name, callable) {
        return;
    }
    // SAFETY: PHP's arguments.
    let (text, value) = unsafe { (bytes(name), Zv::read(callable)) };
    match PortEvent::find(text) {
        Some(event) => {
            let done = place(call.this(), event).register(value);
            call.give_bool(done);
        }
        None => {
            let line = Line::new(format_args!(
                "unknown event types[{}]",
                String::from_utf8_lossy(text)
            ));
            warn(code::NOTICE, format_args!("{}", Text(line.as_c())));
            call.give_bool(false);
        }
    }
}

fn get_callback(call: &mut Call) {
    let mut name: *mut zend_string = null_mut();
    if !parse!(call, c"S", name) {
        return;
    }
    // SAFETY: PHP's argument.
    if let Some(event) = PortEvent::find(unsafe { bytes(name) }) {
        let callable = place(call.this(), event).callable();
        debug_assert_ne!(callable.kind(), kind::UNDEF);
        call.give(callable.share());
    }
}

fn get_socket(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    // SAFETY: of this class, see `server`.
    let index = unsafe { state(call.this()) }.index.get();
    match server(call) {
        Some(server) => server.give_socket(call, index),
        None => {
            warn(code::FATAL, format_args!("the server of this port is gone"));
            call.give_bool(false);
        }
    }
}
