//! One side measured once: a server is started, loaded and stopped.

use anyhow::Result;

use crate::cases::{Front, Kind, Sample, Shape, Side, Talk};
use crate::datagrams;
use crate::driver::{self, Framing, Load, Window};
use crate::figure::Figure;
use crate::server::{Program, Server};
use crate::session::Settings;
use crate::site::Site;
use crate::{bulk, cores, idle, lane, rescue, rounds, tables, tls};

/// One side measured once.
pub(crate) struct Lap {
    pub(crate) sample: Sample,
    /// Between the CPUs, before and after; none if they do not matter.
    pub(crate) distances: Vec<f64>,
    pub(crate) notes: Vec<String>,
}

impl Lap {
    fn of(sample: Sample) -> Self {
        Self {
            sample,
            distances: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// For what depends on where the CPUs are.
    fn at_distance(measure: impl FnOnce() -> Result<Sample>) -> Result<Self> {
        let before = cores::distance();
        let mut lap = Self::of(measure()?);
        lap.distances
            .extend(before.into_iter().chain(cores::distance()));
        let worst = lap.distances.iter().copied().reduce(f64::max);
        lap.sample
            .extend(worst.map(|ns| (Figure::CoreDistance, ns)));
        Ok(lap)
    }
}

pub(crate) fn once(settings: &Settings, kind: Kind, side: Side) -> Result<Lap> {
    let program = settings.site.program(side).map_err(anyhow::Error::msg)?;
    let mut lap = match kind {
        Kind::Lane => Lap::at_distance(|| lane::run(&program))?,
        Kind::Table(_) if side.front != Front::Bare => {
            Lap::of(tables::run(program, settings.window)?)
        }
        Kind::Echo(shape) | Kind::Errands(shape) | Kind::Table(shape) => {
            served(&program, |server| {
                Lap::at_distance(|| match side.talk {
                    Talk::Errands(errand) => {
                        rounds::run(server, errand, settings.warmup, settings.window)
                    }
                    _ => echo(settings, server, shape, side.talk),
                })
            })?
        }
        Kind::Datagrams {
            sockets,
            window,
            size,
        } => served(&program, |server| {
            let load = datagrams::Load {
                addr: server.addr(),
                sockets,
                size,
                window,
                warmup: settings.warmup,
                time: settings.window,
                pid: server.pid(),
            };
            Lap::at_distance(|| datagrams::run(&load))
        })?,
        Kind::Bulk { bytes } => served(&program, |server| {
            Lap::at_distance(|| bulk::run(server.addr(), server.pid(), bytes))
        })?,
        Kind::Rescue {
            connections,
            blocked,
        } => served(&program, |server| {
            rescue::run(server, connections, blocked).map(Lap::of)
        })?,
        Kind::Idle { connections } => served(&program, |server| {
            idle::cpu(server, connections, settings.idle).map(Lap::of)
        })?,
        Kind::Memory { connections } => served(&program, |server| {
            let certificate = settings.certificate(side.talk);
            let tls = certificate.as_deref().map(tls::client).transpose()?;
            idle::memory(server, connections, tls.as_ref()).map(Lap::of)
        })?,
    };
    if let (Kind::Memory { .. }, Front::Php { .. }) = (kind, side.front) {
        subtract_php(&settings.site, &mut lap.sample)?;
    }
    Ok(lap)
}

fn served(program: &Program, measure: impl FnOnce(&Server) -> Result<Lap>) -> Result<Lap> {
    let mut server = Server::start(program)?;
    let measured = measure(&server);
    let mut lap = measured.map_err(|e| e.context(server.condition()))?;
    lap.notes.extend(server.stop()?);
    Ok(lap)
}

impl Settings {
    /// What clients trust, if they talk TLS.
    fn certificate(&self, talk: Talk) -> Option<std::path::PathBuf> {
        (talk == Talk::Tls).then(|| self.site.identity().certificate)
    }
}

fn echo(settings: &Settings, server: &Server, shape: Shape, talk: Talk) -> Result<Sample> {
    let (framing, depth) = match talk {
        Talk::Frames { framing, depth } => (framing, depth),
        _ => (Framing::None, 1),
    };
    let m = driver::run(&Load {
        addr: server.addr(),
        connections: shape.connections,
        size: shape.size,
        depth,
        framing,
        certificate: settings.certificate(talk),
        warmup: settings.warmup,
        window: Window::Time(settings.window),
        pid: Some(server.pid()),
    })?;
    let mut sample = m.spent.sample(Figure::CpuPerRequest, m.requests as f64)?;
    sample.extend([
        (Figure::Rate, m.rate()),
        (Figure::Megabytes, m.megabytes()),
        (Figure::P50, m.latency.p50),
        (Figure::P99, m.latency.p99),
        (Figure::P999, m.latency.p999),
        (Figure::Slowest, m.latency.max),
    ]);
    Ok(sample)
}

/// The target is about what a master adds to PHP. The interpreter alone is the strict reading; the
/// same with the extension loaded tells the engine's data from its code.
fn subtract_php(site: &Site, sample: &mut Sample) -> Result<()> {
    let at_start = sample
        .get(&Figure::MasterAtStart)
        .copied()
        .unwrap_or_default();
    for (figure, extension) in [(Figure::BeyondPhp, false), (Figure::BeyondExtension, true)] {
        let program = site.sleeping_php(extension).map_err(anyhow::Error::msg)?;
        sample.insert(figure, at_start - idle::sleeping(&program)?);
    }
    Ok(())
}
