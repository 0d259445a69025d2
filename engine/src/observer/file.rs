//! The statistics file: all figures, written anew at intervals, as JSON, as PHP or as plain lines.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::log::Log;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::stats::Figure;
use crate::sys::{clock, process};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Php,
    Lines,
}

/// The file and when it is due.
pub(super) struct StatsFile {
    path: PathBuf,
    /// Written first, then renamed: readers see the old figures or the new ones, never half of them.
    spare: PathBuf,
    format: Format,
    interval_ms: u64,
    due_ms: u64,
    /// The log says that it cannot be written.
    complained: bool,
}

impl StatsFile {
    /// If it is asked for.
    pub(super) fn new(settings: &Settings) -> Option<StatsFile> {
        let path = settings.stats_file.as_ref()?;
        let format = match path {
            path if path.ends_with(".json") => Format::Json,
            path if path.ends_with(".php") => Format::Php,
            _ => Format::Lines,
        };
        Some(StatsFile {
            path: path.into(),
            spare: format!("{path}.{}.new", process::pid()).into(),
            format,
            interval_ms: settings.stats_timer_interval_ms,
            due_ms: 0,
            complained: false,
        })
    }

    /// Monotonic ms at which to write it next.
    pub(super) fn due_ms(&self) -> u64 {
        self.due_ms
    }

    /// Write it now. One warning for a path that cannot be written, until it can.
    pub(super) fn write(&mut self, shared: &Shared, log: &Log) {
        self.due_ms = clock::monotonic_ms() + self.interval_ms;
        let written = self.replace(&text(shared, self.format));
        if let Err(error) = &written
            && !self.complained
        {
            let path = self.path.display();
            log.warning(format_args!(
                "stats_file: cannot write '{path}'. Error: {error}"
            ));
        }
        self.complained = written.is_err();
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        // A device, a pipe or a link would be lost by the renaming.
        if fs::symlink_metadata(&self.path).is_ok_and(|there| !there.is_file()) {
            return Err(io::Error::other("it is not a regular file"));
        }
        let _ = fs::remove_file(&self.spare); // there only if an earlier write broke off
        let made = OpenOptions::new()
            .write(true)
            .create_new(true) // whatever is there, a link to elsewhere even, is not ours to write to
            .mode(0o644)
            .open(&self.spare)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&self.spare, &self.path));
        if made.is_err() {
            let _ = fs::remove_file(&self.spare);
        }
        made
    }
}

type Entry = (&'static str, Figure);

fn text(shared: &Shared, format: Format) -> String {
    let server: Vec<Entry> = shared.stats(None).entries().collect();
    let workers: Vec<_> = (0..shared.children())
        .map(|worker| shared.worker_report(worker).entries())
        .collect();
    match format {
        Format::Json => json(&server, &workers),
        Format::Php => php(&server, &workers),
        Format::Lines => lines(&server, &workers),
    }
}

/// A figure as JSON writes it. Texts are the engine's own words: nothing to escape.
fn literal(figure: Figure) -> String {
    match figure {
        Figure::Number(number) => number.to_string(),
        Figure::Text(text) => format!("\"{text}\""),
        Figure::Truth(truth) => truth.to_string(),
    }
}

fn json<const N: usize>(server: &[Entry], workers: &[[Entry; N]]) -> String {
    let object = |entries: &[Entry]| {
        let pairs = entries.iter();
        let pairs = pairs.map(|(key, figure)| format!("\"{key}\":{}", literal(*figure)));
        pairs.collect::<Vec<_>>().join(",")
    };
    let workers: Vec<_> = workers
        .iter()
        .map(|worker| format!("{{{}}}", object(worker)))
        .collect();
    format!(
        "{{{},\"workers\":[{}]}}\n",
        object(server),
        workers.join(",")
    )
}

fn php<const N: usize>(server: &[Entry], workers: &[[Entry; N]]) -> String {
    let items = |entries: &[Entry], indent: &str| {
        let items = entries.iter();
        let items = items.map(|(key, figure)| {
            let value = literal(*figure).replace('"', "'");
            format!("{indent}'{key}' => {value},\n")
        });
        items.collect::<String>()
    };
    let mut text = format!(
        "<?php\nreturn array (\n{}  'workers' =>\n  array (\n",
        items(server, "  ")
    );
    for (id, worker) in workers.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "    {id} =>\n    array (\n{}    ),\n",
            items(worker, "      ")
        );
    }
    text + "  ),\n);\n"
}

/// `key: value`; the workers' keys are `workers.<id>.<key>`, truth is 1 or 0.
fn lines<const N: usize>(server: &[Entry], workers: &[[Entry; N]]) -> String {
    let line = |prefix: &str, (key, figure): &Entry| {
        let value = match figure {
            Figure::Number(number) => number.to_string(),
            Figure::Text(text) => (*text).to_string(),
            Figure::Truth(truth) => u8::from(*truth).to_string(),
        };
        format!("{prefix}{key}: {value}")
    };
    let mut lines: Vec<_> = server.iter().map(|entry| line("", entry)).collect();
    for (id, worker) in workers.iter().enumerate() {
        let prefix = format!("workers.{id}.");
        lines.extend(worker.iter().map(|entry| line(&prefix, entry)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: [Entry; 3] = [
        ("n", Figure::Number(7)),
        ("phase", Figure::Text("serving")),
        ("ready", Figure::Truth(true)),
    ];
    const WORKERS: [[Entry; 1]; 2] = [[("pid", Figure::Number(1))], [("pid", Figure::Number(2))]];

    #[test]
    fn every_format_has_the_same_figures() {
        assert_eq!(
            json(&SERVER, &WORKERS),
            "{\"n\":7,\"phase\":\"serving\",\"ready\":true,\"workers\":[{\"pid\":1},{\"pid\":2}]}\n"
        );
        assert_eq!(
            php(&SERVER, &WORKERS[..1]),
            "<?php\nreturn array (\n  'n' => 7,\n  'phase' => 'serving',\n  'ready' => true,\n  \
             'workers' =>\n  array (\n    0 =>\n    array (\n      'pid' => 1,\n    ),\n  ),\n);\n"
        );
        assert_eq!(
            lines(&SERVER, &WORKERS),
            "n: 7\nphase: serving\nready: 1\nworkers.0.pid: 1\nworkers.1.pid: 2"
        );
    }
}
