//! Random numbers from the kernel.

/// Any number. A generator kept in memory would give the same numbers in every forked process.
pub(crate) fn number() -> u64 {
    let mut bytes = [0; 8];
    // SAFETY: eight bytes of a local. Requests of up to 256 bytes are neither cut short nor fail.
    unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    u64::from_ne_bytes(bytes)
}
