#![no_main]

use libfuzzer_sys::fuzz_target;
use skep::fuzzing::tls;

fuzz_target!(|input: (Option<bool>, &[u8])| {
    let (after_hello, bytes) = input;
    tls(after_hello, bytes);
});
