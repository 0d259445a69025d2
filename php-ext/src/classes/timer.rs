//! Class `Skep\Timer` and the functions `swoole_timer_*`: timers of the process that calls.

use std::ptr::null_mut;
use std::sync::atomic::Ordering::Relaxed;

use ext_php_rs::ffi::zend_call_known_function;
use skep::TimerId;

use super::{alias, new_class, new_static_class};
use crate::callable::Callable;
use crate::convert::{List, Map};
use crate::exception::{code, warn};
use crate::globals::CLASSES;
use crate::looping::{current, jobs};
use crate::method::{Call, Entry, Param, entries, method, param, parse, rest, static_method, ty};
use crate::zend::{Zv, object_init_ex, spl_ce_ArrayIterator, zend_function, zval};

const ID_OR_FALSE: u32 = ty::INT | ty::FALSE;
const TIMER: Param = param(c"timer_id", ty::INT);

macro_rules! table {
    ($kind:ident) => {
        entries!($kind:
            (c"tick", c"swoole_timer_tick", tick,
                [param(c"ms", ty::INT), param(c"callback", ty::CALLABLE), rest(c"params")], ID_OR_FALSE),
            (c"after", c"swoole_timer_after", after,
                [param(c"ms", ty::INT), param(c"callback", ty::CALLABLE), rest(c"params")], ID_OR_FALSE),
            (c"exists", c"swoole_timer_exists", exists, [TIMER], ty::BOOL),
            (c"info", c"swoole_timer_info", info, [TIMER], ty::ARRAY | ty::NULL | ty::FALSE),
            (c"stats", c"swoole_timer_stats", stats, [], ty::ARRAY),
            (c"clear", c"swoole_timer_clear", clear, [TIMER], ty::BOOL),
            (c"clearAll", c"swoole_timer_clear_all", clear_all, [], ty::BOOL),
        )
    };
}

/// `list()` names its class.
fn list_entry(entry: Entry) -> Entry {
    Entry {
        returns_class: Some(c"Skep\\Timer\\Iterator"),
        ..entry
    }
}

pub(crate) fn functions() -> Vec<Entry> {
    let mut entries: Vec<Entry> = table!(functions);
    entries.push(list_entry(method!(c"swoole_timer_list", list, [], 0)));
    entries
}

pub(super) fn register() {
    let mut methods: Vec<Entry> = table!(methods);
    methods.push(list_entry(static_method!(c"list", list, [], 0)));
    let class = new_static_class(c"Skep\\Timer", &methods);
    alias(class, &[c"Swoole\\Timer", c"swoole_timer"]);
    // SAFETY: PHP's own class, registered before any module that may be loaded.
    let parent = unsafe { spl_ce_ArrayIterator };
    let class = new_class(c"Skep\\Timer\\Iterator", parent, &[]);
    CLASSES.timers.store(class, Relaxed);
    alias(
        class,
        &[c"Swoole\\Timer\\Iterator", c"swoole_timer_iterator"],
    );
}

pub(crate) fn tick(call: &mut Call) {
    add(call, true);
}

pub(crate) fn after(call: &mut Call) {
    add(call, false);
}

fn add(call: &mut Call, repeats: bool) {
    let (mut ms, mut params, mut count) = (0i64, null_mut::<zval>(), 0u32);
    let Some(callable) =
        Callable::parse(|info, cache| parse!(call, c"lf*", ms, *info, *cache, params, count))
    else {
        return;
    };
    let Some(ms) = u64::try_from(ms).ok().filter(|&ms| ms > 0) else {
        warn(
            code::FATAL,
            format_args!("Timer must be greater than or equal to 1"),
        );
        return call.give_bool(false);
    };
    let params: &[Zv] = match params.is_null() {
        true => &[],
        // SAFETY: PHP's arguments of the running call, as many as it said, one behind the other.
        false => unsafe { std::slice::from_raw_parts(params.cast(), count as usize) },
    };
    match jobs::add_timer(ms, repeats, callable.value(), params) {
        Some(id) => call.give(Zv::long(id as i64)),
        None => call.give_bool(false),
    }
}

/// The id that a call names; none: PHP has thrown.
fn id(call: &Call) -> Option<TimerId> {
    let mut id = 0i64;
    parse!(call, c"l", id).then(|| u64::try_from(id).unwrap_or(0)) // 0 is nobody's
}

pub(crate) fn clear(call: &mut Call) {
    if let Some(id) = id(call) {
        let cleared = jobs::clear_timer(id);
        call.give_bool(cleared);
    }
}

fn clear_all(call: &mut Call) {
    if parse!(call, c"") {
        let cleared = jobs::clear_timers();
        call.give_bool(cleared);
    }
}

fn exists(call: &mut Call) {
    if let Some(id) = id(call) {
        call.give_bool(current().timer_exists(id));
    }
}

fn info(call: &mut Call) {
    let Some(id) = id(call) else { return };
    let own = current();
    if !own.timer_stats().initialized {
        return call.give_bool(false);
    }
    let Some(info) = own.timer_info(id) else {
        return call.give(Zv::NULL);
    };
    drop(own); // filling an array may end the script
    let map = Map::new();
    map.put_long("exec_msec", info.due_ms);
    map.put_long("exec_count", info.count);
    map.put_long("interval", info.interval_ms);
    map.put_long("round", info.round);
    map.put("removed", Zv::bool(info.removed));
    call.give(map.into_value());
}

fn stats(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let stats = current().timer_stats();
    let map = Map::new();
    map.put("initialized", Zv::bool(stats.initialized));
    map.put_long("num", stats.num);
    map.put_long("round", stats.round);
    call.give(map.into_value());
}

fn list(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let ids = List::new();
    for id in current().timers() {
        ids.push(Zv::long(id as i64));
    }
    let mut ids = ids.into_value();
    let mut object = Zv::UNDEF;
    let class = CLASSES.timers.load(Relaxed);
    // SAFETY: our class, whose constructor is ArrayIterator's and takes an array.
    unsafe {
        if object_init_ex(object.ptr(), class) == 0 {
            let constructor: *mut zend_function = (*class).constructor;
            let mut returned = Zv::UNDEF;
            zend_call_known_function(
                constructor,
                object.as_object(),
                class,
                returned.ptr(),
                1,
                ids.ptr(),
                null_mut(),
            );
            returned.release();
        }
    }
    ids.release();
    call.give(object);
}
