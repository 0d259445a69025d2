//! What a measurement yields.

/// In the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    Rate,
    Megabytes,
    CpuPerRequest,
    CpuPerMegabyte,
    P50,
    P99,
    P999,
    Slowest,
    Lost,
    ServerCores,
    DriverCores,
    OtherCores,
    CoreDistance,
    SlowestAnswer,
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
            Self::CpuPerMegabyte => "CPU µs/MB",
            Self::P50 => "p50 µs",
            Self::P99 => "p99 µs",
            Self::P999 => "p99.9 µs",
            Self::Slowest => "max µs",
            Self::Lost => "lost per million",
            Self::ServerCores => "server cores",
            Self::DriverCores => "driver cores",
            Self::OtherCores => "others' cores",
            Self::CoreDistance => "core to core ns",
            Self::SlowestAnswer => "slowest answer ms",
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
            Self::CpuPerRequest if value < 1.0 => format!("{value:.3}"),
            Self::CpuPerRequest if value < 100.0 => format!("{value:.2}"),
            Self::ServerCores | Self::DriverCores | Self::OtherCores | Self::IdleCpu => {
                format!("{value:.2}")
            }
            _ if value.abs() >= 1000.0 => format!("{value:.0}"),
            _ => format!("{value:.1}"),
        }
    }
}
