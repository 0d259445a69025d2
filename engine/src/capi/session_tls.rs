//! What was agreed on with the client of a session under TLS.

use std::ffi::c_char;

use super::guard::{Out, guard};
use super::handle::{get, skep_server};
use super::session::skep_session_id;
use super::sized::{Growing, SizedOut};
use super::status::{Fault, SKEP_SESSION_UNKNOWN, skep_status};
use crate::{SessionInfo, TlsInfo};

/// Room for the version of the protocol, in skep_session_tls.
pub const SKEP_TLS_VERSION_SIZE: usize = 16;
/// Room for the name of a cipher suite, in skep_session_tls.
pub const SKEP_TLS_CIPHER_SIZE: usize = 64;
/// Room for a name that the client has given, in skep_session_tls.
pub const SKEP_TLS_NAME_SIZE: usize = 256;

/// TLS of a session. Texts are NUL-terminated; what is not known is empty.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct skep_session_tls {
    /// In: sizeof(skep_session_tls). Out: how many of these bytes have been filled in.
    pub size: usize,
    /// Bytes of the client's certificate as PEM; 0 if it has shown none. See skep_server_session_client_cert().
    pub client_cert_length: usize,
    /// Bytes of the certificates that it has sent with its own, as PEM.
    pub client_chain_length: usize,
    /// "TLSv1.2" or "TLSv1.3"; empty if the session is not under TLS, or its connect event was in another process.
    pub version: [c_char; SKEP_TLS_VERSION_SIZE],
    /// Cipher suite, by the name that OpenSSL has for it.
    pub cipher: [c_char; SKEP_TLS_CIPHER_SIZE],
    /// Application protocol (ALPN); empty if none was agreed on.
    pub alpn: [c_char; SKEP_TLS_NAME_SIZE],
    /// The server name that the client asked for (SNI); empty if it did not.
    pub server_name: [c_char; SKEP_TLS_NAME_SIZE],
}

const TEXTS: usize = SKEP_TLS_VERSION_SIZE + SKEP_TLS_CIPHER_SIZE + 2 * SKEP_TLS_NAME_SIZE;

// SAFETY: `size` first; three words and texts whose lengths are multiples of a word are the whole struct.
unsafe impl Growing for skep_session_tls {
    const FIRST: usize = size_of::<skep_session_tls>();

    fn set_size(&mut self, size: usize) {
        self.size = size;
    }
}

const _: () = assert!(size_of::<skep_session_tls>() == 3 * size_of::<usize>() + TEXTS);

/// A text with its NUL, cut off where the room ends. A NUL of its own would end it: it becomes a question mark.
fn text<const SIZE: usize>(text: &str) -> [c_char; SIZE] {
    let mut room = [0; SIZE];
    for (to, from) in room.iter_mut().take(SIZE - 1).zip(text.bytes()) {
        *to = if from == 0 { b'?' } else { from } as c_char;
    }
    room
}

fn info(server: &skep_server, session: skep_session_id) -> Result<SessionInfo, Fault> {
    let info = server.context()?.info(session);
    info.ok_or_else(|| {
        let text = format!("no session has the id {session}");
        Fault::new(SKEP_SESSION_UNKNOWN, text)
    })
}

/// What was agreed on with the client of a session: known in the worker that has had its connect event, until its close
/// callback is over. Of a session without TLS everything is empty. Set `out->size` to sizeof(skep_session_tls) first.
///
/// Ownership: `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (`size`), SKEP_SESSION_UNKNOWN, SKEP_NOT_RUNNING,
///   SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_session_tls(
    server: *mut skep_server,
    session: skep_session_id,
    out: *mut skep_session_tls,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or a struct of `size` bytes.
        let (server, out) = unsafe { (get(server)?, SizedOut::new(out, "out")?) };
        let tls = info(server, session)?.tls.unwrap_or_default();
        out.set(skep_session_tls {
            size: 0,
            client_cert_length: tls.client_cert.len(),
            client_chain_length: tls.client_chain.len(),
            version: text(&tls.version),
            cipher: text(&tls.cipher),
            alpn: text(&tls.alpn),
            server_name: text(&tls.server_name),
        });
        Ok(())
    })
}

/// Write the certificates that a session's client has shown to `pem`, as PEM without a NUL, its own first, at most
/// `capacity` bytes of them, and the whole length to `out`: more than `capacity` means that some are missing. 0 if there
/// are none.
///
/// Ownership: `pem` and `out` are the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_SESSION_UNKNOWN, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_session_client_cert(
    server: *mut skep_server,
    session: skep_session_id,
    pem: *mut c_char,
    capacity: usize,
    out: *mut usize,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or room for the number.
        let (server, out) = unsafe { (get(server)?, Out::new(out, "out")?) };
        if pem.is_null() && capacity > 0 {
            return Err(Fault::null("pem"));
        }
        let TlsInfo {
            client_cert,
            client_chain,
            ..
        } = info(server, session)?.tls.unwrap_or_default();
        let all = client_cert + &client_chain;
        let count = all.len().min(capacity);
        if count > 0 {
            // SAFETY: `pem` is not NULL and has room for `capacity` bytes by contract; `all` is our own.
            unsafe { all.as_ptr().copy_to_nonoverlapping(pem.cast(), count) };
        }
        out.set(all.len());
        Ok(())
    })
}
