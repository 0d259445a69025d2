//! Workers without a server: a pool that counts words. A request is a length of four bytes, big endian, and a text; so is
//! the answer.
//!
//!     cargo run --release -p skep --example pool -- [path]
//!     printf '\0\0\0\11two words' | nc -NU /tmp/skep-pool.sock | tail -c +5
//!
//! Kill one (kill -9): it is replaced, and the others go on. kill -USR1 of the first process replaces all of them, one
//! after the other; Ctrl-C ends the pool, and the socket file is gone. examples/php/pool.php is the same in PHP.

use std::env;
use std::process::exit;
use std::rc::Rc;

use skep::settings::Value;
use skep::{Pool, PoolContext, PoolHandler, PoolMessages, Step};

const HELP: &str = "\
Workers without a server: a pool that counts words.

    pool [path]        of a unix socket; /tmp/skep-pool.sock by default";

struct Words {
    path: String,
}

impl PoolHandler for Words {
    fn on_start(&self, pool: &PoolContext) -> Step {
        let (path, pid) = (&self.path, pool.master_pid());
        println!("listening on {path}, pid {pid}");
        println!("try: printf '\\0\\0\\0\\11two words' | nc -NU {path} | tail -c +5");
        Ok(())
    }

    /// Without this a worker's start callback is all that it does.
    fn takes_messages(&self) -> bool {
        true
    }

    fn on_message(&self, pool: &PoolContext, data: &[u8]) -> Step {
        let worker = pool.worker().unwrap_or_default();
        println!("worker {worker} counts");
        let words = String::from_utf8_lossy(data).split_whitespace().count();
        // Refused only where no client waits for an answer.
        let _ = pool.write(format!("{words} words\n").as_bytes());
        Ok(())
    }
}

fn main() -> skep::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments == ["--help"] {
        println!("{HELP}");
        return Ok(());
    }
    if arguments.len() > 1 || arguments.iter().any(|text| text.starts_with('-')) {
        eprintln!("{HELP}");
        exit(2);
    }
    let path = arguments.into_iter().next();
    let path = path.unwrap_or_else(|| "/tmp/skep-pool.sock".into());

    let mut pool = Pool::new(3, PoolMessages::Clients)?;
    pool.set("max_wait_time", &Value::Int(5))?; // seconds that a worker has to finish what it is at
    pool.set("package_max_length", &Value::Int(65536))?; // who announces a longer request is disconnected
    pool.listen(&format!("unix:{path}"), 0, 128)?;
    // Returns in every process: in this one after the stop, in a worker when its work is over.
    let ended = pool.start(Rc::new(Words { path }))?;
    exit(ended.code);
}
