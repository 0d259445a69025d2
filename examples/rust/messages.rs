//! Words that all workers know: "color red" is remembered, "color" is answered by "red". Each worker answers from memory of
//! its own; messages between workers keep all of them the same.
//!
//!     cargo run --release -p skep --example messages -- [port] [host]
//!     echo 'color red' | nc -N 127.0.0.1 9507; echo color | nc -N 127.0.0.1 9507
//!
//! A worker that is told a word tells the others. One that begins, perhaps in the place of one that has died, asks
//! its neighbour for what it has missed. Messages of one worker to another arrive in order, and wait while that one is
//! replaced. examples/c/messages.c is the same in C.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::process::exit;
use std::rc::Rc;

use skep::settings::Value;
use skep::task::PipeMessage;
use skep::{Children, Context, Handler, Server, SessionId, SocketType, Step};

const HELP: &str = "\
Words that all workers know: \"color red\" is remembered, \"color\" is answered by \"red\".

    messages [port] [host]        9507 and 127.0.0.1 by default; port 0 lets the system choose";

/// In the place of a word and its value: tell me all.
const ALL: &[u8] = b"?";

struct Words {
    host: String,
    port: u16,
    known: RefCell<BTreeMap<String, String>>,
}

impl Words {
    fn tell(server: &Context, worker: u32, word: &str, value: &str) {
        let message = format!("{word} {value}");
        if server.send_message(message.as_bytes(), worker, 0).is_err() {
            // It has been at one callback for so long that no more may wait for it.
            server.log_warning(&format!("worker {worker} does not hear of {word}"));
        }
    }
}

impl Handler for Words {
    fn on_start(&self, _server: &Context) -> Step {
        let Words { host, port, .. } = self;
        println!("listening on {host}:{port}\ntry: echo 'color red' | nc -N {host} {port}");
        Ok(())
    }

    fn on_worker_start(&self, server: &Context, worker: u32) -> Step {
        let neighbour = (worker + 1) % server.worker_num();
        // Refused only if there is no other worker.
        let _ = server.send_message(ALL, neighbour, 0);
        Ok(())
    }

    fn on_receive(&self, server: &Context, session: SessionId, _reactor: i32, line: &[u8]) -> Step {
        let line = String::from_utf8_lossy(line);
        let me = server.worker_id().unwrap_or_default();
        let answer = match line.trim().split_once(' ') {
            Some((word, value)) => {
                let mut known = self.known.borrow_mut();
                known.insert(word.into(), value.into());
                for other in (0..server.worker_num()).filter(|other| *other != me) {
                    Words::tell(server, other, word, value);
                }
                "ok\n".to_string()
            }
            None => match self.known.borrow().get(line.trim()) {
                Some(value) => format!("{value} (worker {me})\n"),
                None => format!("unknown (worker {me})\n"),
            },
        };
        // Refused only if the client has gone.
        let _ = server.send(session, answer.as_bytes());
        Ok(())
    }

    /// Without this nobody may send messages.
    fn takes_messages(&self) -> bool {
        true
    }

    fn on_pipe_message(&self, server: &Context, message: &PipeMessage, data: &[u8]) -> Step {
        if data == ALL {
            for (word, value) in self.known.borrow().iter() {
                Words::tell(server, message.source, word, value);
            }
        } else if let Some((word, value)) = String::from_utf8_lossy(data).split_once(' ') {
            self.known.borrow_mut().insert(word.into(), value.into());
        }
        Ok(())
    }
}

fn main() -> skep::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|word| word == "--help") {
        println!("{HELP}");
        return Ok(());
    }
    let port = arguments
        .first()
        .map_or(Ok(9507), |text| text.parse::<u16>());
    let (Ok(port), true) = (port, arguments.len() <= 2) else {
        eprintln!("{HELP}");
        exit(2);
    };
    let host = arguments.get(1).map_or("127.0.0.1", String::as_str);

    let mut server = Server::bind(host, port.into(), SocketType::Tcp)?;
    server.set("worker_num", &Value::Int(3))?;
    server.set("open_eof_split", &Value::Bool(true))?;
    server.set("package_eof", &Value::Text("\n".into()))?; // ends a message
    let handler = Words {
        host: host.into(),
        port: server.port(), // the real one, if 0 was asked for
        known: RefCell::default(),
    };
    let ended = server.start(Rc::new(handler), Children::Exit)?;
    exit(ended.code);
}
