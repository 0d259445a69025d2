//! What can go wrong before and around `start()`, and the code each error carries.
//!
//! Codes below 500 are `errno` values; from 501 on they are the engine's own, numerically those of
//! the reference, because scripts compare them (`getLastError()`, exception codes).

use std::io;

/// Engine result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Numbers of the engine's own error codes.
pub mod code {
    /// A system call failed and no better number is known.
    pub const SYSTEM_CALL_FAIL: i32 = 502;
    /// A fatal error of the script or a rejected call.
    pub const FATAL: i32 = 503;
    /// A name (unix path, file name) is too long.
    pub const NAME_TOO_LONG: i32 = 504;
    /// A parameter is out of its range.
    pub const INVALID_PARAMS: i32 = 505;
    /// The operation is not supported here.
    pub const OPERATION_NOT_SUPPORT: i32 = 507;
    /// The operation does not fit the present state.
    pub const WRONG_OPERATION: i32 = 509;
    /// Nothing to send.
    pub const NO_PAYLOAD: i32 = 550;
    /// A file has nothing (more) to send.
    pub const FILE_EMPTY: i32 = 702;
    /// An address is neither a literal nor `localhost`.
    pub const RESOLVE_FAILED: i32 = 711;
    /// The host address cannot be understood.
    pub const BAD_HOST_ADDR: i32 = 722;
    /// A port number that no address can have.
    pub const BAD_PORT: i32 = 723;
    /// The server has closed the session.
    pub const SESSION_CLOSED_BY_SERVER: i32 = 1001;
    /// The client has closed the session.
    pub const SESSION_CLOSED_BY_CLIENT: i32 = 1002;
    /// `close()` inside the close callback of the same session.
    pub const SESSION_CLOSING: i32 = 1003;
    /// The session was closed before.
    pub const SESSION_CLOSED: i32 = 1004;
    /// No session has this id.
    pub const SESSION_NOT_EXIST: i32 = 1005;
    /// No session can have this id.
    pub const SESSION_INVALID_ID: i32 = 1006;
    /// Data of a session that the server has closed is thrown away.
    pub const SESSION_DISCARD_TIMEOUT_DATA: i32 = 1007;
    /// More is queued for this session than `socket_buffer_size`.
    pub const OUTPUT_BUFFER_OVERFLOW: i32 = 1009;
    /// The peer's certificate is missing or not trusted.
    pub const SSL_VERIFY_FAILED: i32 = 1014;
    /// The peer does not speak TLS.
    pub const SSL_BAD_CLIENT: i32 = 1015;
    /// There is no TLS version, cipher or protocol that both sides know.
    pub const SSL_BAD_PROTOCOL: i32 = 1016;
    /// The TLS handshake failed.
    pub const SSL_HANDSHAKE_FAILED: i32 = 1018;
    /// Certificates or TLS options cannot be used.
    pub const SSL_CREATE_CONTEXT_FAILED: i32 = 1019;
    /// A message is longer than `package_max_length`.
    pub const PACKAGE_LENGTH_TOO_LARGE: i32 = 1201;
    /// A message has no length.
    pub const PACKAGE_LENGTH_NOT_FOUND: i32 = 1202;
    /// A TLS client has shown no certificate, but had to.
    pub const SSL_EMPTY_PEER_CERTIFICATE: i32 = 1013;
    /// A TLS session could not be made.
    pub const SSL_CREATE_SESSION_FAILED: i32 = 1020;
    /// One send is larger than `output_buffer_size`.
    pub const DATA_LENGTH_TOO_LARGE: i32 = 1203;
    /// The length of a message makes no sense.
    pub const PACKAGE_MALFORMED_DATA: i32 = 1204;
    /// The call needs TLS.
    pub const SSL_NOT_READY: i32 = 1011;
    /// The connection ended without TLS's own farewell: something may be missing.
    pub const SSL_RESET: i32 = 1017;
    /// There is no connection.
    pub const NO_CONNECTION: i32 = 5001;
    /// The peer ended the connection in the middle of a message.
    pub const SOCKET_CLOSED: i32 = 6001;
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
    /// The HTTP proxy refuses.
    pub const HTTP_PROXY_REFUSED: i32 = 7103;
    /// The HTTP proxy's answer is none.
    pub const HTTP_PROXY_BAD_RESPONSE: i32 = 7104;
    /// A task or message is larger than its queue.
    pub const TASK_TOO_BIG: i32 = 2001;
    /// More waits than `task_queue_max_num` and `task_queue_max_bytes` allow.
    pub const TASK_DISPATCH_FAILED: i32 = 2002;
    /// A result came when nobody waited for it any more.
    pub const TASK_EXPIRED: i32 = 2003;
    /// The task is lost, or has given no result.
    pub const TASK_NO_RESULT: i32 = 2006;
    /// Nothing came in time.
    pub const TIMEOUT: i32 = 6002;
    /// The connection limit is reached.
    pub const TOO_MANY_SOCKET: i32 = 9002;
    /// A worker was ended by exit().
    pub const WORKER_TERMINATED: i32 = 9003;
    /// A port number outside 0..=65535.
    pub const INVALID_LISTEN_PORT: i32 = 9004;
    /// More ports than a server can have.
    pub const TOO_MANY_LISTEN_PORT: i32 = 9005;
    /// No worker is free.
    pub const NO_IDLE_WORKER: i32 = 9007;
    /// No command has this name.
    pub const INVALID_COMMAND: i32 = 9012;
    /// Only regular files can be sent.
    pub const NOT_REGULAR_FILE: i32 = 9013;
    /// Callbacks and settings contradict each other.
    pub const INVALID_CALLBACK: i32 = 9015;
    /// A worker did not stop within its time.
    pub const WORKER_EXIT_TIMEOUT: i32 = 9101;
}

/// An error of the engine. The variant says what was being done; `source()` has the system's reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Binding the listening socket failed.
    #[error("failed to listen server port[{address}], Error: {text}[{code}]")]
    Listen {
        /// `host:port` as given.
        address: String,
        /// Text of `code`.
        text: String,
        /// `errno` or an engine code.
        code: i32,
    },
    /// `listen(2)` failed at start.
    #[error("listen({address}, {backlog}) failed, Error: {}[{}]", text(*code), code)]
    ListenCall {
        /// `host:port`.
        address: String,
        /// The backlog asked for.
        backlog: i32,
        /// `errno`.
        code: i32,
    },
    /// No setting has this name.
    #[error("unsupported option [{0}]")]
    UnknownSetting(String),
    /// The setting exists but its value cannot be used.
    #[error("{0}")]
    BadSetting(String),
    /// A port cannot be served under TLS as its settings want it: a file is missing, or does not fit.
    #[error("{text}")]
    Tls {
        /// What is wrong.
        text: String,
        /// 509 if no certificate was given, else 1019.
        code: i32,
    },
    /// `start()` was called on a server that runs or has run.
    #[error("{0}")]
    State(&'static str),
    /// Another server that runs holds what this one needs for itself.
    #[error("{0}")]
    Taken(String),
    /// A callback the server cannot do without is missing.
    #[error("require {0} callback")]
    MissingCallback(&'static str),
    /// The process has more than one thread, so it must not fork.
    #[error("the process has {0} threads; start() forks and needs a process with one thread")]
    Threads(usize),
    /// A system call failed while doing `doing`.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

impl Error {
    /// The number a caller compares: `errno`, or one of [`code`].
    pub fn code(&self) -> i32 {
        match self {
            Error::Listen { code, .. }
            | Error::ListenCall { code, .. }
            | Error::Tls { code, .. } => *code,
            Error::System { source, .. } => source.raw_os_error().unwrap_or(code::SYSTEM_CALL_FAIL),
            Error::UnknownSetting(_) | Error::BadSetting(_) => code::INVALID_PARAMS,
            Error::State(_) => code::FATAL,
            Error::MissingCallback(_) => code::INVALID_CALLBACK,
            Error::Threads(_) | Error::Taken(_) => code::WRONG_OPERATION,
        }
    }
}

/// Adapter: names what was being done when a system call failed.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T> {
        self.map_err(|source| Error::System { doing, source })
    }
}

/// The system's text for an `errno`, or the engine's for one of its own codes.
pub fn text(code: i32) -> String {
    match code {
        code::SYSTEM_CALL_FAIL => "System call fail".into(),
        code::FATAL => "PHP fatal error".into(),
        code::NAME_TOO_LONG => "Name too long".into(),
        code::INVALID_PARAMS => "Invalid params".into(),
        code::OPERATION_NOT_SUPPORT => "Operation not support".into(),
        code::WRONG_OPERATION => "Wrong operation".into(),
        code::NO_PAYLOAD => "No payload".into(),
        code::FILE_EMPTY => "File empty".into(),
        code::RESOLVE_FAILED => "DNS Lookup resolve failed".into(),
        code::BAD_HOST_ADDR => "Bad host addr".into(),
        code::BAD_PORT => "Bad port".into(),
        code::SESSION_CLOSED_BY_SERVER => "Session closed by server".into(),
        code::SESSION_CLOSED_BY_CLIENT => "Session closed by client".into(),
        code::SESSION_CLOSING => "Session closing".into(),
        code::SESSION_CLOSED => "Session closed".into(),
        code::SESSION_NOT_EXIST => "Session not exist".into(),
        code::SESSION_INVALID_ID => "Session invalid id".into(),
        code::OUTPUT_BUFFER_OVERFLOW => "Output buffer overflow".into(),
        code::SSL_VERIFY_FAILED => "SSL verify failed".into(),
        code::SSL_BAD_CLIENT => "SSL bad client".into(),
        code::SSL_BAD_PROTOCOL => "SSL bad protocol".into(),
        code::SSL_HANDSHAKE_FAILED => "SSL handshake failed".into(),
        code::SSL_CREATE_CONTEXT_FAILED => "SSL create context failed".into(),
        code::PACKAGE_LENGTH_TOO_LARGE => "Package length too large".into(),
        code::PACKAGE_LENGTH_NOT_FOUND => "Package length not found".into(),
        code::SSL_EMPTY_PEER_CERTIFICATE => "SSL empty peer certificate".into(),
        code::SSL_CREATE_SESSION_FAILED => "SSL create session failed".into(),
        code::DATA_LENGTH_TOO_LARGE => "Data length too large".into(),
        code::PACKAGE_MALFORMED_DATA => "Package malformed data".into(),
        code::SSL_NOT_READY => "SSL not ready".into(),
        code::SSL_RESET => "SSL reset".into(),
        code::NO_CONNECTION => "Client no connection".into(),
        code::SOCKET_CLOSED => "Socket closed".into(),
        code::SOCKS5_VERSION => "Socks5 unsupport version".into(),
        code::SOCKS5_METHOD => "Socks5 unsupport method".into(),
        code::SOCKS5_AUTH => "Socks5 auth failed".into(),
        code::SOCKS5_SERVER => "Socks5 server error".into(),
        code::SOCKS5_HANDSHAKE => "Socks5 handshake failed".into(),
        code::HTTP_PROXY_REFUSED => "Http proxy handshake failed".into(),
        code::HTTP_PROXY_BAD_RESPONSE => "Http proxy bad response".into(),
        code::TASK_TOO_BIG => "Task package too big".into(),
        code::TASK_DISPATCH_FAILED => "Task dispatch failed".into(),
        code::TASK_EXPIRED => "Task expired".into(),
        code::TASK_NO_RESULT => "Task has no result".into(),
        code::TIMEOUT => "Timed out".into(),
        code::TOO_MANY_SOCKET => "Server too many socket".into(),
        code::WORKER_TERMINATED => "Server worker terminated".into(),
        code::INVALID_LISTEN_PORT => "Server invalid listen port".into(),
        code::TOO_MANY_LISTEN_PORT => "Server too many listen port".into(),
        code::NO_IDLE_WORKER => "Server no idle worker".into(),
        code::INVALID_COMMAND => "Server invalid command".into(),
        code::NOT_REGULAR_FILE => "Server is not regular file".into(),
        code::INVALID_CALLBACK => "Server invalid callback".into(),
        code::WORKER_EXIT_TIMEOUT => "Server worker exit timeout".into(),
        501.. => format!("Unknown error {code}"),
        _ => {
            let full = io::Error::from_raw_os_error(code).to_string();
            full.split(" (os error").next().unwrap_or(&full).to_string()
        }
    }
}
