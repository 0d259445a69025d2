//! The class as PHP knows it: methods, properties, names.

use super::{
    ServerObject, commands, configuration, construction, datagrams, inspection, lifecycle,
    listening, processes, sessions, tasks, timers,
};
use crate::classes::state::open_class;
use crate::classes::{alias, property, text_property};
use crate::events::NAMES;
use crate::method::{Param, method, object, optional, param, rest, ty};
use crate::zend::Zv;

const INT_BOOL: u32 = ty::INT | ty::FALSE;
const ARRAY_OR_FALSE: u32 = ty::ARRAY | ty::FALSE;
const FD: Param = param(c"fd", ty::INT);
const WORKER: Param = optional(c"worker_id", ty::INT, c"-1");
const DATA: Param = param(c"data", ty::MIXED);
const TIMEOUT: Param = optional(c"timeout", ty::FLOAT, c"0.5");
const TASK_WORKER: Param = optional(c"taskWorkerIndex", ty::INT, c"-1");

pub(in crate::classes) fn register() {
    let methods = [
        method!(
            c"__construct",
            construction::construct,
            [
                optional(c"host", ty::STRING, c"'0.0.0.0'"),
                optional(c"port", ty::INT, c"0"),
                optional(c"mode", ty::INT, c"SWOOLE_PROCESS"),
                optional(c"sock_type", ty::INT, c"SWOOLE_SOCK_TCP")
            ],
            ty::NONE
        ),
        method!(
            c"set",
            configuration::set,
            [param(c"settings", ty::ARRAY)],
            ty::BOOL
        ),
        method!(
            c"on",
            configuration::on,
            [
                param(c"event_name", ty::STRING),
                param(c"callback", ty::CALLABLE)
            ],
            ty::BOOL
        ),
        configuration::get_callback_entry(),
        listening::listen_entry(c"listen"),
        listening::listen_entry(c"addlistener"),
        listening::get_socket_entry(),
        method!(c"start", lifecycle::start, [], ty::BOOL),
        commands::add_entry(),
        commands::command_entry(),
        method!(
            c"send",
            sessions::send,
            [
                param(c"fd", ty::INT | ty::STRING),
                param(c"send_data", ty::STRING),
                optional(c"serverSocket", ty::INT, c"-1")
            ],
            ty::BOOL
        ),
        method!(
            c"sendto",
            datagrams::sendto,
            [
                param(c"ip", ty::STRING),
                param(c"port", ty::INT),
                param(c"send_data", ty::STRING),
                optional(c"server_socket", ty::INT, c"-1")
            ],
            ty::BOOL
        ),
        method!(
            c"sendfile",
            sessions::send_file,
            [
                param(c"conn_fd", ty::INT),
                param(c"filename", ty::STRING),
                optional(c"offset", ty::INT, c"0"),
                optional(c"length", ty::INT, c"0")
            ],
            ty::BOOL
        ),
        method!(
            c"sendwait",
            sessions::send_wait,
            [param(c"conn_fd", ty::INT), param(c"send_data", ty::STRING)],
            ty::BOOL
        ),
        method!(
            c"close",
            sessions::close,
            [FD, optional(c"reset", ty::BOOL, c"false")],
            ty::BOOL
        ),
        method!(c"exists", sessions::exists, [FD], ty::BOOL),
        method!(c"exist", sessions::exists, [FD], ty::BOOL),
        method!(
            c"getClientInfo",
            sessions::client_info,
            [
                FD,
                optional(c"reactor_id", ty::INT, c"-1"),
                optional(c"ignoreError", ty::BOOL, c"false")
            ],
            ARRAY_OR_FALSE
        ),
        method!(
            c"connection_info",
            sessions::client_info,
            [
                FD,
                optional(c"reactor_id", ty::INT, c"-1"),
                optional(c"ignoreError", ty::BOOL, c"false")
            ],
            ARRAY_OR_FALSE
        ),
        method!(
            c"getClientList",
            sessions::client_list,
            [
                optional(c"start_fd", ty::INT, c"0"),
                optional(c"find_count", ty::INT, c"10")
            ],
            ARRAY_OR_FALSE
        ),
        method!(
            c"connection_list",
            sessions::client_list,
            [
                optional(c"start_fd", ty::INT, c"0"),
                optional(c"find_count", ty::INT, c"10")
            ],
            ARRAY_OR_FALSE
        ),
        method!(
            c"bind",
            sessions::bind,
            [FD, param(c"uid", ty::INT)],
            ty::BOOL
        ),
        method!(
            c"protect",
            sessions::protect,
            [FD, optional(c"is_protected", ty::BOOL, c"true")],
            ty::BOOL
        ),
        method!(c"pause", sessions::pause, [FD], ty::BOOL),
        method!(c"resume", sessions::resume, [FD], ty::BOOL),
        method!(c"confirm", sessions::resume, [FD], ty::BOOL),
        method!(
            c"heartbeat",
            sessions::heartbeat,
            [optional(c"ifCloseConnection", ty::BOOL, c"true")],
            ARRAY_OR_FALSE
        ),
        method!(
            c"task",
            tasks::task,
            [
                DATA,
                TASK_WORKER,
                optional(c"finishCallback", ty::CALLABLE | ty::NULL, c"null")
            ],
            ty::INT | ty::FALSE
        ),
        method!(
            c"taskwait",
            tasks::task_wait,
            [DATA, TIMEOUT, TASK_WORKER],
            ty::MIXED
        ),
        method!(
            c"taskWaitMulti",
            tasks::task_wait_multi,
            [param(c"tasks", ty::ARRAY), TIMEOUT],
            ARRAY_OR_FALSE
        ),
        method!(
            c"taskCo",
            tasks::task_co,
            [param(c"tasks", ty::ARRAY), TIMEOUT],
            ARRAY_OR_FALSE
        ),
        method!(c"finish", tasks::finish, [DATA], ty::BOOL),
        method!(
            c"sendMessage",
            tasks::send_message,
            [
                param(c"message", ty::MIXED),
                param(c"dst_worker_id", ty::INT)
            ],
            ty::BOOL
        ),
        method!(
            c"addProcess",
            processes::add,
            [object(c"process", c"Skep\\Process")],
            INT_BOOL
        ),
        method!(c"stats", inspection::stats, [], ARRAY_OR_FALSE),
        method!(
            c"reload",
            lifecycle::reload,
            [optional(c"only_reload_taskworker", ty::BOOL, c"false")],
            ty::BOOL
        ),
        method!(
            c"tick",
            timers::tick,
            [
                param(c"ms", ty::INT),
                param(c"callback", ty::CALLABLE),
                rest(c"params")
            ],
            INT_BOOL
        ),
        method!(
            c"after",
            timers::after,
            [
                param(c"ms", ty::INT),
                param(c"callback", ty::CALLABLE),
                rest(c"params")
            ],
            INT_BOOL
        ),
        method!(
            c"clearTimer",
            timers::clear_timer,
            [param(c"timer_id", ty::INT)],
            ty::BOOL
        ),
        method!(
            c"defer",
            timers::defer,
            [param(c"callback", ty::CALLABLE)],
            ty::BOOL
        ),
        method!(c"reloadTls", lifecycle::reload_tls, [], ty::BOOL),
        method!(c"shutdown", lifecycle::shutdown, [], ty::BOOL),
        method!(
            c"stop",
            lifecycle::stop,
            [
                optional(c"workerId", ty::INT, c"-1"),
                optional(c"waitEvent", ty::BOOL, c"false")
            ],
            ty::BOOL
        ),
        method!(c"getLastError", inspection::last_error, [], ty::INT),
        method!(c"getWorkerId", inspection::worker_id, [], INT_BOOL),
        method!(c"getWorkerPid", inspection::worker_pid, [WORKER], INT_BOOL),
        method!(
            c"getWorkerStatus",
            inspection::worker_status,
            [WORKER],
            INT_BOOL
        ),
        method!(c"getMasterPid", inspection::master_pid, [], ty::INT),
        method!(c"getManagerPid", inspection::manager_pid, [], ty::INT),
    ];
    let class = open_class::<ServerObject>(&methods);
    text_property(class, c"host");
    for (name, default) in [
        (c"port", Zv::long(0)),
        (c"type", Zv::long(0)),
        (c"mode", Zv::long(0)),
        (c"ssl", Zv::bool(false)),
        (c"setting", Zv::NULL),
        (c"connections", Zv::NULL),
        (c"ports", Zv::NULL),
        (c"master_pid", Zv::long(0)),
        (c"manager_pid", Zv::long(0)),
        (c"worker_id", Zv::long(-1)),
        (c"taskworker", Zv::bool(false)),
        (c"worker_pid", Zv::long(0)),
        (c"stats_timer", Zv::NULL),
        (c"admin_server", Zv::NULL),
    ] {
        property(class, name, default, true);
    }
    property(class, c"finishCallbacks", Zv::NULL, false);
    for (_, _, name) in NAMES {
        property(class, name, Zv::NULL, false);
    }
    alias(class, &[c"Swoole\\Server", c"swoole_server"]);
}
