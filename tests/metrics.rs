//! The server seen from outside: the metrics endpoint, the health checks, the statistics file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::client::{Client, Ending};
use skep_tests::eventually::{eventually, eventually_some, patience, promised};
use skep_tests::exposition::Exposition;
use skep_tests::http::{Answer, connect, exchange, get, get_unix, try_get};
use skep_tests::program::HOLD_START;
use skep_tests::server::{Builder, Server};
use skep_tests::{process, server};

/// A server with the endpoint on a port of the kernel's choice.
fn observed(builder: Builder) -> (Server, u16) {
    let server = builder.set("metrics_listen", "127.0.0.1:0").start();
    let port = endpoint(&server);
    (server, port)
}

/// The port of the endpoint: the log has it before the server says READY.
fn endpoint(server: &Server) -> u16 {
    let log = server.log();
    let place = log.split("metrics on http://127.0.0.1:").nth(1).unwrap();
    place.split('/').next().unwrap().parse().unwrap()
}

fn metrics(port: u16) -> Exposition {
    let answer = get(port, "/metrics");
    assert_eq!(answer.status, 200);
    Exposition::parse(&answer.body).unwrap_or_else(|error| panic!("{error}\n{}", answer.body))
}

/// Nothing listens there any more, and the port can be bound again.
fn assert_free(port: u16) {
    assert!(connect(port).is_err(), "port {port} still answers");
    TcpListener::bind(("127.0.0.1", port)).unwrap();
}

#[test]
fn the_page_is_openmetrics_and_tells_what_stats_tells() {
    let (server, port) = observed(server!("crash").sized(2, 2));
    let mut client = server.connect_to(1);
    for _ in 0..20 {
        assert_eq!(client.ask("hello"), "hello");
    }
    assert_eq!(server.connect_to(0).try_ask("!kill"), Err(Ending::Eof));
    server.worker_pid(0); // its successor is there
    server.await_idle_workers(&mut client, 1);
    eventually(patience(), || client.stat("requests_lost") == 1);
    let stats = client.stats();
    // The question for the statistics is itself a request, and was not yet one when it was answered.
    let asked = f64::from(u32::try_from(stats["request_count"]).unwrap()) + 1.0;
    let page = eventually_some(patience(), || {
        let page = metrics(port);
        (page.value("skep_requests_total") == asked).then_some(page)
    });
    let is = |sample: &str, key: &str| assert_eq!(page.value(sample) as u64, stats[key], "{key}");
    is("skep_accepts_total", "accept_count");
    is("skep_aborts_total", "abort_count");
    is("skep_messages_total", "dispatch_count");
    is("skep_received_bytes_total", "total_recv_bytes");
    is("skep_requests_lost_total", "requests_lost");
    is("skep_workers", "worker_num");
    is("skep_sessions_held_back", "held_back");
    is("skep_datagrams_dropped_total", "datagrams_dropped");
    assert_eq!(
        page.value("skep_accepts_total"),
        page.value("skep_closes_total") + page.value("skep_sessions")
    );
    assert_eq!(
        page.value("skep_responses_total") as u64,
        stats["response_count"] + 1
    );
    assert_eq!(page.value("skep_reloads_total"), 0.0);
    assert_eq!(page.value("skep_phase{phase=\"serving\"}"), 1.0);
    assert_eq!(page.value("skep_ready"), 1.0);
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs_f64();
    assert!((now - page.value("skep_start_time_seconds")).abs() < 120.0);
    for reactor in 0..2 {
        let turn = format!("skep_reactor_turn_max_seconds{{reactor=\"{reactor}\"}}");
        assert!(page.value(&turn) < 60.0);
    }
    for worker in 0..2 {
        let of = |name: &str| page.value(&format!("skep_worker_{name}{{worker=\"{worker}\"}}"));
        assert_eq!(of("restarts_total"), f64::from(1 - worker));
        assert!(of("resident_memory_bytes") > 100_000.0);
        assert_eq!((of("queue_messages"), of("queue_age_seconds")), (0.0, 0.0));
        let states = ["starting", "idle", "busy", "stopping", "gone"].map(|state| {
            page.value(&format!(
                "skep_worker_state{{worker=\"{worker}\",state=\"{state}\"}}"
            ))
        });
        assert_eq!(states.iter().sum::<f64>(), 1.0, "{states:?}");
        let callbacks = ["onWorkerStart", "onConnect", "onReceive", "onClose"].map(|name| {
            page.has(&format!(
                "skep_worker_callback{{worker=\"{worker}\",callback=\"{name}\"}}"
            ))
        });
        assert_eq!(callbacks.iter().filter(|has| **has).count(), 1);
    }
    assert!(page.value("skep_worker_requests_total{worker=\"1\"}") > 20.0);
    assert!(!page.has("skep_worker_restarts_total{worker=\"2\"}"));
    drop(client);
    server.stop();
    assert_free(port);
}

#[test]
fn answers_are_http() {
    let (server, port) = observed(server!("echo").sized(1, 1));
    let page = get(port, "/metrics");
    assert_eq!(
        page.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert_eq!(page.header("connection"), Some("close"));
    let length = page.header("content-length").unwrap().parse::<usize>();
    assert_eq!(length.unwrap(), page.body.len());
    // HEAD: the same headers and no body.
    let head = exchange(port, b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), Some("3"));
    let head = exchange(port, b"HEAD /nothing HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!((head.status, head.body.as_str()), (404, ""));
    for (path, status) in [
        ("/healthz", 200),
        ("/readyz?verbose", 200),
        ("/", 404),
        ("/metrics/x", 404),
    ] {
        assert_eq!(get(port, path).status, status, "{path}");
    }
    for (request, status) in [
        (
            "POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
            405,
        ),
        ("DELETE / HTTP/1.1\r\n\r\n", 405),
        ("hello\r\n\r\n", 400),
        ("GET /metrics\r\n\r\n", 400),
        ("GET /metrics HTTP/3.0\r\n\r\n", 400),
        ("\0\u{1}\u{2}", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ] {
        let answer = exchange(port, request.as_bytes()).unwrap();
        assert_eq!(answer.status, status, "{request:?}");
    }
    let refused = exchange(port, b"PUT /metrics HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    // For the older format, on request: counters under their full name, no end mark.
    let classic = b"GET /metrics HTTP/1.1\r\nAccept: text/plain\r\n\r\n";
    let classic = exchange(port, classic).unwrap();
    let kind = classic.header("content-type");
    assert_eq!(kind, Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(
        classic
            .body
            .contains("# TYPE skep_requests_total counter\n")
    );
    assert!(!classic.body.contains("# EOF"));
    server.stop();
    assert_free(port);
}

#[test]
fn a_request_may_come_in_pieces_and_not_for_ever() {
    let (server, port) = observed(server!("echo").sized(1, 1));
    let mut slow = connect(port).unwrap();
    for piece in ["GET /he", "althz HTT", "P/1.1\r\nHost: x\r", "\n\r\n"] {
        slow.write_all(piece.as_bytes()).unwrap();
        assert_eq!(
            get(port, "/healthz").status,
            200,
            "others are served meanwhile"
        );
    }
    assert_eq!(Answer::read(slow).unwrap().unwrap().status, 200);
    // More than 8 KiB: refused as soon as that much has come.
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "y".repeat(8 * 1024));
    assert_eq!(exchange(port, long.as_bytes()).unwrap().status, 400);
    // One that says nothing, or never ends, is dropped without an answer.
    let begin = Instant::now();
    let mut silent = connect(port).unwrap();
    let mut endless = connect(port).unwrap();
    endless.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    for stream in [&mut silent, &mut endless] {
        assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0);
        assert!(begin.elapsed() > Duration::from_millis(1_500));
        assert!(begin.elapsed() < promised(Duration::from_secs(6)));
    }
    server.stop();
    assert_free(port);
}

#[test]
fn more_connections_than_it_serves_wait_for_their_turn() {
    let (server, port) = observed(server!("echo").sized(1, 1));
    let master = server.master();
    let before = process::descriptors(master).len();
    let idle: Vec<TcpStream> = (0..40).map(|_| connect(port).unwrap()).collect();
    let most = before + 16;
    eventually(patience(), || process::descriptors(master).len() == most);
    // It is served once some of those before it have had their time: two rounds of 16, 2 s each.
    let late = get(port, "/metrics");
    assert_eq!(late.status, 200);
    assert!(process::descriptors(master).len() <= most);
    drop(idle);
    eventually(patience(), || process::descriptors(master).len() == before);
    assert_eq!(get(port, "/readyz").status, 200);
    // The clients of the server itself have never noticed.
    assert_eq!(server.connect().ask("hello"), "hello");
    server.stop();
    assert_free(port);
}

#[test]
fn readiness_follows_the_phases_and_health_does_not() {
    let builder = server!("echo").sized(2, 1);
    let go = builder.path("go");
    let (server, port) = observed(builder.env(HOLD_START, go.display()));
    // The start callback of the master blocks: not ready, and its main loop does not turn.
    let answer = get(port, "/readyz");
    assert_eq!((answer.status, answer.body.as_str()), (503, "starting\n"));
    let answer = get(port, "/healthz");
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("main loop"), "{}", answer.body);
    assert!(metrics(port).has("skep_phase{phase=\"starting\"}"));
    fs::write(&go, "").unwrap();
    eventually(patience(), || get(port, "/readyz").status == 200);
    assert_eq!(get(port, "/healthz").body, "ok\n");

    // A request at work keeps the stop in its first phase.
    let mut busy = server.connect();
    let id = busy.send("!sleep 1500");
    server.await_event("sleeping", 1);
    server.signal(server.master(), Signal::SIGTERM);
    eventually(patience(), || get(port, "/readyz").body == "draining\n");
    assert_eq!(get(port, "/readyz").status, 503);
    assert_eq!(get(port, "/healthz").status, 200);
    let page = metrics(port);
    assert_eq!(page.value("skep_ready"), 0.0);
    assert!(page.has("skep_phase{phase=\"draining\"}"));
    assert_eq!(busy.expect(id), "slept");
    drop(busy);
    let mut server = server;
    assert_eq!(server.await_end(patience()).code(), Some(0));
    assert_free(port);
}

#[test]
fn a_server_that_is_leaving_still_serves_but_is_not_ready() {
    let (mut server, port) = observed(server!("echo").sized(1, 1).set("shutdown_delay", 60));
    eventually(patience(), || get(port, "/readyz").status == 200);
    server.signal(server.master(), Signal::SIGTERM);
    eventually(patience(), || get(port, "/readyz").body == "leaving\n");
    assert_eq!(get(port, "/readyz").status, 503);
    assert_eq!(get(port, "/healthz").status, 200);
    assert_eq!(server.connect().ask("hello"), "hello");
    server.signal(server.master(), Signal::SIGTERM); // ends the patience
    server.await_end(patience());
    assert_free(port);
}

#[test]
fn health_ends_with_the_manager() {
    let (mut server, port) = observed(server!("echo").sized(1, 1).set("max_wait_time", 1));
    let mut busy = server.connect();
    busy.send("!sleep 30000");
    server.await_event("sleeping", 1);
    assert_eq!(get(port, "/healthz").status, 200);
    server.signal(server.manager(), Signal::SIGKILL);
    // The blocked worker gives the master something to wait for.
    let mut seen = String::new();
    eventually(patience(), || match try_get(port, "/healthz") {
        Ok(answer) if answer.status == 503 => {
            seen = answer.body;
            true
        }
        Ok(_) => false,
        Err(_) => true, // the endpoint has gone
    });
    assert_eq!(seen, "the manager is gone\n");
    assert_eq!(server.await_end(patience()).code(), Some(255));
    assert_free(port);
}

#[test]
fn not_ready_without_a_worker() {
    let builder = server!("crash").sized(1, 1);
    let fail = builder.path("fail");
    let (server, port) = observed(builder.env("SKEP_TEST_FAIL_START", fail.display()));
    eventually(patience(), || get(port, "/readyz").status == 200);
    fs::write(&fail, "").unwrap();
    server.signal(server.workers()[0], Signal::SIGKILL);
    eventually(patience(), || get(port, "/readyz").status == 503);
    assert_eq!(get(port, "/healthz").status, 200, "the server lives");
    fs::remove_file(&fail).unwrap();
    eventually(patience(), || get(port, "/readyz").status == 200);
    server.stop();
    assert_free(port);
}

#[test]
fn the_endpoint_answers_whatever_the_workers_do() {
    let (mut server, port) = observed(server!("echo").sized(1, 1));
    let mut blocked = server.connect();
    blocked.send("!sleep 60000");
    server.await_event("sleeping", 1);
    let mut waiting: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send("hello");
    }
    let worker =
        |page: &Exposition, name: &str| page.value(&format!("skep_worker_{name}{{worker=\"0\"}}"));
    // The sleeper's message, and of each other one its connect event and its message.
    let page = eventually_some(patience(), || {
        let page = metrics(port);
        (worker(&page, "queue_messages") == 7.0).then_some(page)
    });
    assert_eq!(
        page.value("skep_worker_state{worker=\"0\",state=\"busy\"}"),
        1.0
    );
    let age = worker(&page, "queue_age_seconds");
    let begin = Instant::now();
    eventually(patience(), || {
        worker(&metrics(port), "queue_age_seconds") >= age + 0.3
    });
    assert!(
        begin.elapsed() > Duration::from_millis(200),
        "ages with the clock"
    );
    let page = metrics(port);
    assert!(worker(&page, "busy_seconds") >= 0.3);
    // Killed, and replaced: the count says so, and the others are served.
    server.signal(server.workers()[0], Signal::SIGKILL);
    for client in &mut waiting {
        assert_eq!(client.expect(1), "hello");
    }
    eventually(patience(), || {
        let page = metrics(port);
        worker(&page, "restarts_total") == 1.0 && worker(&page, "queue_messages") == 0.0
    });
    assert_eq!(worker(&metrics(port), "queue_age_seconds"), 0.0);
    drop(waiting);
    // A master that is killed takes the endpoint with it.
    server.signal(server.master(), Signal::SIGKILL);
    server.await_end(patience());
    assert_free(port);
}

#[test]
fn a_unix_socket_serves_as_well_and_goes_with_the_server() {
    let builder = server!("echo").sized(1, 1);
    let path = builder.path("metrics.sock");
    let mut server = builder
        .set("metrics_listen", format_args!("unix:{}", path.display()))
        .start();
    let answer = get_unix(&path, "/metrics").unwrap();
    assert_eq!(answer.status, 200);
    Exposition::parse(&answer.body).unwrap();
    assert_eq!(get_unix(&path, "/healthz").unwrap().body, "ok\n");
    server.signal(server.master(), Signal::SIGTERM);
    server.await_end(patience());
    assert!(!path.exists(), "the socket file is left");
}

#[test]
fn an_address_in_use_fails_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (status, errors) = server!("echo")
        .sized(1, 1)
        .set("metrics_listen", address)
        .start_to_fail();
    assert_eq!(status.code(), Some(2));
    assert_eq!(
        errors.trim(),
        format!(
            "failed to listen server port[metrics_listen {address}], Error: Address already in use[98]"
        )
    );
    let (status, errors) = server!("echo")
        .set("metrics_listen", "somewhere")
        .start_to_fail();
    assert_eq!(status.code(), Some(2));
    assert!(errors.contains("'somewhere' is not host:port"), "{errors}");
}

#[test]
fn one_thread_more_and_only_if_it_is_asked_for() {
    let (server, port) = observed(server!("echo").sized(3, 2));
    assert_eq!(process::threads(server.master()), 4);
    for pid in server.workers().into_iter().chain([server.manager()]) {
        assert_eq!(process::threads(pid), 1);
        assert!(
            !process::listens(pid, port),
            "{pid} holds the endpoint open"
        );
    }
    server.stop();
    assert_free(port);
}

#[test]
fn the_statistics_file_is_always_whole_and_outlives_the_server() {
    let builder = server!("crash").sized(2, 1);
    let place = std::env::temp_dir().join(format!("skep-stats-{}", std::process::id()));
    fs::create_dir_all(&place).unwrap();
    let path = place.join("stats.json");
    let server = builder
        .set("stats_file", path.display())
        .set("stats_timer_interval", 10)
        .start();
    assert_eq!(process::threads(server.master()), 3);
    let mut client = server.connect_to(1);
    let number = |text: &str, key: &str| {
        let rest = text.split(&format!("\"{key}\":")).nth(1)?;
        rest.split([',', '}']).next()?.parse::<u64>().ok()
    };
    // It is written although worker 0 does nothing, and though it dies.
    server.signal(
        server.connect_to(0).ask_number("!pid") as i32,
        Signal::SIGKILL,
    );
    let mut reads = 0;
    eventually(patience(), || {
        client.ask("hello");
        let Ok(text) = fs::read_to_string(&path) else {
            return false; // not yet written for the first time
        };
        reads += 1;
        let whole = text.starts_with("{\"start_time\":") && text.ends_with("}]}\n");
        assert!(whole, "read {reads}: {text:?}");
        number(&text, "request_count").unwrap() > 50 && number(&text, "restarts") == Some(1)
    });
    drop(client);
    let requests = server.stop();
    let text = fs::read_to_string(&path).unwrap();
    let received = requests.iter().filter(|e| e.name == "received").count() as u64;
    assert_eq!(number(&text, "request_count"), Some(received));
    assert!(
        text.contains("\"phase\":\"stopped\",\"ready\":false"),
        "{text}"
    );
    let left: Vec<_> = fs::read_dir(&place).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    fs::remove_dir_all(&place).unwrap();
}

#[test]
fn a_statistics_file_that_cannot_be_written_costs_one_warning() {
    let builder = server!("echo").sized(1, 1);
    let path = builder.path("missing").join("stats");
    let server = builder
        .set("stats_file", path.display())
        .set("stats_timer_interval", 10)
        .start();
    server.await_log("stats_file: cannot write");
    let mut client = server.connect();
    for _ in 0..20 {
        assert_eq!(client.ask("!sleep 5"), "slept");
    }
    assert_eq!(server.log_count("stats_file: cannot write"), 1);
    // As soon as it can be written it is.
    fs::create_dir(path.parent().unwrap()).unwrap();
    eventually(patience(), || path.exists());
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("\nphase: serving\nready: 1\nworkers.0.pid: "),
        "{text}"
    );
    drop(client);
    server.stop();
}

#[test]
fn tasks_and_those_who_run_them_have_figures() {
    let (server, port) = observed(server!("tasks").sized(1, 1).set("task_worker_num", 2));
    let mut client = server.connect();
    let hold = server.path("hold");
    let held = format!("!task - 7 hold {} x", hold.display());
    assert_eq!(client.ask(held), "given=7 code=0");
    let page = eventually_some(patience(), || {
        let page = metrics(port);
        (page.value("skep_tasks_at_work") == 2.0 && page.value("skep_tasks_oldest_seconds") > 0.1)
            .then_some(page)
    });
    assert_eq!(page.value("skep_tasks_waiting"), 5.0);
    assert!(page.value("skep_tasks_waiting_bytes") > 5.0 * 32.0);
    assert_eq!(page.value("skep_task_workers"), 2.0);
    assert_eq!(page.value("skep_task_workers_idle"), 0.0);
    assert_eq!(page.value("skep_tasks_total"), 7.0);
    assert_eq!(page.value("skep_tasks_lost_total"), 0.0);
    assert_eq!(page.value("skep_messages_lost_total"), 0.0);
    for (id, kind) in [(0, "worker"), (1, "task_worker"), (2, "task_worker")] {
        let sample = format!("skep_worker_kind{{worker=\"{id}\",kind=\"{kind}\"}}");
        assert_eq!(page.value(&sample), 1.0);
    }
    let busy = "skep_worker_state{worker=\"2\",state=\"busy\"}";
    assert_eq!(page.value(busy), 1.0);
    std::fs::write(&hold, "").unwrap();
    eventually(patience(), || {
        metrics(port).value("skep_tasks_at_work") == 0.0
    });
    drop(client);
    server.stop();
    assert_free(port);
}
