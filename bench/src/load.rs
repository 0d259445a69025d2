//! `skep-load`: closed-loop load on one echo server over TCP.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;
use serde_json::json;
use skep_bench::driver::{self, Framing, Load, Measured, Window};

const HELP: &str = "\
skep-load: closed-loop load on an echo server, every answer checked

usage: skep-load --addr HOST:PORT [options]

  --addr HOST:PORT   the server
  --connections N    clients (default 50)
  --size BYTES       bytes of a message (default 32)
  --depth N          messages under way per client (default 1)
  --framing F        none, eof (\\r\\n) or length (N, offset 0, body 4); part of the size
  --tls CERTIFICATE  over TLS, to the server with this certificate for localhost
  --seconds S        length of the measured window (default 2)
  --requests N       or: the window ends after N answers
  --warmup S         time before the window (default 0.5)
  --pid PID          root of the server's process tree, to report its CPU
  --json             print only the JSON line
  --help

Prints a table for people, then one JSON line. MB/s counts each byte once, not once per
direction. CPU is user and system time of all processes of the tree, in the window.
";

struct Options {
    load: Load,
    json_only: bool,
}

fn main() -> ExitCode {
    let options = match parse() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(e) => {
            eprintln!("skep-load: {e:#} (see --help)");
            return ExitCode::from(2);
        }
    };
    match driver::run(&options.load) {
        Ok(measured) => {
            if !options.json_only {
                print_table(&options.load, &measured);
            }
            println!("{}", line(&options.load, &measured));
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("skep-load: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Option<Options>> {
    let mut addr = None;
    let mut load = Load {
        addr: ([127, 0, 0, 1], 0).into(),
        connections: 50,
        size: 32,
        depth: 1,
        framing: Framing::None,
        certificate: None,
        warmup: Duration::from_millis(500),
        window: Window::Time(Duration::from_secs(2)),
        pid: None,
    };
    let mut json_only = false;
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("addr") => addr = Some(args.value()?.parse()?),
            Long("connections") => load.connections = args.value()?.parse()?,
            Long("size") => load.size = args.value()?.parse()?,
            Long("depth") => load.depth = args.value()?.parse()?,
            Long("framing") => load.framing = framing(&args.value()?.string()?)?,
            Long("tls") => load.certificate = Some(args.value()?.into()),
            Long("seconds") => load.window = Window::Time(seconds(&mut args)?),
            Long("requests") => load.window = Window::Requests(args.value()?.parse()?),
            Long("warmup") => load.warmup = seconds(&mut args)?,
            Long("pid") => load.pid = Some(args.value()?.parse()?),
            Long("json") => json_only = true,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    match addr {
        Some(addr) => load.addr = addr,
        None => bail!("--addr is missing"),
    }
    Ok(Some(Options { load, json_only }))
}

fn seconds(args: &mut lexopt::Parser) -> Result<Duration> {
    Duration::try_from_secs_f64(args.value()?.parse()?).context("not a number of seconds")
}

fn framing(name: &str) -> Result<Framing> {
    Ok(match name {
        "none" => Framing::None,
        "eof" => Framing::Eof,
        "length" => Framing::Length,
        _ => bail!("--framing: none, eof or length"),
    })
}

fn print_table(load: &Load, m: &Measured) {
    let l = m.latency;
    println!(
        "{} connections, {} B, depth {}: {} answers in {:.3} s",
        load.connections,
        load.size,
        load.depth,
        m.requests,
        m.spent.elapsed.as_secs_f64()
    );
    println!("  requests/s    {:>12.0}", m.rate());
    println!("  MB/s          {:>12.1}", m.megabytes());
    println!(
        "  latency µs    p50 {:.1}   p99 {:.1}   p99.9 {:.1}   max {:.1}",
        l.p50, l.p99, l.p999, l.max
    );
    if let Some(server) = m.spent.server {
        println!(
            "  server CPU    {:>12.3} µs/request   {:.2} cores, {} processes{}",
            m.per_request(server.cpu),
            m.spent.of_a_core(server.cpu),
            server.processes,
            if server.lost {
                ", one died: too low"
            } else {
                ""
            }
        );
    }
    println!(
        "  driver CPU    {:>12.3} µs/request   {:.2} cores",
        m.per_request(m.spent.driver),
        m.spent.of_a_core(m.spent.driver)
    );
    if load.pid.is_some() {
        println!(
            "  others' CPU   {:>40.2} cores",
            m.spent.of_a_core(m.spent.foreign)
        );
    }
}

fn line(load: &Load, m: &Measured) -> serde_json::Value {
    let l = m.latency;
    json!({
        "connections": load.connections,
        "size": load.size,
        "depth": load.depth,
        "seconds": m.spent.elapsed.as_secs_f64(),
        "requests": m.requests,
        "requests_per_s": m.rate(),
        "mb_per_s": m.megabytes(),
        "p50_us": l.p50,
        "p99_us": l.p99,
        "p999_us": l.p999,
        "max_us": l.max,
        "server_cpu_us_per_request": m.spent.server.map(|s| m.per_request(s.cpu)),
        "server_processes": m.spent.server.map(|s| s.processes),
        "server_process_lost": m.spent.server.map(|s| s.lost),
        "driver_cpu_us_per_request": m.per_request(m.spent.driver),
    })
}
