#![no_main]

use libfuzzer_sys::fuzz_target;
use skep::fuzzing::length_field;

fuzz_target!(|input: (u8, u16, u16, u16, &[u8], &[u8])| {
    let (letter, offset, body_offset, limit, cuts, stream) = input;
    length_field(letter, offset, body_offset, limit, cuts, stream);
});
