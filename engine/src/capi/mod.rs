//! The C boundary: what `include/skep.h` declares, one C object per file.
//!
//! * Every function is plain `extern "C"` with one [`guard`](guard::guard) around its body: check the
//!   pointers, convert, make one call to the engine, convert back. No panic crosses the boundary.
//! * Every call that can fail returns [`skep_status`]; results go through `out` parameters, which come
//!   last and are left alone by a failed call. The text and number of a thread's last failure are kept
//!   in [`status`].
//! * Handles are opaque ([`handle`]). A handle that is NULL is reported, never followed, and only
//!   `skep_server_free` takes one away. `const` pointers are borrowed for the call, bytes are
//!   `(pointer, length)`.
//! * Structs the caller provides start with their `size`, so that they can grow.
//! * Callbacks are registered one by one with a `user_data` that comes back last and is never touched.
//!   The engine is entered again from within them (`skep_server_close` runs the close callback), so
//!   nothing here is borrowed across a call to user code.
//! * Each comment in the header ends with three lines: who owns what, where it may be called, errors.
//!
//! Only the public API of the crate is used, so whatever C can do, Rust can.

#![allow(unsafe_code, reason = "pointers from C are followed here")]
#![allow(
    non_camel_case_types,
    reason = "types carry the names C programs use, so a search finds both sides"
)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the same for all: pointers are NULL, or valid for what their documentation says"
)]

mod callbacks;
mod datagrams;
mod death;
mod events;
mod functions;
mod guard;
mod handle;
mod port;
mod port_callbacks;
mod process;
mod process_callbacks;
mod server;
mod session;
mod session_callbacks;
mod session_tls;
mod session_treatment;
mod settings;
mod sized;
mod stats;
mod status;
mod task_callbacks;
mod tasks;
mod version;

pub use datagrams::*;
pub use death::*;
pub use events::*;
pub use functions::*;
pub use handle::skep_server;
pub use port::*;
pub use port_callbacks::*;
pub use process::*;
pub use process_callbacks::*;
pub use server::*;
pub use session::*;
pub use session_callbacks::*;
pub use session_tls::*;
pub use session_treatment::*;
pub use settings::*;
pub use stats::*;
pub use status::*;
pub use task_callbacks::*;
pub use tasks::*;
pub use version::*;
