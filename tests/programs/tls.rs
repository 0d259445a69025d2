//! A port under TLS, a plain port for looking on (its number is in the journal as `plain`), and, if `SKEP_TEST_UNIX` is
//! set, a unix socket under TLS. Settings are the TLS ports'; the plain port has none.
//!
//! | message | answer |
//! |---|---|
//! | `!tls` | `<version> <cipher> alpn=<..> name=<..> certificates=<count>` |
//! | `!cert` | what the client has shown, as PEM |
//! | `!pid` | number of this process |
//! | `!big <bytes>` | so many bytes of the pattern |
//! | `!bye <bytes>` | the same, and then the session is closed |
//! | `!slow <text>` | the text, after 300 ms (journal: `slow`) |
//! | `!sleep` | none: the worker blocks |
//! | `!close <session>` | `closed` or the number of the error |
//! | `!info <session>` | whether something is known of that session |
//! | `!count` | `<sessions> <connections ended before their session began>` |
//! | `!reload`, `!reload_tls` | `asked` |
//! | `!file <path>` | the file |
//! | anything else | the same; with `SKEP_TEST_FRAMES` behind its length (4 bytes, big endian) |

use std::env;
use std::path::Path;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use skep::settings::Value;
use skep::{Children, Context, Handler, Server, SessionId, SocketType, Step};
use skep_tests::journal::Journal;
use skep_tests::pattern;
use skep_tests::program::{JOURNAL, SETTINGS};

struct Program {
    journal: Journal,
    tls: u16,
    plain: u16,
    frames: bool,
}

impl Program {
    fn note(&self, server: &Context, event: &str, arguments: &str) {
        let role = server.worker_id();
        let role = role.map_or("master".into(), |id| format!("worker{id}"));
        self.journal.write(&role, event, arguments);
    }

    fn answer(&self, server: &Context, session: SessionId, text: &str) -> Option<Vec<u8>> {
        let (verb, argument) = text.split_once(' ').unwrap_or((text, ""));
        let first = argument.split(' ').next().unwrap_or_default();
        let number = || first.parse::<u64>().unwrap_or(0);
        let tls = || server.info(session).and_then(|info| info.tls);
        let text = match verb {
            "!tls" => tls().map_or("none".into(), |tls| {
                let shown = tls.client_cert.matches("BEGIN CERTIFICATE").count();
                format!(
                    "{} {} alpn={} name={} certificates={shown}",
                    tls.version, tls.cipher, tls.alpn, tls.server_name
                )
            }),
            "!cert" => tls().map_or_else(String::new, |tls| tls.client_cert),
            "!pid" => std::process::id().to_string(),
            "!big" | "!bye" => return Some(pattern::make(number() as usize)),
            "!slow" => {
                self.note(server, "slow", "");
                thread::sleep(Duration::from_millis(300));
                argument.into()
            }
            "!sleep" => loop {
                thread::sleep(Duration::from_secs(1));
            },
            "!close" => match server.close(number(), false) {
                Ok(()) => "closed".into(),
                Err(refused) => refused.0.to_string(),
            },
            "!info" => server.info(number()).is_some().to_string(),
            "!count" => {
                let stats = server.stats();
                format!("{} {}", stats.connection_num, stats.abort_count)
            }
            "!reload" => server.reload().map_or("refused", |()| "asked").into(),
            "!reload_tls" => server.reload_tls().map_or("refused", |()| "asked").into(),
            "!file" => {
                if server
                    .send_file(session, Path::new(argument), 0, 0)
                    .is_err()
                {
                    return Some(b"no file".into());
                }
                String::new()
            }
            _ => return None, // bulk data may begin like a command
        };
        Some(text.into_bytes())
    }
}

impl Handler for Program {
    fn on_start(&self, server: &Context) -> Step {
        self.note(server, "plain", &format!("port={}", self.plain));
        println!("READY {}", self.tls);
        Ok(())
    }

    fn on_connect(&self, server: &Context, session: SessionId, _: i32) -> Step {
        let info = server.info(session);
        let remote = info.as_ref().map_or_else(String::new, |info| {
            format!("{}:{}", info.remote_ip, info.remote_port)
        });
        let shown = info.and_then(|info| info.tls);
        let shown = shown.map_or(0, |tls| tls.client_cert.matches("BEGIN CERT").count());
        let port = server.event_port();
        let facts = format!("session={session} port={port} remote={remote} shown={shown}");
        self.note(server, "connect", &facts);
        let _ = server.resume_reading(session); // for `enable_delay_receive`; else there is nothing to resume
        Ok(())
    }

    fn on_receive(&self, server: &Context, session: SessionId, _: i32, data: &[u8]) -> Step {
        let start = &data[..data.len().min(256)];
        let text = String::from_utf8_lossy(start);
        let text = text.trim_end();
        let answer = self.answer(server, session, text).unwrap_or_else(|| {
            let length = (data.len() as u32).to_be_bytes();
            let length = if self.frames { &length[..] } else { &[] };
            [length, data].concat()
        });
        if !answer.is_empty() {
            let _ = server.send(session, &answer); // refused only if the client has gone
        }
        if text.starts_with("!bye") {
            let _ = server.close(session, false);
        }
        Ok(())
    }

    fn on_close(&self, server: &Context, session: SessionId, reactor: i32) -> Step {
        let errno = server.info(session).map_or(-1, |info| info.close_errno);
        let facts = format!("session={session} reactor={reactor} errno={errno}");
        self.note(server, "close", &facts);
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    let journal = Journal::open(env::var(JOURNAL)?)?;
    let mut server = Server::bind("127.0.0.1", 0, SocketType::Tcp)?;
    server.use_tls(0)?;
    for line in env::var(SETTINGS)?.lines() {
        let (key, value) = line.split_once('=').ok_or("a setting without '='")?;
        let value = value.replace("\\r", "\r").replace("\\n", "\n");
        server.set(key, &Value::Text(value))?;
    }
    let plain = server.listen("127.0.0.1", 0, SocketType::Tcp)?;
    server.own_settings(plain)?;
    let plain = server.port_info(plain).ok_or("no plain port")?.port;
    if let Ok(path) = env::var("SKEP_TEST_UNIX") {
        let unix = server.listen(&path, 0, SocketType::UnixStream)?;
        server.use_tls(unix)?;
    }
    let program = Program {
        journal,
        tls: server.port(),
        plain,
        frames: env::var("SKEP_TEST_FRAMES").is_ok(),
    };
    let ended = server.start(Rc::new(program), Children::Exit)?;
    std::process::exit(ended.code)
}
