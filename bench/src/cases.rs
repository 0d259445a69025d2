//! What is measured against what, and the targets.

use std::collections::BTreeMap;

/// One measurement: what it yielded.
pub(crate) type Sample = BTreeMap<Figure, f64>;

/// Something a measurement yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    Rate,
    Megabytes,
    CpuPerRequest,
    P50,
    P99,
    P999,
    Slowest,
    DriverCores,
    OtherCores,
    CoreDistance,
    IdleCpu,
    IdleProcesses,
    PerConnection,
    PrivatePerConnection,
    ProportionalPerConnection,
    MasterAtStart,
    BeyondPhp,
    BeyondExtension,
    LaneRate,
    LaneWakes,
}

impl Figure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rate => "req/s",
            Self::Megabytes => "MB/s",
            Self::CpuPerRequest => "CPU µs/request",
            Self::P50 => "p50 µs",
            Self::P99 => "p99 µs",
            Self::P999 => "p99.9 µs",
            Self::Slowest => "max µs",
            Self::DriverCores => "driver cores",
            Self::OtherCores => "others' cores",
            Self::CoreDistance => "core to core ns",
            Self::IdleCpu => "CPU ms of the tree",
            Self::IdleProcesses => "processes",
            Self::PerConnection => "resident B/connection",
            Self::PrivatePerConnection => "private B/connection",
            Self::ProportionalPerConnection => "Pss B/connection",
            Self::MasterAtStart => "master KiB at start",
            Self::BeyondPhp => "master KiB beyond PHP",
            Self::BeyondExtension => "master KiB beyond PHP with the extension loaded",
            Self::LaneRate => "messages/s",
            Self::LaneWakes => "wakes/message",
        }
    }

    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::LaneWakes => format!("{value:.4}"),
            Self::CpuPerRequest if value < 100.0 => format!("{value:.2}"),
            Self::DriverCores | Self::OtherCores | Self::IdleCpu => format!("{value:.2}"),
            _ if value.abs() >= 1000.0 => format!("{value:.0}"),
            _ => format!("{value:.1}"),
        }
    }
}

/// A server that takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Bare,
    Php { reactors: usize, workers: usize },
    C,
    Lane,
}

const PHP: Side = Side::Php {
    reactors: 1,
    workers: 1,
};

impl Side {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Bare => "bare loop".to_string(),
            Self::Php { reactors, workers } => format!("php {reactors}+{workers}"),
            Self::C => "c 1+1".to_string(),
            Self::Lane => "lane".to_string(),
        }
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
    Idle { connections: usize },
    Memory { connections: usize },
    Lane,
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
    let limit = || (Side::Bare, vec![]);
    vec![
        Case {
            key: "echo-50x32",
            title: "echo, 50 connections, 32 B",
            kind: echo(50, 32),
            sides: vec![
                limit(),
                (PHP, speed(0.90, 1.4)),
                (Side::C, speed(0.95, 1.2)),
            ],
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
                    Side::Php {
                        reactors: 2,
                        workers: 2,
                    },
                    vec![target(Figure::Rate, Bound::AtLeastTimes(1.0))],
                ),
            ],
        },
        Case {
            key: "big-1m",
            title: "1 MiB messages echoed, 4 connections",
            kind: echo(4, 1 << 20),
            sides: vec![limit(), (PHP, vec![]), (Side::C, vec![])],
        },
        Case {
            key: "idle",
            title: "idle, 200 connections",
            kind: Kind::Idle { connections: 200 },
            sides: vec![limit(), (PHP, idle()), (Side::C, idle())],
        },
        Case {
            key: "memory",
            title: "memory of the master, 5000 idle connections",
            kind: Kind::Memory { connections: 5000 },
            sides: vec![
                limit(),
                (
                    PHP,
                    vec![
                        per_connection(),
                        target(Figure::BeyondPhp, Bound::Below(8192.0)),
                    ],
                ),
                (Side::C, vec![per_connection()]),
            ],
        },
        Case {
            key: "lane",
            title: "lane alone, two processes, 64 B",
            kind: Kind::Lane,
            sides: vec![(
                Side::Lane,
                vec![
                    target(Figure::LaneRate, Bound::AtLeast(20e6)),
                    target(Figure::LaneWakes, Bound::Below(0.02)),
                ],
            )],
        },
    ]
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
    target(Figure::PerConnection, Bound::Below(2048.0))
}
