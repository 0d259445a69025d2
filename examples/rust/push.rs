//! The time (UTC), pushed to every client once a second, by a timer of worker 0.
//!
//!     cargo run --release -p skep --example push -- [port] [milliseconds]
//!     nc 127.0.0.1 9509
//!
//! examples/php/push.php does the same in PHP, examples/c/push.c in C.

use std::env;
use std::process::exit;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use skep::settings::Value;
use skep::{Children, Context, Handler, Server, SessionId, SocketType, Step};

const HELP: &str = "\
The time (UTC), pushed to every client once a second, by a timer of worker 0.

    push [port] [milliseconds]        9509 and 1000 by default; port 0 lets the system choose";

struct Push {
    port: u16,
    ms: u64,
}

impl Handler for Push {
    fn on_start(&self, _server: &Context) -> Step {
        let port = self.port;
        println!("listening on 127.0.0.1:{port}\ntry: nc 127.0.0.1 {port}");
        Ok(())
    }

    /// Each process has timers of its own. A worker that is replaced begins here again.
    fn on_worker_start(&self, server: &Context, worker: u32) -> Step {
        if worker == 0 {
            // Refused only for less than 1 ms.
            let _ = server.tick(self.ms, |server, _timer| {
                tell_all(server, &time());
                Ok(())
            });
        }
        Ok(())
    }

    /// A worker that is to end waits for its timers, so they are told that they are not wanted any more.
    fn on_worker_exit(&self, server: &Context, _worker: u32) -> Step {
        server.clear_timers();
        Ok(())
    }

    fn on_receive(&self, server: &Context, session: SessionId, _reactor: i32, data: &[u8]) -> Step {
        // Refused only if the client has gone.
        let _ = server.send(session, &[b"you said ", data].concat());
        Ok(())
    }
}

/// To everybody, whichever worker they belong to: every worker can send to every session.
fn tell_all(server: &Context, line: &str) {
    let mut last = 0;
    loop {
        let page = server.sessions(last, 100);
        let Some(&end) = page.last() else { return };
        for session in page {
            let _ = server.send(session, line.as_bytes()); // refused if it has gone, or does not read
        }
        last = end;
    }
}

fn time() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.unwrap_or(Duration::ZERO).as_secs();
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}\n", seconds % 60)
}

fn main() -> skep::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|word| word == "--help") {
        println!("{HELP}");
        return Ok(());
    }
    let number = |at: usize, otherwise| {
        let text = arguments.get(at);
        text.map_or(Ok(otherwise), |text| text.parse::<u64>())
    };
    let (Ok(port @ 0..=65535), Ok(ms @ 1..), 0..=2) =
        (number(0, 9509), number(1, 1000), arguments.len())
    else {
        eprintln!("{HELP}");
        exit(2);
    };
    let mut server = Server::bind("127.0.0.1", port as i64, SocketType::Tcp)?;
    server.set("worker_num", &Value::Int(2))?;
    let handler = Push {
        port: server.port(), // the real one, if 0 was asked for
        ms,
    };
    let ended = server.start(Rc::new(handler), Children::Exit)?;
    exit(ended.code);
}
