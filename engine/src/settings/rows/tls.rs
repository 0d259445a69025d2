//! TLS. These settings of a port have an effect only if it was opened with TLS.

use crate::error::Error;
use crate::settings::table::{Apply, Kind, Row};
use crate::settings::value::{absolute, int, milliseconds, text, truth};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "ssl_allow_self_signed",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "With `ssl_verify_peer`: a client's certificate may have signed itself.",
        apply: Apply::Port(|p, v| {
            p.tls.allow_self_signed = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "ssl_alpn",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "names with commas between them, such as \"h2,http/1.1\"; an array in PHP",
        help: "Application protocols to agree on with the client (ALPN), the preferred one first. A client that offers others only is refused.",
        apply: Apply::Port(|p, v| p.tls.set_alpn(v)),
    },
    Row {
        key: "ssl_cafile",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "a PEM file",
        help: "Authorities for the certificates of clients, besides those of `ssl_client_cert_file`.",
        apply: Apply::Port(|p, v| {
            p.tls.ca_file = absolute(&text(v));
            Ok(())
        }),
    },
    Row {
        key: "ssl_capath",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "a directory of PEM files",
        help: "Authorities for the certificates of clients, besides those of `ssl_client_cert_file`.",
        apply: Apply::Port(|p, v| {
            p.tls.ca_path = absolute(&text(v));
            Ok(())
        }),
    },
    Row {
        key: "ssl_cert_file",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "a PEM file; a TLS port needs it, or `ssl_sni_certs`",
        help: "The server's certificate, followed by those of the authorities between it and the root.",
        apply: Apply::Port(|p, v| {
            p.tls.cert_file = absolute(&text(v));
            Ok(())
        }),
    },
    Row {
        key: "ssl_ciphers",
        aliases: &[],
        kind: Kind::Text,
        default: "EECDH+AESGCM:EDH+AESGCM:AES256+EECDH:AES256+EDH",
        range: "OpenSSL's notation; words for suites that are not there have no effect; refused if no suite is left",
        help: "Cipher suites of TLS 1.2, the preferred one first. TLS 1.3 has its own, always allowed.",
        apply: Apply::Port(|p, v| {
            p.tls.ciphers = Some(text(v)).filter(|ciphers| !ciphers.is_empty());
            Ok(())
        }),
    },
    Row {
        key: "ssl_client_cert_file",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "a PEM file",
        help: "Authorities for the certificates of clients. Without `ssl_verify_peer` a certificate is asked for and any of X.509 version 3 is taken.",
        apply: Apply::Port(|p, v| {
            p.tls.client_cert_file = absolute(&text(v));
            Ok(())
        }),
    },
    Row {
        key: "ssl_compress",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "false; true is refused",
        help: "TLS compression, which does not exist here.",
        apply: Apply::Port(|_, v| {
            match truth(v) {
            true => Err(Error::BadSetting("ssl_compress: there is no TLS compression here: it tells eavesdroppers about the contents".into())),
            false => Ok(()),
        }
        }),
    },
    Row {
        key: "ssl_dhparam",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "empty; a file is refused",
        help: "Parameters for finite-field Diffie-Hellman, which does not exist here.",
        apply: Apply::Port(|_, v| match !text(v).is_empty() {
            true => Err(Error::BadSetting(
                "ssl_dhparam: keys are exchanged by elliptic curves only, see ssl_ecdh_curve"
                    .into(),
            )),
            false => Ok(()),
        }),
    },
    Row {
        key: "ssl_ecdh_curve",
        aliases: &[],
        kind: Kind::Text,
        default: "auto",
        range: "auto, or X25519, P-256, P-384 with colons between them; refused if no curve is left",
        help: "Curves for the key exchange, the preferred one first.",
        apply: Apply::Port(|p, v| {
            p.tls.ecdh_curve = text(v);
            Ok(())
        }),
    },
    Row {
        key: "ssl_handshake_timeout",
        aliases: &[],
        kind: Kind::Seconds,
        default: "10",
        range: "0..=4294967295; 0: no limit",
        help: "How long a TLS handshake may take.",
        apply: Apply::Port(|p, v| {
            p.tls.handshake_timeout_ms = milliseconds(v);
            Ok(())
        }),
    },
    Row {
        key: "ssl_key_file",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "a PEM file without a passphrase; a TLS port needs it, or `ssl_sni_certs`",
        help: "The private key of `ssl_cert_file`.",
        apply: Apply::Port(|p, v| {
            p.tls.key_file = absolute(&text(v));
            Ok(())
        }),
    },
    Row {
        key: "ssl_method",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0, 4, 5: all versions; 12..=14: TLS 1.2; others are refused",
        help: "Old form of `ssl_protocols`.",
        apply: Apply::Port(|p, v| p.tls.set_method(int(v))),
    },
    Row {
        key: "ssl_prefer_server_ciphers",
        aliases: &[],
        kind: Kind::Bool,
        default: "true",
        range: "true or false",
        help: "The server's order of cipher suites decides, not the client's.",
        apply: Apply::Port(|p, v| {
            p.tls.prefer_server_ciphers = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "ssl_protocols",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0: TLS 1.2 and 1.3; or the sum of 32 (TLS 1.2) and 64 (TLS 1.3); older ones are not offered, and refused alone",
        help: "Versions of the protocol.",
        apply: Apply::Port(|p, v| {
            let note = p.tls.set_protocols(int(v))?;
            p.notes.extend(note);
            Ok(())
        }),
    },
    Row {
        key: "ssl_sni_certs",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "`host=certificate:key` with commas between them; in PHP an array host to `ssl_cert_file` and `ssl_key_file`; `*.` before a host stands for one label",
        help: "Certificates for other server names than that of `ssl_cert_file`.",
        apply: Apply::Port(|p, v| p.tls.set_sni_certs(v)),
    },
    Row {
        key: "ssl_verify_depth",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0..=255; 0: no limit but that of the library; clamped",
        help: "Certificates that may stand between that of a client and the authority.",
        apply: Apply::Port(|p, v| {
            p.tls.verify_depth = match int(v).clamp(0, 255) {
                0 => None,
                depth => Some(depth as u8),
            };
            Ok(())
        }),
    },
    Row {
        key: "ssl_verify_peer",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false; needs `ssl_client_cert_file`, `ssl_cafile` or `ssl_capath`",
        help: "A client must show a certificate that one of the authorities has signed.",
        apply: Apply::Port(|p, v| {
            p.tls.verify_peer = truth(v);
            Ok(())
        }),
    },
];
