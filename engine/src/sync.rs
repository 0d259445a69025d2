//! The one place that names atomics and fences.
//!
//! Lane and doorbell are checked with loom (`ipc/models.rs`): what they use comes from [`modelled`],
//! which under `--cfg loom` is loom's. All other code uses the standard types, always.

pub(crate) use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering, fence};

#[cfg(not(loom))]
pub(crate) mod modelled {
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, fence};

    /// Nothing: it is there for the models.
    #[derive(Debug, Clone)]
    pub(crate) struct Watch;

    impl Watch {
        pub(crate) fn new(_len: usize) -> Watch {
            Watch
        }

        #[inline(always)]
        pub(crate) fn writes(&self, _at: usize, _len: usize) {}

        #[inline(always)]
        pub(crate) fn reads(&self, _at: usize, _len: usize) {}
    }
}

#[cfg(loom)]
pub(crate) mod modelled {
    use std::sync::Arc;

    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, fence};

    /// Bytes that one cell answers for: every frame starts and ends on such a border.
    const GRAIN: usize = 8;

    /// Lets loom see accesses to plain bytes: one that is not ordered against a conflicting one fails the model.
    #[derive(Debug, Clone)]
    pub(crate) struct Watch(Arc<[loom::cell::UnsafeCell<()>]>);

    impl Watch {
        pub(crate) fn new(len: usize) -> Watch {
            Watch(
                (0..len / GRAIN)
                    .map(|_| loom::cell::UnsafeCell::new(()))
                    .collect(),
            )
        }

        pub(crate) fn writes(&self, at: usize, len: usize) {
            for cell in &self.0[at / GRAIN..(at + len).div_ceil(GRAIN)] {
                cell.with_mut(|_| ());
            }
        }

        pub(crate) fn reads(&self, at: usize, len: usize) {
            for cell in &self.0[at / GRAIN..(at + len).div_ceil(GRAIN)] {
                cell.with(|_| ());
            }
        }
    }
}
