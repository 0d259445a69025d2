//! The processes. Who forks whom:
//!
//! ```text
//! caller of start() = master --fork--> manager --fork--> worker 0..W-1
//!        |
//!        +-- reactor threads, made after the fork
//! ```
//!
//! Start: map shared memory, listen, fork the manager (the master still has one thread); the manager
//! forks the workers and says so; the master starts its reactors, runs `on_start`, accepts.
//!
//! Each process watches the life-lines of those above it: the master's, and for workers also the
//! manager's. `phase` names the steps of a stop, `roster` decides about workers, a `post` is one of
//! them, `exit` has the codes both sides know.

mod child;
mod exit;
mod fence;
mod intake;
mod limits;
mod linger;
mod manager;
mod master;
mod messages;
mod pool;
mod post;
mod record;
mod reload;
mod replies;
mod roster;
mod settle;
mod shift;
mod signals;
mod stop;
mod task_worker;
mod user_process;
mod watchdog;
mod worker;

pub use self::pool::{Pool, PoolContext, PoolEnded, PoolHandler, PoolMessages};

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use crate::choice::DispatchFn;
use crate::command::Commands;
use crate::context::{Role, role_of};
use crate::daemon::Service;
use crate::errand::Errands;
use crate::error::{Doing, Result};
use crate::event_loop::EventLoop;
use crate::handler::{Handler, Interests};
use crate::ipc::directory::{Endpoint, Plan};
use crate::ipc::parcels::INLINE;
use crate::log::Log;
use crate::net::handover;
use crate::net::listener::Listener;
use crate::observer;
use crate::port::{Port, Ports};
use crate::settings::{Settings, Sizes};
use crate::shared::task_source::TaskSource;
use crate::shared::{Shared, phase};
use crate::sync::Ordering;
use crate::sys::fork::{self, Fork};
use crate::sys::{clock, last_line, pipe, process};

/// What every role starts from. Copied into each process by fork.
pub(crate) struct Ground {
    pub(crate) handler: Rc<dyn Handler>,
    pub(crate) ports: Ports,
    pub(crate) settings: Arc<Settings>,
    pub(crate) sizes: Sizes,
    pub(crate) shared: Arc<Shared>,
    pub(crate) log: Log,
    pub(crate) service: Rc<Service>,
    pub(crate) dispatch: Option<DispatchFn>,
    pub(crate) errands: Arc<Errands>,
    /// Breaks when the master dies.
    pub(crate) master_line: OwnedFd,
    /// Breaks when both supervisors are dead, and kills then; none where the system cannot do that.
    pub(crate) last_line: Option<OwnedFd>,
    /// The ways of open files to the reactors.
    pub(crate) file_senders: Rc<[handover::Sender]>,
    pub(crate) commands: Commands,
    /// The master's, with the timers that were made before the start.
    pub(crate) event_loop: Rc<EventLoop>,
}

/// What the user of the engine has written.
pub(crate) struct Program {
    pub(crate) handler: Rc<dyn Handler>,
    /// Which worker gets a message.
    pub(crate) dispatch: Option<DispatchFn>,
    /// Questions to functions that run on the main thread.
    pub(crate) errands: Arc<Errands>,
    /// Processes that run a function of the user's.
    pub(crate) user_processes: u32,
    pub(crate) commands: Commands,
    /// The master's event loop.
    pub(crate) event_loop: Rc<EventLoop>,
}

/// How [`crate::Server::start`] ended, in the process that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// [`Role::Master`] in the process that called start().
    pub role: Role,
    /// Exit code for this process: 0 in good order; in the master [`Ended::DROPPED`] if the stop had to
    /// drop something.
    pub code: i32,
}

impl Ended {
    /// The server has stopped in good order, but some message that was read was not answered, or some
    /// answer not written in time. The log's last line has the counts.
    pub const DROPPED: i32 = exit::DROPPED;
}

/// What waits beyond this waits in parcels.
const LARGEST_TASK_RING: u64 = 1 << 30;

/// Run the whole server. Returns in every process: in the master after the stop, in a child when its
/// work is over.
pub(crate) fn run(
    listeners: Vec<Arc<Listener>>,
    ports: Ports,
    mut settings: Settings,
    log: Log,
    mut program: Program,
) -> Result<Ended> {
    let sizes = settings.complete();
    for note in settings.notes.drain(..) {
        log.warning(note);
    }
    process::raise_nofile();
    fork::watch_foreign_forks();
    program.handler = Rc::new(fence::Fence(program.handler));
    recommend_split(&ports, &log);
    note_fallback(&ports, &log);
    let service = Rc::new(Service::begin(&settings, &log)?); // another process, from here on, if daemonized
    let beginning = Rc::clone(&service);
    prepare(listeners, ports, settings, sizes, log, program, beginning).inspect_err(|error| {
        service.failed(error);
    })
}

/// What is shared, and the first fork.
fn prepare(
    listeners: Vec<Arc<Listener>>,
    ports: Ports,
    settings: Settings,
    sizes: Sizes,
    log: Log,
    program: Program,
    service: Rc<Service>,
) -> Result<Ended> {
    let plan = Plan {
        workers: sizes.workers,
        task_workers: sizes.task_workers,
        user_processes: program.user_processes,
        reactors: sizes.reactors,
        request_lane: settings.worker_queue_size as usize,
        reply_lane: settings.worker_queue_size as usize,
        keeps_tasks: settings.tasks.redeliver > 0,
        task_ring: settings.tasks.queue_max_bytes.min(LARGEST_TASK_RING) as usize,
        parcel_bytes: settings.tasks.queue_max_bytes,
    };
    let tasks = &settings.tasks;
    let source = TaskSource::open(
        tasks.ipc_mode.has_queue(),
        tasks.queue(),
        tasks.queue_rights,
    )
    .doing("open the message queue of message_queue_key")?;
    let shared = Shared::create(plan, sizes.max_connection).doing("create shared memory")?;
    let shared = Arc::new(shared.with_task_source(source));
    if !shared.directory.exchange().parcels().are_possible() {
        log.warning(format_args!(
            "the limit of file sizes (ulimit -f) forbids tasks and messages of more than {INLINE} bytes"
        ));
    }
    let watched = Arc::clone(&shared);
    log.follow(move || watched.server().log_generation.load(Ordering::Acquire));
    let server = shared.server();
    server.master_pid.store(process::pid(), Ordering::Release);
    server.start_time.store(clock::wall_s(), Ordering::Relaxed);
    server
        .last_session
        .store(settings.start_session_id, Ordering::Relaxed);
    let (master_line, hold) = pipe::lifeline().doing("create a life-line")?;
    let (last_line, last_hold) = last_line::open().unzip();
    for (listener, (_, port)) in listeners.iter().zip(ports.iter()) {
        if !port.kind.is_datagram() {
            listener.listen(port.settings.sockets().backlog)?;
        }
    }
    let metrics = observer::bind(&settings)?;
    let pairs: io::Result<Vec<_>> = (0..sizes.reactors).map(|_| handover::pair()).collect();
    let (senders, receivers): (Vec<_>, Vec<_>) =
        pairs.doing("create socket pairs")?.into_iter().unzip();
    let ground = Ground {
        handler: program.handler,
        dispatch: program.dispatch,
        errands: program.errands,
        ports,
        settings: Arc::new(settings),
        sizes,
        shared,
        log,
        service,
        master_line,
        last_line,
        file_senders: senders.into(),
        commands: program.commands,
        event_loop: program.event_loop,
    };

    // Before there is anybody who could be told to signal this process.
    let bell = ground.shared.directory.bell(Endpoint::Main);
    let installed = signals::supervisor().install(bell.descriptor().raw());
    let installed = installed.doing("install signal handlers")?;
    fork::flush_stdio(); // what C code has buffered would be written by every child
    let master = process::pid();
    match fork::fork().doing("fork the manager")? {
        Fork::Parent(manager) => {
            let service = Rc::clone(&ground.service);
            for listener in &listeners {
                fork::keep_private(listener.raw());
            }
            let holds: Vec<OwnedFd> = [hold].into_iter().chain(last_hold).collect();
            for hold in &holds {
                fork::keep_private(hold.as_raw_fd());
            }
            for receiver in &receivers {
                fork::keep_private(receiver.raw());
            }
            let code = guarded(&ground.log.clone(), || {
                master::run(
                    ground, listeners, metrics, receivers, manager, holds, installed,
                )
            });
            service.end();
            Ok(Ended {
                role: Role::Master,
                code,
            })
        }
        Fork::Child => {
            // A manager or worker holding these would outlive the master's death. Datagrams are sent from workers.
            drop((metrics, hold, receivers, listeners)); // but for those of datagrams, which the ports hold
            fork::forget_private();
            for listener in ground
                .ports
                .iter()
                .filter_map(|(_, port)| port.datagrams.as_ref())
            {
                fork::keep_private(listener.raw());
            }
            if let Some(hold) = &last_hold {
                fork::keep_private(hold.as_raw_fd());
            }
            installed.keep(); // the manager puts its own in their place
            let log = ground.log.clone();
            let mut ended = Ended {
                role: Role::Manager,
                code: 0,
            };
            ended.code = guarded(&log, || match manager::run(&ground, master) {
                manager::Outcome::Finished(code) => code,
                manager::Outcome::BecameWorker {
                    seat,
                    manager,
                    manager_line,
                } => {
                    if let Some(hold) = last_hold {
                        fork::share(hold.as_raw_fd());
                        drop(hold); // the supervisors' alone
                    }
                    ended.role = role_of(&ground.shared, seat);
                    let run = match ended.role {
                        Role::TaskWorker(_) => task_worker::run,
                        Role::UserProcess(_) => user_process::run,
                        _ => worker::run,
                    };
                    run(&ground, seat, manager, manager_line)
                }
            });
            Ok(ended)
        }
    }
}

/// A panic must not run the parent's stack in a child, nor end a host program's `start()` by unwinding.
fn guarded(log: &Log, body: impl FnOnce() -> i32) -> i32 {
    let ended = catch_unwind(AssertUnwindSafe(body));
    let log = log.of_process(); // a child has taken its role meanwhile
    let code = ended.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|s| (*s).to_string());
        let text = text
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        log.error(format_args!("Fatal error: panic: {text}"));
        exit::PANICKED
    });
    log.finish();
    code
}

/// Messages glued together surprise nearly everybody: say once what is meant instead.
fn recommend_split(ports: &Ports, log: &Log) {
    for (_, port) in ports
        .iter()
        .filter(|(_, port)| port.settings.framing.is_loose())
    {
        log.notice(format_args!(
            "port {}: open_eof_check delivers what has come, ending with package_eof, which may be several messages; \
             open_eof_split delivers each alone",
            port.number
        ));
    }
}

/// Datagrams are no messages of a session: whoever wrote the callback should know that it gets them.
fn note_fallback(ports: &Ports, log: &Log) {
    for (_, port) in ports.iter() {
        if port.kind.is_datagram() && !port.interests.packet {
            log.notice(format_args!(
                "port {}: there is no onPacket, datagrams go to onReceive with fd 0",
                port.number
            ));
        }
    }
}

/// Where a session's events could come to any worker in any order, they come to none unless that is asked for.
pub(crate) fn suppress_events(settings: &Settings, ports: &mut [Port], log: &Log) {
    if settings.delivers_events() {
        return;
    }
    let mut wanted = [
        ("onConnect", false),
        ("onClose", false),
        ("onBufferFull", false),
        ("onBufferEmpty", false),
    ];
    for port in ports {
        let Interests {
            connect,
            close,
            buffer_full,
            buffer_empty,
            ..
        } = &mut port.interests;
        let events = [connect, close, buffer_full, buffer_empty];
        for (event, (_, any)) in events.into_iter().zip(&mut wanted) {
            *any |= std::mem::take(event);
        }
    }
    for (name, _) in wanted.into_iter().filter(|(_, any)| *any) {
        log.warning(format_args!(
            "start() (ERRNO {}): cannot set '{name}' event when using dispatch_mode={}",
            crate::error::code::INVALID_CALLBACK,
            settings.dispatch_mode.number(),
        ));
    }
}

/// A second descriptor for a life-line, for a context that watches it too.
fn watch(line: &OwnedFd) -> Vec<OwnedFd> {
    line.as_fd().try_clone_to_owned().into_iter().collect()
}
