//! Where the metrics endpoint listens.

use std::fmt;

use super::value::absolute;

/// An address as `metrics_listen` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HttpAddress {
    /// `unix:/path`.
    Unix(String),
    /// `host:port`; a host with colons stands in brackets.
    Ip { host: String, port: u16 },
}

impl HttpAddress {
    /// Read a text; `None` if it is no address.
    pub(super) fn parse(text: &str) -> Option<HttpAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            return absolute(path).map(HttpAddress::Unix);
        }
        let (host, port) = text.rsplit_once(':')?;
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let is_host = match bare {
            Some(bare) => !bare.is_empty(),
            None => !host.is_empty() && !host.contains([':', '/', '[', ']']),
        };
        let host = host.to_string();
        let port = port.parse().ok().filter(|_| is_host)?;
        Some(HttpAddress::Ip { host, port })
    }
}

impl fmt::Display for HttpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpAddress::Unix(path) => write!(f, "unix:{path}"),
            HttpAddress::Ip { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_alike() {
        for text in ["127.0.0.1:9100", "localhost:0", "[::1]:80", "unix:/run/x"] {
            let address = HttpAddress::parse(text).map(|address| address.to_string());
            assert_eq!(address.as_deref(), Some(text));
        }
    }

    #[test]
    fn other_texts_are_no_addresses() {
        for text in [
            "9100",
            ":9100",
            "host:",
            "host:x",
            "host:65536",
            "host:-1",
            "::1:80",
            "[]:80",
            "unix:",
            "http://host:80",
            "[::1:80",
        ] {
            assert_eq!(HttpAddress::parse(text), None, "{text}");
        }
    }
}
