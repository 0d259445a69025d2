//! Checked settings of TLS on one port. Files are looked at when the server starts.

use super::value::{Value, absolute, text, texts};
use crate::error::{Error, Result};

/// What is offered if `ssl_ciphers` is not set.
const DEFAULT_CIPHERS: &str = "EECDH+AESGCM:EDH+AESGCM:AES256+EECDH:AES256+EDH";

/// Certificate and key for a server name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SniCertificate {
    /// A name, or `*.` and a name: any one label in front of it.
    pub(crate) host: String,
    pub(crate) cert_file: String,
    pub(crate) key_file: String,
}

/// TLS of one port. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsSettings {
    pub(crate) allow_self_signed: bool,
    /// Names of application protocols (ALPN), the preferred one first.
    pub(crate) alpn: Vec<String>,
    pub(crate) ca_file: Option<String>,
    pub(crate) ca_path: Option<String>,
    pub(crate) cert_file: Option<String>,
    /// As OpenSSL writes them; `None` for the default.
    pub(crate) ciphers: Option<String>,
    pub(crate) client_cert_file: Option<String>,
    /// Names with colons between them, or "auto".
    pub(crate) ecdh_curve: String,
    /// 0 for no limit.
    pub(crate) handshake_timeout_ms: u64,
    pub(crate) key_file: Option<String>,
    pub(crate) prefer_server_ciphers: bool,
    pub(crate) sni_certs: Vec<SniCertificate>,
    /// Versions of the protocol; one of the two at least is allowed.
    pub(crate) tls12: bool,
    pub(crate) tls13: bool,
    /// Certificates between that of a client and an authority; `None` for no limit of ours.
    pub(crate) verify_depth: Option<u8>,
    pub(crate) verify_peer: bool,
}

impl Default for TlsSettings {
    fn default() -> TlsSettings {
        TlsSettings {
            allow_self_signed: false,
            alpn: Vec::new(),
            ca_file: None,
            ca_path: None,
            cert_file: None,
            ciphers: None,
            client_cert_file: None,
            ecdh_curve: "auto".into(),
            handshake_timeout_ms: 10_000,
            key_file: None,
            prefer_server_ciphers: true,
            sni_certs: Vec::new(),
            tls12: true,
            tls13: true,
            verify_depth: None,
            verify_peer: false,
        }
    }
}

impl TlsSettings {
    /// The cipher string in force.
    pub(crate) fn ciphers(&self) -> &str {
        self.ciphers.as_deref().unwrap_or(DEFAULT_CIPHERS)
    }
}

/// Bits of `ssl_protocols`.
mod protocol {
    pub(super) const OLD: [(i64, &str); 4] =
        [(2, "SSLv2"), (4, "SSLv3"), (8, "TLSv1"), (16, "TLSv1.1")];
    pub(super) const TLS12: i64 = 32;
    pub(super) const TLS13: i64 = 64;
    pub(super) const DTLS: i64 = 128;
    pub(super) const ALL: i64 = 2 | 4 | 8 | 16 | TLS12 | TLS13 | DTLS;
}

fn refuse<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::BadSetting(text.into()))
}

impl TlsSettings {
    /// Take the bits of `ssl_protocols`; the text is for the log.
    pub(super) fn set_protocols(&mut self, bits: i64) -> Result<Option<String>> {
        if bits & !protocol::ALL != 0 {
            return refuse(format!("ssl_protocols: {bits} has bits of no protocol"));
        }
        let (tls12, tls13) = match bits {
            0 => (true, true),
            bits => (bits & protocol::TLS12 != 0, bits & protocol::TLS13 != 0),
        };
        if !tls12 && !tls13 {
            return refuse(format!(
                "ssl_protocols: {bits} allows neither TLSv1.2 nor TLSv1.3, and there is nothing else here"
            ));
        }
        self.tls12 = tls12;
        self.tls13 = tls13;
        let without = protocol::OLD.iter().chain(&[(protocol::DTLS, "DTLS")]);
        let without: Vec<_> = without
            .filter(|(bit, _)| bits & bit != 0)
            .map(|(_, name)| *name)
            .collect();
        Ok((!without.is_empty())
            .then(|| format!("ssl_protocols: {} is not offered", without.join(", "))))
    }

    /// Take a number of `ssl_method`, from the time before `ssl_protocols`.
    pub(super) fn set_method(&mut self, method: i64) -> Result<()> {
        match method {
            0 | 4 | 5 => self.set_protocols(0)?, // whatever both sides know
            12..=14 => self.set_protocols(protocol::TLS12)?,
            1..=3 | 6..=11 => {
                return refuse("ssl_method: SSLv3, TLSv1 and TLSv1.1 are not offered");
            }
            15 | 16 => return refuse("ssl_method: DTLS is not offered"),
            other => return refuse(format!("ssl_method: {other} is no method")),
        };
        Ok(())
    }

    pub(super) fn set_alpn(&mut self, value: &Value) -> Result<()> {
        let names = texts(value);
        if let Some(name) = names.iter().find(|name| name.len() > 255) {
            return refuse(format!("ssl_alpn: '{name}' is longer than 255 bytes"));
        }
        self.alpn = names;
        Ok(())
    }

    pub(super) fn set_sni_certs(&mut self, value: &Value) -> Result<()> {
        const NO_NAMES: &str = "ssl_sni_certs array requires string host name keys";
        const INVALID: &str = "invalid SNI_cert setting";
        let entries = match value {
            Value::Map(entries) => {
                let mut found = Vec::new();
                for (host, entry) in entries {
                    // What PHP has without a key arrives under its number.
                    if host.parse::<u64>().is_ok() {
                        return refuse(NO_NAMES);
                    }
                    found.push((
                        host.as_str(),
                        file(entry, "ssl_cert_file"),
                        file(entry, "ssl_key_file"),
                    ));
                }
                found
            }
            Value::List(items) if items.is_empty() => Vec::new(),
            Value::List(_) => return refuse(NO_NAMES),
            Value::Text(text) => text
                .split(',')
                .filter(|entry| !entry.trim().is_empty())
                .map(entry)
                .collect(),
            _ => return refuse("ssl_sni_certs requires an array mapping host names to cert paths"),
        };
        let mut certificates = Vec::new();
        for (host, cert_file, key_file) in entries {
            let (Some(cert_file), Some(key_file)) = (cert_file, key_file) else {
                return refuse(INVALID);
            };
            if host.is_empty() {
                return refuse(NO_NAMES);
            }
            certificates.push(SniCertificate {
                host: host.into(),
                cert_file,
                key_file,
            });
        }
        self.sni_certs = certificates;
        Ok(())
    }
}

/// A path in an entry of `ssl_sni_certs`.
fn file(entry: &Value, key: &str) -> Option<String> {
    let Value::Map(entry) = entry else {
        return None;
    };
    let (_, path) = entry.iter().find(|(name, _)| name == key)?;
    absolute(&text(path))
}

/// `host=certificate:key`, for fronts without arrays.
fn entry(text: &str) -> (&str, Option<String>, Option<String>) {
    let (host, files) = text.split_once('=').unwrap_or((text, ""));
    let (certificate, key) = files.split_once(':').unwrap_or_default();
    (
        host.trim(),
        absolute(certificate.trim()),
        absolute(key.trim()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::PortSettings;

    fn set(key: &str, value: Value) -> Result<PortSettings> {
        let mut port = PortSettings::default();
        port.set(key, &value)?;
        Ok(port)
    }

    fn error(key: &str, value: Value) -> String {
        set(key, value).unwrap_err().to_string()
    }

    fn text_of(value: &str) -> Value {
        Value::Text(value.into())
    }

    #[test]
    fn protocols_that_are_not_there_are_noted_and_alone_refused() {
        for (bits, tls12, tls13) in [
            (0, true, true),
            (32, true, false),
            (64, false, true),
            (96, true, true),
        ] {
            let port = set("ssl_protocols", Value::Int(bits)).unwrap();
            assert_eq!((port.tls.tls12, port.tls.tls13), (tls12, tls13), "{bits}");
            assert!(port.notes.is_empty());
        }
        let port = set("ssl_protocols", Value::Int(8 | 16 | 32)).unwrap();
        assert_eq!((port.tls.tls12, port.tls.tls13), (true, false));
        assert_eq!(port.notes, ["ssl_protocols: TLSv1, TLSv1.1 is not offered"]);
        for bits in [2, 4, 8, 16, 2 | 4 | 8 | 16, 128] {
            assert!(
                error("ssl_protocols", Value::Int(bits)).contains("neither"),
                "{bits}"
            );
        }
        for bits in [1, 256, -1] {
            assert!(
                error("ssl_protocols", Value::Int(bits)).contains("no protocol"),
                "{bits}"
            );
        }
    }

    #[test]
    fn an_old_method_means_its_protocols() {
        assert!(set("ssl_method", Value::Int(4)).unwrap().tls.tls13);
        assert!(!set("ssl_method", Value::Int(13)).unwrap().tls.tls13);
        for method in [1, 6, 10, 15, 17, -1] {
            assert!(error("ssl_method", Value::Int(method)).starts_with("ssl_method: "));
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        assert!(error("ssl_dhparam", text_of("/x")).contains("ssl_ecdh_curve"));
        assert!(error("ssl_compress", Value::Bool(true)).contains("compression"));
        assert!(set("ssl_dhparam", text_of("")).is_ok());
        assert!(set("ssl_compress", Value::Bool(false)).is_ok());
    }

    #[test]
    fn certificates_of_names_come_as_an_array_or_as_text() {
        let pair = |cert: &str, key: &str| {
            Value::Map(vec![
                ("ssl_cert_file".into(), text_of(cert)),
                ("ssl_key_file".into(), text_of(key)),
            ])
        };
        let array = Value::Map(vec![
            ("a.test".into(), pair("/a.crt", "/a.key")),
            ("*.b.test".into(), pair("/b.crt", "/b.key")),
        ]);
        let array = set("ssl_sni_certs", array).unwrap().tls.sni_certs;
        let text = text_of("a.test=/a.crt:/a.key, *.b.test=/b.crt:/b.key");
        assert_eq!(set("ssl_sni_certs", text).unwrap().tls.sni_certs, array);
        assert_eq!((array.len(), array[1].host.as_str()), (2, "*.b.test"));
        assert_eq!(array[1].key_file, "/b.key");

        let no_names = "ssl_sni_certs array requires string host name keys";
        let numbered = Value::Map(vec![("0".into(), pair("/a", "/b"))]);
        assert_eq!(error("ssl_sni_certs", numbered), no_names);
        assert_eq!(error("ssl_sni_certs", Value::List(vec![1])), no_names);
        assert_eq!(error("ssl_sni_certs", text_of("=/a:/b")), no_names);
        let half = Value::Map(vec![("ssl_cert_file".into(), text_of("/a"))]);
        for wrong in [half, text_of("/a"), Value::Int(1)] {
            let wrong = Value::Map(vec![("a.test".into(), wrong)]);
            assert_eq!(error("ssl_sni_certs", wrong), "invalid SNI_cert setting");
        }
        assert_eq!(
            error("ssl_sni_certs", text_of("a.test=/a")),
            "invalid SNI_cert setting"
        );
        assert_eq!(
            error("ssl_sni_certs", Value::Bool(true)),
            "ssl_sni_certs requires an array mapping host names to cert paths"
        );
        assert!(set("ssl_sni_certs", Value::List(Vec::new())).is_ok());
    }

    #[test]
    fn other_values_are_taken_as_they_mean() {
        let alpn = set("ssl_alpn", text_of(" h2 ,http/1.1,")).unwrap().tls.alpn;
        assert_eq!(alpn, ["h2", "http/1.1"]);
        let array = Value::Map(vec![
            ("0".into(), text_of("h2")),
            ("1".into(), text_of("http/1.1")),
        ]);
        assert_eq!(set("ssl_alpn", array).unwrap().tls.alpn, alpn);
        assert!(error("ssl_alpn", text_of(&"x".repeat(256))).contains("255"));
        for (given, expected) in [(0, None), (3, Some(3)), (999, Some(255)), (-1, None)] {
            let port = set("ssl_verify_depth", Value::Int(given)).unwrap();
            assert_eq!(port.tls.verify_depth, expected);
        }
        let port = set("ssl_handshake_timeout", Value::Float(0.5)).unwrap();
        assert_eq!(port.tls.handshake_timeout_ms, 500);
        let port = set("ssl_cert_file", text_of("relative.crt")).unwrap();
        assert!(port.tls.cert_file.unwrap().starts_with('/'));
        let port = set("ssl_ciphers", text_of("")).unwrap();
        assert_eq!(port.tls, TlsSettings::default());
    }
}
