//! A short chaos run with a fixed seed against both servers; `make chaos` runs a long one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::path::Path;
use std::process::Command;

/// The run is a process of its own, so that its census of descriptors and children is about nothing else.
fn run(language: &str, redeliver: &str) {
    let name = format!("chaos-{language}-{}", std::process::id());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let output = Command::new(env!("CARGO_BIN_EXE_skep-test-chaos"))
        .arg(language)
        .arg(&directory)
        .env("CHAOS_SECONDS", "6")
        .env("CHAOS_SEED", "20261122")
        .env("CHAOS_REDELIVER", redeliver)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    println!("{out}{err}");
    assert!(output.status.success(), "{}", output.status);
    assert!(out.contains("  passed"));
}

#[test]
fn nothing_is_lost_without_a_reason_by_a_server_in_php() {
    run("php", "0");
}

#[test]
fn nothing_is_lost_without_a_reason_by_a_server_in_rust() {
    run("rust", "1");
}
