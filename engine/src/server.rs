//! The server before it runs: bound socket, settings; and `start()`, which blocks until it has stopped.

use std::rc::Rc;
use std::sync::Arc;

use crate::choice::{DispatchFn, LengthFn};
use crate::command::{Commands, accepts};
use crate::context::Role;
use crate::errand::Errands;
use crate::error::{Error, Result, code};
use crate::event_loop::EventLoop;
use crate::handler::Handler;
use crate::log::{Level as LogLevel, Log};
use crate::net::SocketType;
use crate::net::inherited;
use crate::net::listener::Listener;
use crate::net::options::SocketOptions;
use crate::port::{Port, Ports};
use crate::role::{self, Ended, Program};
use crate::settings::{PortSettings, Settings, Sizes, Value, complete_heartbeats};
use crate::sys::{fork, output};
use crate::tls::TlsAcceptor;

/// Ports of one server.
const PORTS: usize = 60_000;

/// A server that is bound and not yet started.
pub struct Server {
    /// The primary port comes first.
    ports: Vec<Bound>,
    settings: Settings,
    log: Log,
    dispatch: Option<DispatchFn>,
    user_processes: u32,
    commands: Vec<(String, u32)>,
    /// For the master.
    event_loop: Rc<EventLoop>,
}

/// A port before the start.
struct Bound {
    listener: Listener,
    /// Those of the primary port count if it has none of its own.
    own: Option<PortSettings>,
    tls: bool,
}

impl Bound {
    fn new(host: &str, port: i64, kind: SocketType) -> Result<Bound> {
        let listener = match inherited::take(host, port, kind) {
            Some(listener) => listener,
            None => Listener::bind(host, port, kind, &SocketOptions::default())?,
        };
        Ok(Bound::of(listener))
    }

    fn of(listener: Listener) -> Bound {
        Bound {
            listener,
            own: None,
            tls: false,
        }
    }
}

/// The sockets that the service manager has passed; at least one.
fn passed(log: &Log) -> Result<Vec<Bound>> {
    let all = inherited::take_all().inspect_err(|_| {
        if !inherited::are_ours() {
            log.warning("listen(): invalid LISTEN_PID");
        }
    })?;
    for descriptor in all.skipped {
        log.warning(format_args!(
            "listen(): the socket[{descriptor}] is not a listening socket"
        ));
    }
    Ok(all.listeners.into_iter().map(Bound::of).collect())
}

/// A bound port as it is seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortInfo {
    /// As given.
    pub host: String,
    /// The real port; 0 on a unix socket.
    pub port: u16,
    /// Kind of the socket: the address decides its family.
    pub kind: SocketType,
    /// Its descriptor.
    pub socket: i32,
    /// Connections are encrypted.
    pub tls: bool,
    /// The name that the service manager has given a socket it has passed (`FileDescriptorName=`).
    pub name: Option<String>,
}

/// What a forked child does when its work is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Children {
    /// End the process there and then: buffered C output is written, but without running destructors or exit handlers of the host.
    Exit,
    /// Return from [`Server::start`] like the master does. For hosts that must shut their own runtime
    /// down in every process; the caller looks at [`Ended::role`] and ends the process with [`Ended::code`].
    Return,
}

impl Server {
    /// Create and bind the listening socket; it starts to listen in [`Server::start`]. A socket of this
    /// address that the service manager has passed (`LISTEN_FDS`) is used instead of a new one.
    ///
    /// The host `SYSTEMD` (in any case) with port 0 stands for all sockets that the service manager has passed,
    /// in their order; `kind` is theirs then. Else `host` is an IP address, a name, or a path for a unix socket; port 0 lets the kernel choose
    /// (see [`Server::port`]). Fails with the `errno` of the bind, 9004 for a port outside 0..=65535,
    /// 722 for a host that cannot be understood, 504 for a path that is too long.
    pub fn bind(host: &str, port: i64, kind: SocketType) -> Result<Server> {
        output::fill_standard_streams();
        let settings = Settings::default();
        let (log, _) = Log::open(settings.log.clone());
        let ports = match inherited::is_systemd(host, port) {
            true => passed(&log)?,
            false => vec![Bound::new(host, port, kind)?],
        };
        Ok(Server {
            ports,
            settings,
            log,
            dispatch: None,
            user_processes: 0,
            commands: Vec::new(),
            event_loop: EventLoop::new(),
        })
    }

    /// Let the master's main thread go on with this event loop: what was put into it before the start, timers as a rule,
    /// happens in the master, and in no other process.
    pub fn use_event_loop(&mut self, event_loop: Rc<EventLoop>) {
        self.event_loop = event_loop;
    }

    /// Ask a function which worker gets a message or event, before `dispatch_mode` is asked. It is called by the reactor
    /// threads of the master, as soon as there is something to be given away: it should be quick, and must not call the
    /// server. Without a function of its own a handler may still choose on the main thread, see
    /// [`Handler::on_dispatch`].
    pub fn dispatch_with(&mut self, function: DispatchFn) {
        self.dispatch = Some(function);
    }

    /// Let a function say where the messages of a port end. It is called by the reactor threads of the master: it should
    /// be quick, and must not call the server. Fails for a port that does not exist.
    pub fn length_with(&mut self, port: u16, function: LengthFn) -> Result<()> {
        match port {
            0 => self.settings.primary.framing.length_by = Some(function),
            _ => {
                let own = &mut self.bound(port)?.own;
                own.get_or_insert_default().framing.length_by = Some(function);
            }
        }
        Ok(())
    }

    /// Bind one more port; its index. It takes over the settings of the primary port unless it is given some
    /// of its own. Fails as [`Server::bind`], and with 9005 beyond 60000 ports.
    pub fn listen(&mut self, host: &str, port: i64, kind: SocketType) -> Result<u16> {
        if self.ports.len() >= PORTS {
            return Err(Error::Listen {
                address: format!("{host}:{port}"),
                text: format!("up to {PORTS} listening ports are allowed"),
                code: code::TOO_MANY_LISTEN_PORT,
            });
        }
        self.ports.push(Bound::new(host, port, kind)?);
        Ok((self.ports.len() - 1) as u16)
    }

    /// One more process that runs [`Handler::on_user_process`], supervised like a worker; its index, counted from 0.
    pub fn add_process(&mut self) -> u32 {
        self.user_processes += 1;
        self.user_processes - 1
    }

    /// A command that processes of some kinds run, a set of [`crate::command::accepts`], by [`Handler::on_command`]; its index,
    /// counted from 0. Fails with 505 for a name that is taken or empty, and for kinds that are none.
    pub fn add_command(&mut self, name: &str, accepted: u32) -> Result<u32> {
        let taken = self.commands.iter().any(|(known, _)| known == name);
        if taken || name.is_empty() || accepted == 0 || accepted & !accepts::ALL != 0 {
            return Err(Error::BadSetting(match taken {
                true => format!("the command '{name}' is there already"),
                false => format!("the command '{name}' needs a name, and processes that run it"),
            }));
        }
        self.commands.push((name.into(), accepted));
        Ok((self.commands.len() - 1) as u32)
    }

    /// How many ports there are.
    pub fn port_count(&self) -> u16 {
        self.ports.len() as u16
    }

    /// The port with this index; 0 is the primary one.
    pub fn port_info(&self, index: u16) -> Option<PortInfo> {
        let Bound { listener, tls, .. } = self.ports.get(usize::from(index))?;
        Some(PortInfo {
            host: listener.host().into(),
            port: listener.port(),
            kind: listener.kind(),
            socket: listener.raw(),
            tls: *tls,
            name: listener.name().map(String::from),
        })
    }

    /// Encrypt the connections of a port. Fails on a datagram port.
    pub fn use_tls(&mut self, index: u16) -> Result<()> {
        let port = self.bound(index)?;
        if port.listener.kind().is_datagram() {
            return Err(Error::BadSetting(
                "TLS over datagrams (DTLS) is not supported".into(),
            ));
        }
        port.tls = true;
        Ok(())
    }

    /// Give a port settings of its own: it takes over nothing from the primary port any more. The primary
    /// port has its own always.
    pub fn own_settings(&mut self, index: u16) -> Result<()> {
        if index > 0 {
            self.bound(index)?.own.get_or_insert_default();
        }
        Ok(())
    }

    /// Set one setting of one port. Nothing changes if this fails.
    pub fn set_port(&mut self, index: u16, key: &str, value: &Value) -> Result<()> {
        if index == 0 {
            return self.settings.primary.set(key, value);
        }
        let port = self.bound(index)?;
        let mut settings = port.own.clone().unwrap_or_default();
        settings.set(key, value)?;
        port.own = Some(settings);
        Ok(())
    }

    /// The settings a port has of its own: those of the primary port count for a port that has none.
    pub fn port_settings(&self, index: u16) -> Option<&PortSettings> {
        match index {
            0 => Some(&self.settings.primary),
            _ => self.ports.get(usize::from(index))?.own.as_ref(),
        }
    }

    fn bound(&mut self, index: u16) -> Result<&mut Bound> {
        let count = self.ports.len();
        self.ports.get_mut(usize::from(index)).ok_or_else(|| {
            Error::BadSetting(format!("there is no port {index}, only {count} of them"))
        })
    }

    /// Host of the primary port, as given.
    pub fn host(&self) -> &str {
        self.primary().host()
    }

    /// The primary port's real number; 0 on a unix socket.
    pub fn port(&self) -> u16 {
        self.primary().port()
    }

    /// Descriptor of the primary port's socket.
    pub fn socket(&self) -> i32 {
        self.primary().raw()
    }

    /// Kind of the primary port's socket.
    pub fn kind(&self) -> SocketType {
        self.primary().kind()
    }

    fn primary(&self) -> &Listener {
        &self.ports[0].listener // there from `bind` on
    }

    /// Set one setting (see [`crate::settings::table::rows`]); one of a port is the primary port's. Nothing changes if this fails.
    pub fn set(&mut self, key: &str, value: &Value) -> Result<()> {
        self.settings.set(key, value)?;
        if key.starts_with("log_") {
            let (log, error) = Log::open(self.settings.log.clone());
            self.log = log;
            if let (Some(error), Some(path)) = (error, &self.settings.log.file) {
                let code = error.raw_os_error().unwrap_or(0);
                let text = crate::error::text(code);
                self.log.warning(format_args!(
                    "open() (ERRNO 502): open('{path}') failed. Error: {text}[{code}]"
                ));
            }
        }
        for note in self.settings.notes.drain(..) {
            self.log.warning(note);
        }
        Ok(())
    }

    /// Write a line to the server's log.
    pub fn log_line(&self, level: LogLevel, text: &str) {
        self.log.line(level, &text);
    }

    /// Write a line to the server's log, as a warning.
    pub fn log_warning(&self, text: &str) {
        self.log.warning(text);
    }

    /// Write a line to the server's log, as an error.
    pub fn log_error(&self, text: &str) {
        self.log.error(text);
    }

    /// The settings as they are now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The sizes this server would have if it started now.
    pub fn sizes(&self) -> Sizes {
        self.settings.clone().complete()
    }

    /// Whether every port has the callback it needs: [`Server::start`] fails with the same error if not.
    pub fn check_callbacks(&self, handler: &dyn Handler) -> Result<()> {
        for (index, port) in (0..).zip(&self.ports) {
            let wanted = handler.interests(index);
            let missing = match port.listener.kind().is_datagram() {
                true if !wanted.packet && !wanted.receive => "onPacket",
                false if !wanted.receive => "onReceive",
                _ => continue,
            };
            return Err(Error::MissingCallback(missing));
        }
        if self.settings.tasks.workers > 0 && !handler.runs_tasks() {
            return Err(Error::MissingCallback("onTask"));
        }
        Ok(())
    }

    /// Run the server: returns in this process when it has stopped. The handler is copied into every
    /// process by fork, so what it holds is shared by nobody afterwards.
    ///
    /// With `daemonize` this process ends here when the server is ready, and start() goes on in a child.
    ///
    /// Fails before anything is forked if the process has several threads, a needed callback is
    /// missing, the socket cannot listen or shared memory cannot be had. SIGINT and SIGQUIT end the
    /// whole server at once and the calling process by that signal.
    pub fn start(self, handler: Rc<dyn Handler>, children: Children) -> Result<Ended> {
        self.check_callbacks(&*handler)?;
        if self.settings.bootstrap.is_some() && !handler.loads_bootstrap() {
            return Err(Error::BadSetting(
                "bootstrap names a PHP file, and these callbacks are not PHP's".into(),
            ));
        }
        let threads = fork::threads();
        if threads > 1 {
            return Err(Error::Threads(threads));
        }
        inherited::forget(); // one thread, as was just seen: no other reads the environment
        let Server {
            ports,
            mut settings,
            log,
            mut dispatch,
            user_processes,
            commands,
            event_loop,
        } = self;
        let own = |bound: &Bound| {
            bound
                .own
                .clone()
                .unwrap_or_else(|| settings.primary.clone())
        };
        let mut owned: Vec<PortSettings> = ports.iter().map(own).collect();
        complete_heartbeats(settings.heartbeat_check_s, &mut owned);
        let errands = Arc::new(Errands::default());
        if dispatch.is_none() && handler.dispatches() {
            dispatch = Some(errands.dispatch_fn());
        }
        let mut described = Vec::new();
        let mut listeners = Vec::new();
        for ((index, mut bound), mut own) in (0..).zip(ports).zip(owned) {
            if handler.measures(index) {
                own.framing.length_by = Some(errands.length_fn(index));
            }
            if index == 0 || bound.own.is_some() {
                settings.notes.extend(own.notes.iter().cloned()); // once, however many ports take them over
            }
            bound.listener.apply(&own.sockets())?;
            let tls = match bound.tls {
                true => Some(tls_of(&own, &log)?),
                false => None,
            };
            if let Some(tls) = &tls {
                settings.notes.extend(tls.notes().iter().cloned());
            }
            let listener = Arc::new(bound.listener);
            let is_datagram = listener.kind().is_datagram();
            described.push(Port {
                datagrams: is_datagram.then(|| Arc::clone(&listener)),
                number: listener.port(),
                kind: listener.kind(),
                socket: listener.raw(),
                tls: tls.map(Arc::new),
                framing: own.framing()?,
                settings: own,
                interests: handler.interests(index),
            });
            listeners.push(listener);
        }
        role::suppress_events(&settings, &mut described, &log);
        let program = Program {
            handler,
            dispatch,
            errands,
            user_processes,
            commands: Commands::new(commands),
            event_loop,
        };
        let ended = role::run(listeners, Ports::new(described), settings, log, program)?;
        if ended.role != Role::Master && children == Children::Exit {
            fork::flush_stdio();
            fork::exit_now(ended.code);
        }
        Ok(ended)
    }
}

/// What a port needs for TLS. Why it has not got it is for the log too: fronts may show less.
fn tls_of(settings: &PortSettings, log: &Log) -> Result<TlsAcceptor> {
    TlsAcceptor::new(&settings.tls).map_err(|error| {
        log.error(format_args!("start() (ERRNO {}): {error}", error.code));
        error.into()
    })
}
