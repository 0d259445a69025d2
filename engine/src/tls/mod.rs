//! TLS on bytes alone: no socket, no poll, no log. For the ports of a server, and ([`TlsConnector`], which blocking
//! clients use) for the other end.
//!
//! A [`TlsAcceptor`] belongs to a port and makes one [`TlsSession`] per connection; sessions of all reactors share its
//! configuration. rustls is driven through its unbuffered interface: records are decrypted where the reactor has read
//! them, and an idle session holds no buffer. What a reactor does with a connection:
//!
//! ```text
//! readable:  n = read(socket, scratch)                      0: session.end_of_input(), then close
//!            plain.clear()
//!            session.receive(&mut scratch[..n], &mut plain, &mut spares)
//!               Err(e): log e, write session.output() once (it holds the alert), close
//!            hand `plain` to the framing                    empty during the handshake
//!            session.is_established() for the first time: the session begins (Connect)
//!            session.peer_closed(): as an end of input
//! writing:   while the outbox has bytes:  n = session.seal(bytes, &mut spares)    0: output is full
//!            n = write(socket, session.output());  session.wrote(n, &mut spares)
//!            repeat until the outbox and output() are empty, or the socket is full
//! closing:   when the outbox is empty: session.close_notify(&mut spares), write output(), end the socket's output
//! ```
//!
//! Output may be there after every `receive`, also when the reactor has nothing to send. `plain` gains at most as many
//! bytes as `receive` was given plus one record (16 KiB), so what a client can pin in one call is bounded by the read.
//! A client that sends and never reads makes the output grow by answers of the protocol only; rustls limits those.

mod acceptor;
mod buffers;
mod chain;
mod ciphers;
mod client_session;
mod client_verifier;
mod connector;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod names;
mod pem_files;
mod server_verifier;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use acceptor::TlsAcceptor;
pub(crate) use buffers::Spares;
pub(crate) use client_session::TlsClientSession;
pub(crate) use connector::{ClientFault, TlsConnector};
pub(crate) use error::TlsError;
pub(crate) use session::TlsSession;
