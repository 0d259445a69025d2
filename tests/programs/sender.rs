//! Sends a lot.
//!
//! `!big <n>`: `n` pattern bytes in one send. `!big-when <n> <file>`: the same, as soon as the file
//! exists, so that a test can put things in place first. `!flood <n>`: blocks of `n` bytes until
//! they are refused for good; the journal has how many bytes were accepted and the code.

use std::path::Path;
use std::thread;
use std::time::Duration;

use skep::{Refused, Step};
use skep_tests::pattern;
use skep_tests::program::{Call, Script, block_until_exists, serve};

fn command(call: &Call) -> Option<Step> {
    let mut words = call.argument.split(' ');
    let length = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    Some(match call.verb {
        "big" => call.answer(pattern::make(length)),
        "big-when" => {
            let answer = pattern::make(length);
            call.note("armed", "");
            block_until_exists(Path::new(words.next().unwrap_or("/")));
            call.note("sending", "");
            let sent = call.answer(answer);
            call.note("sent", "");
            sent
        }
        "flood" => flood(call, &pattern::make(length)),
        _ => return None,
    })
}

/// The kernel's own buffers grow for a while, so the first refusal is not the last word: what counts is
/// that several attempts in a row are refused.
fn flood(call: &Call, block: &[u8]) -> Step {
    let (mut accepted, mut refusals, mut code) = (0, 0, 0);
    while refusals < 10 {
        match call.server.send(call.session, block) {
            Ok(()) => (accepted, refusals) = (accepted + block.len(), 0),
            Err(Refused(refusal)) => {
                (refusals, code) = (refusals + 1, refusal);
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
    call.note("flooded", format_args!("accepted={accepted} code={code}"));
    Ok(())
}

fn main() {
    serve(Script {
        command,
        ..Script::default()
    })
}
