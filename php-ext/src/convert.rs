//! Between PHP values and the engine's.

use std::ffi::CStr;
use std::fmt;
use std::io::Write;
use std::mem::ManuallyDrop;

use ext_php_rs::ffi::{_zend_new_array, zend_hash_next_index_insert, zend_hash_str_update};
use skep::error::code::SESSION_NOT_EXIST;
use skep::settings::Value;
use skep::{Context, Death, Figure, Packet, SessionId};

use crate::globals;
use crate::zend::{HashTable, Zv, bytes, kind, walk};

/// C text in a message.
pub(crate) struct Text<'a>(pub(crate) &'a CStr);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .to_bytes()
            .utf8_chunks()
            .try_for_each(|chunk| f.write_str(chunk.valid()))
    }
}

/// A PHP list being filled. Not freed when dropped: filling it may end the script.
pub(crate) struct List(*mut HashTable);

impl List {
    pub(crate) fn new() -> List {
        // SAFETY: a new array, one reference.
        List(unsafe { _zend_new_array(8) })
    }

    /// Append. Takes over one reference.
    pub(crate) fn push(&self, mut value: Zv) {
        // SAFETY: our own array.
        unsafe { zend_hash_next_index_insert(self.0, value.ptr()) };
    }

    pub(crate) fn into_value(self) -> Zv {
        Zv::array(self.0)
    }
}

/// A PHP array with text keys being filled. Not freed when dropped.
pub(crate) struct Map(*mut HashTable);

impl Map {
    pub(crate) fn new() -> Map {
        // SAFETY: a new array, one reference.
        Map(unsafe { _zend_new_array(32) })
    }

    pub(crate) fn put(&self, key: &str, mut value: Zv) {
        // SAFETY: our own array; the key is copied.
        unsafe { zend_hash_str_update(self.0, key.as_ptr().cast(), key.len(), value.ptr()) };
    }

    pub(crate) fn put_long(&self, key: &str, value: impl TryInto<i64>) {
        self.put(key, Zv::long(value.try_into().unwrap_or(i64::MAX)));
    }

    pub(crate) fn into_value(self) -> Zv {
        Zv::array(self.0)
    }
}

/// A setting's value.
pub(crate) fn setting(value: Zv) -> Value {
    match value.kind() {
        kind::TRUE => Value::Bool(true),
        kind::LONG => Value::Int(value.as_long()),
        kind::DOUBLE => Value::Float(value.as_double()),
        kind::STRING => {
            // SAFETY: a string that the script's array holds.
            let text = unsafe { bytes(value.as_string()) };
            match std::str::from_utf8(text) {
                Ok(text) => Value::Text(text.into()),
                Err(_) => Value::Bytes(text.into()),
            }
        }
        kind::ARRAY => array(value, 0),
        kind::OBJECT => Value::Int(1),
        _ => Value::Bool(false),
    }
}

/// Arrays in arrays that make sense to a setting. One may contain itself, by a reference.
const DEPTH: u32 = 4;

/// An array: a list if nothing but integers is in it, without names.
fn array(value: Zv, depth: u32) -> Value {
    let (mut items, mut integers) = (Vec::new(), Vec::new());
    // SAFETY: an array that the script's array holds; the closure runs no PHP code.
    unsafe {
        walk(value.as_array(), |key, item| {
            let name = match key.is_null() {
                true => items.len().to_string(),
                false => String::from_utf8_lossy(bytes(key)).into_owned(),
            };
            if key.is_null() && item.kind() == kind::LONG {
                integers.push(item.as_long());
            }
            let item = match item.kind() {
                kind::ARRAY if depth >= DEPTH => Value::Bool(true),
                kind::ARRAY => array(item, depth + 1),
                _ => setting(item),
            };
            items.push((name, item));
            true
        });
    }
    match integers.len() == items.len() {
        true => Value::List(integers),
        false => Value::Map(items),
    }
}

/// A value as PHP's `(int)` sees it, as far as ids are concerned.
pub(crate) fn integer(value: Zv) -> i64 {
    match value.kind() {
        kind::TRUE => 1,
        kind::LONG => value.as_long(),
        kind::DOUBLE => value.as_double() as i64,
        // SAFETY: PHP's argument.
        kind::STRING => leading_integer(unsafe { bytes(value.as_string()) }),
        _ => 0,
    }
}

/// The number a text begins with; 0 if it does not.
pub(crate) fn leading_integer(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let digits = text[sign..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    std::str::from_utf8(&text[..sign + digits])
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

/// Seconds with fractions.
fn seconds(us: u64) -> Zv {
    Zv::double(us as f64 / 1e6)
}

/// Longest address of a sender: a unix socket's.
const ADDRESS_MAX: usize = 108;

/// The address of a datagram's sender.
pub(crate) fn packet_address(packet: &Packet) -> Zv {
    let mut room = [0u8; ADDRESS_MAX];
    // Into plain data first: making a PHP string may end the script.
    let length = {
        let address = packet.address();
        let length = address.len().min(ADDRESS_MAX);
        room[..length].copy_from_slice(&address[..length]);
        length
    };
    Zv::text(&room[..length])
}

/// What `onPacket` is told of a datagram.
pub(crate) fn packet(packet: &Packet) -> Zv {
    let client = Map::new();
    client.put_long("server_socket", packet.server_socket);
    client.put("dispatch_time", seconds(packet.dispatch_us));
    client.put_long("server_port", packet.server_port);
    client.put("address", packet_address(packet));
    if let Some(port) = packet.client_port() {
        client.put_long("port", port);
    }
    client.into_value()
}

/// What `getClientInfo()` returns: false, and the reason in the last error, for an unknown session.
pub(crate) fn client_info(session: i64) -> Zv {
    let mut ip = [0u8; 64];
    // Into plain data first: filling a PHP array may end the script.
    let (mut info, length) = {
        let found = globals::context()
            .zip(SessionId::try_from(session).ok())
            .and_then(|(context, session)| context.info(session));
        let Some(info) = found else {
            globals::set_last_error(SESSION_NOT_EXIST);
            return Zv::bool(false);
        };
        let mut room = &mut ip[..];
        let _ = room.write_all(info.remote_ip.as_bytes()); // an address is never longer
        let length = 64 - room.len();
        (info, length)
    };
    drop(std::mem::take(&mut info.remote_ip));
    let tls = ManuallyDrop::new(info.tls.take()); // lost, should filling the array end the script
    let map = Map::new();
    if let Some(uid) = info.uid {
        map.put_long("uid", uid);
    }
    map.put("worker_id", Zv::long(info.worker.map_or(-1, i64::from)));
    if let Some(tls) = &*tls
        && !tls.client_cert.is_empty()
    {
        map.put("ssl_client_cert", Zv::text(tls.client_cert.as_bytes()));
    }
    map.put_long("server_port", info.server_port);
    map.put_long("server_fd", info.server_socket);
    map.put_long("socket_fd", info.socket);
    map.put_long("socket_type", info.kind as i64);
    map.put_long("remote_port", info.remote_port);
    map.put("remote_ip", Zv::text(&ip[..length]));
    map.put_long("reactor_id", info.reactor);
    map.put_long("connect_time", info.connected_us / 1_000_000);
    map.put_long("last_time", info.received_us / 1_000_000);
    map.put("last_recv_time", seconds(info.received_us));
    map.put("last_send_time", seconds(info.sent_us));
    map.put("last_dispatch_time", seconds(info.dispatched_us));
    map.put_long("close_errno", info.close_errno);
    map.put_long("recv_queued_bytes", info.recv_queued_bytes);
    map.put_long("send_queued_bytes", info.send_queued_bytes);
    if let Some(tls) = &*tls {
        for (key, text) in [
            ("ssl_protocol", &tls.version),
            ("ssl_cipher", &tls.cipher),
            ("ssl_alpn", &tls.alpn),
            ("ssl_server_name", &tls.server_name),
        ] {
            map.put(key, Zv::text(text.as_bytes()));
        }
        if !tls.client_chain.is_empty() {
            map.put("ssl_client_chain", Zv::text(tls.client_chain.as_bytes()));
        }
    }
    drop(ManuallyDrop::into_inner(tls));
    map.into_value()
}

/// What `workerError` is told besides: all that is known of the dead worker.
pub(crate) fn death(death: &Death) -> Zv {
    let map = Map::new();
    map.put("signal_name", Zv::text(death.signal_name().as_bytes()));
    map.put("uptime", Zv::double(death.uptime_ms as f64 / 1e3));
    map.put_long("requests", death.requests);
    map.put("callback", Zv::text(death.callback.name().as_bytes()));
    map.put_long("fd", death.session);
    map.put_long("peak_rss", death.peak_rss_kib.saturating_mul(1024));
    map.into_value()
}

fn figure(figure: Figure) -> Zv {
    match figure {
        Figure::Number(number) => Zv::long(number.try_into().unwrap_or(i64::MAX)),
        Figure::Text(text) => Zv::text(text.as_bytes()),
        Figure::Truth(truth) => Zv::bool(truth),
    }
}

/// What `stats()` returns: the engine's list of figures, then one entry per worker.
pub(crate) fn stats(context: &Context) -> Zv {
    // Nothing here needs dropping: filling a PHP array may end the script.
    let map = Map::new();
    for (key, value) in context.stats().entries() {
        map.put(key, figure(value));
    }
    let workers = List::new();
    for id in 0..context.worker_num() {
        let Some(report) = context.worker_report(id) else {
            continue;
        };
        let worker = Map::new();
        for (key, value) in report.entries() {
            worker.put(key, figure(value));
        }
        workers.push(worker.into_value());
    }
    map.put("workers", workers.into_value());
    map.into_value()
}
