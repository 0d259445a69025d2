//! Framing: bytes in, messages out. No I/O, no processes.
//!
//! One file per framing. `raw` is the only one so far: whatever a read brings is one message.

pub(crate) mod raw;
