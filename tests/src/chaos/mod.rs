//! A server under load while its processes are killed, frozen, crashed and reloaded at random, and the
//! proof afterwards that every client got all it asked for, or an end with a reason.
//!
//! [`mod@plan`] says which fault comes when, [`mod@inject`] lets it happen, [`mod@caller`] is one connection
//! under load, [`mod@subject`] the server, [`mod@deaths`] reads its log, [`mod@verdict`] compares what the
//! clients saw with what the server says, [`mod@run`] is the order of it all. The server's side of the
//! protocol ([`mod@wire`]) is in `chaos/server.php` and `programs/chaos_server.rs`.

pub mod caller;
pub mod deaths;
pub mod dice;
pub mod errand;
pub mod inject;
pub mod plan;
pub mod report;
pub mod run;
pub mod subject;
pub mod verdict;
pub mod wire;
