//! `package_length_func`: the script's function, asked in the middle of `recv`.

use super::ClientObject;
use crate::call::{self, Answer, Frame, Outcome};

/// The function of one client.
pub(super) struct LengthFunction(*const ClientObject);

// SAFETY: the engine's client asks it on the thread that calls recv, which is PHP's one thread.
unsafe impl Send for LengthFunction {}
// SAFETY: as above.
unsafe impl Sync for LengthFunction {}

impl LengthFunction {
    /// For the client that will hold it: the object frees its engine, and this with it, before itself.
    pub(super) fn of(client: &ClientObject) -> LengthFunction {
        LengthFunction(client)
    }

    /// How long the message is that begins with these bytes. An exception, exit() or a fatal error of the function is
    /// left as it is: recv sees it and says nothing of its own.
    pub(super) fn measure(&self, bytes: &[u8]) -> i64 {
        // SAFETY: see `of`; only cells are touched.
        let client = unsafe { &*self.0 };
        let Some(callback) = client.length.get() else {
            return -1;
        };
        let mut answer = Answer::default();
        let frame = Frame::new(callback.target())
            .with_bytes(bytes)
            .asking(&mut answer);
        client.busy.set(true);
        let outcome = call::invoke(&frame);
        client.busy.set(false);
        match outcome {
            Outcome::Done => answer.number().unwrap_or(0),
            Outcome::Exception | Outcome::Exit | Outcome::Bailout => -1,
        }
    }
}
