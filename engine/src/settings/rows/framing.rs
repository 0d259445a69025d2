//! Which bytes of a connection make one message.

use crate::error::Error;
use crate::protocol::{LengthKind, Marker};
use crate::settings::table::{Apply, Kind, Row};
use crate::settings::value::{bytes, int, size, text, truth};

/// Where a length field and the body may begin at most; the number is the reference's.
const OFFSET_MAX: i64 = 8152;

fn offset(key: &str, given: i64) -> crate::error::Result<usize> {
    let clamped = given.clamp(0, 65535);
    if clamped > OFFSET_MAX {
        return Err(Error::BadSetting(format!("'{key}' value is too large")));
    }
    Ok(clamped as usize)
}

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "open_eof_check",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "Deliver what was received when it ends with `package_eof`: several messages may come as one. Rather use `open_eof_split`.",
        apply: Apply::Port(|p, v| {
            p.framing.eof_check = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "open_eof_split",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "Each `package_eof` ends a message, which includes it.",
        apply: Apply::Port(|p, v| {
            p.framing.eof_split = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "open_length_check",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "A field at a fixed place says how long a message is.",
        apply: Apply::Port(|p, v| {
            p.framing.length_check = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "open_mqtt_protocol",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "Each MQTT control packet is a message.",
        apply: Apply::Port(|p, v| {
            p.framing.mqtt = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "package_body_offset",
        aliases: &["package_body_start"],
        kind: Kind::Int,
        default: "4",
        range: "0..=8152; more is refused",
        help: "A message is this plus the value of its length field long; 0: the field counts the whole message.",
        apply: Apply::Port(|p, v| {
            p.framing.body_offset = offset("package_body_offset", int(v))?;
            Ok(())
        }),
    },
    Row {
        key: "package_eof",
        aliases: &[],
        kind: Kind::Text,
        default: "\\r\\n\\r\\n",
        range: "1 to 8 bytes; others are refused",
        help: "What ends a message under `open_eof_check` and `open_eof_split`.",
        apply: Apply::Port(|p, v| {
            p.framing.eof =
                Marker::new(&bytes(v)).map_err(|text| Error::BadSetting(text.into()))?;
            Ok(())
        }),
    },
    Row {
        key: "package_length_offset",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0..=8152; more is refused",
        help: "Where in a message its length field begins.",
        apply: Apply::Port(|p, v| {
            p.framing.length_offset = offset("package_length_offset", int(v))?;
            Ok(())
        }),
    },
    Row {
        key: "package_length_type",
        aliases: &[],
        kind: Kind::Text,
        default: "N",
        range: "one of the letters c C s S n v l L N V q Q J P of PHP's pack()",
        help: "Size, byte order and sign of the length field.",
        apply: Apply::Port(|p, v| {
            p.framing.length_kind =
                LengthKind::new(&text(v)).map_err(|text| Error::BadSetting(text.into()))?;
            Ok(())
        }),
    },
    Row {
        key: "package_max_length",
        aliases: &[],
        kind: Kind::Size,
        default: "2M",
        range: "64K..=4294967295; clamped",
        help: "Longest message under any of the framings; a connection that announces or sends a longer one is closed.",
        apply: Apply::Port(|p, v| {
            p.framing.max_length = size(v)?.clamp(64 << 10, u64::from(u32::MAX)) as usize;
            Ok(())
        }),
    },
];
