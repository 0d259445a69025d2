//! `tick`, `after`, `clearTimer` and `defer`: what `Skep\Timer` and `Skep\Event` do, under the names of old.

use super::this;
use crate::classes::{event, timer};
use crate::method::Call;

pub(super) fn tick(call: &mut Call) {
    if this(call).is_some() {
        timer::tick(call);
    }
}

pub(super) fn after(call: &mut Call) {
    if this(call).is_some() {
        timer::after(call);
    }
}

pub(super) fn clear_timer(call: &mut Call) {
    if this(call).is_some() {
        timer::clear(call);
    }
}

pub(super) fn defer(call: &mut Call) {
    if this(call).is_some() {
        event::put_off(call);
    }
}
