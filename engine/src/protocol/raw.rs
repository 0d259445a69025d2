//! No framing: each read is one message, at most [`CHUNK`] bytes.

/// Largest message, and size of a reactor's read buffer: 64 KiB as in the reference.
pub(crate) const CHUNK: usize = 65536;
