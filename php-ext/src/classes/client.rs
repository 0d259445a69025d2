//! Class `Skep\Client`: the engine's blocking client. The object, its construction and its list of methods.

mod connection;
mod framing;
mod select;
mod settings;
mod transfer;

pub(crate) use select::select;

use std::cell::Cell;
use std::ptr::null_mut;

use skep::SocketType;
use skep::client::{Client, ClientError};

use super::place::Place;
use super::state::{self, Class, State, open_class};
use super::{alias, constant, property, slot};
use crate::callbacks::Callback;
use crate::constants::SSL;
use crate::convert::Text;
use crate::exception::{Line, throw_error, warn};
use crate::method::{Call, Entry, PUBLIC, handler, method, optional, param, parse, ty};
use crate::zend::{Zv, zend_object, zend_string, zend_type_error};

/// Declared properties, in order.
#[derive(Clone, Copy)]
enum Property {
    ErrCode,
    Sock,
    Reuse,
    ReuseCount,
    Type,
    Id,
    Setting,
    /// The callable of `package_length_func`.
    LengthFunction,
}

/// `SWOOLE_SYNC`, `SWOOLE_ASYNC`, `SWOOLE_KEEP`: flags of the type besides `SWOOLE_SSL`.
const SYNC: i64 = 2048;
const ASYNC: i64 = 1024;
const KEEP: i64 = 4096;

/// The Rust side of the object.
struct ClientObject {
    /// The engine's client; null until the constructor has run.
    engine: Cell<*mut Client>,
    /// A function of the script is being asked from inside a call: whoever comes now comes out of it.
    busy: Cell<bool>,
    length: Cell<Option<Callback>>,
    object: *mut zend_object,
}

static CLASS: Class = Class::new(c"Skep\\Client");

impl State for ClientObject {
    const CLASS: &'static Class = &CLASS;

    fn new(object: *mut zend_object) -> ClientObject {
        ClientObject {
            engine: Cell::new(null_mut()),
            busy: Cell::new(false),
            length: Cell::new(None),
            object,
        }
    }

    fn end(&self, _: *mut zend_object) {
        let engine = self.engine.replace(null_mut());
        if !engine.is_null() {
            // SAFETY: made by the constructor, and nobody uses it any more.
            drop(unsafe { Box::from_raw(engine) });
        }
    }
}

impl ClientObject {
    /// The state of a client object.
    ///
    /// # Safety
    /// `object` must be alive and of class `Skep\Client` or below.
    unsafe fn of<'a>(object: *mut zend_object) -> &'a ClientObject {
        // SAFETY: promised by the caller.
        unsafe { state::of(object) }
    }

    fn slot(&self, property: Property) -> *mut crate::zend::zval {
        // SAFETY: the object is alive, and its class declares all of them, in this order.
        unsafe { slot(self.object, property as usize) }
    }

    fn put(&self, property: Property, value: Zv) {
        // SAFETY: declared properties are initialized and cannot be unset.
        unsafe { value.assign(self.slot(property)) };
    }

    fn place(&self) -> Place<'_> {
        // SAFETY: a declared property of a live object.
        unsafe { Place::new(&self.length, self.slot(Property::LengthFunction)) }
    }

    /// The engine's client, for one call of it. Nothing else may run meanwhile but a length function, which `busy`
    /// keeps away from here.
    #[allow(
        clippy::mut_from_ref,
        reason = "one thread, and no user code while it is borrowed"
    )]
    fn engine(&self) -> &mut Client {
        // SAFETY: not null, as `this` has looked; the reference lives for one call of the engine.
        unsafe { &mut *self.engine.get() }
    }

    /// A refusal: warning, `errCode`, last error.
    fn refuse(&self, call: &mut Call, number: i32, text: std::fmt::Arguments<'_>) {
        self.put(Property::ErrCode, Zv::long(number.into()));
        warn(number, text);
        call.give_bool(false);
    }

    fn refuse_unconnected(&self, call: &mut Call) {
        self.refuse(
            call,
            skep::error::code::NO_CONNECTION,
            format_args!("client is not connected to server"),
        );
    }

    /// What the engine says of its connection.
    fn show_connection(&self) {
        let (socket, reused) = {
            let engine = self.engine();
            (engine.socket(), engine.reuse_count())
        };
        self.put(Property::Sock, Zv::long(socket.unwrap_or(-1).into()));
        self.put(Property::Reuse, Zv::bool(reused > 0));
        self.put(
            Property::ReuseCount,
            Zv::long(i64::try_from(reused).unwrap_or(i64::MAX)),
        );
    }
}

/// An error as plain data: what is done with it may end the script.
fn plain(error: ClientError) -> (i32, Line) {
    (error.code(), Line::new(format_args!("{error}")))
}

/// The client a method is called on; none if an error is pending or was told.
fn this<'a>(call: &mut Call) -> Option<&'a ClientObject> {
    // SAFETY: PHP calls methods of this class on objects of this class only.
    let client = unsafe { ClientObject::of(call.this()) };
    if client.engine.get().is_null() {
        state::throw_unconstructed();
        return None;
    }
    if client.busy.get() {
        client.refuse(
            call,
            skep::error::code::WRONG_OPERATION,
            format_args!("the client is receiving: its package_length_func cannot use it"),
        );
        return None;
    }
    Some(client)
}

/// Whether this is a client, of this class or below, that was constructed.
fn as_client<'a>(object: *mut zend_object) -> Option<&'a ClientObject> {
    if !state::is_one::<ClientObject>(object) {
        return None;
    }
    // SAFETY: of this class, and held by who asks.
    let client = unsafe { ClientObject::of(object) };
    (!client.engine.get().is_null()).then_some(client)
}

const ARRAY_OR_FALSE: u32 = ty::ARRAY | ty::FALSE;
const TEXT_OR_FALSE: u32 = ty::STRING | ty::FALSE;
const INT_OR_FALSE: u32 = ty::INT | ty::FALSE;

pub(super) fn register() {
    let methods = [
        method!(
            c"__construct",
            construct,
            [
                param(c"type", ty::INT),
                optional(c"async", ty::BOOL, c"false"),
                optional(c"id", ty::STRING, c"''")
            ],
            ty::NONE
        ),
        method!(
            c"set",
            settings::set,
            [param(c"settings", ty::ARRAY)],
            ty::BOOL
        ),
        method!(
            c"connect",
            connection::connect,
            [
                param(c"host", ty::STRING),
                optional(c"port", ty::INT, c"0"),
                optional(c"timeout", ty::FLOAT, c"0.5"),
                optional(c"sock_flag", ty::INT, c"0")
            ],
            ty::BOOL
        ),
        method!(c"isConnected", connection::is_connected, [], ty::BOOL),
        method!(
            c"send",
            transfer::send,
            [param(c"data", ty::STRING), optional(c"flag", ty::INT, c"0")],
            INT_OR_FALSE
        ),
        method!(
            c"recv",
            transfer::recv,
            [
                optional(c"size", ty::INT, c"65536"),
                optional(c"flag", ty::INT | ty::BOOL, c"0")
            ],
            TEXT_OR_FALSE
        ),
        method!(
            c"sendto",
            transfer::send_to,
            [
                param(c"ip", ty::STRING),
                param(c"port", ty::INT),
                param(c"data", ty::STRING)
            ],
            ty::BOOL
        ),
        method!(
            c"sendfile",
            transfer::send_file,
            [
                param(c"filename", ty::STRING),
                optional(c"offset", ty::INT, c"0"),
                optional(c"length", ty::INT, c"0")
            ],
            ty::BOOL
        ),
        method!(
            c"close",
            connection::close,
            [optional(c"force", ty::BOOL, c"false")],
            ty::BOOL
        ),
        method!(
            c"shutdown",
            connection::shutdown,
            [param(c"how", ty::INT)],
            ty::BOOL
        ),
        method!(c"getsockname", connection::own_name, [], ARRAY_OR_FALSE),
        method!(c"getpeername", connection::peer_name, [], ARRAY_OR_FALSE),
        Entry {
            name: c"getSocket",
            handler: handler!(connection::socket),
            params: &[],
            returns: ty::FALSE,
            returns_class: Some(c"Socket"),
            flags: PUBLIC,
        },
        method!(
            c"enableSSL",
            connection::enable_tls,
            [optional(c"onSslReady", ty::CALLABLE | ty::NULL, c"null")],
            ty::BOOL
        ),
        method!(
            c"getPeerCert",
            connection::peer_certificate,
            [],
            TEXT_OR_FALSE
        ),
        method!(c"verifyPeerCert", connection::verify_peer, [], ty::BOOL),
    ];
    let class = open_class::<ClientObject>(&methods);
    for (name, default) in [
        (c"errCode", Zv::long(0)),
        (c"sock", Zv::long(-1)),
        (c"reuse", Zv::bool(false)),
        (c"reuseCount", Zv::long(0)),
        (c"type", Zv::long(0)),
        (c"id", Zv::NULL),
        (c"setting", Zv::NULL),
    ] {
        property(class, name, default, true);
    }
    property(class, c"lengthFunction", Zv::NULL, false);
    for (name, value) in [
        (c"MSG_OOB", 1),
        (c"MSG_PEEK", 2),
        (c"MSG_DONTWAIT", 64),
        (c"MSG_WAITALL", 256),
        (c"SHUT_RD", 0),
        (c"SHUT_WR", 1),
        (c"SHUT_RDWR", 2),
    ] {
        constant(class, name, value);
    }
    alias(class, &[c"Swoole\\Client", c"swoole_client"]);
}

fn construct(call: &mut Call) {
    // SAFETY: PHP calls methods of this class on objects of this class only.
    let client = unsafe { ClientObject::of(call.this()) };
    if call.argc() == 0 {
        return throw_error(format_args!("socket type param is required"));
    }
    let (mut given, mut is_async) = (0i64, false);
    let mut id: *mut zend_string = null_mut();
    if !parse!(call, c"l|bS", given, is_async, id) {
        return;
    }
    if !client.engine.get().is_null() {
        return state::throw_constructed::<ClientObject>();
    }
    if is_async || given & ASYNC != 0 {
        return throw_error(format_args!("The $async parameter is not supported"));
    }
    let tls = given & SSL != 0;
    let kind = SocketType::from_number(given & !(SSL | SYNC | KEEP))
        .filter(|kind| kind.is_stream() || !tls);
    let Some(kind) = kind else {
        let known = SocketType::from_number(given & !(SSL | SYNC | KEEP)).is_some();
        let text = match known {
            true => c"Skep\\Client::__construct(): TLS is for streams, and the type given has datagrams",
            false => {
                c"Skep\\Client::__construct() expects parameter 1 to be client type, unknown type %ld given"
            }
        };
        // SAFETY: a format with one number at most.
        return unsafe { zend_type_error(text.as_ptr(), given) };
    };
    let mut engine = Client::new(kind, tls);
    // SAFETY: PHP's argument.
    let name = (!id.is_null()).then(|| unsafe { crate::zend::bytes(id) });
    if given & KEEP != 0 {
        engine.keep_as(&String::from_utf8_lossy(name.unwrap_or_default()));
    }
    client.engine.set(Box::into_raw(Box::new(engine)));
    client.put(Property::Type, Zv::long(given));
    if name.is_some_and(|name| !name.is_empty()) {
        client.put(Property::Id, Zv::string(id).share());
    }
}

/// A line as a warning's text.
fn said(line: &Line) -> Text<'_> {
    Text(line.as_c())
}

/// The number of warnings about arguments.
const BAD_ARGUMENT: i32 = skep::error::code::INVALID_PARAMS;
