//! Bytes that cannot become messages.

use crate::error::code;

/// Why a connection cannot go on. The numbers are what the log line says; they do not depend on how the reads cut the
/// bytes, except where the user's function looks at all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The message says that it is longer than the limit. Nothing of its body has been waited for.
    TooLarge {
        /// Length of the whole message.
        length: u64,
    },
    /// As many bytes as the limit allows, and no end in them.
    NoEnd {
        /// The limit.
        received: usize,
    },
    /// The message says that it has no bytes at all, not even those that say so.
    NoLength {
        /// Bytes that were needed to see it.
        received: usize,
    },
    /// The length is none: negative, out of range, shorter than the header, or the user's function refused the bytes.
    Malformed {
        /// Bytes that were needed to see it.
        received: usize,
    },
}

impl Violation {
    /// Number of the event, for the log line and the last error.
    pub(crate) fn code(&self) -> i32 {
        match self {
            Violation::TooLarge { .. } | Violation::NoEnd { .. } => code::PACKAGE_LENGTH_TOO_LARGE,
            Violation::NoLength { .. } => code::PACKAGE_LENGTH_NOT_FOUND,
            Violation::Malformed { .. } => code::PACKAGE_MALFORMED_DATA,
        }
    }

    /// Message of the log line, without function and number. `peer` is `ip:port`.
    pub(crate) fn text(&self, peer: &str) -> String {
        match self {
            Violation::TooLarge { length } => {
                format!("the received packet length {length} is too large, remote_addr=<{peer}>")
            }
            Violation::NoEnd { received } => {
                format!("The received data packet is too large, length={received} <{peer}>")
            }
            Violation::NoLength { received } => {
                format!("bad request, no length found in {received} bytes, remote_addr=<{peer}>")
            }
            Violation::Malformed { received } => {
                format!("received {received} bytes of malformed data, remote_addr=<{peer}>")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_codes_are_what_tools_look_for() {
        for (violation, code, text) in [
            (
                Violation::TooLarge { length: 100_004 },
                1201,
                "the received packet length 100004 is too large, remote_addr=<127.0.0.1:41234>",
            ),
            (
                Violation::NoEnd { received: 70000 },
                1201,
                "The received data packet is too large, length=70000 <127.0.0.1:41234>",
            ),
            (
                Violation::NoLength { received: 4 },
                1202,
                "bad request, no length found in 4 bytes, remote_addr=<127.0.0.1:41234>",
            ),
            (
                Violation::Malformed { received: 6 },
                1204,
                "received 6 bytes of malformed data, remote_addr=<127.0.0.1:41234>",
            ),
        ] {
            assert_eq!(violation.code(), code);
            assert_eq!(violation.text("127.0.0.1:41234"), text);
        }
    }
}
