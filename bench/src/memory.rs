//! What a process keeps resident.

use std::fs;

use anyhow::{Context, Result};

/// Bytes, from `/proc/<pid>/smaps_rollup`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resident {
    /// Private and shared pages alike.
    pub(crate) all: f64,
    /// Pages nobody else maps.
    pub(crate) private: f64,
    /// Shared pages divided among those who map them.
    pub(crate) proportional: f64,
}

impl Resident {
    pub(crate) fn of(pid: i32) -> Result<Self> {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let of = |key| field(&text, key).with_context(|| format!("{path} has no {key}"));
        Ok(Self {
            all: of("Rss:")?,
            private: of("Private_Clean:")? + of("Private_Dirty:")?,
            proportional: of("Pss:")?,
        })
    }
}

fn field(text: &str, key: &str) -> Option<f64> {
    let line = text.lines().find_map(|l| l.strip_prefix(key))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "Rss:   10 kB\nPss_Dirty: 3 kB\nPss:   7 kB\n";
        assert_eq!(field(text, "Pss:"), Some(7.0 * 1024.0));
        assert_eq!(field(text, "Swap:"), None);
    }
}
