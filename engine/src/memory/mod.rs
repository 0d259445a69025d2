//! Memory that processes share: made before the fork, used by all of them.

pub mod table;
