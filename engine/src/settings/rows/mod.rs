//! The rows of the table, by theme.

mod daemon;
mod framing;
mod lifecycle;
mod logging;
mod metrics;
mod network;
mod proxy;
mod sessions;
mod sockets;
mod tasks;
mod tls;
mod workers;

use super::table::Row;

pub(super) static GROUPS: &[&[Row]] = &[
    daemon::ROWS,
    framing::ROWS,
    lifecycle::ROWS,
    logging::ROWS,
    metrics::ROWS,
    network::ROWS,
    proxy::ROWS,
    sessions::ROWS,
    sockets::ROWS,
    tasks::ROWS,
    tls::ROWS,
    workers::ROWS,
];
