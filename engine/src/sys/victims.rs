//! For tests that kill processes at random: this program once more as the victim, and dice.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::env;
use std::process::{Command, Stdio};

/// This test program as a process of its own, which runs the ignored test `process_body` of a module (`module_path!()`)
/// and nothing else. Its input and output go nowhere, unless the caller says otherwise.
pub(crate) fn victim(module: &str) -> Command {
    let (_, inside) = module.split_once("::").unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .arg(format!("{inside}::process_body"))
        .args(["--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// xorshift, to have a schedule that a seed repeats; which must not be 0.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
