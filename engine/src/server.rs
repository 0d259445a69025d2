//! The server before it runs: bound socket, settings; and `start()`, which blocks until it has stopped.

use std::rc::Rc;

use crate::context::Role;
use crate::error::{Error, Result};
use crate::handler::Handler;
use crate::log::Log;
use crate::net::SocketType;
use crate::net::inherited;
use crate::net::listener::Listener;
use crate::net::options::SocketOptions;
use crate::role::{self, Ended};
use crate::settings::{Settings, Sizes, Value};
use crate::sys::{fork, output};

/// A server that is bound and not yet started.
pub struct Server {
    listener: Listener,
    settings: Settings,
    log: Log,
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
    /// `host` is an IP address, a name, or a path for a unix socket; port 0 lets the kernel choose
    /// (see [`Server::port`]). Fails with the `errno` of the bind, 9004 for a port outside 0..=65535,
    /// 722 for a host that cannot be understood, 504 for a path that is too long.
    pub fn bind(host: &str, port: i64, kind: SocketType) -> Result<Server> {
        if kind.is_datagram() {
            let code = 94; // ESOCKTNOSUPPORT: reactors do not serve datagrams yet
            return Err(Error::Listen {
                address: format!("{host}:{port}"),
                text: crate::error::text(code),
                code,
            });
        }
        output::fill_standard_streams();
        let settings = Settings::default();
        let (log, _) = Log::open(settings.log.clone());
        let listener = match inherited::take(host, port, kind) {
            Some(listener) => listener,
            None => Listener::bind(host, port, kind, &SocketOptions::default())?,
        };
        Ok(Server {
            listener,
            settings,
            log,
        })
    }

    /// Host as given.
    pub fn host(&self) -> &str {
        self.listener.host()
    }

    /// The real port; 0 on a unix socket.
    pub fn port(&self) -> u16 {
        self.listener.port()
    }

    /// Descriptor of the listening socket.
    pub fn socket(&self) -> i32 {
        self.listener.raw()
    }

    /// Kind of the listening socket.
    pub fn kind(&self) -> SocketType {
        self.listener.kind()
    }

    /// Set one setting (see [`crate::settings::table::rows`]). Nothing changes if this fails.
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

    /// The settings as they are now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The sizes this server would have if it started now.
    pub fn sizes(&self) -> Sizes {
        self.settings.clone().complete()
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
        if !handler.interests().receive {
            return Err(Error::MissingCallback("onReceive"));
        }
        if self.settings.bootstrap.is_some() && !handler.loads_bootstrap() {
            return Err(Error::BadSetting(
                "bootstrap names a PHP file, and these callbacks are not PHP's".into(),
            ));
        }
        let threads = fork::threads();
        if threads > 1 {
            return Err(Error::Threads(threads));
        }
        let Server {
            listener,
            settings,
            log,
        } = self;
        let ended = role::run(listener, settings, log, handler)?;
        if ended.role != Role::Master && children == Children::Exit {
            fork::flush_stdio();
            fork::exit_now(ended.code);
        }
        Ok(ended)
    }
}
