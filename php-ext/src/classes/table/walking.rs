//! `Iterator`: `foreach` visits every row, also while rows are deleted.

use skep::memory::table::Walk;

use super::{Made, made, values};
use crate::method::{Call, parse};
use crate::zend::Zv;

impl Made {
    fn advance(&mut self) {
        self.valid = self.walk.next(&self.table, &mut self.current);
    }
}

pub(super) fn rewind(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    if let Some(made) = made(call) {
        made.walk = Walk::default();
        made.advance();
    }
}

pub(super) fn next(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    if let Some(made) = made(call) {
        made.advance();
    }
}

pub(super) fn valid(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    if let Some(made) = made(call) {
        call.give_bool(made.valid);
    }
}

pub(super) fn key(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    if let Some(made) = made(call)
        && made.valid
    {
        call.give(Zv::text(made.current.key()));
    }
}

pub(super) fn current(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    if let Some(made) = made(call)
        && made.valid
    {
        call.give(values::array(made, &made.current));
    }
}
