//! Checked settings of TLS on one port. Files are looked at when the server starts.

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
