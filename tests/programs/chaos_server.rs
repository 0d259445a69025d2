//! The server under chaos in Rust: `skep-test-chaos-server <directory>`. Protocol: `src/chaos/wire.rs`;
//! `chaos/server.php` does the same in PHP.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use std::{env, fs, io, process, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use skep::settings::Value;
use skep::{Children, Context, Handler, Leave, Server, SessionId, SocketType, Step};
use skep_tests::chaos::dice::Dice;
use skep_tests::program::counters;

struct Program {
    directory: PathBuf,
    port: u16,
    dice: Cell<Option<Dice>>,
}

/// A file that is there as a whole or not at all.
fn publish(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(&new, path)
}

fn stats(server: &Context) -> String {
    let pairs = counters(&server.stats()).map(|(key, value)| format!("\"{key}\":{value}"));
    format!("{{{}}}", pairs.join(","))
}

fn verdict<E>(result: Result<(), E>) -> String {
    result.map_or("refused", |()| "accepted").into()
}

fn obey(server: &Context, session: SessionId, order: &str) -> Result<String, Leave> {
    let (verb, argument) = order.split_once(' ').unwrap_or((order, ""));
    Ok(match verb {
        "!hello" => session.to_string(),
        "!stats" => stats(server),
        "!reload" => verdict(server.reload()),
        "!stop" => verdict(server.stop(None)),
        "!sleep" => {
            thread::sleep(Duration::from_millis(argument.parse().unwrap_or(0)));
            "slept".into()
        }
        "!spin" => loop {
            std::hint::spin_loop();
        },
        "!throw" => panic!("asked to panic"),
        "!exit" => return Err(Leave { code: 3 }),
        "!segfault" => {
            // Rust's own handler takes the first, finds that it is no stack overflow, and steps aside.
            let sent = [(); 2].map(|()| kill(Pid::this(), Signal::SIGSEGV));
            format!("alive after {sent:?}")
        }
        "!memory" => process::abort(), // what Rust does when memory is exhausted
        _ => format!("what is '{verb}'?"),
    })
}

impl Program {
    /// Some messages take their time, so that deaths find work under way.
    fn work(&self) {
        let mut dice = self.dice.take();
        // Copied by fork, like everything: processes would all draw the same.
        let dice = dice.get_or_insert_with(|| Dice::new(0, u64::from(process::id())));
        if dice.between(0, 99) < 4 {
            thread::sleep(Duration::from_micros(dice.between(500, 10_000)));
        }
        self.dice.set(Some(dice.clone()));
    }
}

impl Handler for Program {
    fn on_start(&self, _: &Context) -> Step {
        publish(&self.directory.join("port"), &self.port.to_string()).map_err(|_| Leave { code: 2 })
    }

    fn on_receive(&self, server: &Context, session: SessionId, _: i32, data: &[u8]) -> Step {
        let answer = match data.first() {
            Some(b'!') => obey(server, session, &String::from_utf8_lossy(data))?.into_bytes(),
            _ => {
                self.work();
                data.to_vec()
            }
        };
        let worker = server.worker_id().unwrap_or(u32::MAX);
        let mut message = format!("{worker}:{}:{}:", process::id(), answer.len()).into_bytes();
        message.extend_from_slice(&answer);
        let _ = server.send(session, &message); // refused only if the client has gone
        Ok(())
    }

    fn on_shutdown(&self, server: &Context) -> Step {
        publish(&self.directory.join("stats"), &stats(server)).map_err(|_| Leave { code: 2 })
    }
}

fn run() -> Result<i32, Box<dyn std::error::Error>> {
    let directory = PathBuf::from(env::args().nth(1).ok_or("which directory?")?);
    let mut server = Server::bind("127.0.0.1", 0, SocketType::Tcp)?;
    let settings = fs::read_to_string(directory.join("settings"))?;
    for pair in settings.trim_matches(['{', '}']).split(',') {
        let (key, value) = pair.split_once(':').ok_or("a setting without ':'")?;
        server.set(key.trim_matches('"'), &Value::Text(value.into()))?;
    }
    server.set(
        "log_file",
        &Value::Text(directory.join("log").display().to_string()),
    )?;
    let port = server.port();
    let ended = server.start(
        Rc::new(Program {
            directory,
            port,
            dice: Cell::default(),
        }),
        Children::Exit,
    )?;
    Ok(ended.code)
}

fn main() {
    let code = run().unwrap_or_else(|error| {
        eprintln!("{error}");
        2
    });
    process::exit(code)
}
