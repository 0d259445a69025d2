//! Answers datagrams. Ports: see `SKEP_TEST_PORTS`; the ready line has the number of the first one, the journal
//! those of all.
//!
//! A datagram of text is a command; anything else comes back as it is.
//!
//! | command | answer |
//! |---|---|
//! | `who` | worker, address, port, port of the server, index of the port |
//! | `length` | length of the datagram: padding may follow behind a zero byte |
//! | `note <text>` | none: `noted` in the journal, with worker and text |
//! | `swallow` | none |
//! | `sleep <ms>` | `slept` |
//! | `die` | none: the process kills itself |
//! | `send <socket> <address> <port>` | what sendto a `hello` says, by this socket (-1: any) |
//! | `stats` | counters |

use std::env;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use skep::settings::Value;
use skep::{
    Children, Context, Handler, Interests, Packet, Refused, Server, SessionId, SocketType, Step,
};
use skep_tests::journal::Journal;
use skep_tests::program::{JOURNAL, SETTINGS, counters};

/// `<kind> <host>` of each port, one on a line.
const PORTS: &str = "SKEP_TEST_PORTS";
/// If set, there is no `on_packet`: datagrams go to `on_receive`.
const FALLBACK: &str = "SKEP_TEST_FALLBACK";
/// `<address> <port>`: say hello to it from master and manager.
const GREET: &str = "SKEP_TEST_GREET";

struct Answers {
    journal: Journal,
    port: u16,
    fallback: bool,
}

impl Answers {
    fn note(&self, context: &Context, event: &str, arguments: &str) {
        let role = context
            .worker_id()
            .map_or("other".into(), |id| format!("worker{id}"));
        self.journal.write(&role, event, arguments);
    }

    fn greet(&self, context: &Context) {
        let Ok(target) = env::var(GREET) else { return };
        let (address, port) = target.split_once(' ').unwrap_or((&target, "0"));
        let role = format!("{:?}", context.role());
        let sent = context.send_to(
            address.as_bytes(),
            port.parse().unwrap_or(0),
            role.as_bytes(),
            None,
        );
        self.note(
            context,
            "greeted",
            &format!("role={role} sent={}", told(sent)),
        );
    }

    fn obey(&self, context: &Context, packet: &Packet, data: &[u8]) -> Option<Vec<u8>> {
        let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = String::from_utf8_lossy(text).into_owned();
        let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let answer = match verb {
            "who" => format!(
                "{} {} {} {} {}",
                context.worker_id().unwrap_or(99),
                packet.address().escape_ascii(),
                packet.client_port().unwrap_or(0),
                packet.server_port,
                packet.port,
            ),
            "length" => data.len().to_string(),
            "note" => {
                self.note(context, "noted", &format!("text={rest}"));
                return None;
            }
            "swallow" => return None,
            "sleep" => {
                self.note(context, "sleeping", "");
                thread::sleep(Duration::from_millis(rest.parse().unwrap_or(0)));
                "slept".into()
            }
            "die" => {
                let own = nix::unistd::Pid::this();
                let _ = nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGKILL);
                return None;
            }
            "send" => {
                let mut words = rest.split(' ');
                let socket: i32 = words
                    .next()
                    .and_then(|word| word.parse().ok())
                    .unwrap_or(-1);
                let address = words.next().unwrap_or("").replace("\\0", "\0");
                let port = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
                let socket = (socket >= 0).then_some(socket);
                told(context.send_to(address.as_bytes(), port, b"hello", socket))
            }
            "socket" => packet.server_socket.to_string(),
            "time" => packet.dispatch_us.to_string(),
            "huge" => {
                let bytes = vec![b'x'; rest.parse().unwrap_or(0)];
                let port = packet.client_port().unwrap_or(0).into();
                told(context.send_to(&packet.address(), port, &bytes, None))
            }
            "stats" => {
                let stats = context.stats();
                let pairs = counters(&stats).map(|(key, value)| format!("{key}={value}"));
                pairs.join(" ")
            }
            _ => return Some(data.to_vec()),
        };
        Some(answer.into_bytes())
    }
}

fn told(sent: Result<(), Refused>) -> String {
    match sent {
        Ok(()) => "sent".into(),
        Err(Refused(code)) => format!("refused {code}").replace(' ', "-"),
    }
}

impl Handler for Answers {
    fn interests(&self, port: u16) -> Interests {
        let _ = port;
        Interests {
            connect: false,
            receive: true,
            close: false,
            packet: !self.fallback,
            buffer_full: false,
            buffer_empty: false,
        }
    }

    fn on_start(&self, context: &Context) -> Step {
        self.greet(context);
        println!("READY {}", self.port);
        Ok(())
    }

    fn on_manager_start(&self, context: &Context) -> Step {
        self.greet(context);
        Ok(())
    }

    fn on_worker_start(&self, context: &Context, worker: u32) -> Step {
        self.note(context, "worker_start", &format!("worker={worker}"));
        self.greet(context);
        Ok(())
    }

    fn on_packet(&self, context: &Context, packet: &Packet, data: &[u8]) -> Step {
        if data.is_empty() {
            self.note(context, "empty", "");
        }
        let Some(answer) = self.obey(context, packet, data) else {
            return Ok(());
        };
        let socket = Some(packet.server_socket);
        let port = packet.client_port().unwrap_or(0).into();
        let sent = match answer.is_empty() {
            true => context.send_to(&packet.address(), port, b"nothing", socket),
            false => context.send_to(&packet.address(), port, &answer, socket),
        };
        if let Err(Refused(code)) = sent {
            self.note(context, "refused", &format!("code={code}"));
        }
        Ok(())
    }

    fn on_receive(&self, context: &Context, session: SessionId, _: i32, data: &[u8]) -> Step {
        self.note(context, "received", &format!("session={session}"));
        let _ = context.send(session, data);
        Ok(())
    }
}

fn kind(name: &str) -> SocketType {
    match name {
        "tcp" => SocketType::Tcp,
        "udp" => SocketType::Udp,
        "udp6" => SocketType::Udp6,
        _ => SocketType::UnixDgram,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    let journal = Journal::open(env::var(JOURNAL)?)?;
    let ports = env::var(PORTS).unwrap_or_else(|_| "udp 127.0.0.1".into());
    let mut ports = ports.lines().filter_map(|line| line.split_once(' '));
    let (first, host) = ports.next().ok_or("no ports")?;
    let number: i64 = env::var("SKEP_TEST_PORT").map_or(Ok(0), |port| port.parse())?;
    let mut server = Server::bind(host, number, kind(first))?;
    for (name, host) in ports {
        server.listen(host, 0, kind(name))?;
    }
    for line in env::var(SETTINGS).unwrap_or_default().lines() {
        let (key, value) = line.split_once('=').ok_or("a setting without '='")?;
        server.set(key, &Value::Text(value.into()))?;
    }
    for index in 0.. {
        let Some(info) = server.port_info(index) else {
            break;
        };
        let (port, socket) = (info.port, info.socket);
        journal.write(
            "caller",
            "port",
            &format!("index={index} port={port} socket={socket}"),
        );
    }
    let answers = Answers {
        journal,
        port: server.port(),
        fallback: env::var_os(FALLBACK).is_some(),
    };
    let ended = server.start(Rc::new(answers), Children::Exit)?;
    std::process::exit(ended.code)
}
