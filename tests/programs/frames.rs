//! Shows a client which messages its bytes became: each comes back behind its length (4 bytes, big endian).
//!
//! A message of `!slow` keeps the worker busy for 300 ms first.

use std::env;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use skep::settings::Value;
use skep::{Children, Context, Handler, Server, SessionId, SocketType, Step};
use skep_tests::journal::Journal;
use skep_tests::program::{JOURNAL, SETTINGS};

struct Frames(Journal, u16);

impl Frames {
    fn note(&self, context: &Context, event: &str, arguments: &str) {
        let role = context
            .worker_id()
            .map_or("master".into(), |id| format!("worker{id}"));
        self.0.write(&role, event, arguments);
    }
}

impl Handler for Frames {
    fn on_start(&self, context: &Context) -> Step {
        let _ = context;
        println!("READY {}", self.1);
        Ok(())
    }

    fn on_connect(&self, context: &Context, session: SessionId, _: i32) -> Step {
        let remote = context.info(session).map_or_else(String::new, |info| {
            format!("{}:{}", info.remote_ip, info.remote_port)
        });
        self.note(
            context,
            "connect",
            &format!("session={session} remote={remote}"),
        );
        Ok(())
    }

    fn on_receive(&self, context: &Context, session: SessionId, _: i32, data: &[u8]) -> Step {
        let start = &data[..data.len().min(16)];
        if start.windows(5).any(|word| word == b"!slow") {
            thread::sleep(Duration::from_millis(300));
        }
        let mut answer = (data.len() as u32).to_be_bytes().to_vec();
        answer.extend_from_slice(data);
        let _ = context.send(session, &answer); // refused only if the client has gone
        Ok(())
    }

    fn on_close(&self, context: &Context, session: SessionId, reactor: i32) -> Step {
        let errno = context.info(session).map_or(-1, |info| info.close_errno);
        self.note(
            context,
            "close",
            &format!("session={session} reactor={reactor} errno={errno}"),
        );
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    let journal = Journal::open(env::var(JOURNAL)?)?;
    let mut server = Server::bind("127.0.0.1", 0, SocketType::Tcp)?;
    for line in env::var(SETTINGS).unwrap_or_default().lines() {
        let (key, value) = line.split_once('=').ok_or("a setting without '='")?;
        let value = value.replace("\\r", "\r").replace("\\n", "\n");
        server.set(key, &Value::Text(value))?;
    }
    let port = server.port();
    let ended = server.start(Rc::new(Frames(journal, port)), Children::Exit)?;
    std::process::exit(ended.code)
}
