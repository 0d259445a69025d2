//! A server under load while its processes are killed, frozen, crashed and reloaded at random, and the
//! proof afterwards that every client got all it asked for, or an end with a reason.
//!
//! [`mod@plan`] says which fault comes when, [`mod@inject`] lets it happen, [`mod@caller`] is one connection
//! under load, [`mod@asker`] one whose errands take tasks, messages, timers or user processes, [`mod@subject`] the server,
//! [`mod@deaths`] reads its log, [`mod@ledger`] what its processes put on record. [`mod@verdict`] finds the reasons of closed
//! connections, [`mod@audit`] compares counters, [`mod@account`] follows each task to its end, [`mod@run`] is the order of it
//! all. The server's side of the protocol ([`mod@wire`], [`mod@parcel`]) is in `chaos/server.php` and
//! `programs/chaos_server.rs`.

pub mod account;
pub mod asker;
pub mod audit;
pub mod caller;
pub mod deaths;
pub mod dice;
pub mod errand;
pub mod inject;
pub mod ledger;
pub mod parcel;
pub mod plan;
pub mod report;
pub mod run;
pub mod subject;
pub mod verdict;
pub mod wire;
