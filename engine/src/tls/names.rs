//! Which certificate a client is shown, by the server name it asks for.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Certificates by name. Names are lower case; a `*` stands for exactly one label, the left-most.
#[derive(Debug, Default)]
pub(super) struct Names {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// What follows `*.`.
    wild: HashMap<String, Arc<CertifiedKey>>,
    default: Option<Arc<CertifiedKey>>,
}

thread_local! {
    // rustls tells the resolver the name but, with the unbuffered interface, nobody else. The resolver runs inside the
    // call that feeds the session, on the same thread, and the session takes the name right after that call.
    static ASKED: Cell<Option<Box<str>>> = const { Cell::new(None) };
}

/// The name that the resolver was asked for since the last call.
pub(super) fn asked() -> Option<Box<str>> {
    ASKED.take()
}

impl Names {
    pub(super) fn new(default: Option<Arc<CertifiedKey>>) -> Names {
        Names {
            default,
            ..Names::default()
        }
    }

    pub(super) fn add(&mut self, pattern: &str, key: Arc<CertifiedKey>) {
        let pattern = pattern.to_ascii_lowercase();
        match pattern.strip_prefix("*.") {
            Some(parent) => self.wild.insert(parent.into(), key),
            None => self.exact.insert(pattern, key),
        };
    }

    fn find(&self, name: Option<&str>) -> Option<&Arc<CertifiedKey>> {
        let named = name.and_then(|name| {
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            let parent = name.split_once('.').map(|(_, parent)| parent);
            self.exact
                .get(&name)
                .or_else(|| parent.and_then(|parent| self.wild.get(parent)))
        });
        named.or(self.default.as_ref())
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        ASKED.set(hello.server_name().map(Box::from));
        self.find(hello.server_name()).cloned()
    }
}
