//! Time: monotonic for deadlines, wall clock for people.

use nix::time::{ClockId, clock_gettime};

fn nanos(clock: ClockId) -> u64 {
    // These clocks exist on every Linux and the call cannot fail for them.
    clock_gettime(clock).map_or(0, |t| {
        t.tv_sec() as u64 * 1_000_000_000 + t.tv_nsec() as u64
    })
}

/// Monotonic milliseconds since an arbitrary start; the same in all processes of one machine.
pub(crate) fn monotonic_ms() -> u64 {
    nanos(ClockId::CLOCK_MONOTONIC) / 1_000_000
}

/// Monotonic milliseconds as of the kernel's last tick, up to 10 ms ago: cheap enough for every message.
pub(crate) fn coarse_ms() -> u64 {
    nanos(ClockId::CLOCK_MONOTONIC_COARSE) / 1_000_000
}

/// Wall clock, microseconds since the Unix epoch.
pub(crate) fn wall_us() -> u64 {
    nanos(ClockId::CLOCK_REALTIME) / 1_000
}

/// Wall clock, seconds since the Unix epoch.
pub(crate) fn wall_s() -> u64 {
    wall_us() / 1_000_000
}

/// Now in local time, as strftime(3) prints `format`. Empty if the result exceeds 127 bytes.
pub(crate) fn local_time(format: &std::ffi::CStr) -> String {
    let mut buffer = [0u8; 128];
    // SAFETY: `now` and `parts` are locals, zero is a valid `tm`; localtime_r and strftime write only
    // to the locals given, strftime at most 128 bytes including NUL, and returns the length without it.
    let len = unsafe {
        let now = libc::time(std::ptr::null_mut());
        let mut parts: libc::tm = std::mem::zeroed();
        libc::localtime_r(&raw const now, &raw mut parts);
        libc::strftime(
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            format.as_ptr(),
            &raw const parts,
        )
    };
    String::from_utf8_lossy(&buffer[..len]).into_owned()
}

/// Monotonic microseconds, of the same clock as [`monotonic_ms`].
pub(crate) fn monotonic_us() -> u64 {
    nanos(ClockId::CLOCK_MONOTONIC) / 1_000
}

/// Now in UTC, as RFC 3339 writes it, to the microsecond.
pub(crate) fn utc() -> String {
    let us = wall_us();
    let mut buffer = [0u8; 32];
    // SAFETY: `seconds` and `parts` are locals, zero is a valid `tm`; gmtime_r and strftime write only to
    // the locals given, strftime at most 32 bytes including NUL, and returns the length without it.
    let len = unsafe {
        let seconds = (us / 1_000_000) as libc::time_t;
        let mut parts: libc::tm = std::mem::zeroed();
        libc::gmtime_r(&raw const seconds, &raw mut parts);
        libc::strftime(
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            c"%Y-%m-%dT%H:%M:%S".as_ptr(),
            &raw const parts,
        )
    };
    let seconds = String::from_utf8_lossy(&buffer[..len]);
    format!("{seconds}.{:06}Z", us % 1_000_000)
}
