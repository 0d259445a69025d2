//! A user process: one callback, which is its whole life.

use std::os::fd::OwnedFd;

use super::child::Child;
use super::{Ground, exit, signals};
use crate::handler::Callback;
use crate::ipc::directory::{Endpoint, Seat};
use crate::stats::seat_state;
use crate::sync::Ordering;

/// Its life; returns its exit code. SIGTERM ends it there and then, unless user code catches that.
pub(super) fn run(ground: &Ground, seat: Seat, manager: i32, manager_line: OwnedFd) -> i32 {
    let shared = &ground.shared;
    let table = signals::user_process();
    let child = match Child::settle_in(ground, seat, manager, &manager_line, &table) {
        Ok(child) => child,
        Err(code) => return code,
    };
    let Child { context, block, .. } = child;
    let handler = context.handler();
    handler.attach(&context);
    block.state.store(seat_state::READY, Ordering::Release);
    shared.directory.bell(Endpoint::Manager).ring();
    context.enter(Callback::UserProcess, 0);
    let index = seat.worker() - shared.workers() - shared.task_workers();
    let ended = handler.on_user_process(&context, index);
    context.left();
    ended.map_or_else(|leave| leave.code, |()| exit::NORMAL)
}
