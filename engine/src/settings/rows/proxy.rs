//! Behind a balancer.

use crate::error::Error;
use crate::net::networks::Networks;
use crate::settings::table::{Apply, Kind, Row};
use crate::settings::value::{milliseconds, text, truth};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "proxy_protocol",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false; needs proxy_protocol_from",
        help: "Every connection begins with a PROXY protocol header, version 1 or 2, that names the real client.",
        apply: Apply::Port(|p, v| {
            p.proxy.expected = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "proxy_protocol_from",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "addresses and networks with commas between them, `unix` for unix sockets, such as \"127.0.0.1, 10.0.0.0/8\"",
        help: "Who may connect to a port with proxy_protocol; others are turned away.",
        apply: Apply::Port(|p, v| {
            let from = Networks::parse(&text(v));
            p.proxy.from =
                from.map_err(|text| Error::BadSetting(format!("proxy_protocol_from: {text}")))?;
            Ok(())
        }),
    },
    Row {
        key: "proxy_protocol_timeout",
        aliases: &[],
        kind: Kind::Seconds,
        default: "5",
        range: "0..=4294967295; 0: no limit",
        help: "How long the header may take.",
        apply: Apply::Port(|p, v| {
            p.proxy.timeout_ms = milliseconds(v);
            Ok(())
        }),
    },
];
