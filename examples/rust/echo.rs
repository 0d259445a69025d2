//! An echo server: what comes in goes out again.
//!
//! `cargo run --release -p skep --example echo`, then `nc 127.0.0.1 9501`. The environment variables
//! PORT, SKEP_WORKERS and SKEP_REACTORS change the numbers.

use std::env;
use std::rc::Rc;

use skep::settings::Value;
use skep::{Children, Context, Handler, Server, SessionId, SocketType, Step};

struct Echo {
    port: u16,
}

impl Handler for Echo {
    fn on_start(&self, _server: &Context) -> Step {
        println!("READY {}", self.port);
        Ok(())
    }

    fn on_receive(&self, server: &Context, session: SessionId, _reactor: i32, data: &[u8]) -> Step {
        let _ = server.send(session, data); // refused only if the client has gone
        Ok(())
    }
}

fn main() -> skep::Result<()> {
    let number = |name: &str, default: i64| {
        env::var(name)
            .ok()
            .and_then(|v| v.parse().ok())
            .unwrap_or(default)
    };
    let mut server = Server::bind("127.0.0.1", number("PORT", 9501), SocketType::Tcp)?;
    server.set("worker_num", &Value::Int(number("SKEP_WORKERS", 2)))?;
    server.set("reactor_num", &Value::Int(number("SKEP_REACTORS", 1)))?;
    let port = server.port();
    let ended = server.start(Rc::new(Echo { port }), Children::Exit)?;
    std::process::exit(ended.code);
}
