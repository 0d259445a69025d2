//! Codes whose lines nobody wants to see. Of one process and those it forks.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use crate::sync::{AtomicU32, Ordering};

static CODES: RwLock<BTreeSet<i32>> = RwLock::new(BTreeSet::new());
/// How many there are: none, usually.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// From now on, write no line that carries this code.
pub fn ignore_error(code: i32) {
    let mut codes = CODES.write().unwrap_or_else(PoisonError::into_inner);
    codes.insert(code);
    COUNT.store(codes.len() as u32, Ordering::Relaxed);
}

pub(super) fn has(code: i32) -> bool {
    COUNT.load(Ordering::Relaxed) > 0
        && CODES
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&code)
}

/// Whether a text says ` (ERRNO <code>)` with such a code.
pub(super) fn is_in(text: &str) -> bool {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return false;
    }
    let Some((_, after)) = text.split_once("(ERRNO ") else {
        return false;
    };
    let code = after
        .split_once(')')
        .and_then(|(code, _)| code.parse().ok());
    code.is_some_and(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_known_by_their_code() {
        assert!(!is_in("send() (ERRNO 12345): no"));
        ignore_error(12345);
        assert!(is_in("send() (ERRNO 12345): no") && is_in(" (ERRNO 12345): no"));
        assert!(!is_in("send() (ERRNO 1234): no") && !is_in("12345") && !is_in("(ERRNO 12345"));
        assert!(has(12345) && !has(0));
    }
}
