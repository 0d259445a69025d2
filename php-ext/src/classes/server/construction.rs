//! `__construct`.

use ext_php_rs::ffi::ext_php_rs_sapi_module;
use skep::SocketType;

use super::listening::Wanted;
use super::{Phase, Property, ServerObject};
use crate::classes::{connections, state};
use crate::constants::{MODE_BASE, MODE_PROCESS};
use crate::convert::Text;
use crate::defaults;
use crate::exception::{Line, throw_error, throw_exception, throw_misuse};
use crate::globals;
use crate::method::{Call, parse};
use crate::zend::Zv;

pub(super) fn construct(call: &mut Call) {
    // SAFETY: as in `this`; the object is new.
    let server = unsafe { ServerObject::of(call.this()) };
    let (mut host, mut len) = (std::ptr::null::<std::ffi::c_char>(), 0usize);
    let (mut port, mut mode, mut kind) = (0i64, MODE_PROCESS, SocketType::Tcp as i64);
    if !parse!(call, c"s|lll", host, len, port, mode, kind) {
        return;
    }
    if server.phase() != Phase::Raw {
        return state::throw_constructed::<ServerObject>();
    }
    if !in_cli() {
        return throw_exception(
            -1,
            format_args!("Skep\\Server can only be used in CLI mode"),
        );
    }
    if !globals::live().is_null() {
        return throw_exception(
            -3,
            format_args!("server is running. unable to create Skep\\Server"),
        );
    }
    match mode {
        MODE_PROCESS => {}
        MODE_BASE => {
            return throw_misuse(
                skep::error::code::OPERATION_NOT_SUPPORT,
                format_args!("SWOOLE_BASE is not supported yet, use SWOOLE_PROCESS"),
            );
        }
        _ => return throw_error(format_args!("invalid $mode parameters {mode}")),
    }
    // SAFETY: PHP's argument, alive during the call.
    let host = unsafe { std::slice::from_raw_parts(host.cast::<u8>(), len) };
    let wanted = Wanted::new(host, port, kind);
    if let Some((code, text)) = wanted.refusal() {
        return throw_misuse(code, format_args!("{text}"));
    }
    let passed = wanted.is_passed();
    if let Err((code, line)) = bind(server, &wanted) {
        let text = Text(line.as_c());
        return match passed {
            true => throw_misuse(code, format_args!("{text}")),
            false => throw_exception(code, format_args!("{text}")),
        };
    }
    globals::set_live(server.object());
    server.phase.set(Phase::Bound);
    let first = host_of(server, 0);
    let host = match &first {
        Some(first) if passed => first.as_c().to_bytes(),
        _ => host,
    };
    server.put(Property::Host, Zv::text(host));
    let listener = server.add_port(0, host);
    // Passed sockets are all ports of the server at once.
    let mut index = 1;
    while let Some(host) = host_of(server, index) {
        server.add_port(index, host.as_c().to_bytes());
        index += 1;
    }
    if let Some(listener) = listener {
        server.put(Property::Port, Zv::long(listener.port.into()));
        server.put(Property::Type, Zv::long(listener.kind));
        server.put(Property::Ssl, Zv::bool(listener.tls));
    }
    server.put(Property::Mode, Zv::long(mode));
    server.put(
        Property::Connections,
        Zv::object(connections::new(connections::Whose::All)),
    );
}

/// The host of a port as the engine has it, as plain data: what is done with it may end the script.
fn host_of(server: &ServerObject, index: u16) -> Option<Line> {
    // SAFETY: bound, so there is an engine, borrowed for this statement.
    let info = unsafe { &*server.engine.get() }.port_info(index)?;
    Some(Line::new(format_args!("{}", info.host)))
}

/// Bind the engine's server. The error is plain data, because an exception may end the script.
#[allow(
    clippy::result_large_err,
    reason = "plain data on the stack has no destructor"
)]
fn bind(server: &ServerObject, wanted: &Wanted<'_>) -> Result<(), (i32, Line)> {
    let host = wanted.host();
    let Some(kind) = wanted.kind else {
        let (port, code) = (wanted.port, libc::ESOCKTNOSUPPORT);
        let text = skep::error::text(code);
        return Err((
            code,
            Line::new(format_args!(
                "failed to listen server port[{host}:{port}], Error: {text}[{code}]"
            )),
        ));
    };
    let bound = skep::Server::bind(&host, wanted.port, kind).and_then(|mut engine| {
        if wanted.tls {
            engine.use_tls(0)?;
        }
        defaults::apply(&mut engine);
        Ok(engine)
    });
    match bound {
        Ok(engine) => {
            server.engine.set(Box::into_raw(Box::new(engine)));
            Ok(())
        }
        Err(error) => Err((error.code(), Line::new(format_args!("{error}")))),
    }
}

/// Whether PHP runs as a program of its own rather than inside a web server.
pub(in crate::classes) fn in_cli() -> bool {
    // SAFETY: PHP's static; the name is a C text.
    let name = unsafe { std::ffi::CStr::from_ptr((*ext_php_rs_sapi_module()).name) };
    matches!(name.to_bytes(), b"cli" | b"phpdbg" | b"embed" | b"micro")
}
