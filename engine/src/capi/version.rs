//! Which skep this is, for people and for machines.

use std::ffi::c_char;

/// Major version of the header.
pub const SKEP_VERSION_MAJOR: u32 = 0;
/// Minor version of the header.
pub const SKEP_VERSION_MINOR: u32 = 1;
/// Patch version of the header.
pub const SKEP_VERSION_PATCH: u32 = 0;
/// The whole version in one number that grows: major * 10000 + minor * 100 + patch.
pub const SKEP_VERSION_NUMBER: u32 =
    SKEP_VERSION_MAJOR * 10000 + SKEP_VERSION_MINOR * 100 + SKEP_VERSION_PATCH;
/// Number of the binary interface. It changes when a program built against an older header would
/// misbehave with this library; new functions and longer structs do not change it.
pub const SKEP_ABI_VERSION: u32 = 1;

/// The package's version and these constants are two texts of one fact.
const _: () = {
    assert!(number(env!("CARGO_PKG_VERSION_MAJOR")) == SKEP_VERSION_MAJOR);
    assert!(number(env!("CARGO_PKG_VERSION_MINOR")) == SKEP_VERSION_MINOR);
    assert!(number(env!("CARGO_PKG_VERSION_PATCH")) == SKEP_VERSION_PATCH);
};

/// Version of the library at run time, as text: "major.minor.patch".
///
/// Ownership: the text belongs to the library and lives as long as it.
/// Callable from: anywhere, any thread.
/// Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn skep_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Number of the library's binary interface. Compare it with SKEP_ABI_VERSION after loading the
/// library: if they differ, the program was built for another one.
///
/// Ownership: none.
/// Callable from: anywhere, any thread.
/// Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn skep_abi_version() -> u32 {
    SKEP_ABI_VERSION
}

const fn number(digits: &str) -> u32 {
    match u32::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => panic!("a version part is a number"),
    }
}
