//! The histogram of answer times.

use anyhow::{Context, Result};
use hdrhistogram::Histogram;

const LONGEST_NS: u64 = 60_000_000_000;

/// Three significant digits from one nanosecond to a minute; recording allocates nothing.
pub(crate) struct Latency(Histogram<u64>);

impl Latency {
    pub(crate) fn new() -> Result<Self> {
        Histogram::new_with_bounds(1, LONGEST_NS, 3)
            .map(Self)
            .context("cannot make the histogram")
    }

    pub(crate) fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let us = |ns: u64| ns as f64 / 1000.0;
        Percentiles {
            p50: us(self.0.value_at_quantile(0.5)),
            p99: us(self.0.value_at_quantile(0.99)),
            p999: us(self.0.value_at_quantile(0.999)),
            max: us(self.0.max()),
        }
    }
}

/// Microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Percentiles {
    /// Half of the answers came within this.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p999: f64,
    /// The slowest one.
    pub max: f64,
}
