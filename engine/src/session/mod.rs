//! Sessions: one accepted client connection each, known to every process by their ids.

mod index;
mod info;
mod slot;
pub(crate) mod table;
mod tls_info;

pub(crate) use index::Index;
pub(crate) use info::Entrance;
pub use info::SessionInfo;
pub(crate) use table::{SessionTable, SessionTableAt};
pub use tls_info::TlsInfo;

/// A session's id. Ids start at 1 (plus `start_session_id`), grow by accept order and are never used
/// again while the server lives. PHP calls it `$fd`; it is not a file descriptor.
pub type SessionId = u64;
