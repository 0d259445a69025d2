//! Workers that share counters and locks, all made before the start.
//!
//! `!count <kind> <times>`: so often, one more on both counters, on one of them under the lock and in two steps.
//! `!hold <kind>`: take the lock and sleep on (journal: `holding`). `!take <kind>`: take it and give it back; the answer tells
//! whether its last holder died, or why not. `!unlock <kind>`: give back what somebody else holds. `!values`: both counters.
//! `!wait`: sleep until somebody says `!wake`; the answer is `woken` or `not woken`.

use std::cell::OnceCell;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use skep::memory::{Atomic, AtomicLong, Lock, LockKind, LockMode, Locked};
use skep::{Server, Step};
use skep_tests::program::{Call, Script, serve};

struct Common {
    steps: Atomic,
    guarded: AtomicLong,
    bell: Atomic,
    locks: [(&'static str, Lock); 5],
}

thread_local! {
    static COMMON: OnceCell<Common> = const { OnceCell::new() };
}

fn make() -> std::io::Result<Common> {
    let file = std::env::temp_dir().join(format!("skep-locks-{}", std::process::id()));
    let common = Common {
        steps: Atomic::new(0)?,
        guarded: AtomicLong::new(0)?,
        bell: Atomic::new(0)?,
        locks: [
            ("mutex", Lock::new(LockKind::Mutex)?),
            ("spin", Lock::new(LockKind::Spin)?),
            ("semaphore", Lock::new(LockKind::Semaphore)?),
            ("readwrite", Lock::new(LockKind::ReadWrite)?),
            ("file", Lock::file(&file)?),
        ],
    };
    std::fs::remove_file(Path::new(&file))?; // it needs no name
    Ok(common)
}

fn configure(_: &mut Server) {
    let common = make().unwrap_or_else(|error| panic!("no shared memory: {error}"));
    COMMON.with(|cell| assert!(cell.set(common).is_ok()));
}

fn count(common: &Common, lock: &Lock, times: u32) -> Result<(), skep::memory::LockError> {
    for _ in 0..times {
        common.steps.add(1);
        lock.lock(LockMode::Exclusive, None)?;
        let seen = common.guarded.get();
        std::hint::spin_loop();
        common.guarded.set(seen + 1);
        lock.unlock()?;
    }
    Ok(())
}

fn command(call: &Call) -> Option<Step> {
    COMMON.with(|cell| {
        let common = cell.get()?;
        let mut words = call.argument.split(' ');
        let kind = words.next().unwrap_or_default();
        let lock = common.locks.iter().find(|row| row.0 == kind);
        let lock = lock.map(|row| &row.1);
        let answer = match (call.verb, lock) {
            ("count", Some(lock)) => {
                let times = words.next().and_then(|n| n.parse().ok()).unwrap_or(1);
                match count(common, lock, times) {
                    Ok(()) => "counted".into(),
                    Err(error) => error.errno().to_string(),
                }
            }
            ("hold", Some(lock)) => {
                let held = lock.lock(LockMode::Exclusive, None);
                call.note("holding", format_args!("kind={kind} held={}", held.is_ok()));
                sleep(Duration::from_secs(60));
                "held".into()
            }
            ("take", Some(lock)) => {
                match lock.lock(LockMode::Exclusive, Some(Duration::from_secs(20))) {
                    Ok(locked) => {
                        let given_back = lock.unlock().is_ok();
                        let died = locked == Locked::HolderDied;
                        format!("taken died={died} given_back={given_back}")
                    }
                    Err(error) => error.errno().to_string(),
                }
            }
            ("unlock", Some(lock)) => match lock.unlock() {
                Ok(()) => "given back".into(),
                Err(error) => error.errno().to_string(),
            },
            ("values", _) => format!("{} {}", common.steps.get(), common.guarded.get()),
            ("wait", _) => match common.bell.wait(None) {
                true => "woken".into(),
                false => "not woken".into(),
            },
            ("wake", _) => {
                common.bell.wakeup(1);
                "called".into()
            }
            _ => return None,
        };
        Some(call.answer(answer))
    })
}

fn main() {
    serve(Script {
        command,
        configure,
        ..Script::default()
    })
}
