//! PHP's pseudo-random generators: a forked process must not go on with its parent's sequence.

use crate::zend::{ZEND_MODULE_API_NO, php_mt_srand};

/// API number of PHP 8.2, the one version with this layout of the generators' state.
const PHP_8_2: u32 = 20_220_829;

/// PHP 8.2's state of module `random`.
#[repr(C)]
struct RandomGlobals {
    combined_lcg: *mut u8,
    combined_lcg_seeded: bool,
    mt19937: *mut u8,
    mt19937_seeded: bool,
    random_fd: i32,
}

unsafe extern "C" {
    static mut random_globals: RandomGlobals;
}

/// Give this process sequences of its own.
pub(crate) fn reseed() {
    if ZEND_MODULE_API_NO == PHP_8_2 {
        // SAFETY: PHP's own static with the layout of this version; both generators seed themselves
        // from fresh entropy when they are used next.
        unsafe {
            random_globals.combined_lcg_seeded = false;
            random_globals.mt19937_seeded = false;
        }
        return;
    }
    let mut seed = [0u8; 4];
    // SAFETY: writes at most four bytes into a local.
    let got = unsafe { libc::getrandom(seed.as_mut_ptr().cast(), seed.len(), 0) };
    if got != seed.len() as isize {
        seed = std::process::id().to_ne_bytes();
    }
    // SAFETY: a plain C function.
    unsafe { php_mt_srand(u32::from_ne_bytes(seed)) };
}
