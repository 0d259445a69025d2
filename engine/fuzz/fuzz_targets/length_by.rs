#![no_main]

use libfuzzer_sys::fuzz_target;
use skep::fuzzing::length_by;

fuzz_target!(|input: (u16, Vec<i64>, &[u8], &[u8])| {
    let (limit, answers, cuts, stream) = input;
    length_by(limit, answers, cuts, stream);
});
