//! A port's rule for where its messages end, and how far a connection has got with the next one.

use std::num::NonZeroUsize;

use super::length_fn::{self, LengthFn};
use super::{LengthField, Marker, Violation, mqtt, raw};

/// `package_max_length` unless the port says otherwise.
pub(crate) const DEFAULT_MAX_LENGTH: usize = 2 << 20;

/// A smaller `package_max_length` counts as this.
pub(crate) const MIN_MAX_LENGTH: usize = 65536;

/// How the bytes of a port's connections become messages; fixed when the server starts. One per port, shared by its
/// connections.
pub(crate) struct Framing {
    rule: Rule,
    max: usize,
}

/// Where a message ends.
pub(crate) enum Rule {
    /// Where the read ends.
    Raw,
    /// Where a read ends, if the bytes so far end with the marker (`open_eof_check`).
    EofCheck(Marker),
    /// Behind each marker (`open_eof_split`).
    EofSplit(Marker),
    /// Where a field at a fixed place says (`open_length_check`).
    Length(LengthField),
    /// Where the user's function says (`package_length_func`).
    LengthBy(LengthFn),
    /// Where the fixed header of an MQTT control packet says (`open_mqtt_protocol`).
    Mqtt,
}

/// What is known about the message a connection is receiving. Back to the default when that message is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// So many bytes have been looked at, or shown to the user's function, without finding an end.
    seen: usize,
    /// Length of the whole message, once it is known.
    total: Option<NonZeroUsize>,
}

const _: () = assert!(size_of::<Progress>() <= 16); // every connection has one

/// What [`Framing::next`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// So many bytes from the front are the message.
    Message(usize),
    /// More bytes are needed.
    More {
        /// Length of the whole message if it is known already; never more than the limit. What a peer says is no reason
        /// to set that much memory aside: the buffer grows with the bytes that arrive.
        total: Option<usize>,
    },
    /// The bytes break the rule, or the message is too long; the connection cannot go on.
    Broken(Violation),
}

impl Framing {
    /// A limit below [`MIN_MAX_LENGTH`] is raised to it.
    pub(crate) fn new(rule: Rule, max_length: usize) -> Framing {
        Framing {
            rule,
            max: max_length.max(MIN_MAX_LENGTH),
        }
    }

    /// With exactly this limit, so that short inputs reach it.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn with_limit(rule: Rule, max: usize) -> Framing {
        Framing { rule, max }
    }

    /// Looks for the end of the first message in `bytes`.
    ///
    /// `progress` belongs to the connection. The caller resets it after taking a message, and `bytes` starts behind that
    /// message from then on; until then `bytes` only grows at the end. Asking again before the message is taken gives the
    /// same message and costs nothing. For [`Rule::EofCheck`] a call means that a read has ended here.
    pub(crate) fn next(&self, bytes: &[u8], progress: &mut Progress) -> Step {
        if bytes.is_empty() {
            return Step::More { total: None };
        }
        if let Some(total) = progress.total {
            return arrived(bytes, total);
        }
        // Who searches does not look behind the limit: where reads end must not decide what is still found.
        let window = &bytes[..bytes.len().min(self.max)];
        let full = window.len() == self.max;
        let seen = &mut progress.seen;
        let total = match &self.rule {
            Rule::Raw => Ok(Some(window.len().min(raw::CHUNK) as u64)),
            Rule::EofCheck(marker) => ended(marker.ends(window), full, window),
            Rule::EofSplit(marker) => ended(marker.find(window, seen), full, window),
            Rule::Length(field) => field.total(bytes),
            Rule::LengthBy(function) => length_fn::total(function, window, full, seen),
            Rule::Mqtt => mqtt::total(bytes),
        };
        match total.and_then(|total| self.within_limit(total)) {
            Ok(Some(total)) => {
                progress.total = Some(total);
                arrived(bytes, total)
            }
            Ok(None) => Step::More { total: None },
            Err(violation) => Step::Broken(violation),
        }
    }

    fn within_limit(&self, total: Option<u64>) -> Result<Option<NonZeroUsize>, Violation> {
        let Some(length) = total else { return Ok(None) };
        match usize::try_from(length) {
            Ok(narrow) if narrow <= self.max => Ok(NonZeroUsize::new(narrow)),
            _ => Err(Violation::TooLarge { length }),
        }
    }
}

fn arrived(bytes: &[u8], total: NonZeroUsize) -> Step {
    let total = total.get();
    if total <= bytes.len() {
        Step::Message(total)
    } else {
        Step::More { total: Some(total) }
    }
}

/// What a search says about a window that is `full` when a longer one would pass the limit.
fn ended(end: Option<usize>, full: bool, window: &[u8]) -> Result<Option<u64>, Violation> {
    match end {
        Some(end) => Ok(Some(end as u64)),
        None if full => Err(Violation::NoEnd {
            received: window.len(),
        }),
        None => Ok(None),
    }
}
