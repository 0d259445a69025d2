//! Which processes there are, in which order they come, speak and go, and that they go together.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use skep_tests::client::{Client, Ending};
use skep_tests::eventually::promised;
use skep_tests::journal::{Event, named};
use skep_tests::server::{Server, ended_by};
use skep_tests::{process, server};

/// Everything is gone so soon after the death of a supervisor.
const GONE: Duration = Duration::from_secs(1);

#[test]
fn processes_and_threads_are_as_many_as_the_settings_say() {
    for (workers, reactors) in [(1, 1), (2, 1), (4, 2), (4, 3)] {
        let server = server!("echo").sized(workers, reactors).start();
        let what = format!("worker_num {workers}, reactor_num {reactors}");
        assert_eq!(
            process::children(server.master()),
            [server.manager()],
            "{what}"
        );
        assert_eq!(server.workers().len(), workers as usize, "{what}");
        assert_eq!(server.processes().len(), 2 + workers as usize, "{what}");
        assert_eq!(
            process::threads(server.master()),
            1 + reactors as usize,
            "{what}"
        );
        for pid in server.workers().into_iter().chain([server.manager()]) {
            assert_eq!(process::threads(pid), 1, "{what}");
        }
        server.stop();
    }
}

#[test]
fn pids_ascend_from_master_over_manager_to_the_last_worker() {
    let server = server!("echo").sized(5, 1).start();
    let started = |worker| {
        let events = server.events_named("worker_start");
        events
            .into_iter()
            .find(|event| event.number::<u64>("worker") == worker)
            .map(|event| event.pid)
    };
    server.await_event("worker_start", 5);
    let mut order = vec![server.master(), server.manager()];
    order.extend((0..5).map(|worker| started(worker).unwrap()));
    // The kernel begins anew at its largest pid: one step down is allowed.
    let descents = order.windows(2).filter(|pair| pair[0] > pair[1]).count();
    assert!(descents <= 1, "{order:?}");
    server.stop();
}

/// Many, because the order of processes that start beside each other is a matter of chance.
/// `SKEP_TEST_STARTS=1000` for as many as the contract has.
#[test]
fn callbacks_keep_their_order_over_a_hundred_starts() {
    let starts = std::env::var("SKEP_TEST_STARTS").map_or(Ok(100), |starts| starts.parse());
    for round in 0..starts.unwrap() {
        let server = server!("echo").sized(3, 2).start();
        let (master, manager) = (server.master(), server.manager());
        let mut client = server.connect();
        assert_eq!(client.ask("hello"), "hello");
        drop(client); // one that stays would cost the linger time of each stop
        let events = server.stop();
        check_order(&events, master, manager, round);
    }
}

/// G1 to G5 of the lifecycle page, on a server with three workers.
fn check_order(events: &[Event], master: i32, manager: i32, round: u32) {
    let place = |name: &str| {
        let found = events.iter().position(|event| event.name == name);
        found.unwrap_or_else(|| panic!("round {round}: no {name}"))
    };
    let last = |name: &str| events.iter().rposition(|event| event.name == name).unwrap();
    // G1: all workers are forked before the start callbacks.
    for name in ["start", "manager_start"] {
        assert_eq!(
            events[place(name)].number::<u32>("forked"),
            3,
            "round {round}: {name}"
        );
    }
    // G2: no session before on_start has returned.
    assert!(place("started") < place("connect"), "round {round}");
    // G3: the start callback is the first event of its process.
    let mut seen = HashSet::new();
    for event in events
        .iter()
        .filter(|event| event.role.starts_with("worker"))
    {
        assert_eq!(
            seen.insert(event.pid),
            event.name == "worker_start",
            "round {round}: {event:?}"
        );
    }
    // G4: worker_stop, manager_stop, shutdown.
    assert_eq!(named(events, "worker_stop").len(), 3, "round {round}");
    assert!(last("worker_stop") < place("manager_stop"), "round {round}");
    assert!(place("manager_stop") < place("shutdown"), "round {round}");
    // G5: everything after the call of start() and before it returns, which it does in the master only.
    assert_eq!(place("before"), 0, "round {round}");
    assert_eq!(
        (place("after"), last("after")),
        (events.len() - 1, events.len() - 1),
        "round {round}"
    );
    assert_eq!(place("shutdown"), events.len() - 2, "round {round}");
    assert_eq!(events[place("after")].pid, master, "round {round}");
    // Both pids are known in every callback, and each callback runs where it belongs.
    for event in events.iter().filter(|event| event.role != "caller") {
        let known = (event.number("master"), event.number("manager"));
        assert_eq!(known, (master, manager), "round {round}: {event:?}");
        match event.role.as_str() {
            "master" => assert_eq!(event.pid, master, "round {round}: {event:?}"),
            "manager" => assert_eq!(event.pid, manager, "round {round}: {event:?}"),
            _ => assert!(
                ![master, manager].contains(&event.pid),
                "round {round}: {event:?}"
            ),
        }
    }
}

#[test]
fn nobody_is_accepted_before_on_start_returns() {
    let builder = server!("echo").sized(1, 1);
    let release = builder.path("release");
    let server = builder
        .env("SKEP_TEST_HOLD_START", release.display())
        .start();
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    let ids: Vec<_> = clients
        .iter_mut()
        .map(|client| client.send("early"))
        .collect();
    // Nothing can be waited for here: that nobody is served shows in the order of events below.
    assert_eq!(server.events_named("connect"), []);
    fs::write(release, "").unwrap();
    for (client, id) in clients.iter_mut().zip(ids) {
        assert_eq!(client.expect(id), "early");
    }
    let events = server.stop();
    let place = |name: &str| events.iter().position(|event| event.name == name).unwrap();
    assert!(place("started") < place("connect"));
}

#[test]
fn a_crashed_worker_leaves_no_zombie() {
    let server = server!("crash").sized(2, 1).start();
    for round in 1..=3 {
        let mut client = server.connect_to(0);
        assert_eq!(client.try_ask("!kill"), Err(Ending::Eof));
        server.await_event("worker_error", round);
    }
    server.worker_pid(0);
    let zombies = |pid| {
        process::children(pid)
            .into_iter()
            .filter(|pid| !process::is_alive(*pid))
            .count()
    };
    assert_eq!(zombies(server.manager()), 0);
    assert_eq!(zombies(server.master()), 0);
    server.stop();
}

/// A server with clients on every worker; some of them are idle, one per worker is asked for `busy`.
fn populated(busy: Option<&str>) -> (Server, Vec<Client>) {
    let server = server!("echo").sized(3, 2).start();
    let mut clients: Vec<_> = (0..9).map(|_| server.connect()).collect();
    let mut taken = HashMap::new();
    for client in &mut clients {
        taken.entry(client.ask_number("!worker")).or_insert(client);
    }
    assert_eq!(taken.len(), 3, "nine sessions in a row reach every worker");
    if let Some(command) = busy {
        let before = server.events_named("receive").len();
        for client in taken.into_values() {
            client.send(command);
        }
        server.await_event("receive", before + 3);
    }
    (server, clients)
}

fn assert_cut_off(clients: Vec<Client>) {
    for mut client in clients {
        let (answers, _) = client.drain();
        assert_eq!(answers, 0, "nobody was there to answer");
    }
}

fn kill_the_master(rounds: u32, busy: Option<&str>) {
    for _ in 0..rounds {
        let (mut server, clients) = populated(busy);
        server.signal(server.master(), Signal::SIGKILL);
        let status = server.await_end(promised(GONE));
        assert_eq!(ended_by(status), Some(Signal::SIGKILL));
        assert_cut_off(clients);
    }
}

fn kill_the_manager(rounds: u32, busy: Option<&str>) {
    for _ in 0..rounds {
        let (mut server, clients) = populated(busy);
        server.signal(server.manager(), Signal::SIGKILL);
        let status = server.await_end(promised(GONE));
        assert!(!status.success() && status.code().is_some(), "{status}");
        let line = "Fatal Error: manager process exit. status=0, signal=[Killed: 9]";
        assert_eq!(server.log_count(line), 1);
        assert_cut_off(clients);
    }
}

#[test]
fn killing_the_master_leaves_no_process_and_frees_the_port() {
    kill_the_master(20, None);
}

#[test]
fn killing_the_master_ends_workers_that_are_busy_in_a_callback() {
    kill_the_master(20, Some("!sleep 20000"));
}

#[test]
fn killing_the_manager_ends_the_server() {
    kill_the_manager(20, None);
}

#[test]
fn killing_the_manager_ends_workers_that_are_busy_in_a_callback() {
    kill_the_manager(20, Some("!sleep 20000"));
}

#[test]
fn a_worker_that_ends_by_itself_while_the_server_starts_does_not_stop_it() {
    let builder = server!("crash").sized(2, 1);
    let cause = builder.path("cause");
    fs::write(&cause, "").unwrap();
    let server = builder.env("SKEP_TEST_FAIL_START", cause.display()).start();
    server.await_event("worker_error", 2);
    fs::remove_file(cause).unwrap();
    assert_eq!(server.connect().ask("late"), "late");
    server.stop();
}
