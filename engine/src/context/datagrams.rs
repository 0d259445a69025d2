//! Sending datagrams: by the socket of a port, straight from the calling process.

use super::{Context, Refused};
use crate::error::code;
use crate::net::SocketType;
use crate::net::listener::Listener;
use crate::net::target::{BadTarget, Target};
use crate::packet::Packet;
use crate::stats::bump;
use crate::sys::fork;

impl Context {
    /// Send one datagram, now or not at all. `address` is an IP address, `localhost`, the path of a unix socket (it
    /// begins with `/`) or an abstract name (it begins with a zero byte); a unix socket has no port, and the number is
    /// not looked at. It is sent by the port whose descriptor is `server_socket`, else by the last one of this kind.
    ///
    /// Refused: 550 nothing to send, 505 no address or no datagram port with that descriptor, 507 no port of that kind,
    /// 711 not an address (names are not looked up), 723 a port outside of 1..=65535, 504 a path too long, 509 in a
    /// child that user code forked, or the `errno` of the kernel: 90 for a datagram too long, 11 if there is no room.
    pub fn send_to(
        &self,
        address: &[u8],
        port: i64,
        data: &[u8],
        server_socket: Option<i32>,
    ) -> Result<(), Refused> {
        if data.is_empty() {
            return Err(Refused(code::NO_PAYLOAD));
        }
        let kind = Context::kind_for(address).ok_or(Refused(BadTarget::Nobody.code()))?;
        let sender = self.sender(kind, server_socket)?;
        let target = Target::parse(address, port).map_err(|bad| Refused(bad.code()))?;
        self.send_datagram(sender, data, &target)
    }

    /// The kind of port that datagrams to this address are sent by, judged by its form alone; none for no address.
    pub fn kind_for(address: &[u8]) -> Option<SocketType> {
        Target::kind_for(address)
    }

    /// The datagram whose callback runs now.
    pub fn packet(&self) -> Option<Packet> {
        self.packet.get()
    }

    pub(crate) fn at_packet(&self, packet: Option<Packet>) {
        self.packet.set(packet);
    }

    /// To the sender of the datagram at hand, by the port it came by.
    pub(super) fn answer(&self, packet: &Packet, data: &[u8]) -> Result<(), Refused> {
        let target = packet.answer();
        let target = target.ok_or(Refused(BadTarget::Nobody.code()))?;
        let port = &self.ports.get(packet.port).datagrams;
        let sender = port.as_deref().ok_or(Refused(code::INVALID_PARAMS))?;
        self.send_datagram(sender, data, &target)
    }

    fn sender(&self, kind: SocketType, server_socket: Option<i32>) -> Result<&Listener, Refused> {
        let sockets = || {
            self.ports
                .iter()
                .filter_map(|(_, port)| port.datagrams.as_deref())
        };
        if let Some(descriptor) = server_socket {
            let named = sockets().find(|socket| socket.raw() == descriptor);
            return named.ok_or(Refused(code::INVALID_PARAMS));
        }
        let last = |kind| sockets().filter(|socket| socket.kind() == kind).last();
        let found = match kind {
            SocketType::Udp => last(kind).or_else(|| last(SocketType::Udp6)), // it speaks IPv4 as well
            _ => last(kind),
        };
        found.ok_or(Refused(code::OPERATION_NOT_SUPPORT))
    }

    fn send_datagram(
        &self,
        sender: &Listener,
        data: &[u8],
        target: &Target,
    ) -> Result<(), Refused> {
        if fork::is_foreign() {
            return Err(Refused(code::WRONG_OPERATION));
        }
        sender.send_to(data, target).map_err(Refused)?;
        if let Some(block) = self.own_block() {
            bump(&block.responses, 1);
            bump(&block.sent_bytes, data.len() as u64);
        }
        Ok(())
    }
}
