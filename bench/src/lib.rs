//! The measuring side of skep. Two programs are built from it:
//!
//! * `skep-load` drives one echo server in a closed loop and says how fast it was;
//! * `skep-bench` starts the bare loop and the candidates in turn and prints a table of ratios.
//!
//! Neither links the engine: servers are external programs that print `READY <port>`, so every
//! front is measured the way its users run it.
//!
//! The map, lowest first:
//!
//! | module | what it knows |
//! |---|---|
//! | `client` | sockets to a server on this machine |
//! | `message` | the bytes of a request or frame, and whether an answer is right |
//! | `tls`, `stream` | a certificate, clients that trust it; a connection with or without TLS |
//! | `latency` | the histogram |
//! | `proc_tree` | a process, its descendants, the CPU they used |
//! | `memory` | what a process keeps resident |
//! | `host` | what the machine is and what else it is doing |
//! | `cores` | how far apart two CPUs are at the moment |
//! | `figure` | what a measurement yields |
//! | `cases` | what is measured against what, and the targets |
//! | `watch` | the CPU of everybody during a measurement |
//! | `connection`, `driver` | one client; all of them on one thread |
//! | `server` | a server program: start, ready, stop, nothing left behind |
//! | `spread` | median, min, max; ratios of rounds |
//! | `site` | where the programs are and how each side is started |
//! | `datagrams`, `bulk`, `rescue`, `idle`, `lane`, `tables` | one measurement of each kind |
//! | `lap`, `session` | one side once; a whole run |
//! | `verdict`, `report` | targets against figures; Markdown |

mod bulk;
mod client;
mod connection;
mod cores;
mod datagrams;
mod figure;
mod host;
mod idle;
mod lane;
mod lap;
mod latency;
mod memory;
mod message;
mod proc_tree;
mod rescue;
mod rounds;
mod spread;
mod stream;
mod tables;
mod tls;
mod verdict;
mod watch;

pub mod cases;
pub mod driver;
pub mod report;
pub mod server;
pub mod session;
pub mod site;
