//! Objects that callbacks get in the place of single arguments, with the setting `event_object`. Plain data, which
//! scripts may make, copy and serialize.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use skep::{Death, Packet, Role};

use super::{alias, new_class, property, slot, task};
use crate::convert;
use crate::globals::CLASSES;
use crate::zend::{Zv, kind, object_init_ex, zend_class_entry};

/// What is to be made, from plain data; the payload comes besides.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Event {
        reactor: i64,
        session: i64,
        time: f64,
    },
    Packet(*const Packet),
    StatusInfo(*const Death),
    Task(skep::task::Task),
    TaskResult(skep::task::TaskResult),
    LostTask(skep::task::LostTask),
    PipeMessage {
        message: skep::task::PipeMessage,
        receiver: i64,
    },
}

/// A kind of process as scripts see it.
pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Master => "master",
        Role::Manager => "manager",
        Role::Worker(_) => "worker",
        Role::TaskWorker(_) => "task_worker",
        Role::UserProcess(_) => "user_process",
    }
}

fn long(value: impl TryInto<i64>) -> Zv {
    Zv::long(value.try_into().unwrap_or(i64::MAX))
}

/// A new object of a plain class with these properties, in the order of their declaration. Takes over the values.
fn object<const N: usize>(class: &AtomicPtr<zend_class_entry>, values: [Zv; N]) -> Zv {
    let mut made = Zv::UNDEF;
    // SAFETY: a registered class that declares at least N properties, each initialized with an uncounted default.
    unsafe {
        object_init_ex(made.ptr(), class.load(Relaxed));
        for (index, value) in values.into_iter().enumerate() {
            slot(made.as_object(), index).cast::<Zv>().write(value);
        }
    }
    made
}

/// Make the object; takes over `data`. Runs under `zend_try`.
pub(crate) fn make(shape: &Shape, data: Zv) -> Zv {
    let data = if data.kind() == kind::UNDEF {
        Zv::NULL
    } else {
        data
    };
    match *shape {
        Shape::Event {
            reactor,
            session,
            time,
        } => object(
            &CLASSES.event,
            [Zv::long(reactor), Zv::long(session), Zv::double(time), data],
        ),
        Shape::Packet(packet) => {
            // SAFETY: the engine's record, valid during the callback.
            let packet = unsafe { &*packet };
            let values = [
                long(packet.server_socket),
                long(packet.server_port),
                Zv::double(packet.dispatch_us as f64 / 1e6),
                convert::packet_address(packet),
                long(packet.client_port().unwrap_or(0)),
                data,
            ];
            object(&CLASSES.packet, values)
        }
        Shape::StatusInfo(death) => {
            // SAFETY: as above.
            let death = unsafe { &*death };
            let values = [
                long(death.worker),
                long(death.pid),
                long(death.code << 8 | death.signal),
                long(death.code),
                long(death.signal),
            ];
            object(&CLASSES.status_info, values)
        }
        Shape::Task(task) => task::make(&task, data),
        Shape::TaskResult(result) => object(
            &CLASSES.task_result,
            [
                long(result.id),
                long(result.task_worker),
                Zv::double(result.dispatch_time),
                data,
                Zv::bool(result.orphaned),
            ],
        ),
        Shape::LostTask(lost) => object(
            &CLASSES.lost_task,
            [
                long(lost.id),
                long(lost.source),
                Zv::text(lost.reason.name().as_bytes()),
                Zv::bool(lost.orphaned),
            ],
        ),
        Shape::PipeMessage { message, receiver } => object(
            &CLASSES.pipe_message,
            [
                long(message.source),
                Zv::long(receiver),
                Zv::double(message.dispatch_time),
                data,
                Zv::text(role_name(message.source_role).as_bytes()),
            ],
        ),
    }
}

pub(super) fn register() {
    let (zero, time, nothing) = (Zv::long(0), Zv::double(0.0), Zv::NULL);
    class(
        &CLASSES.event,
        [c"Skep\\Server\\Event", c"Swoole\\Server\\Event"],
        &[
            (c"reactor_id", zero),
            (c"fd", zero),
            (c"dispatch_time", time),
            (c"data", nothing),
        ],
    );
    class(
        &CLASSES.packet,
        [c"Skep\\Server\\Packet", c"Swoole\\Server\\Packet"],
        &[
            (c"server_socket", zero),
            (c"server_port", zero),
            (c"dispatch_time", time),
            (c"address", nothing),
            (c"port", zero),
            (c"data", nothing),
        ],
    );
    class(
        &CLASSES.status_info,
        [c"Skep\\Server\\StatusInfo", c"Swoole\\Server\\StatusInfo"],
        &[
            (c"worker_id", zero),
            (c"worker_pid", zero),
            (c"status", zero),
            (c"exit_code", zero),
            (c"signal", zero),
        ],
    );
    class(
        &CLASSES.task_result,
        [c"Skep\\Server\\TaskResult", c"Swoole\\Server\\TaskResult"],
        &[
            (c"task_id", zero),
            (c"task_worker_id", zero),
            (c"dispatch_time", time),
            (c"data", nothing),
            (c"orphaned", Zv::bool(false)),
        ],
    );
    class(
        &CLASSES.lost_task,
        [c"Skep\\Server\\LostTask", c"Swoole\\Server\\LostTask"],
        &[
            (c"task_id", zero),
            (c"worker_id", zero),
            (c"reason", nothing),
            (c"orphaned", Zv::bool(false)),
        ],
    );
    class(
        &CLASSES.pipe_message,
        [c"Skep\\Server\\PipeMessage", c"Swoole\\Server\\PipeMessage"],
        &[
            (c"source_worker_id", zero),
            (c"worker_id", zero),
            (c"dispatch_time", time),
            (c"data", nothing),
            (c"source_type", nothing),
        ],
    );
}

fn class(
    place: &AtomicPtr<zend_class_entry>,
    [name, other]: [&'static std::ffi::CStr; 2],
    properties: &[(&'static std::ffi::CStr, Zv)],
) {
    let class = new_class(name, null_mut(), &[]);
    // SAFETY: just registered.
    unsafe { (*class).ce_flags |= super::ALLOW_DYNAMIC_PROPERTIES };
    for &(name, default) in properties {
        property(class, name, default, true);
    }
    alias(class, &[other]);
    place.store(class, Relaxed);
}
