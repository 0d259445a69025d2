//! Class `Skep\Constant`: the names of events and settings as constants, so that a mistyped one is an error.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::ptr::null_mut;

use skep::settings::table::rows;

use super::{alias, new_class};
use crate::events::{NAMES, PORT_NAMES};
use crate::zend::zend_declare_class_constant_stringl;

/// Settings that are no rows of the server's table: functions, and those of clients and of `swoole_async_set`.
#[rustfmt::skip]
const OTHER_OPTIONS: [&str; 35] = [
    "dispatch_func", "package_length_func",
    "timeout", "connect_timeout", "read_timeout", "write_timeout",
    "bind_address", "bind_port",
    "socks5_host", "socks5_port", "socks5_username", "socks5_password",
    "http_proxy_host", "http_proxy_port", "http_proxy_username", "http_proxy_user", "http_proxy_password",
    "ssl_host_name", "ssl_passphrase",
    "socket_timeout", "socket_dns_timeout", "socket_connect_timeout", "socket_read_timeout", "socket_write_timeout",
    "socket_recv_timeout", "socket_send_timeout", "socket_dontwait",
    "dns_server", "dns_cache_expire", "dns_cache_capacity", "dns_cache_refresh_time",
    "enable_signalfd", "wait_signal", "display_errors", "enable_coroutine",
];

pub(super) fn register() {
    let class = new_class(c"Skep\\Constant", null_mut(), &[]);
    let declare = |name: String, value: &str| {
        let Ok(name) = CString::new(name) else {
            return; // never: the names are ours
        };
        // SAFETY: a registered class at startup; name and value are copied.
        unsafe {
            zend_declare_class_constant_stringl(
                class,
                name.as_ptr(),
                name.count_bytes(),
                value.as_ptr().cast(),
                value.len(),
            );
        }
    };
    for event in events() {
        declare(format!("EVENT_{}", upper(event)), event);
    }
    for option in options() {
        declare(format!("OPTION_{}", upper(option)), option);
    }
    alias(class, &[c"Swoole\\Constant"]);
}

/// Each once: what `on()` takes, but the entries there that are settings.
fn events() -> BTreeSet<&'static str> {
    let server = NAMES.iter().map(|row| row.1);
    let port = PORT_NAMES.iter().map(|row| row.1);
    let all = server.chain(port);
    all.filter(|name| !name.contains('_')).collect()
}

/// Each once, under all its names.
fn options() -> BTreeSet<&'static str> {
    let table = rows().flat_map(|row| row.aliases.iter().chain([&row.key]));
    table.copied().chain(OTHER_OPTIONS).collect()
}

/// `workerStart` as `WORKER_START`.
fn upper(name: &str) -> String {
    let mut upper = String::with_capacity(name.len() + 2);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            upper.push('_');
        }
        upper.push(letter.to_ascii_uppercase());
    }
    upper
}
