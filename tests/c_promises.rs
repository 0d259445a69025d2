//! What `include/skep.h` promises is what its C tests do: each function is called by one, and each error that is named in
//! its comment is provoked and checked.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it is"
)]

#[path = "c/support.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use support::{functions, root};

/// All C programs of the tests, in one text without line ends.
fn programs() -> String {
    let files = fs::read_dir(root().join("tests/c")).unwrap().flatten();
    let sources = files.map(|file| file.path());
    let sources = sources.filter(|path| path.extension().is_some_and(|end| end == "c"));
    let text: String = sources
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_function_is_called_by_a_c_test() {
    let programs = programs();
    let missing: Vec<_> = functions()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| !programs.contains(&format!("{name}(")))
        .collect();
    assert!(missing.is_empty(), "never called: {missing:?}");
}

/// Of tasks, messages, user processes, timers, descriptors.
fn is_checked(name: &str) -> bool {
    let whole = [
        "skep_server_on_task",
        "skep_server_on_finish",
        "skep_server_on_task_lost",
        "skep_server_on_message",
        "skep_server_add_process",
        "skep_server_finish",
        "skep_server_send_message",
        "skep_server_reload_tasks",
        "skep_defer",
        "skep_run_event_loop",
        "skep_watch",
        "skep_rewatch",
        "skep_unwatch",
    ];
    let starts = ["skep_task_", "skep_timer_", "skep_server_task"];
    whole.contains(&name) || starts.iter().any(|start| name.starts_with(start))
}

/// The statuses that the last paragraph of a comment names, those of the function that it refers to included.
fn errors(name: &str, comments: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    let comment = &comments[name];
    let at = comment
        .iter()
        .position(|line| line.starts_with("Errors: "))
        .unwrap();
    let text = comment[at..].join(" ");
    let mut named: BTreeSet<_> = text
        .split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
        .filter(|word| word.starts_with("SKEP_") && !word.ends_with('_'))
        .map(String::from)
        .collect();
    let referred = text
        .split_once("as skep_")
        .and_then(|(_, rest)| rest.split_once("()"));
    if let Some((other, _)) = referred {
        named.extend(errors(&format!("skep_{other}"), comments));
    }
    named
}

#[test]
fn every_error_that_is_named_is_provoked_by_a_c_test() {
    let programs = programs();
    let comments: BTreeMap<_, _> = functions().into_iter().collect();
    let checked: Vec<_> = comments.keys().filter(|name| is_checked(name)).collect();
    assert!(checked.len() > 18, "{checked:?}");
    let mut missing = Vec::new();
    for name in checked {
        let mut statuses = errors(name, &comments);
        assert!(statuses.contains("SKEP_NULL_ARGUMENT"), "{name}");
        statuses.insert("SKEP_OK".into());
        let provoked = |status: &String| programs.contains(&format!("EXPECT({status}, {name}("));
        let lacking = statuses.into_iter().filter(|status| !provoked(status));
        missing.extend(lacking.map(|status| format!("{name}: {status}")));
    }
    assert!(missing.is_empty(), "never seen: {missing:#?}");
}
