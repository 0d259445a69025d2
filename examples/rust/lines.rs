//! A calculator that is talked to in lines: "6 * 7" is answered by "42", "quit" by the end.
//!
//!     cargo run --release -p skep --example lines -- [port] [host]
//!     echo '6 * 7' | nc -N 127.0.0.1 9503
//!
//! The settings have skep cut the stream into lines, however the bytes arrive: a call of `on_receive` per line.
//! examples/php/lines.php is the same server in PHP.

use std::env;
use std::process::exit;
use std::rc::Rc;

use skep::settings::Value;
use skep::{Children, Context, Handler, Server, SessionId, SocketType, Step};

const HELP: &str = "\
A calculator that is talked to in lines: \"6 * 7\" is answered by \"42\", \"quit\" by the end.

    lines [port] [host]        9503 and 127.0.0.1 by default; port 0 lets the system choose";

struct Calculator {
    host: String,
    port: u16,
}

impl Handler for Calculator {
    fn on_start(&self, _server: &Context) -> Step {
        let Calculator { host, port } = self;
        println!("listening on {host}:{port}\ntry: echo '6 * 7' | nc -N {host} {port}");
        Ok(())
    }

    fn on_receive(&self, server: &Context, session: SessionId, _reactor: i32, line: &[u8]) -> Step {
        let line = String::from_utf8_lossy(line);
        // What is refused below is refused because the client has gone: nothing is left to do then.
        if line.trim() == "quit" {
            let _ = server.send(session, b"bye\n");
            let _ = server.close(session, false); // after what was sent has been written
            return Ok(());
        }
        let answer = calculate(&line).unwrap_or_else(|problem| format!("error: {problem}"));
        let _ = server.send(session, format!("{answer}\n").as_bytes());
        Ok(())
    }
}

/// The answer to a line, or what is wrong with it.
fn calculate(line: &str) -> Result<String, &'static str> {
    const EXPECTED: &str = "expected something like 6 * 7";
    let line = line.trim();
    // The operator is not the first character: that may be the sign of the first number.
    let (at, operator) = line
        .char_indices()
        .skip(1)
        .find(|(_, c)| "+-*/".contains(*c))
        .ok_or(EXPECTED)?;
    let (left, right) = (&line[..at], &line[at + 1..]);
    let a: i64 = left.trim().parse().map_err(|_| EXPECTED)?;
    let b: i64 = right.trim().parse().map_err(|_| EXPECTED)?;
    let result = match operator {
        '+' => a.checked_add(b),
        '-' => a.checked_sub(b),
        '*' => a.checked_mul(b),
        _ if b == 0 => return Err("division by zero"),
        _ => a.checked_div(b),
    };
    Ok(result.ok_or("too large")?.to_string())
}

fn main() -> skep::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments
        .iter()
        .any(|word| word == "--help" || word == "-h")
    {
        println!("{HELP}");
        return Ok(());
    }
    let port = arguments
        .first()
        .map_or(Ok(9503), |text| text.parse::<u16>());
    let (Ok(port), true) = (port, arguments.len() <= 2) else {
        eprintln!("{HELP}");
        exit(2);
    };
    let host = arguments.get(1).map_or("127.0.0.1", String::as_str);

    let mut server = Server::bind(host, port.into(), SocketType::Tcp)?;
    server.set("worker_num", &Value::Int(2))?;
    server.set("open_eof_split", &Value::Bool(true))?;
    server.set("package_eof", &Value::Text("\n".into()))?; // ends a message
    server.set("package_max_length", &Value::Int(65536))?; // who sends a longer line is disconnected
    let handler = Calculator {
        host: host.into(),
        port: server.port(), // the real one, if 0 was asked for
    };
    let ended = server.start(Rc::new(handler), Children::Exit)?;
    exit(ended.code);
}
