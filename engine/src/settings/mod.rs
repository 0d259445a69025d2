//! Settings: declared once in [`table`], checked when they are set, complete before start.

mod checked;
mod daemon;
mod dispatch_mode;
mod framing;
mod http_address;
mod port;
mod rows;
mod session;
pub mod table;
mod tasks;
mod tls;
pub(crate) mod value;

pub use checked::{Settings, Sizes};
pub(crate) use daemon::DaemonSettings;
pub use dispatch_mode::DispatchMode;
pub(crate) use http_address::HttpAddress;
pub(crate) use port::OnWorkerLost;
pub use port::PortSettings;
pub(crate) use session::{SessionSettings, complete_heartbeats};
pub use table::{Kind, Row, Scope};
pub(crate) use tasks::IpcMode;
#[allow(unused_imports, reason = "named by the tests of TLS")]
pub(crate) use tls::SniCertificate;
pub(crate) use tls::TlsSettings;
pub use value::Value;
