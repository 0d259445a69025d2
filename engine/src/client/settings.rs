//! What a client was told by `set()`. Framing and TLS mean what they mean for a port; the rest is the client's own.

use crate::error::{Error, Result};
use crate::protocol::Framing;
use crate::settings::{PortSettings, Value, value};

/// Settings of a port that mean the same for a client.
const SHARED: &[&str] = &[
    "open_length_check",
    "open_mqtt_protocol",
    "package_body_offset",
    "package_body_start",
    "package_eof",
    "package_length_offset",
    "package_length_type",
    "package_max_length",
    "ssl_allow_self_signed",
    "ssl_alpn",
    "ssl_cafile",
    "ssl_capath",
    "ssl_cert_file",
    "ssl_ciphers",
    "ssl_compress",
    "ssl_key_file",
    "ssl_method",
    "ssl_protocols",
    "ssl_verify_depth",
    "ssl_verify_peer",
];

/// An address to bind to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) address: Option<String>,
    pub(super) port: u16,
}

/// Who connects in our place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: String,
}

/// Seconds, where they were given.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) all: Option<f64>,
    pub(super) connect: Option<f64>,
    pub(super) read: Option<f64>,
    pub(super) write: Option<f64>,
}

/// Checked settings of one client.
#[derive(Clone)]
pub(super) struct ClientSettings {
    pub(super) port: PortSettings,
    eof_check: bool,
    eof_split: bool,
    pub(super) buffer: Option<u64>,
    pub(super) nodelay: bool,
    pub(super) own: Own,
    pub(super) host_name: Option<String>,
    pub(super) socks5: Proxy,
    pub(super) http: Proxy,
    pub(super) times: Times,
}

impl Default for ClientSettings {
    fn default() -> ClientSettings {
        ClientSettings {
            port: PortSettings::default(),
            eof_check: false,
            eof_split: false,
            buffer: None,
            nodelay: true,
            own: Own::default(),
            host_name: None,
            socks5: Proxy::default(),
            http: Proxy::default(),
            times: Times::default(),
        }
    }
}

fn port_number(key: &str, given: &Value) -> Result<u16> {
    u16::try_from(value::int(given))
        .map_err(|_| Error::BadSetting(format!("{key} is not in 0..=65535")))
}

fn given_text(given: &Value) -> Option<String> {
    Some(value::text(given)).filter(|text| !text.is_empty())
}

impl ClientSettings {
    /// Take one setting; nothing is changed by a failed call.
    pub(super) fn set(&mut self, key: &str, given: &Value) -> Result<()> {
        match key {
            // On a server the two differ in where reads end; whoever waits for an answer wants one message.
            "open_eof_check" => self.eof_check = value::truth(given),
            "open_eof_split" => self.eof_split = value::truth(given),
            "open_tcp_nodelay" => self.nodelay = value::truth(given),
            "socket_buffer_size" => {
                self.buffer = Some(value::size(given)?).filter(|size| *size > 0);
            }
            "bind_address" => self.own.address = given_text(given),
            "bind_port" => self.own.port = port_number(key, given)?,
            "timeout" | "socket_timeout" => self.times.all = Some(value::seconds(given)),
            "connect_timeout" | "socket_connect_timeout" => {
                self.times.connect = Some(value::seconds(given));
            }
            "read_timeout" | "recv_timeout" | "socket_read_timeout" | "socket_recv_timeout" => {
                self.times.read = Some(value::seconds(given));
            }
            "write_timeout" | "send_timeout" | "socket_write_timeout" | "socket_send_timeout" => {
                self.times.write = Some(value::seconds(given));
            }
            "ssl_host_name" => self.host_name = given_text(given),
            "ssl_disable_compression" => {
                if !value::truth(given) {
                    return Err(Error::BadSetting(
                        "ssl_disable_compression: there is no TLS compression that could be enabled"
                            .into(),
                    ));
                }
            }
            "ssl_passphrase" => {
                if given_text(given).is_some() {
                    return Err(Error::BadSetting(
                        "ssl_passphrase: encrypted keys cannot be read; use a key without a passphrase".into(),
                    ));
                }
            }
            "socks5_host" => self.socks5.host = value::text(given),
            "socks5_port" => self.socks5.port = port_number(key, given)?,
            "socks5_username" => self.socks5.user = short(key, given)?,
            "socks5_password" => self.socks5.password = short(key, given)?,
            "http_proxy_host" => self.http.host = value::text(given),
            "http_proxy_port" => self.http.port = port_number(key, given)?,
            "http_proxy_user" | "http_proxy_username" => self.http.user = value::text(given),
            "http_proxy_password" => self.http.password = value::text(given),
            shared if SHARED.contains(&shared) => self.port.set(shared, given)?,
            _ => return Err(Error::UnknownSetting(key.into())),
        }
        let split = Value::Bool(self.eof_check || self.eof_split);
        self.port.set("open_eof_split", &split)
    }

    /// Whether there is a setting of this name.
    pub(super) fn knows(key: &str) -> bool {
        let unset = ClientSettings::default().set(key, &Value::Bool(true));
        !matches!(unset, Err(Error::UnknownSetting(_)))
    }

    /// How bytes become messages.
    pub(super) fn framing(&self) -> Result<Framing> {
        self.port.framing()
    }

    /// Whether each read is a message.
    pub(super) fn is_raw(&self) -> bool {
        self.port.framing.is_raw()
    }

    /// What a connection depends on besides its address: those that differ in it must not take each other's.
    pub(super) fn fingerprint(&self) -> String {
        let ClientSettings {
            port,
            own,
            host_name,
            socks5,
            http,
            ..
        } = self;
        format!("{:?} {own:?} {host_name:?} {socks5:?} {http:?}", port.tls)
    }
}

/// SOCKS has one byte for the length of these.
fn short(key: &str, given: &Value) -> Result<String> {
    let text = value::text(given);
    match text.len() {
        0..=255 => Ok(text),
        _ => Err(Error::BadSetting(format!("{key} is longer than 255 bytes"))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_or_cannot_be_is_refused() {
        let mut settings = ClientSettings::default();
        for key in ["worker_num", "ssl_sni_certs", "open_eof", ""] {
            let refused = settings.set(key, &Value::Int(1));
            assert!(matches!(refused, Err(Error::UnknownSetting(_))), "{key}");
            assert!(!ClientSettings::knows(key), "{key}");
        }
        for key in SHARED {
            assert!(ClientSettings::knows(key), "{key}");
        }
        for (key, value) in [
            ("bind_port", Value::Int(65536)),
            ("socks5_port", Value::Int(-1)),
            ("socks5_username", Value::Text("x".repeat(256))),
            ("ssl_passphrase", Value::Text("x".into())),
            ("ssl_disable_compression", Value::Bool(false)),
            ("package_eof", Value::Text(String::new())),
            ("package_length_type", Value::Text("i".into())),
        ] {
            assert!(settings.set(key, &value).is_err(), "{key}");
        }
    }

    #[test]
    fn both_end_marks_mean_one_message_a_time() {
        let mut settings = ClientSettings::default();
        assert!(settings.is_raw());
        settings.set("open_eof_check", &Value::Bool(true)).unwrap();
        settings.set("open_eof_split", &Value::Bool(false)).unwrap();
        assert!(!settings.is_raw());
        assert!(!settings.port.framing.is_loose());
        settings.set("open_eof_check", &Value::Bool(false)).unwrap();
        assert!(settings.is_raw());
    }

    #[test]
    fn connections_of_different_trust_are_different() {
        let strict = {
            let mut settings = ClientSettings::default();
            settings.set("ssl_verify_peer", &Value::Bool(true)).unwrap();
            settings.fingerprint()
        };
        assert_ne!(strict, ClientSettings::default().fingerprint());
    }
}
