//! The client: settings, and at most one connection.

use std::os::fd::RawFd;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::connecting::{self, To};
use super::connection::Connection;
use super::fault::ClientError;
use super::limit;
use super::pool::{self, Kept};
use super::receiving::{Flags, Received};
use super::settings::ClientSettings;
use crate::error::Result as SettingResult;
use crate::error::code;
use crate::net::SocketType;
use crate::net::dial::{self, Direction};
use crate::net::peer::DatagramPeer;
use crate::net::waiting::Deadline;
use crate::protocol::{Framing, LengthFn};
use crate::settings::Value;
use crate::tls::TlsConnector;

type Result<T> = std::result::Result<T, ClientError>;

/// What a call takes if nobody has said otherwise, seconds.
const DEFAULT_TIMEOUT: f64 = 0.5;
/// What one `recv` without framing takes at most if nobody has said otherwise.
const DEFAULT_SIZE: usize = 64 * 1024;
/// The longest datagram there can be is not longer, not even on a unix socket with the usual buffers.
const DATAGRAM_MAX: usize = 16 << 20;

/// A name of one end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// IP address, or path, or abstract name with its leading zero byte, or empty.
    pub host: Vec<u8>,
    /// 0 for a unix socket.
    pub port: u16,
}

impl From<DatagramPeer> for Name {
    fn from(peer: DatagramPeer) -> Name {
        Name {
            host: peer.address(),
            port: peer.port().unwrap_or(0),
        }
    }
}

/// A client of some server, that blocks.
pub struct Client {
    kind: SocketType,
    tls: bool,
    settings: ClientSettings,
    /// None: each read is a message.
    framing: Option<Rc<Framing>>,
    connection: Option<Connection>,
    /// How often the connection was taken from the pool.
    reused: u64,
    /// Under what name the connection goes to the pool.
    key: String,
    /// Whom it talks to: what a certificate is checked against.
    host: String,
    /// From `connect`, for what has no limit of its own.
    given: f64,
    keep: Option<String>,
}

impl Client {
    /// A client that is not connected. `tls` is for streams.
    pub fn new(kind: SocketType, tls: bool) -> Client {
        Client {
            kind,
            tls,
            settings: ClientSettings::default(),
            framing: None,
            connection: None,
            reused: 0,
            key: String::new(),
            host: String::new(),
            given: DEFAULT_TIMEOUT,
            keep: None,
        }
    }

    /// [`Client::close`] and the end of this object leave the connection to the next client of the same id, address
    /// and settings in this process.
    pub fn keep_as(&mut self, id: &str) {
        self.keep = Some(id.into());
    }

    /// Whether there is a setting of this name.
    pub fn knows(key: &str) -> bool {
        ClientSettings::knows(key)
    }

    /// Take one setting. Those of the connection count from the next one on, the others at once.
    pub fn set(&mut self, key: &str, value: &Value) -> SettingResult<()> {
        self.settings.set(key, value)?;
        self.reframe()
    }

    /// Take all of these settings, or none.
    pub fn set_all(&mut self, given: &[(String, Value)]) -> SettingResult<()> {
        let mut settings = self.settings.clone();
        for (key, value) in given {
            settings.set(key, value)?;
        }
        settings.framing()?;
        self.settings = settings;
        self.reframe()
    }

    /// The length of a message is what this function says: 0, not known yet; negative, this is none. None: no longer.
    pub fn length_with(&mut self, function: Option<LengthFn>) -> SettingResult<()> {
        self.settings.port.framing.length_by = function;
        self.reframe()
    }

    fn reframe(&mut self) -> SettingResult<()> {
        self.framing = match self.settings.is_raw() {
            true => None,
            false => Some(Rc::new(self.settings.framing()?)),
        };
        if let Some(connection) = &mut self.connection {
            connection.progress = Default::default(); // what was looked at was looked at with other eyes
        }
        Ok(())
    }

    /// What a user should read: parts of settings that have no effect.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.settings.port.notes)
    }

    /// Connect; all of it, from the proxy to the handshake of TLS, within `timeout` seconds (or the setting, or half
    /// a second). Looking up a name is the system's resolver's business and takes its own time. `fixed` is for
    /// datagrams: those of others than this peer are not taken.
    pub fn connect(
        &mut self,
        host: &str,
        port: u16,
        timeout: Option<f64>,
        fixed: bool,
    ) -> Result<()> {
        let times = self.settings.times;
        let seconds = timeout.or(times.connect).or(times.all);
        let deadline = Deadline::after(limit(seconds.unwrap_or(DEFAULT_TIMEOUT)));
        self.connection = None;
        self.reused = 0;
        self.given = timeout.unwrap_or(DEFAULT_TIMEOUT);
        self.host = host.into();
        if let Some(id) = &self.keep {
            let fingerprint = self.settings.fingerprint();
            let (kind, tls) = (self.kind, self.tls);
            self.key = format!("{kind:?} {tls} {fixed} {host:?} {port} {id:?} {fingerprint}");
            if let Some(kept) = pool::take(&self.key) {
                self.connection = Some(kept.connection);
                self.reused = kept.reused + 1;
                return Ok(());
            }
        }
        let tls = match self.tls && self.kind.is_stream() {
            true => Some(self.connector()?),
            false => None,
        };
        let to = To {
            kind: self.kind,
            host,
            port,
            fixed,
        };
        let made = connecting::establish(to, &self.settings, tls.as_ref(), deadline)?;
        self.connection = Some(made);
        Ok(())
    }

    /// Whose certificate is wanted.
    fn wanted_name(&self) -> Option<&str> {
        match &self.settings.host_name {
            Some(name) => Some(name),
            None if self.kind.is_unix() => None,
            None => {
                let bare = self
                    .host
                    .strip_prefix('[')
                    .and_then(|h| h.strip_suffix(']'));
                let bare = bare.unwrap_or(&self.host);
                Some(bare.split('%').next().unwrap_or(bare)) // no certificate has a scope
            }
        }
    }

    fn connector(&self) -> Result<TlsConnector> {
        let connector = TlsConnector::new(&self.settings.port.tls, self.wanted_name())?;
        Ok(connector)
    }

    fn connected(&mut self) -> Result<&mut Connection> {
        self.connection
            .as_mut()
            .ok_or_else(|| ClientError::from(code::NO_CONNECTION))
    }

    /// Whether there is a connection, as far as anybody has noticed.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// The kind it was made with.
    pub fn kind(&self) -> SocketType {
        self.kind
    }

    /// How often this connection was taken over from another client.
    pub fn reuse_count(&self) -> u64 {
        self.reused
    }

    /// The socket's number.
    pub fn socket(&self) -> Option<RawFd> {
        self.connection.as_ref().map(Connection::number)
    }

    fn time(&self, own: Option<f64>) -> Option<Duration> {
        limit(own.or(self.settings.times.all).unwrap_or(self.given))
    }

    /// Send all of it. Fewer bytes than given are a success, too: the time was over, and so many are on their way.
    pub fn send(&mut self, bytes: &[u8], flags: Flags) -> Result<usize> {
        let deadline = match flags.dont_wait {
            true => Deadline::at_once(),
            false => Deadline::after(self.time(self.settings.times.write)),
        };
        self.connected()?.send(bytes, flags.urgent, deadline)
    }

    /// Send one datagram to somebody. Works without a connection.
    pub fn send_to(&mut self, host: &str, port: u16, bytes: &[u8]) -> Result<usize> {
        if !self.kind.is_datagram() {
            return Err(code::OPERATION_NOT_SUPPORT.into());
        }
        let (target, kind) = connecting::look_up(self.kind, host, port)?;
        let deadline = Deadline::after(self.time(self.settings.times.write));
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => {
                let kind = if self.kind.is_v6() { self.kind } else { kind };
                self.connection
                    .insert(connecting::open(kind, &self.settings)?)
            }
        };
        connection.send_to(bytes, &target, deadline)
    }

    /// Send a part of a file; `length` 0: to its end. An error in the middle says how much of it is on its way.
    pub fn send_file(&mut self, path: &Path, offset: u64, length: u64) -> Result<()> {
        let deadline = Deadline::after(self.time(self.settings.times.write));
        if self.kind.is_datagram() {
            return Err(code::OPERATION_NOT_SUPPORT.into());
        }
        self.connected()?.send_file(path, offset, length, deadline)
    }

    /// One message; without framing what is there, at most `size` bytes (0: 64 KiB).
    pub fn recv(&mut self, size: usize, flags: Flags) -> Result<Received<'_>> {
        let deadline = Deadline::after(self.time(self.settings.times.read));
        let framing = self.framing.clone();
        let size = match size {
            0 => DEFAULT_SIZE,
            size if self.kind.is_datagram() => size.min(DATAGRAM_MAX),
            size => size,
        };
        self.connected()?
            .receive(framing.as_deref(), size, flags, deadline)
    }

    /// Whether [`Client::recv`] has something without asking the kernel: then waiting for the socket may be waiting
    /// for ever.
    pub fn has_waiting(&mut self) -> bool {
        let framing = self.framing.clone();
        self.connection
            .as_mut()
            .is_some_and(|connection| connection.has_waiting(framing.as_deref()))
    }

    /// Close; or, if it was asked to keep and nobody forces it, leave the connection to the next one.
    pub fn close(&mut self, force: bool) -> Result<()> {
        self.connected()?;
        if force {
            self.connection = None;
        } else {
            self.let_go();
        }
        Ok(())
    }

    fn let_go(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.keep.is_some()
            && !self.key.is_empty()
            && connection.is_ours()
        {
            let reused = self.reused;
            pool::put(std::mem::take(&mut self.key), Kept { connection, reused });
        }
    }

    /// End one direction, or both.
    pub fn shutdown(&mut self, direction: Direction) -> Result<()> {
        let connection = self.connected()?;
        if direction != Direction::Input && connection.is_ours() {
            connection.bid_farewell();
        }
        Ok(dial::end(&connection.socket, direction)?)
    }

    /// The address of this end.
    pub fn own_name(&mut self) -> Result<Name> {
        Ok(dial::own_address(&self.connected()?.socket)?.into())
    }

    /// The address of the other end; of a socket without one, that of whoever sent the last datagram.
    pub fn peer_name(&mut self) -> Result<Name> {
        let connection = self.connected()?;
        match (connection.sender, connection.kind.is_datagram()) {
            (Some(sender), true) => Ok(sender.into()),
            _ => Ok(dial::peer_address(&connection.socket)?.into()),
        }
    }

    /// Begin TLS on a connection that has none.
    pub fn enable_tls(&mut self) -> Result<()> {
        let deadline = Deadline::after(self.time(self.settings.times.connect));
        let connection = self.connected()?;
        if connection.kind.is_datagram() || connection.tls.is_some() {
            return Err(code::WRONG_OPERATION.into());
        }
        if connection.inbox.len() > 0 {
            // Somebody in between may have said this, to have it taken for something said under TLS.
            return Err(ClientError::with(
                code::WRONG_OPERATION,
                "bytes have come that are not read yet",
            ));
        }
        let connector = self.connector()?;
        let done = self.connected()?.secure(&connector, deadline);
        if done.is_err() {
            self.connection = None; // half a handshake is nothing to go on with
        }
        done.map_err(super::proxy::timed_out)
    }

    /// The server's certificate as PEM.
    pub fn peer_certificate(&mut self) -> Result<String> {
        let tls = self.connected()?.tls.as_ref();
        let tls = tls.ok_or(code::SSL_NOT_READY)?;
        let shown = tls.certificate();
        shown.ok_or_else(|| code::SSL_EMPTY_PEER_CERTIFICATE.into())
    }

    /// Check the server's certificate, as `ssl_verify_peer` does before anything is said.
    pub fn verify_peer(&mut self) -> Result<()> {
        self.connected()?;
        let tls = self.connection.as_ref().and_then(|c| c.tls.as_ref());
        let tls = tls.ok_or(code::SSL_NOT_READY)?;
        Ok(tls.verify(&self.settings.port.tls, self.wanted_name())?)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.let_go();
    }
}
