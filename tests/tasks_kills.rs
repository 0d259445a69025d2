//! Tasks under kill -9: whatever is killed at whatever moment, each accepted task has one end, and the counters are right.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use nix::sys::signal::Signal;
use skep_tests::chaos::dice::Dice;
use skep_tests::client::Client;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::journal::Event;
use skep_tests::server::Server;
use skep_tests::{process, server};

/// A server with one worker, and the pid of that.
fn start(task_workers: u32, redeliver: u32) -> (Server, i32) {
    let server = server!("tasks")
        .sized(1, 1)
        .set("task_worker_num", task_workers)
        .set("task_redeliver", redeliver)
        .start();
    let worker = server.connect().ask_number("!pid") as i32;
    (server, worker)
}

/// Living task workers.
fn task_workers(server: &Server, worker: i32) -> Vec<i32> {
    let mut pids = server.workers();
    pids.retain(|&pid| pid != worker);
    pids
}

fn ids(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.number("id")).collect()
}

/// Tasks 0 to `given` of a worker that has not died: each has one end. How many are lost.
#[track_caller]
fn require_one_end_each(server: &Server, given: u64) -> usize {
    let (finished, lost) = (
        ids(&server.events_named("finish")),
        ids(&server.events_named("task_lost")),
    );
    let mut ends: HashMap<u64, u32> = HashMap::new();
    for id in finished.iter().chain(&lost) {
        *ends.entry(*id).or_default() += 1;
    }
    let wrong: Vec<_> = (0..given)
        .map(|id| (id, ends.get(&id).copied().unwrap_or(0)))
        .filter(|&(_, count)| count != 1)
        .collect();
    let count = wrong.len();
    assert_eq!(count, 0, "of {given}: {:?}...", &wrong[..count.min(10)]);
    assert_eq!(ends.len() as u64, given);
    lost.len()
}

/// Kill task workers 200 times while tasks are given. Early deaths would delay the restarts more and more, as they
/// should: a reload between the kills makes up for that.
fn kill_task_workers(redeliver: u32) -> (Server, u64) {
    const KILLS: u32 = 200;
    let (server, worker) = start(4, redeliver);
    let mut client = server.connect();
    let mut dice = Dice::new(20_261_122, u64::from(redeliver));
    let (mut given, mut kills, mut reloads) = (0, 0, 0);
    while kills < KILLS {
        for job in ["echo x", "sleep 1 x", "echo y", "echo z"] {
            let answer = client.ask(format!("!task - {} {job}", dice.between(1, 20)));
            let count = answer
                .strip_prefix("given=")
                .and_then(|rest| rest.split_once(' '));
            given += count.unwrap().0.parse::<u64>().unwrap();
            assert!(answer.ends_with("code=0"), "{answer}");
        }
        // All of them are up: who is killed while it waits for a restart is not asked, so its deaths are not forgiven.
        eventually(patience(), || task_workers(&server, worker).len() == 4);
        for _ in 0..2 {
            std::thread::sleep(Duration::from_micros(dice.between(0, 2_000)));
            let victims = task_workers(&server, worker);
            if let Some(&victim) = dice.pick(&victims)
                && process::signal(victim, Signal::SIGKILL)
            {
                kills += 1;
            }
        }
        reloads += 1;
        server.signal(server.manager(), Signal::SIGUSR2);
        eventually(patience(), || {
            server.log_count("Server is reloading task workers now") >= reloads
        });
        eventually(patience(), || client.stat("reloads") as usize >= reloads);
    }
    eventually(patience(), || client.ask("!open") == "0");
    (server, given)
}

#[test]
fn two_hundred_kills_of_task_workers_lose_no_task_without_a_word() {
    let (server, given) = kill_task_workers(0);
    let lost = require_one_end_each(&server, given);
    let mut client = server.connect();
    assert_eq!(client.stat("tasking_num"), 0);
    assert_eq!(client.stat("tasks_at_work"), 0);
    // Killed between its answer and the note of that, a task worker's task counts as lost for the manager alone.
    let counted = client.stat("tasks_lost") as usize;
    assert!((lost..=lost + 2).contains(&counted), "{lost} {counted}");
    server.stop();
}

#[test]
fn two_hundred_kills_of_task_workers_lose_nothing_that_may_be_run_again() {
    let (server, given) = kill_task_workers(200);
    assert_eq!(require_one_end_each(&server, given), 0);
    server.stop();
}

#[test]
fn counters_are_exact_soon_after_a_kill() {
    let (server, worker) = start(2, 0);
    let mut client = server.connect();
    let hold = server.path("hold");
    let held = format!("!task - 52 hold {} x", hold.display());
    assert_eq!(client.ask(held), "given=52 code=0");
    eventually(patience(), || client.stat("tasks_at_work") == 2);
    for kills in 1..=5 {
        let victims = task_workers(&server, worker);
        server.signal(victims[0], Signal::SIGKILL);
        eventually(promised(Duration::from_millis(100)), || {
            let stats = client.stats();
            let accounted = stats["tasking_num"] + stats["tasks_at_work"] + stats["tasks_lost"];
            accounted == 52 && stats["tasks_lost"] == kills
        });
        eventually(patience(), || client.stat("tasks_at_work") == 2);
    }
    std::fs::write(&hold, "").unwrap();
    eventually(patience(), || client.ask("!open") == "0");
    assert_eq!(require_one_end_each(&server, 52), 5);
    server.stop();
}

/// Accepted tasks, by their text; `None`: the worker was killed before it said whether it had accepted the task.
fn give_until_killed(
    server: &Server,
    client: &mut Client,
    from: u64,
    accepted: &mut Vec<(u64, bool)>,
) {
    for number in from..from + 10 {
        let job = match number % 3 {
            0 => format!("!task - 1 sleep 2 t{number}"),
            _ => format!("!task - 1 echo t{number}"),
        };
        let answer = client.try_ask(job);
        accepted.push((number, answer.is_ok_and(|text| text == "given=1 code=0")));
        if accepted.last().is_some_and(|(_, sure)| !sure) {
            *client = server.connect();
        }
    }
}

/// Both sides are killed, in turn and together: a result reaches the asker or its successor, once.
#[test]
fn results_for_askers_that_were_killed_reach_their_successors_once() {
    const ROUNDS: u64 = 40;
    let (server, _) = start(2, 0);
    let mut accepted = Vec::new();
    let mut dice = Dice::new(5, 5);
    let mut askers_killed = 0;
    for round in 0..ROUNDS {
        let mut client = server.connect();
        let worker = client.ask_number("!pid") as i32;
        give_until_killed(&server, &mut client, round * 10, &mut accepted);
        std::thread::sleep(Duration::from_micros(dice.between(0, 3_000)));
        if round % 3 != 1 && process::signal(worker, Signal::SIGKILL) {
            askers_killed += 1;
        }
        if round % 3 != 0 {
            let victims = task_workers(&server, worker);
            dice.pick(&victims)
                .map(|&pid| process::signal(pid, Signal::SIGKILL));
        }
        let reloads = server.events_named("after_reload").len();
        server.signal(server.manager(), Signal::SIGUSR1); // early deaths are forgiven
        server.await_event("after_reload", reloads + 1);
    }
    let mut client = server.connect();
    let quiet = |client: &mut Client| {
        let stats = client.stats();
        stats["tasking_num"] + stats["tasks_at_work"] == 0 && client.ask("!open") == "0"
    };
    eventually(patience(), || quiet(&mut client));
    let ends = || server.events_named("finish").len() + server.events_named("task_lost").len();
    // With the asker may die the one result that it was just reading.
    let sure = accepted.iter().filter(|(_, sure)| *sure).count() - askers_killed;
    eventually(patience(), || ends() >= sure);
    let finished = server.events_named("finish");
    let texts: Vec<&str> = finished.iter().map(|event| event.text("data")).collect();
    let distinct: HashSet<_> = texts.iter().collect();
    assert_eq!(texts.len(), distinct.len(), "a result came twice");
    assert!(server.log_count("has expired") == 0);
    assert!(
        finished
            .iter()
            .any(|event| event.text("orphaned") == "true"),
        "no orphan in {ROUNDS} rounds"
    );
    server.stop();
}

#[test]
fn killed_supervisors_leave_nothing_of_tasks_behind() {
    for round in 0..20 {
        let (mut server, worker) = start(2, 1);
        let mut client = server.connect();
        assert_eq!(client.ask("!task - 50 sleep 1 x"), "given=50 code=0");
        client.send("!wait 60000 sleep 60000 x");
        let victims = match round % 4 {
            0 => vec![server.master()],
            1 => vec![server.manager()],
            2 => vec![worker, server.manager()],
            _ => server.processes(),
        };
        for pid in victims {
            process::signal(pid, Signal::SIGKILL);
        }
        server.await_end(promised(Duration::from_secs(2)));
    }
}

#[test]
fn a_stopped_task_worker_keeps_no_other_from_its_work() {
    let (server, worker) = start(3, 0);
    let mut client = server.connect();
    let mut dice = Dice::new(7, 7);
    let mut given = 0;
    for _ in 0..60 {
        let victims = task_workers(&server, worker);
        let victim = *dice.pick(&victims).unwrap();
        assert_eq!(client.ask("!task - 30 echo x"), "given=30 code=0");
        std::thread::sleep(Duration::from_micros(dice.between(0, 300)));
        process::signal(victim, Signal::SIGSTOP);
        assert_eq!(client.ask("!task - 30 echo x"), "given=30 code=0");
        given += 60;
        // But for what the stopped one is at, everything is done; and then that, too.
        eventually(patience(), || client.stat("tasking_num") == 0);
        eventually(patience(), || client.ask_number("!open") <= 1);
        process::signal(victim, Signal::SIGCONT);
        eventually(patience(), || client.ask("!open") == "0");
    }
    require_one_end_each(&server, given);
    server.stop();
}

#[test]
fn sleepers_that_were_stopped_are_rung_when_they_go_on() {
    let (server, worker) = start(2, 0);
    let mut client = server.connect();
    for _ in 0..30 {
        eventually(patience(), || client.stat("task_idle_worker_num") == 2);
        let victims = task_workers(&server, worker);
        server.signal(victims[0], Signal::SIGSTOP);
        // Nobody rings the stopped one, so this comes without a second task.
        assert_eq!(client.ask("!task - 1 echo x"), "given=1 code=0");
        eventually(patience(), || client.ask("!open") == "0");
        server.signal(victims[1], Signal::SIGSTOP);
        assert_eq!(client.ask("!task - 1 echo x"), "given=1 code=0");
        server.signal(victims[0], Signal::SIGCONT);
        eventually(patience(), || client.ask("!open") == "0");
        server.signal(victims[1], Signal::SIGCONT);
    }
    server.stop();
}

/// A wait comes upon results that are for onFinish. They wait for its end, and do not die with it.
#[test]
fn results_that_came_during_a_wait_reach_the_successor_of_who_was_killed_in_it() {
    let (server, worker) = start(1, 0);
    let mut client = server.connect();
    let go = server.path("go");
    let hold = format!("!task - 1 hold {} first", go.display());
    assert_eq!(client.ask(hold), "given=1 code=0");
    assert_eq!(client.ask("!task - 30 echo small"), "given=30 code=0");
    let big = 200_000; // more than fits into a frame
    let ask = format!("!task - 3 big {big}");
    assert_eq!(client.ask(ask), "given=3 code=0");
    client.send("!wait 60000 sleep 60000 x");
    std::fs::write(go, "").unwrap();
    server.await_event("task", 35);
    // By then it has read all that was there.
    server.await_log("has been waiting for a task for more than 1 s");
    server.signal(worker, Signal::SIGKILL);
    let count = || server.events_named("finish").len();
    eventually(patience(), || count() == 34);
    let finished = server.events_named("finish");
    assert!(
        finished
            .iter()
            .all(|event| event.text("orphaned") == "true")
    );
    assert_eq!(ids(&finished), (0..34).collect::<Vec<_>>());
    let successor = server.connect().ask_number("!pid") as i32;
    let sleeper = task_workers(&server, successor)[0];
    server.signal(sleeper, Signal::SIGKILL); // a stop would wait for it
    server.await_log("task[34] of worker#0 is lost");
    server.stop();
}

/// And when nobody dies they come when the wait is over, in the order they had.
#[test]
fn results_that_came_during_waits_are_delivered_after_them_in_order() {
    let (server, worker) = start(1, 0);
    let mut client = server.connect();
    let mut given = 0;
    for round in 0..20 {
        assert_eq!(client.ask("!task - 10 echo small"), "given=10 code=0");
        assert_eq!(client.ask("!wait 60000 sleep 20 x"), "x");
        assert_eq!(client.ask("!task - 1 big 100000"), "given=1 code=0");
        assert_eq!(client.ask("!wait 60000 echo y"), "y");
        given += 11;
        eventually(patience(), || server.events_named("finish").len() == given);
        let numbers = ids(&server.events_named("finish"));
        assert!(numbers.is_sorted(), "round {round}: {numbers:?}");
    }
    assert_eq!(client.ask_number("!pid") as i32, worker);
    server.stop();
}
