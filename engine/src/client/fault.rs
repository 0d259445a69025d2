//! Why a client's call has failed.

use std::fmt;

use crate::error::text;
use crate::tls::ClientFault;

/// Numbers that only clients use; the others are `errno` and [`crate::error::code`].
pub mod code {
    /// There is no connection.
    pub const NO_CONNECTION: i32 = 5001;
    /// The peer ended the connection in the middle of a message.
    pub const SOCKET_CLOSED: i32 = 6001;
    /// The call needs TLS.
    pub const SSL_NOT_READY: i32 = 1011;
    /// The connection ended without TLS's own farewell: something may be missing.
    pub const SSL_RESET: i32 = 1017;
    /// The SOCKS proxy speaks another version.
    pub const SOCKS5_VERSION: i32 = 7001;
    /// The SOCKS proxy wants an authentication that was not configured.
    pub const SOCKS5_METHOD: i32 = 7002;
    /// The SOCKS proxy refuses user or password.
    pub const SOCKS5_AUTH: i32 = 7003;
    /// The SOCKS proxy could not connect.
    pub const SOCKS5_SERVER: i32 = 7004;
    /// The SOCKS proxy ended the conversation.
    pub const SOCKS5_HANDSHAKE: i32 = 7005;
    /// The HTTP proxy's answer is none.
    pub const HTTP_PROXY_BAD_RESPONSE: i32 = 7104;
    /// The HTTP proxy refuses.
    pub const HTTP_PROXY_REFUSED: i32 = 7103;
}

/// Why a call has failed. [`fmt::Display`] gives `text[code]`, and what else is known behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientError {
    code: i32,
    detail: Option<Box<str>>,
}

impl ClientError {
    pub(super) fn with(code: i32, detail: impl Into<Box<str>>) -> ClientError {
        ClientError {
            code,
            detail: Some(detail.into()),
        }
    }

    /// `errno`, or one of the engine's numbers.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// What is known besides.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl From<i32> for ClientError {
    fn from(code: i32) -> ClientError {
        ClientError { code, detail: None }
    }
}

impl From<ClientFault> for ClientError {
    fn from(fault: ClientFault) -> ClientError {
        ClientError::with(fault.code, fault.text)
    }
}

impl std::error::Error for ClientError {}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", text(self.code), self.code)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}
