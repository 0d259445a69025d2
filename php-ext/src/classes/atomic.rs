//! Classes `Skep\Atomic` and `Skep\Atomic\Long`: counters that processes share.

use std::io;
use std::time::Duration;

use skep::memory::{Atomic, AtomicLong};

use super::alias;
use super::boxed::{Boxed, Room, construct, is_constructed, this};
use super::state::{Class, closed_class};
use crate::call;
use crate::exception::throw_exception;
use crate::globals;
use crate::method::{Call, Entry, method, optional, param, parse, ty};
use crate::zend::Zv;

static ATOMIC: Class = Class::new(c"Skep\\Atomic");
static LONG: Class = Class::new(c"Skep\\Atomic\\Long");

impl Boxed for Atomic {
    const CLASS: &'static Class = &ATOMIC;
}

impl Boxed for AtomicLong {
    const CLASS: &'static Class = &LONG;
}

/// What the methods of both classes need. PHP's integers lose their upper half on the way to a narrow counter.
trait Counter: Boxed {
    fn make(value: i64) -> io::Result<Self>;
    fn sum(&self, by: i64) -> i64;
    fn value(&self) -> i64;
    fn put(&self, value: i64);
    fn swap(&self, expected: i64, new: i64) -> bool;
}

impl Counter for Atomic {
    fn make(value: i64) -> io::Result<Atomic> {
        Atomic::new(value as u32)
    }

    fn sum(&self, by: i64) -> i64 {
        self.add(by as u32).into()
    }

    fn value(&self) -> i64 {
        self.get().into()
    }

    fn put(&self, value: i64) {
        self.set(value as u32);
    }

    fn swap(&self, expected: i64, new: i64) -> bool {
        self.compare_and_set(expected as u32, new as u32)
    }
}

impl Counter for AtomicLong {
    fn make(value: i64) -> io::Result<AtomicLong> {
        AtomicLong::new(value)
    }

    fn sum(&self, by: i64) -> i64 {
        self.add(by)
    }

    fn value(&self) -> i64 {
        self.get()
    }

    fn put(&self, value: i64) {
        self.set(value);
    }

    fn swap(&self, expected: i64, new: i64) -> bool {
        self.compare_and_set(expected, new)
    }
}

fn create<T: Counter>(call: &mut Call) {
    let mut value = 0i64;
    if !parse!(call, c"|l", value) || is_constructed::<T>(call) {
        return;
    }
    match T::make(value) {
        Ok(counter) => construct(call, counter),
        Err(error) => {
            let code = error.raw_os_error().unwrap_or(libc::ENOMEM);
            drop(error);
            throw_exception(code, format_args!("failed to allocate shared memory"));
        }
    }
}

fn add<T: Counter>(call: &mut Call) {
    let mut by = 1i64;
    if parse!(call, c"|l", by)
        && let Some(counter) = this::<T>(call)
    {
        call.give(Zv::long(counter.sum(by)));
    }
}

fn sub<T: Counter>(call: &mut Call) {
    let mut by = 1i64;
    if parse!(call, c"|l", by)
        && let Some(counter) = this::<T>(call)
    {
        call.give(Zv::long(counter.sum(by.wrapping_neg())));
    }
}

fn get<T: Counter>(call: &mut Call) {
    if parse!(call, c"")
        && let Some(counter) = this::<T>(call)
    {
        call.give(Zv::long(counter.value()));
    }
}

fn set<T: Counter>(call: &mut Call) {
    let mut value = 0i64;
    if parse!(call, c"l", value)
        && let Some(counter) = this::<T>(call)
    {
        counter.put(value);
    }
}

fn cmpset<T: Counter>(call: &mut Call) {
    let (mut expected, mut new) = (0i64, 0i64);
    if parse!(call, c"ll", expected, new)
        && let Some(counter) = this::<T>(call)
    {
        call.give_bool(counter.swap(expected, new));
    }
}

/// Seconds to wait; none: for ever, which is what 0 and less mean.
pub(super) fn timeout(seconds: f64) -> Option<Duration> {
    (seconds > 0.0)
        .then(|| Duration::try_from_secs_f64(seconds).ok())
        .flatten()
}

fn wait(call: &mut Call) {
    let mut seconds = 1.0f64;
    if !parse!(call, c"|d", seconds) {
        return;
    }
    if let Some(atomic) = this::<Atomic>(call) {
        // The object, and so the counter, is alive as long as its method runs, whatever a signal handler does. A
        // worker that was told to stop must not sleep on.
        let mut go_on = || {
            !call::interrupts() && !globals::context().is_some_and(skep::Context::is_told_to_stop)
        };
        let woken = atomic.wait_while(timeout(seconds), &mut go_on);
        call.give_bool(woken);
    }
}

fn wakeup(call: &mut Call) {
    let mut count = 1i64;
    if parse!(call, c"|l", count)
        && let Some(atomic) = this::<Atomic>(call)
    {
        atomic.wakeup(count.clamp(0, u32::MAX.into()) as u32);
        call.give_bool(true);
    }
}

macro_rules! counter {
    ($type:ty) => {
        [
            method!(
                c"__construct",
                create::<$type>,
                [optional(c"value", ty::INT, c"0")],
                ty::NONE
            ),
            method!(
                c"add",
                add::<$type>,
                [optional(c"add_value", ty::INT, c"1")],
                ty::INT
            ),
            method!(
                c"sub",
                sub::<$type>,
                [optional(c"sub_value", ty::INT, c"1")],
                ty::INT
            ),
            method!(c"get", get::<$type>, [], ty::INT),
            method!(c"set", set::<$type>, [param(c"value", ty::INT)], ty::VOID),
            method!(
                c"cmpset",
                cmpset::<$type>,
                [param(c"cmp_value", ty::INT), param(c"new_value", ty::INT)],
                ty::BOOL
            ),
        ]
    };
}

pub(super) fn register() {
    let mut methods: Vec<Entry> = Vec::from(counter!(Atomic));
    methods.extend([
        method!(
            c"wait",
            wait,
            [optional(c"timeout", ty::FLOAT, c"1.0")],
            ty::BOOL
        ),
        method!(
            c"wakeup",
            wakeup,
            [optional(c"count", ty::INT, c"1")],
            ty::BOOL
        ),
    ]);
    alias(
        closed_class::<Room<Atomic>>(&methods),
        &[c"Swoole\\Atomic", c"swoole_atomic"],
    );
    alias(
        closed_class::<Room<AtomicLong>>(&counter!(AtomicLong)),
        &[c"Swoole\\Atomic\\Long", c"swoole_atomic_long"],
    );
}
