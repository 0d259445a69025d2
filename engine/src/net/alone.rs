//! Tests that do something to the whole process (take every descriptor it may have, make a signal deadly) run in one of
//! their own: this program, started again for one test.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs::File;
use std::process::Command;

use nix::sys::resource::{Resource, setrlimit};

/// Run the ignored test of this path alone; fails if it fails.
pub(super) fn run_alone(test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--test-threads=1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains("1 passed"), "no test has this name: {said}");
}

/// Take every descriptor there is, of a few.
pub(super) fn take_all() -> Vec<File> {
    setrlimit(Resource::RLIMIT_NOFILE, 64, 64).unwrap();
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}
