//! Framing: bytes in, messages out. No I/O, no processes.
//!
//! One file per framing. `raw` is the only one so far: whatever a read brings is one message. `proxy` is what a balancer
//! says before the first of them.

pub(crate) mod proxy;
pub(crate) mod raw;
