#![no_main]

use libfuzzer_sys::fuzz_target;
use skep::fuzzing::mqtt;

fuzz_target!(|input: (u16, &[u8], &[u8])| {
    let (limit, cuts, stream) = input;
    mqtt(limit, cuts, stream);
});
