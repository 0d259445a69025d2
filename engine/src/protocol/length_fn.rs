//! The user's function says how long a message is.

use std::sync::Arc;

use super::Violation;

/// `package_length_func`: shown the beginning of a message, it returns the length of the whole message, 0 if it cannot
/// say yet, something negative if this is none.
pub(crate) type LengthFn = Arc<dyn Fn(&[u8]) -> i64 + Send + Sync>;

/// How much the function is shown: at first so much, and the rest only if that does not tell it enough. A front copies
/// what it shows, so with many short messages in one read the first figure is what each of them costs.
const SHOWN: [usize; 2] = [8192, 65536];

/// Length of the message that begins with `window`, which cannot get longer if it is `full`. `seen` is how much the
/// function has been shown; it is asked again only when there is more to show.
pub(super) fn total(
    function: &LengthFn,
    window: &[u8],
    full: bool,
    seen: &mut usize,
) -> Result<Option<u64>, Violation> {
    for most in SHOWN {
        let prefix = &window[..window.len().min(most)];
        if prefix.len() <= *seen {
            continue;
        }
        *seen = prefix.len();
        match function(prefix) {
            0 => {}
            length @ 1.. => return Ok(Some(length as u64)),
            _ => {
                return Err(Violation::Malformed {
                    received: prefix.len(),
                });
            }
        }
    }
    if full {
        return Err(Violation::NoEnd {
            received: window.len(),
        });
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Answers in turn, and what each call was shown.
    struct Script {
        function: LengthFn,
        shown: Arc<Mutex<Vec<usize>>>,
    }

    fn script(answers: &'static [i64]) -> Script {
        let shown = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&shown);
        let function: LengthFn = Arc::new(move |bytes| {
            let mut seen = seen.lock().unwrap();
            seen.push(bytes.len());
            answers[seen.len() - 1]
        });
        Script { function, shown }
    }

    #[test]
    fn is_asked_again_only_when_there_is_more_to_show() {
        let script = script(&[0, 0, 0, 9]);
        let bytes = [0; 70000];
        let mut seen = 0;
        for length in [1, 1, 2, 2, 2, 8192, 8192, 8193] {
            let answer = total(&script.function, &bytes[..length], false, &mut seen);
            assert_eq!(answer, Ok((length == 8193).then_some(9)), "{length}");
        }
        assert_eq!(*script.shown.lock().unwrap(), [1, 2, 8192, 8193]);
    }

    #[test]
    fn is_shown_little_first_and_never_more_than_64_kib() {
        let script = script(&[0, 0]);
        let bytes = [0; 200_000];
        let mut seen = 0;
        for length in [65536, 65537, 200_000] {
            assert_eq!(
                total(&script.function, &bytes[..length], false, &mut seen),
                Ok(None)
            );
        }
        assert_eq!(*script.shown.lock().unwrap(), [8192, 65536]);
    }

    #[test]
    fn negative_is_malformed() {
        for answers in [&[-1], &[i64::MIN]] {
            let script = script(answers);
            assert_eq!(
                total(&script.function, &[1, 2, 3], false, &mut 0),
                Err(Violation::Malformed { received: 3 })
            );
        }
    }
}
