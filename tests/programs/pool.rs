//! A pool of two workers, in the kind that `SKEP_TEST_POOL` says: `none`, `unix`, `queue <key>`, `clients`.
//!
//! The master sends what `SKEP_TEST_POOL_SENDS` says, `<worker> <message>` in each line, when it has forked the workers. A worker
//! notes each message (journal: `message`) and does what it asks for:
//!
//! | message | what it does |
//! |---|---|
//! | `block` | sleeps for ever |
//! | `large <bytes>` | adds so many bytes to the answer |
//! | `stay <way>` | stays in that way, see `stubborn` |
//! | `stop`, `detach`, `shutdown` | that, and notes the code of the refusal or 0 (journal: `asked`) |
//! | `leave <code>` | ends with an exit code |
//! | `pass <worker> <message>` | sends it on (journal: `asked`) |
//! | `rules` | what is refused here (journal: `rules`) |
//!
//! A client is answered with its request and the pid. With `none` a worker goes on until it is told to end.

use std::env;
use std::rc::Rc;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::Signal;
use skep::settings::Value;
use skep::{Leave, Pool, PoolContext, PoolHandler, PoolMessages, Refused, Step};
use skep_tests::journal::Journal;
use skep_tests::program::{JOURNAL, SETTINGS};
use skep_tests::stubborn;

struct Members {
    journal: Journal,
    ports: Vec<u16>,
    sends: String,
    takes_messages: bool,
}

fn code(asked: Result<(), Refused>) -> i32 {
    asked.map_or_else(|Refused(code)| code, |()| 0)
}

impl Members {
    fn note(&self, pool: &PoolContext, event: &str, arguments: &str) {
        let role = pool
            .worker()
            .map_or("master".into(), |worker| format!("worker{worker}"));
        self.journal.write(&role, event, arguments);
    }

    fn pass(&self, pool: &PoolContext, line: &str) -> i32 {
        let (worker, message) = line.split_once(' ').unwrap_or((line, ""));
        let worker = worker.parse().unwrap_or(u32::MAX);
        code(pool.send_message(worker, message.as_bytes()))
    }
}

impl PoolHandler for Members {
    fn on_start(&self, pool: &PoolContext) -> Step {
        for line in self.sends.lines() {
            let refused = self.pass(pool, line);
            self.note(pool, "sent", &format!("code={refused}"));
        }
        let rules = [
            code(pool.stop()),
            code(pool.detach()),
            code(pool.write(b"x")),
        ];
        self.note(pool, "rules", &format!("codes={rules:?}").replace(' ', ""));
        println!("READY {}", self.ports.first().copied().unwrap_or(0));
        Ok(())
    }

    fn on_shutdown(&self, pool: &PoolContext) -> Step {
        self.note(pool, "shutdown", "");
        Ok(())
    }

    fn on_worker_start(&self, pool: &PoolContext, worker: u32) -> Step {
        let own = pool.worker_pid(worker) == Some(std::process::id() as i32);
        let queue = pool.queue_id().unwrap_or(-1);
        self.note(pool, "worker_start", &format!("own={own} queue={queue}"));
        while !self.takes_messages && pool.is_running() {
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn on_worker_exit(&self, pool: &PoolContext, _worker: u32) -> Step {
        self.note(pool, "worker_exit", "");
        Ok(())
    }

    fn on_worker_stop(&self, pool: &PoolContext, _worker: u32) -> Step {
        self.note(pool, "worker_stop", "");
        Ok(())
    }

    fn takes_messages(&self) -> bool {
        self.takes_messages
    }

    fn on_message(&self, pool: &PoolContext, data: &[u8]) -> Step {
        let text = String::from_utf8_lossy(data);
        let shown = text.replace(' ', "_");
        self.note(pool, "message", &format!("text={shown}"));
        let answer = format!("{text} {}", std::process::id());
        let _ = pool.write(answer.as_bytes()); // refused where there are no clients
        let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let refused = match verb {
            "block" => loop {
                sleep(Duration::from_secs(60));
            },
            "large" => code(pool.write(&vec![b'x'; rest.parse().unwrap_or(0)])),
            "stay" => {
                stubborn::stay(rest);
                return Ok(());
            }
            "leave" => {
                return Err(Leave {
                    code: rest.parse().unwrap_or(1),
                });
            }
            "stop" => code(pool.stop()),
            "detach" => code(pool.detach()),
            "shutdown" => code(pool.shutdown()),
            "pass" => self.pass(pool, rest),
            "rules" => {
                let codes = [
                    code(pool.send_message(2, b"nobody")),
                    code(pool.send_message(u32::MAX, b"nobody")),
                    code(pool.write(b"x")),
                ];
                self.note(pool, "rules", &format!("codes={codes:?}").replace(' ', ""));
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.note(pool, "asked", &format!("what={verb} code={refused}"));
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A test that is itself killed cannot end its pool. Forks do not inherit this.
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    let path = env::var(JOURNAL)?;
    let kind = env::var("SKEP_TEST_POOL")?;
    let messages = match kind.split_once(' ').unwrap_or((&kind, "0")) {
        ("unix", _) => PoolMessages::Unix,
        ("clients", _) => PoolMessages::Clients,
        ("queue", key) => PoolMessages::Queue {
            key: key.parse::<u32>()? as i32,
        },
        _ => PoolMessages::None,
    };
    let mut pool = Pool::new(2, messages)?;
    for line in env::var(SETTINGS).unwrap_or_default().lines() {
        let (key, value) = line.split_once('=').ok_or("a setting without '='")?;
        pool.set(key, &Value::Text(value.into()))?;
    }
    if messages == PoolMessages::Clients {
        pool.listen("127.0.0.1", 0, 64)?;
    }
    let journal = Journal::open(&path)?;
    let members = Members {
        journal,
        ports: pool.ports(),
        sends: env::var("SKEP_TEST_POOL_SENDS").unwrap_or_default(),
        takes_messages: messages != PoolMessages::None,
    };
    let ended = pool.start(Rc::new(members))?;
    let who = ended.worker.map_or(-1, i64::from);
    let text = format!("worker={who} code={}", ended.code);
    Journal::open(&path)?.write("caller", "after", &text);
    std::process::exit(ended.code);
}
