//! What the settings say about the log.

use std::ffi::CString;

use crate::sys::clock;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// As described at the top of the module.
    Text,
    /// One JSON object.
    Json,
}

/// How often a new file is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    Never,
    Monthly,
    Daily,
    Hourly,
    EveryMinute,
}

impl Rotation {
    /// By the number of the setting, out of range: the nearest.
    pub(crate) fn from_number(number: i64) -> Rotation {
        match number {
            ..=0 => Rotation::Never,
            1 => Rotation::Monthly,
            2 => Rotation::Daily,
            3 => Rotation::Hourly,
            4.. => Rotation::EveryMinute,
        }
    }

    /// What comes behind the file's name now.
    pub(super) fn suffix(self) -> String {
        clock::local_time(match self {
            Rotation::Never => return String::new(),
            Rotation::Monthly => c".%Y%m",
            Rotation::Daily => c".%Y%m%d",
            Rotation::Hourly => c".%Y%m%d%H",
            Rotation::EveryMinute => c".%Y%m%d%H%M",
        })
    }
}

/// The log's settings.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Lines below this level are dropped.
    pub(crate) level: u8,
    /// Absolute path; `None`: standard output.
    pub(crate) file: Option<String>,
    pub(crate) format: Format,
    /// For strftime(3).
    pub(crate) date_format: CString,
    pub(crate) microseconds: bool,
    pub(crate) rotation: Rotation,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            level: 2,
            file: None,
            format: Format::Text,
            date_format: c"%F %T".into(),
            microseconds: false,
            rotation: Rotation::Never,
        }
    }
}
