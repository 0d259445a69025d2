//! Checked settings of one listening port.

use super::framing::FramingSettings;
use super::session::SessionSettings;
use super::table::Row;
use super::tls::TlsSettings;
use super::value::Value;
use crate::error::{Error, Result};
use crate::net::networks::Networks;
use crate::net::options::{Keepalive, SocketOptions};
use crate::protocol::Framing;

/// What becomes of a session whose message was lost with its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnWorkerLost {
    /// It is closed, so that the client learns there will be no answer.
    Close,
    /// It stays open.
    Keep,
}

/// What is known of balancers in front of a port.
#[derive(Debug, Clone)]
pub(crate) struct ProxySettings {
    /// Connections begin with a PROXY header.
    pub(crate) expected: bool,
    pub(crate) from: Networks,
    pub(crate) timeout_ms: u64,
}

impl Default for ProxySettings {
    fn default() -> ProxySettings {
        ProxySettings {
            expected: false,
            from: Networks::default(),
            timeout_ms: 5000,
        }
    }
}

/// Checked settings of one port.
#[derive(Debug, Clone)]
pub struct PortSettings {
    pub(crate) framing: FramingSettings,
    /// A client that sends no more can still be answered, for as long as the server likes.
    pub(crate) half_close: bool,
    pub(crate) on_worker_lost: OnWorkerLost,
    pub(crate) proxy: ProxySettings,
    pub(crate) session: SessionSettings,
    pub(crate) socket_buffer_size: u64,
    /// Whether keepalive probes are sent, and how.
    pub(super) keepalive: bool,
    pub(super) keepalive_probes: Keepalive,
    pub(super) sockets: SocketOptions,
    /// In force if the port was opened with TLS.
    pub(crate) tls: TlsSettings,
    /// Things a user should read in the log: values that were replaced.
    pub(crate) notes: Vec<String>,
}

impl Default for PortSettings {
    fn default() -> PortSettings {
        PortSettings {
            framing: FramingSettings::default(),
            half_close: false,
            on_worker_lost: OnWorkerLost::Close,
            proxy: ProxySettings::default(),
            session: SessionSettings::default(),
            socket_buffer_size: 8 << 20,
            keepalive: false,
            keepalive_probes: Keepalive::default(),
            sockets: SocketOptions::default(),
            tls: TlsSettings::default(),
            notes: Vec::new(),
        }
    }
}

impl PortSettings {
    /// Bytes of the longest message.
    pub(crate) fn longest_message(&self) -> usize {
        self.framing.max_length()
    }

    /// Options of the port's socket and of its connections.
    pub(crate) fn sockets(&self) -> SocketOptions {
        SocketOptions {
            keepalive: self.keepalive.then(|| self.keepalive_probes.clone()),
            ..self.sockets.clone()
        }
    }

    /// How bytes become messages. Fails if the settings do not go together.
    pub(crate) fn framing(&self) -> Result<Framing> {
        if self.proxy.expected && self.proxy.from.is_empty() {
            return Err(Error::BadSetting(
                "proxy_protocol needs proxy_protocol_from: anybody else could claim to be any client"
                    .into(),
            ));
        }
        self.framing.framing()
    }

    /// Set one value. A setting of the whole server is refused; nothing is changed by a failed call.
    pub fn set(&mut self, key: &str, value: &Value) -> Result<()> {
        Row::find(key)
            .ok_or_else(|| Error::UnknownSetting(key.into()))?
            .apply_to_port(self, value)
    }
}
