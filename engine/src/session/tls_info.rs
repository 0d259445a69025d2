//! What was agreed on in a TLS handshake, on its way from the reactor to the session's worker.

/// TLS of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// The cipher suite, by the name that OpenSSL has for it.
    pub cipher: String,
    /// Application protocol (ALPN); empty if none was agreed on.
    pub alpn: String,
    /// The server name that the client asked for (SNI); empty if it did not.
    pub server_name: String,
    /// The client's certificate as PEM; empty if it has shown none.
    pub client_cert: String,
    /// Those that it has sent with its own, as PEM: of the authorities between that and a root.
    pub client_chain: String,
}

/// Between the fields. Neither names nor PEM contain it.
const SEPARATOR: char = '\0';

impl TlsInfo {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let fields = [
            &self.version,
            &self.cipher,
            &self.alpn,
            &self.server_name,
            &self.client_cert,
            &self.client_chain,
        ];
        let fields = fields.map(|field| field.replace(SEPARATOR, "?"));
        fields.join("\0").into_bytes()
    }

    /// `None` for bytes that [`TlsInfo::encode`] cannot have written.
    pub(crate) fn decode(bytes: &[u8]) -> Option<TlsInfo> {
        let mut fields = std::str::from_utf8(bytes).ok()?.split(SEPARATOR);
        let mut next = || fields.next().map(String::from);
        Some(TlsInfo {
            version: next()?,
            cipher: next()?,
            alpn: next()?,
            server_name: next()?,
            client_cert: next()?,
            client_chain: next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_as_written() {
        let info = TlsInfo {
            version: "TLSv1.3".into(),
            cipher: "TLS_AES_128_GCM_SHA256".into(),
            alpn: "a\0b".into(),
            server_name: String::new(),
            client_cert: "-----BEGIN\nx\n".into(),
            client_chain: "-----BEGIN\ny\n".into(),
        };
        let read = TlsInfo::decode(&info.encode());
        assert_eq!(
            read,
            Some(TlsInfo {
                alpn: "a?b".into(),
                ..info
            })
        );
        assert_eq!(TlsInfo::decode(b"TLSv1.3\0x"), None);
        assert_eq!(TlsInfo::decode(b"\xff"), None);
    }
}
