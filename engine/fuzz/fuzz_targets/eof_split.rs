#![no_main]

use libfuzzer_sys::fuzz_target;
use skep::fuzzing::eof_split;

fuzz_target!(|input: (&[u8], u16, &[u8], &[u8])| {
    let (marker, limit, cuts, stream) = input;
    eof_split(marker, limit, cuts, stream);
});
