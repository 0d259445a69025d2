//! Three ports: TCP, TCP, and a unix socket at `SKEP_TEST_UNIX`. Messages are short lines without framing:
//!
//! | message | answer |
//! |---|---|
//! | `where` | `at <port of the event> of <port of the session>` |
//! | `list <port>` | number and ids of the sessions of this port |
//! | `close <session>` | `closed at <port of the event before and after the call>` |
//!
//! The primary port wants all events of sessions, the second only messages, the unix socket messages and ends.

use std::env;
use std::rc::Rc;

use skep::settings::Value;
use skep::{Children, Context, Handler, Interests, Server, SessionId, SocketType, Step};
use skep_tests::journal::Journal;
use skep_tests::program::{JOURNAL, SETTINGS};

struct Program {
    journal: Journal,
    primary: u16,
    second: u16,
}

impl Program {
    fn note(&self, server: &Context, event: &str, session: SessionId) {
        let port = server.event_port();
        let arguments = format!("session={session} port={port}");
        self.journal.write("worker", event, &arguments);
    }
}

impl Handler for Program {
    fn interests(&self, port: u16) -> Interests {
        Interests {
            connect: port == 0,
            receive: true,
            close: port != 1,
            packet: false,
            buffer_full: false,
            buffer_empty: false,
        }
    }

    fn on_start(&self, _: &Context) -> Step {
        let second = format!("number={}", self.second);
        self.journal.write("master", "second", &second);
        println!("READY {}", self.primary);
        Ok(())
    }

    fn on_connect(&self, server: &Context, session: SessionId, _: i32) -> Step {
        self.note(server, "connect", session);
        Ok(())
    }

    fn on_receive(&self, server: &Context, session: SessionId, _: i32, data: &[u8]) -> Step {
        let text = String::from_utf8_lossy(data);
        let (verb, argument) = text.split_once(' ').unwrap_or((&text, "0"));
        let at = server.event_port();
        let answer = match verb {
            "where" => {
                let of = server.info(session).map(|info| info.port);
                assert_eq!(server.session_port(session), of);
                format!("at {at} of {of:?}")
            }
            "list" => {
                let port = argument.parse().unwrap_or(u16::MAX);
                let count = server.port_session_count(port);
                format!("{count} {:?}", server.port_sessions(port, 0, 100))
            }
            "close" => {
                let closed = server.close(argument.parse().unwrap_or(0), false);
                format!("closed {} at {at} {}", closed.is_ok(), server.event_port())
            }
            _ => "what?".into(),
        };
        let _ = server.send(session, answer.as_bytes()); // a client that has gone fails the test
        Ok(())
    }

    fn on_close(&self, server: &Context, session: SessionId, _: i32) -> Step {
        self.note(server, "close", session);
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    let journal = Journal::open(env::var(JOURNAL)?)?;
    let mut server = Server::bind("127.0.0.1", 0, SocketType::Tcp)?;
    for line in env::var(SETTINGS)?.lines() {
        let (key, value) = line.split_once('=').ok_or("a setting without '='")?;
        server.set(key, &Value::Text(value.into()))?;
    }
    let second = server.listen("127.0.0.1", 0, SocketType::Tcp)?;
    server.listen(&env::var("SKEP_TEST_UNIX")?, 0, SocketType::UnixStream)?;
    let second = server.port_info(second).ok_or("no second port")?;
    let program = Program {
        journal,
        primary: server.port(),
        second: second.port,
    };
    let ended = server.start(Rc::new(program), Children::Exit)?;
    std::process::exit(ended.code)
}
