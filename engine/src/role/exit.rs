//! Exit codes that both a child and its supervisor know.

/// In good order; also the code of a worker that was asked to stop.
pub(crate) const NORMAL: i32 = 0;
/// A fatal error: of the script, or of the engine.
pub(crate) const FATAL: i32 = 255;
/// A panic in the engine or in a Rust callback. The value is Rust's own for a panicking main thread.
pub(crate) const PANICKED: i32 = 101;
/// The server has stopped in good order, but not everything that was read could be answered, or not every
/// answer written.
pub(crate) const DROPPED: i32 = 1;
