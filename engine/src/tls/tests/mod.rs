//! Real handshakes in memory: rustls as the client.

mod certificates;
mod clients;
mod configuration;
mod handshake;
mod hostile;
mod peers;
mod traffic;
