//! Servers of the program `exchange`, whose processes do what they are told.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

use std::fs;

use crate::eventually::{eventually_some, patience};
use crate::server::{Builder, Server};

/// Workers 0 and 1, task workers 2 and 3, user process 4.
pub fn prepared(exchange: Builder) -> Builder {
    let builder = exchange.sized(2, 1).set("task_worker_num", 2);
    let orders = builder.path("orders");
    fs::create_dir_all(&orders).expect("the test has a directory of its own");
    let orders = orders.display().to_string();
    builder.env("SKEP_TEST_ORDERS", orders)
}

/// Have the user process do something.
pub fn order_user(server: &Server, order: &str) -> String {
    let orders = server.path("orders");
    let answer = orders.join("0.answer");
    fs::write(orders.join("0.new"), order).expect("the directory is there");
    fs::rename(orders.join("0.new"), orders.join("0")).expect("as is the file");
    eventually_some(patience(), || {
        let text = fs::read_to_string(&answer).ok()?;
        fs::remove_file(&answer).ok()?;
        Some(text)
    })
}

/// The process that last started in this role.
pub fn pid_of(server: &Server, role: &str) -> i32 {
    let events = server.events_named("worker_start");
    let last = events.iter().rfind(|event| event.role == role);
    last.expect("it has started").pid
}
