//! How processes talk: one mailbox per process, one lane per sender, one doorbell per mailbox.
//!
//! Every message between processes is a frame on a *lane*, a byte ring in shared memory with one
//! producer and one consumer ([`lane`]). A receiver owns a *mailbox*: the lanes that lead to it and
//! a *doorbell* to sleep on ([`mailbox`], [`doorbell`]). Senders hold *outlets* ([`outlet`]): the
//! other end of one lane and the bell to ring. Who can talk to whom, and where in shared memory
//! each lane is, is written in the [`directory`], which is complete before the first fork.
//!
//! Nothing here logs or decides: these types return what happened.

pub(crate) mod directory;
pub(crate) mod doorbell;
pub(crate) mod envelope;
pub(crate) mod exchange;
pub(crate) mod frame;
pub(crate) mod incoming;
pub(crate) mod lane;
pub(crate) mod mailbox;
#[cfg(all(test, loom))]
mod models;
pub(crate) mod outlet;
pub(crate) mod parcels;
pub(crate) mod parker;
#[cfg(not(loom))]
pub mod probe;
pub(crate) mod queue;
pub(crate) mod shm;
pub(crate) mod work;
