//! Sends a lot.
//!
//! `!big <n>`: `n` pattern bytes in one send. `!big-when <n> <file>`: the same, as soon as the file
//! exists, so that a test can put things in place first. `!flood <n>`: blocks of `n` bytes until one is
//! refused; the journal has how many bytes were accepted and the code.

use std::path::Path;

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
        "flood" => {
            let block = pattern::make(length);
            let mut accepted = 0;
            let refusal = loop {
                match call.server.send(call.session, &block) {
                    Ok(()) => accepted += block.len(),
                    Err(Refused(code)) => break code,
                }
            };
            call.note(
                "flooded",
                format_args!("accepted={accepted} code={refusal}"),
            );
            Ok(())
        }
        _ => return None,
    })
}

fn main() {
    serve(Script {
        command,
        ..Script::default()
    })
}
