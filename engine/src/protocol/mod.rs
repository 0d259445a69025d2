//! Framing: bytes in, messages out. No I/O, no processes.
//!
//! `framing` is the front: one [`Framing`] per port, one [`Progress`] per connection. Behind it one file per way of
//! finding the end of a message: `raw`, `marker` (both EOF rules), `length_field`, `length_fn`, `mqtt`. What a rule can
//! only refuse is a [`Violation`]; the connection is over then. `proxy` is what a balancer says before the first message.
//!
//! What holds for every rule, whatever the bytes (the properties in `tests` and the fuzz targets check it):
//! * a message has at least one byte and at most `max_length`;
//! * where the reads cut the bytes makes no difference, neither to messages nor to the violation; the exceptions are the
//!   two rules that are about reads, [`Rule::Raw`] and [`Rule::EofCheck`];
//! * no byte is searched twice, so a peer that sends its bytes one by one costs no more than one that does not.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod feed;
mod framing;
mod length_field;
mod length_fn;
mod marker;
mod mqtt;
pub(crate) mod proxy;
pub(crate) mod raw;
#[cfg(test)]
mod tests;
mod violation;

pub(crate) use framing::{DEFAULT_MAX_LENGTH, Framing, Progress, Rule, Step};
pub(crate) use length_field::{LengthField, LengthKind};
pub(crate) use length_fn::LengthFn;
pub(crate) use marker::Marker;
pub(crate) use violation::Violation;
