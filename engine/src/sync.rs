//! The one place that names atomics and fences.
//!
//! Lane and doorbell are modelled with loom (`ipc/models.rs`); under `--cfg loom` the types below
//! are loom's, everywhere else they are the standard ones. Code outside this file imports from here.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering, fence};

// What the models do not touch stays standard under loom, so that the rest of the crate compiles.
#[cfg(loom)]
pub(crate) use std::sync::atomic::AtomicI32;
