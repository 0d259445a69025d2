//! Answers: status line, a few headers, a small body.

use super::openmetrics;
use super::request::{Page, Refusal};
use crate::shared::Shared;
use crate::shared::phase::Phase;
use crate::stats::WorkerState;
use crate::sync::Ordering;
use crate::sys::process;

const TEXT: &str = "text/plain; charset=utf-8";
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is answered, before it is written as HTTP.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    status: &'static str,
    kind: &'static str,
    body: String,
}

impl Answer {
    fn text(status: &'static str, body: &str) -> Answer {
        Answer {
            status,
            kind: TEXT,
            body: format!("{body}\n"),
        }
    }

    fn good(reason: Result<(), &str>) -> Answer {
        match reason {
            Ok(()) => Answer::text("200 OK", "ok"),
            Err(reason) => Answer::text("503 Service Unavailable", reason),
        }
    }

    /// For a page. `turns`: whether the master's main loop turns, which only [`Page::Health`] asks.
    pub(super) fn to(page: Page, turns: bool, shared: &Shared) -> Answer {
        match page {
            Page::Metrics { classic } => Answer {
                status: "200 OK",
                kind: if classic { CLASSIC } else { OPENMETRICS },
                body: openmetrics::page(shared, classic),
            },
            Page::Health => Answer::good(health(turns, shared)),
            Page::Readiness => Answer::good(readiness(shared)),
        }
    }

    /// For a request that cannot be met.
    pub(super) fn refusal(refusal: Refusal) -> Answer {
        match refusal {
            Refusal::Malformed => Answer::text("400 Bad Request", "bad request"),
            Refusal::Unknown => {
                Answer::text("404 Not Found", "there are /metrics, /healthz and /readyz")
            }
            Refusal::Method => Answer::text("405 Method Not Allowed", "only GET and HEAD"),
        }
    }

    /// As bytes. `head`: without the body.
    pub(super) fn encode(&self, head: bool) -> Vec<u8> {
        let allow = match self.status.starts_with("405") {
            true => "Allow: GET, HEAD\r\n",
            false => "",
        };
        let (status, kind, length) = (self.status, self.kind, self.body.len());
        let mut text = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Cache-Control: no-store\r\n{allow}Connection: close\r\n\r\n"
        );
        if !head {
            text.push_str(&self.body);
        }
        text.into_bytes()
    }
}

fn health(turns: bool, shared: &Shared) -> Result<(), &'static str> {
    let manager = shared.server().manager_pid.load(Ordering::Acquire);
    if !turns {
        Err("the main loop of the master does not turn")
    } else if manager > 0 && !process::is_child(manager) {
        Err("the manager is gone")
    } else {
        Ok(())
    }
}

fn readiness(shared: &Shared) -> Result<(), &'static str> {
    let phase = Phase::of(shared);
    if phase != Phase::Serving {
        return Err(phase.name());
    }
    let serves = |worker| {
        let state = WorkerState::of(shared.seat_block(shared.seat_of(worker)));
        matches!(state, WorkerState::Idle | WorkerState::Busy)
    };
    match (0..shared.workers()).any(serves) {
        true => Ok(()),
        false => Err("no worker is ready"),
    }
}
