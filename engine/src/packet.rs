//! One datagram's sender and circumstances, on its way from a reactor to a callback.
//!
//! In a frame they stand in front of the bytes: microseconds of the dispatch, then the sender.

use crate::net::peer::DatagramPeer;
use crate::net::target::Target;
use crate::port::Port;

/// What is known of a datagram besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Index of the port it came by.
    pub port: u16,
    /// Descriptor of that port's socket: what [`crate::Context::send_to`] takes to answer from the same address.
    pub server_socket: i32,
    /// Number of that port; 0 on a unix socket.
    pub server_port: u16,
    /// When a reactor gave it to the worker, microseconds since the Unix epoch.
    pub dispatch_us: u64,
    peer: DatagramPeer,
}

impl Packet {
    /// The front of a frame.
    pub(crate) fn encode(dispatch_us: u64, peer: &DatagramPeer, frame: &mut Vec<u8>) {
        frame.extend_from_slice(&dispatch_us.to_le_bytes());
        frame.extend_from_slice(peer.encode().bytes());
    }

    /// From a frame, with the bytes of the datagram. None if that is no datagram: another process has written it.
    pub(crate) fn decode<'a>(
        index: u16,
        port: &Port,
        frame: &'a [u8],
    ) -> Option<(Packet, &'a [u8])> {
        let (time, rest) = frame.split_first_chunk()?;
        let (peer, bytes) = DatagramPeer::decode(rest)?;
        let packet = Packet {
            port: index,
            server_socket: port.socket,
            server_port: port.number,
            dispatch_us: u64::from_le_bytes(*time),
            peer,
        };
        Some((packet, bytes))
    }

    /// The sender's address: an IP address as text, the path of a unix socket (an abstract name begins with a zero
    /// byte), or nothing for a unix socket without a name, which cannot be answered.
    pub fn address(&self) -> Vec<u8> {
        self.peer.address()
    }

    /// The sender's port; none for a unix socket.
    pub fn client_port(&self) -> Option<u16> {
        self.peer.port()
    }

    /// Where an answer goes.
    pub(crate) fn answer(&self) -> Option<Target> {
        self.peer.answer()
    }
}
