//! `skep::Pool`: workers without a server, in real processes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep::settings::Value;
use skep::{Error, Pool, PoolHandler, PoolMessages};
use skep_tests::eventually::{eventually, eventually_some, patience, promised};
use skep_tests::journal::Event;
use skep_tests::process;
use skep_tests::producer::Producer;
use skep_tests::server;
use skep_tests::server::{Builder, Server};

fn prepared(kind: &str, sends: &str) -> Builder {
    let builder = server!("pool").env("SKEP_TEST_POOL", kind);
    builder.env("SKEP_TEST_POOL_SENDS", sends)
}

fn start(kind: &str, sends: &str) -> Server {
    let pool = prepared(kind, sends).start_pool();
    pool.await_event("worker_start", 2);
    pool
}

/// The message with this text, once it has come.
fn await_message(pool: &Server, text: &str) -> Event {
    eventually_some(patience(), || {
        let mut events = pool.events_named("message").into_iter();
        events.find(|event| event.text("text") == text)
    })
}

/// Whether the system has a queue of this number.
fn queue_exists(id: i32) -> bool {
    let table = fs::read_to_string("/proc/sysvipc/msg").unwrap();
    let ids = table
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1));
    ids.into_iter().any(|text| text == id.to_string())
}

/// Number of the queue that the workers take from.
fn queue_of(pool: &Server) -> i32 {
    pool.events_named("worker_start")[0].number("queue")
}

#[test]
fn a_stop_calls_everybody_back_and_leaves_nobody() {
    for kind in ["none", "unix", "queue 0", "clients"] {
        let pool = start(kind, "");
        assert_eq!(pool.workers().len(), 2, "{kind}");
        let events = pool.stop();
        let count = |name| events.iter().filter(|event| event.name == name).count();
        let callbacks = ["worker_start", "worker_exit", "worker_stop", "shutdown"];
        // One that does nothing but its start callback has ended by itself when that returns.
        assert_eq!(callbacks.map(count), [2, 2, 2, 1], "{kind}");
        let owned = |event: &Event| event.name != "worker_start" || event.text("own") == "true";
        assert!(events.iter().all(owned), "{kind}: {events:?}");
        let last = events.last().unwrap();
        assert_eq!(
            (last.name.as_str(), last.text("worker"), last.text("code")),
            ("after", "-1", "0")
        );
        assert_eq!(count("after"), 3, "start() returns in every process");
    }
}

#[test]
fn a_killed_worker_is_replaced_and_takes_along_its_message_only() {
    let sends = "0 first\n0 block\n0 behind it\n1 for the other";
    let pool = start("unix", sends);
    let blocked = await_message(&pool, "block").pid;
    let other = await_message(&pool, "for_the_other").pid;
    assert_eq!(await_message(&pool, "first").pid, blocked);
    pool.signal(blocked, Signal::SIGKILL);
    let successor = await_message(&pool, "behind_it").pid;
    assert!(successor != blocked && successor != other);
    eventually(patience(), || pool.workers() == sorted([other, successor]));
    assert_eq!(pool.events_named("worker_start").len(), 3);
    pool.await_log("signal=9");
    pool.await_log("signal 9 (SIGKILL)");
    pool.await_log("1 messages served, in onMessage");
    let events = pool.stop();
    let count = |text| {
        let texts = events.iter().filter(|event| event.name == "message");
        texts.filter(|event| event.text("text") == text).count()
    };
    assert_eq!(["first", "block", "behind_it"].map(count), [1, 1, 1]);
}

fn sorted(mut pids: [i32; 2]) -> Vec<i32> {
    pids.sort_unstable();
    pids.into()
}

#[test]
fn workers_send_to_each_other_leave_and_are_replaced() {
    let sends = "0 pass 1 hello\n0 pass 2 nobody\n0 rules\n0 stop\n0 afterwards\n1 leave 7";
    let pool = start("unix", sends);
    assert_eq!(await_message(&pool, "hello").role, "worker1");
    let stopped = await_message(&pool, "stop").pid;
    // What comes behind is for the successor.
    let successor = await_message(&pool, "afterwards");
    assert_eq!(successor.role, "worker0");
    assert_ne!(successor.pid, stopped);
    pool.await_event("worker_start", 4);
    pool.await_log("status=7, signal=0");
    let asked: Vec<_> = pool.events_named("asked");
    let asked: Vec<_> = asked
        .iter()
        .map(|event| (event.text("what"), event.number::<i32>("code")))
        .collect();
    assert_eq!(asked, [("pass", 0), ("pass", 505), ("stop", 0)]);
    let rules = pool.events_named("rules");
    let of = |role: &str| {
        let found = rules.iter().find(|event| event.role == role);
        found.map(|event| event.text("codes"))
    };
    assert_eq!(of("master"), Some("[509,509,509]")); // stop, detach, write
    assert_eq!(of("worker0"), Some("[505,505,509]")); // no such worker, write without a client
    pool.stop();
}

#[test]
fn one_that_has_left_the_pool_is_nobodys_business() {
    let pool = start("unix", "0 detach\n0 next");
    let left = await_message(&pool, "detach").pid;
    let successor = await_message(&pool, "next").pid;
    assert_ne!(left, successor);
    pool.await_log(&format!("(pid {left}) has left the pool"));
    eventually(patience(), || !process::is_alive(left)); // its callback has returned
    pool.stop();
}

#[test]
fn a_worker_can_end_the_pool() {
    let mut pool = start("unix", "1 shutdown");
    assert_eq!(pool.await_end(patience()).code(), Some(0));
    assert_eq!(pool.events_named("shutdown").len(), 1);
}

#[test]
fn a_queue_feeds_any_worker_and_stays_with_what_is_in_it() {
    let mut producer = Producer::new();
    let kind = format!("queue {}", producer.key);
    assert!(producer.put(1, b"before the start"));
    let pool = start(&kind, "");
    await_message(&pool, "before_the_start");
    for text in ["block", "one", "two"] {
        assert!(producer.put(77, text.as_bytes())); // the type does not matter
    }
    let blocked = await_message(&pool, "block").pid;
    assert_ne!(await_message(&pool, "one").pid, blocked);
    await_message(&pool, "two");
    pool.signal(blocked, Signal::SIGKILL);
    pool.await_event("worker_start", 3);
    for number in 0..100 {
        assert!(producer.put(1, format!("many{number}").as_bytes()));
        producer.await_empty();
    }
    eventually(patience(), || pool.events_named("message").len() == 104);
    assert!(queue_exists(queue_of(&pool)));
    pool.stop();
    assert!(producer.put(1, b"for the next"));
    assert_eq!(producer.state().messages, 1);
    let pool = start(&kind, "");
    await_message(&pool, "for_the_next");
    pool.stop();
}

#[test]
fn a_removed_queue_is_the_end_of_the_pool() {
    let producer = Producer::new();
    let mut pool = start(&format!("queue {}", producer.key), "");
    producer.queue().remove().unwrap();
    assert_eq!(pool.await_end(patience()).code(), Some(0));
    assert!(pool.log_count("the message queue has been removed") >= 1);
}

#[test]
fn a_queue_without_a_key_goes_with_the_pool() {
    let pool = start("queue 0", "");
    let queue = queue_of(&pool);
    assert!(queue_exists(queue));
    pool.stop();
    assert!(!queue_exists(queue));

    let mut pool = start("queue 0", "");
    let queue = queue_of(&pool);
    pool.signal(pool.master(), Signal::SIGKILL);
    pool.await_end(promised(Duration::from_secs(2)));
    eventually(patience(), || !queue_exists(queue));
}

#[test]
fn a_killed_master_leaves_nobody() {
    let queue = Producer::new();
    let of_queue = format!("queue {}", queue.key);
    for (kind, sends) in [
        ("none", ""),
        ("unix", "0 block\n"),
        (&of_queue, ""),
        ("clients", ""),
    ] {
        let mut pool = start(kind, sends);
        if !sends.is_empty() {
            await_message(&pool, "block");
        }
        pool.signal(pool.master(), Signal::SIGKILL);
        // One second, as promised, and one for looking.
        pool.await_end(promised(Duration::from_secs(2)));
    }
}

#[test]
fn a_killed_master_leaves_nobody_that_has_handlers_of_its_own_or_blocks_signals() {
    for ways in [["alarm", "ignoring"], ["blocking", "spin"]] {
        let sends = format!("0 stay {}\n1 stay {}", ways[0], ways[1]);
        let mut pool = start("unix", &sends);
        pool.await_event("message", 2);
        pool.signal(pool.master(), Signal::SIGKILL);
        pool.await_end(promised(Duration::from_secs(2))); // as above
    }
}

/// Length and text there, length and text back; `None` if the pool hangs up.
fn ask(port: u16, text: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(patience())).unwrap();
    let length = (text.len() as u32).to_be_bytes();
    stream
        .write_all(&[&length[..], text.as_bytes()].concat())
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let (length, body) = answer.split_first_chunk()?;
    assert_eq!(u32::from_be_bytes(*length) as usize, body.len());
    Some(String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn clients_are_answered_all_through_a_reload() {
    let pool = start("clients", "");
    let before = pool.workers();
    pool.signal(pool.master(), Signal::SIGUSR1);
    let mut asked = 0;
    eventually(patience(), || {
        asked += 1;
        let answer = ask(pool.port(), &format!("request {asked}"));
        assert!(
            answer
                .as_deref()
                .is_some_and(|answer| answer.starts_with(&format!("request {asked} "))),
            "{answer:?}"
        );
        let now = pool.workers();
        now.len() == 2 && now.iter().all(|pid| !before.contains(pid))
    });
    // Whoever dies with a request hangs up, and the other one answers.
    assert_eq!(ask(pool.port(), "leave 3"), None);
    assert!(ask(pool.port(), "still there").is_some());
    pool.stop();
}

/// Many more of them than a worker has descriptors, and fewer: in either case others are served at once.
#[test]
fn silent_clients_keep_nobody_waiting() {
    for descriptors in [128, 1000] {
        let builder = prepared("clients", "");
        let script = format!("ulimit -n {descriptors}; exec \"$0\"");
        let pool = builder.through(&script).start_pool();
        pool.await_event("worker_start", 2);
        let silent: Vec<_> = (0..600)
            .map(|number| {
                let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, pool.port())).unwrap();
                if number % 2 == 1 {
                    let _ = client.write_all(&[0, 0]); // half a length; or it was hung up on
                }
                client
            })
            .collect();
        for number in 0..20 {
            let text = format!("request {number}");
            let begin = Instant::now();
            let answer = ask(pool.port(), &text);
            let took = begin.elapsed();
            assert!(answer.is_some_and(|answer| answer.starts_with(&text)));
            assert!(took < promised(Duration::from_secs(1)), "{took:?}");
        }
        let open = |pid: &i32| process::descriptors(*pid).len();
        let most = pool.workers().iter().map(open).max();
        assert!(most.is_some_and(|most| most < descriptors), "{most:?}");
        drop(silent);
        pool.stop();
    }
}

/// Answers that nobody reads are bounded by memory, not by time alone: who reads has its answer.
#[test]
fn clients_that_do_not_read_are_bounded_in_memory() {
    let pool = start("clients", "");
    let begin = Instant::now();
    let deaf: Vec<_> = (0..60)
        .map(|_| {
            let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, pool.port())).unwrap();
            let text = b"large 33554432";
            let length = (text.len() as u32).to_be_bytes();
            client.write_all(&[&length[..], text].concat()).unwrap();
            client
        })
        .collect();
    eventually(patience(), || pool.events_named("message").len() >= 60);
    // 60 answers of 32 MiB for two workers, of which each keeps 256 MiB, and those at work.
    for pid in pool.workers() {
        let resident = process::resident_bytes(pid) >> 20;
        assert!(resident < 500, "{resident} MiB after {:?}", begin.elapsed());
    }
    assert!(ask(pool.port(), "still there").is_some());
    drop(deaf);
    pool.stop();
}

/// A connection that a worker has accepted.
fn accepted(pool: &Server) -> TcpStream {
    let sockets = || {
        let open = pool.workers().into_iter().flat_map(process::descriptors);
        open.filter(|(_, path)| path.to_string_lossy().starts_with("socket:"))
            .count()
    };
    let before = sockets();
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, pool.port())).unwrap();
    stream.set_read_timeout(Some(patience())).unwrap();
    eventually(patience(), || sockets() > before);
    stream
}

#[test]
fn a_client_that_was_accepted_before_a_stop_is_answered() {
    let mut pool = start("clients", "");
    let mut slow = accepted(&pool);
    slow.write_all(b"\0\0\0\x05he").unwrap();
    pool.signal(pool.master(), Signal::SIGTERM);
    pool.await_event("worker_stop", 1); // the other one, which has nobody
    slow.write_all(b"llo").unwrap();
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).unwrap();
    assert_eq!(answer.get(4..10), Some(&b"hello "[..]), "{answer:?}");
    assert_eq!(pool.await_end(patience()).code(), Some(0));
}

#[test]
fn a_client_that_says_nothing_does_not_hold_up_a_stop() {
    let mut pool = start("clients", "");
    let mut silent = accepted(&pool);
    pool.signal(pool.master(), Signal::SIGTERM);
    assert_eq!(silent.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(pool.await_end(patience()).code(), Some(0));
    assert_eq!(pool.log_count("force kill"), 0);
}

struct Nothing;
impl PoolHandler for Nothing {}

#[test]
fn what_cannot_be_is_refused_before_anything_is_forked() {
    let refusal = |made: skep::Result<Pool>| made.err().map(|error| error.to_string());
    for workers in [0, 10_001] {
        let text = refusal(Pool::new(workers, PoolMessages::None)).unwrap();
        assert!(text.contains("1 to 10000 workers"), "{text}");
    }
    let mut pool = Pool::new(2, PoolMessages::Unix).unwrap();
    let unknown = pool.set("worker_num", &Value::Int(2));
    assert!(matches!(unknown, Err(Error::UnknownSetting(_))));
    for (key, value) in [
        ("package_max_length", Value::Text("much".into())),
        ("reload_async", Value::Bool(true)),
    ] {
        let bad = pool.set(key, &value);
        assert!(matches!(bad, Err(Error::BadSetting(_))), "{key}: {bad:?}");
    }
    pool.set("reload_async", &Value::Bool(false)).unwrap();
    let state = pool.listen("127.0.0.1", 0, 8);
    assert!(matches!(state, Err(Error::State(_))), "{state:?}");
    assert_eq!((pool.ports(), pool.queue_id()), (vec![], None));
    // This process has threads: nothing of it may be forked.
    let threads = pool.start(Rc::new(Nothing));
    assert!(matches!(threads, Err(Error::Threads(2..))), "{threads:?}");

    let clients = Pool::new(2, PoolMessages::Clients).unwrap();
    let state = clients.start(Rc::new(Nothing));
    assert!(matches!(state, Err(Error::State(_))), "{state:?}");

    let pool = Pool::new(2, PoolMessages::Queue { key: 0 }).unwrap();
    let queue = pool.queue_id().unwrap();
    assert!(queue_exists(queue));
    pool.abandon();
    assert!(!queue_exists(queue));
}
