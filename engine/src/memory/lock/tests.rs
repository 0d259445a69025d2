use std::sync::mpsc;
use std::time::Instant;

use super::*;

const KINDS: [LockKind; 4] = [
    LockKind::Mutex,
    LockKind::Spin,
    LockKind::Semaphore,
    LockKind::ReadWrite,
];
const SHORT: Option<Duration> = Some(Duration::from_millis(20));
const LONG: Option<Duration> = Some(Duration::from_secs(20));

fn errno<T: std::fmt::Debug>(result: Result<T>) -> i32 {
    result.unwrap_err().errno()
}

#[test]
fn the_holder_is_not_left_waiting_for_itself() {
    for kind in KINDS {
        let lock = Lock::new(kind).unwrap();
        let read_write = kind == LockKind::ReadWrite;
        assert_eq!(lock.lock(LockMode::Exclusive, None).unwrap(), Locked::Clean);
        assert_eq!(errno(lock.try_lock(LockMode::Exclusive)), 16);
        assert_eq!(errno(lock.try_lock(LockMode::Shared)), 16);
        assert_eq!(errno(lock.lock(LockMode::Exclusive, None)), 35);
        assert_eq!(errno(lock.lock(LockMode::Shared, None)), 35);
        let timed = errno(lock.lock(LockMode::Exclusive, SHORT));
        assert_eq!(timed, if read_write { 35 } else { 110 });
        lock.unlock().unwrap();
        assert_eq!(errno(lock.unlock()), 1);
        assert_eq!(
            lock.try_lock(LockMode::Exclusive).unwrap(),
            Locked::Clean,
            "a refused unlock has changed something"
        );
    }
}

#[test]
fn a_reader_may_read_again_and_must_say_so_twice() {
    let dir = std::env::temp_dir().join(format!("skep-lock-{}", std::process::id()));
    let locks = [
        Lock::new(LockKind::ReadWrite).unwrap(),
        Lock::file(&dir).unwrap(),
    ];
    std::fs::remove_file(&dir).unwrap();
    for lock in locks {
        lock.lock(LockMode::Shared, None).unwrap();
        lock.lock(LockMode::Shared, LONG).unwrap();
        lock.try_lock(LockMode::Shared).unwrap();
        assert_eq!(errno(lock.lock(LockMode::Exclusive, None)), 35);
        assert_eq!(errno(lock.lock(LockMode::Exclusive, SHORT)), 110);
        assert_eq!(errno(lock.try_lock(LockMode::Exclusive)), 16);
        for _ in 0..3 {
            lock.unlock().unwrap();
        }
        assert_eq!(errno(lock.unlock()), 1);
        lock.lock(LockMode::Exclusive, LONG).unwrap();
    }
}

#[test]
fn the_waiting_ends_when_the_caller_says_so() {
    let mutex = Lock::new(LockKind::Mutex).unwrap();
    mutex.lock(LockMode::Exclusive, None).unwrap();
    let mut asked = 0;
    let waited = mutex.lock_while(LockMode::Exclusive, LONG, &mut || {
        asked += 1;
        asked < 3
    });
    assert_eq!((errno(waited), asked), (4, 3));
}

#[test]
fn a_file_is_locked_against_other_locks_on_it() {
    let path = std::env::temp_dir().join(format!("skep-file-lock-{}", std::process::id()));
    let (first, second) = (Lock::file(&path).unwrap(), Lock::file(&path).unwrap());
    std::fs::remove_file(&path).unwrap(); // what is locked is the file, not its name
    first.lock(LockMode::Exclusive, None).unwrap();
    assert_eq!(errno(second.try_lock(LockMode::Shared)), 16);
    assert_eq!(errno(second.lock(LockMode::Exclusive, SHORT)), 110);
    first.unlock().unwrap();
    second.lock(LockMode::Shared, LONG).unwrap();
    first.lock(LockMode::Shared, LONG).unwrap();
    drop(second);
    drop(first);
    assert!(!path.exists());
    assert_eq!(
        Lock::file(Path::new("/nowhere/at/all"))
            .err()
            .and_then(|e| e.raw_os_error()),
        Some(2)
    );
}

// Threads stand for processes below: the kernel frees what either held in the same way.

/// Run `body` in a thread that then ends with whatever it holds.
fn die_with(body: impl FnOnce() + Send) {
    // Joined by hand: a scope waits for the end of the body, not for that of the thread.
    std::thread::scope(|scope| scope.spawn(body).join().unwrap());
}

fn patiently<T>(timeout: Option<Duration>, body: impl FnOnce(&mut Patience<'_>) -> T) -> T {
    body(&mut Patience::new(timeout, &mut || true))
}

#[test]
fn the_dead_hold_nothing() {
    let cabin = CABINS.place().unwrap();
    cabin.mutex.init().unwrap();
    for wait in [take, spin] {
        die_with(|| {
            assert_eq!(
                patiently(None, |p| take(&cabin.mutex, p)).unwrap(),
                Taken::Free
            )
        });
        assert_eq!(
            patiently(LONG, |p| wait(&cabin.mutex, p)).unwrap(),
            Taken::Orphaned
        );
        cabin.mutex.unlock().unwrap();
        assert_eq!(
            patiently(LONG, |p| wait(&cabin.mutex, p)).unwrap(),
            Taken::Free
        );
        cabin.mutex.unlock().unwrap();
    }
}

#[test]
fn who_sleeps_is_woken_by_the_death_of_the_holder() {
    let cabin = CABINS.place().unwrap();
    cabin.mutex.init().unwrap();
    let (held, is_held) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let held = held;
            patiently(None, |p| take(&cabin.mutex, p)).unwrap();
            held.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(30));
        });
        is_held.recv().unwrap();
        let taken = patiently(LONG, |p| take(&cabin.mutex, p)).unwrap();
        assert_eq!(taken, Taken::Orphaned);
        cabin.mutex.unlock().unwrap();
    });
}

#[test]
fn dead_readers_and_writers_leave_a_working_lock() {
    let lock = ReadWriteLock::new().unwrap();
    for round in 0..100 {
        die_with(|| {
            patiently(LONG, |p| lock.read(p)).unwrap();
        });
        if round % 2 == 0 {
            // A dead reader is no reason to tell anybody.
            assert_eq!(lock.try_write().unwrap(), Locked::Clean);
            lock.end_writing().unwrap();
        }
        die_with(|| {
            assert_eq!(patiently(LONG, |p| lock.write(p)).unwrap(), Locked::Clean);
        });
        let (seat, locked) = lock.try_read().unwrap();
        assert_eq!(locked, Locked::HolderDied);
        assert_eq!(
            errno(std::thread::scope(|scope| {
                scope.spawn(|| lock.try_write()).join().unwrap()
            })),
            16
        );
        lock.leave(seat).unwrap();
    }
    assert_eq!(patiently(LONG, |p| lock.write(p)).unwrap(), Locked::Clean);
    let used = lock.used();
    assert_eq!(used, 0, "seats of the dead are used again");
    lock.end_writing().unwrap();
}

#[test]
fn seats_are_limited_and_a_reader_too_many_waits() {
    let lock = ReadWriteLock::new().unwrap();
    std::thread::scope(|scope| {
        let (stay, leave) = mpsc::channel::<()>();
        let (sat, has_sat) = mpsc::channel();
        let all = &lock;
        let crowd = scope.spawn(move || {
            let seats: Vec<Seat> = (0..1023).map(|_| all.try_read().unwrap().0).collect();
            assert_eq!(errno(all.try_read()), 16);
            sat.send(()).unwrap();
            leave.recv().unwrap();
            for seat in seats {
                all.leave(seat).unwrap();
            }
        });
        has_sat.recv().unwrap();
        assert_eq!(errno(patiently(SHORT, |p| lock.read(p))), 110);
        assert_eq!(errno(patiently(SHORT, |p| lock.write(p))), 110);
        assert_eq!(errno(lock.try_write()), 16);
        stay.send(()).unwrap();
        patiently(LONG, |p| lock.write(p)).unwrap();
        lock.end_writing().unwrap();
        crowd.join().unwrap();
    });
}

#[test]
fn a_writer_that_waits_is_not_overtaken_for_ever() {
    let lock = ReadWriteLock::new().unwrap();
    let written = std::sync::atomic::AtomicBool::new(false);
    let end = Instant::now() + Duration::from_secs(20);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                // Readers that overlap: there is hardly a moment without one.
                while !written.load(std::sync::atomic::Ordering::Relaxed) && Instant::now() < end {
                    let (seat, _) = patiently(LONG, |p| lock.read(p)).unwrap();
                    std::thread::sleep(Duration::from_millis(1));
                    lock.leave(seat).unwrap();
                }
            });
        }
        patiently(LONG, |p| lock.write(p)).unwrap();
        written.store(true, std::sync::atomic::Ordering::Relaxed);
        lock.end_writing().unwrap();
    });
}
