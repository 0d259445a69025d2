//! What is measured against what, and the targets.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::figure::Figure;
use crate::message::Framing;

/// One measurement: what it yielded.
pub(crate) type Sample = BTreeMap<Figure, f64>;

/// A server that takes part, and what it and its clients are set up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) front: Front,
    pub(crate) talk: Talk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// The least that does it, without skep.
    Bare,
    Php {
        reactors: usize,
        workers: usize,
    },
    C,
    Rust,
    Lane,
    /// Processes of a PHP script that do this with one table.
    Table {
        what: &'static str,
        processes: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// Bytes. Nothing says where a message ends, so a client has one under way.
    Plain,
    /// Frames, so many of them under way per client.
    Frames {
        framing: Framing,
        depth: usize,
    },
    Tls,
    Datagrams,
    Bulk(Way),
    /// With this dispatch_mode.
    Dispatch(u32),
    /// Tasks or messages, inside the server.
    Errands(Errand),
}

/// Round trips between one worker and one task worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errand {
    pub(crate) kind: ErrandKind,
    /// Bytes of each. The answer to a task is short, a message comes back as it is.
    pub(crate) size: usize,
    pub(crate) under_way: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrandKind {
    Tasks,
    Messages,
}

impl ErrandKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ErrandKind::Tasks => "tasks",
            ErrandKind::Messages => "messages",
        }
    }
}

/// How bytes in bulk are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Send,
    SendFile,
}

const PHP: Side = Front::Php {
    reactors: 1,
    workers: 1,
}
.to(Talk::Plain);

const C: Side = Front::C.to(Talk::Plain);

impl Front {
    pub(crate) const fn to(self, talk: Talk) -> Side {
        Side { front: self, talk }
    }
}

impl Side {
    pub(crate) fn name(self) -> String {
        let front = match self.front {
            Front::Bare => "bare loop".to_string(),
            Front::Php { reactors, workers } => format!("php {reactors}+{workers}"),
            Front::C => "c 1+1".to_string(),
            Front::Rust => "rust 1+1".to_string(),
            Front::Lane => "lane".to_string(),
            Front::Table { what, processes } => format!("php, {what}, {processes} processes"),
        };
        match self.talk {
            Talk::Frames { framing, depth } => format!("{front}, {framing:?} x {depth}"),
            Talk::Dispatch(mode) => format!("{front}, mode {mode}"),
            Talk::Errands(Errand {
                kind,
                size,
                under_way,
            }) => format!("{front}, {under_way} {} of {size} B", kind.name()),
            Talk::Plain | Talk::Tls | Talk::Datagrams | Talk::Bulk(_) => front,
        }
    }

    const fn talking(self, talk: Talk) -> Self {
        self.front.to(talk)
    }
}

/// What a figure must be; the ratios are to the first side of the case.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtLeastTimes(f64),
    AtMostTimes(f64),
    AtLeast(f64),
    Below(f64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) figure: Figure,
    pub(crate) bound: Bound,
}

/// The load of an echo case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) connections: usize,
    pub(crate) size: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Echo(Shape),
    /// `window` datagrams under way per socket.
    Datagrams {
        sockets: usize,
        window: usize,
        size: usize,
    },
    Bulk {
        bytes: u64,
    },
    /// One request on each connection while one worker is blocked.
    Rescue {
        connections: usize,
        blocked: Duration,
    },
    Idle {
        connections: usize,
    },
    Memory {
        connections: usize,
    },
    Lane,
    /// Tasks and messages inside a server, beside the echo of a bare loop.
    Errands(Shape),
    /// Operations on a table, beside the echo of a bare loop.
    Table(Shape),
}

/// One comparison: all its sides are measured in turn, round by round.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name on the command line.
    pub key: &'static str,
    /// Its name in the report.
    pub title: &'static str,
    pub(crate) kind: Kind,
    /// The first one is what the others are compared with.
    pub(crate) sides: Vec<(Side, Vec<Target>)>,
}

/// All of them, in the order of the report.
pub fn all() -> Vec<Case> {
    let echo = |connections, size| Kind::Echo(Shape { connections, size });
    let limit = || bare(Talk::Plain);
    vec![
        Case {
            key: "echo-50x32",
            title: "echo, 50 connections, 32 B",
            kind: echo(50, 32),
            sides: vec![limit(), (PHP, speed(0.90, 1.4)), (C, speed(0.95, 1.2))],
        },
        Case {
            key: "echo-500x128",
            title: "echo, 500 connections, 128 B",
            kind: echo(500, 128),
            sides: vec![limit(), (PHP, speed(0.90, 1.4))],
        },
        Case {
            key: "echo-50x4k",
            title: "echo, 50 connections, 4 KiB",
            kind: echo(50, 4096),
            sides: vec![limit(), (PHP, speed(0.80, 1.6))],
        },
        Case {
            key: "latency-1x32",
            title: "1 connection, 32 B (latency)",
            kind: echo(1, 32),
            sides: vec![
                limit(),
                (PHP, vec![target(Figure::P50, Bound::AtMostTimes(1.3))]),
            ],
        },
        Case {
            key: "two-by-two",
            title: "echo, 50 connections, 32 B, 2 reactors and 2 workers",
            kind: echo(50, 32),
            sides: vec![
                (PHP, vec![]),
                (
                    Front::Php {
                        reactors: 2,
                        workers: 2,
                    }
                    .to(Talk::Plain),
                    vec![target(Figure::Rate, Bound::AtLeastTimes(1.0))],
                ),
            ],
        },
        Case {
            key: "big-1m",
            title: "1 MiB messages echoed, 4 connections",
            kind: echo(4, 1 << 20),
            sides: vec![limit(), (PHP, vec![]), (C, vec![])],
        },
        frames(
            "frames-eof",
            "frames of 32 B, ended by \\r\\n",
            Framing::Eof,
        ),
        frames(
            "frames-length",
            "frames of 32 B, length in front",
            Framing::Length,
        ),
        tls("tls-50x1k", "TLS echo, 50 connections, 1 KiB", 1024),
        tls("tls-50x16k", "TLS echo, 50 connections, 16 KiB", 16 * 1024),
        Case {
            key: "udp-8x16x64",
            title: "UDP echo, 8 sockets, 16 datagrams of 64 B under way each",
            kind: Kind::Datagrams {
                sockets: 8,
                window: 16,
                size: 64,
            },
            sides: vec![
                bare(Talk::Datagrams),
                (
                    PHP.talking(Talk::Datagrams),
                    vec![target(Figure::Rate, Bound::AtLeastTimes(0.8))],
                ),
            ],
        },
        errands(),
        bulk("bulk-send", "1 GiB in sends of 64 KiB", Way::Send),
        bulk("bulk-sendfile", "1 GiB by sendfile", Way::SendFile),
        Case {
            key: "rescue",
            title: "40 quick requests while 1 of 4 workers is blocked for 1.5 s",
            kind: Kind::Rescue {
                connections: 40,
                blocked: Duration::from_millis(1500),
            },
            sides: vec![
                (dispatching(2), vec![]),
                (
                    dispatching(11),
                    vec![target(Figure::SlowestAnswer, Bound::Below(50.0))],
                ),
            ],
        },
        Case {
            key: "idle",
            title: "idle, 200 connections",
            kind: Kind::Idle { connections: 200 },
            sides: vec![limit(), (PHP, idle()), (C, idle())],
        },
        Case {
            key: "memory",
            title: "memory of the master, 10 000 idle connections",
            kind: Kind::Memory {
                connections: 10_000,
            },
            sides: vec![
                limit(),
                (
                    PHP,
                    vec![
                        per_connection(),
                        target(Figure::BeyondPhp, Bound::Below(8192.0)),
                    ],
                ),
                (C, vec![per_connection()]),
            ],
        },
        Case {
            key: "memory-tls",
            title: "memory of the master, 1000 idle TLS connections",
            kind: Kind::Memory { connections: 1000 },
            sides: vec![bare(Talk::Tls), (PHP.talking(Talk::Tls), vec![])],
        },
        Case {
            key: "lane",
            title: "lane alone, two processes, 64 B",
            kind: Kind::Lane,
            sides: vec![(
                Front::Lane.to(Talk::Plain),
                vec![
                    target(Figure::LaneRate, Bound::AtLeast(20e6)),
                    target(Figure::LaneWakes, Bound::Below(0.02)),
                ],
            )],
        },
        tables(),
    ]
}

/// What a script does in a second of CPU time, compared with the requests that the bare loop serves in a second.
fn tables() -> Case {
    let side = |what, processes, times| {
        let target = target(Figure::Rate, Bound::AtLeastTimes(times));
        (
            Front::Table { what, processes }.to(Talk::Plain),
            vec![target],
        )
    };
    // 5 and 2 million where the loop does 0.3; several processes at it at once may cost each a third.
    let (get, set) = (5.0 / 0.3, 2.0 / 0.3);
    Case {
        key: "table",
        title: "operations on a table of 4096 rows, 3 columns, and an echo loop",
        kind: Kind::Table(Shape {
            connections: 50,
            size: 32,
        }),
        sides: vec![
            bare(Talk::Plain),
            side("get", 1, get),
            side("row", 1, get),
            side("set", 1, set),
            side("incr", 1, set),
            side("get", 4, get * 0.7),
            side("row", 4, get * 0.7),
            side("set", 4, set * 0.7),
            side("incr", 4, set * 0.7),
        ],
    }
}

fn bare(talk: Talk) -> (Side, Vec<Target>) {
    (Front::Bare.to(talk), vec![])
}

/// Ratios as 0.7 M and 75 000 round trips a second where the bare loop echoes 0.3 M messages, for each front.
fn errands() -> Case {
    let sizes = [(32, 0.7 / 0.3), (100_000, 0.075 / 0.3)];
    let mut sides = vec![bare(Talk::Plain)];
    for kind in [ErrandKind::Tasks, ErrandKind::Messages] {
        for (size, ratio) in sizes {
            let talk = Talk::Errands(Errand {
                kind,
                size,
                under_way: 200,
            });
            let target = || vec![target(Figure::Rate, Bound::AtLeastTimes(ratio))];
            let fronts = [PHP, C, Front::Rust.to(Talk::Plain)];
            sides.extend(fronts.map(|front| (front.talking(talk), target())));
        }
    }
    Case {
        key: "tasks",
        title: "round trips of tasks and messages, 1 worker, 1 task worker; the limit: echo, 50 connections, 32 B",
        kind: Kind::Errands(Shape {
            connections: 50,
            size: 32,
        }),
        sides,
    }
}

/// Compared with the same bytes as messages of which each is waited for.
fn frames(key: &'static str, title: &'static str, framing: Framing) -> Case {
    let talk = Talk::Frames { framing, depth: 16 };
    let targets = || speed(6.0, 1.0 / 6.0);
    Case {
        key,
        title,
        kind: Kind::Echo(Shape {
            connections: 50,
            size: 32,
        }),
        sides: vec![
            (PHP, vec![]),
            (PHP.talking(talk), targets()),
            (C.talking(talk), targets()),
        ],
    }
}

fn tls(key: &'static str, title: &'static str, size: usize) -> Case {
    Case {
        key,
        title,
        kind: Kind::Echo(Shape {
            connections: 50,
            size,
        }),
        sides: vec![
            bare(Talk::Tls),
            (
                PHP.talking(Talk::Tls),
                vec![target(Figure::CpuPerRequest, Bound::AtMostTimes(1.3))],
            ),
        ],
    }
}

fn bulk(key: &'static str, title: &'static str, way: Way) -> Case {
    Case {
        key,
        title,
        kind: Kind::Bulk { bytes: 1 << 30 },
        sides: vec![
            bare(Talk::Bulk(way)),
            (
                PHP.talking(Talk::Bulk(way)),
                vec![
                    target(Figure::Megabytes, Bound::AtLeastTimes(0.9)),
                    target(Figure::CpuPerMegabyte, Bound::AtMostTimes(1.0 / 0.9)),
                ],
            ),
        ],
    }
}

/// Four workers, and messages go to them by this mode.
fn dispatching(mode: u32) -> Side {
    Front::Php {
        reactors: 1,
        workers: 4,
    }
    .to(Talk::Dispatch(mode))
}

fn target(figure: Figure, bound: Bound) -> Target {
    Target { figure, bound }
}

fn speed(rate: f64, cpu: f64) -> Vec<Target> {
    vec![
        target(Figure::Rate, Bound::AtLeastTimes(rate)),
        target(Figure::CpuPerRequest, Bound::AtMostTimes(cpu)),
    ]
}

fn idle() -> Vec<Target> {
    vec![target(Figure::IdleCpu, Bound::Below(10.0))]
}

fn per_connection() -> Target {
    target(Figure::PerConnection, Bound::Below(1024.0))
}
