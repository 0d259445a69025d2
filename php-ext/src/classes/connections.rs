//! Class `Skep\Connection\Iterator`: the sessions of the running server, or those of one of its ports.
//!
//! It looks at the server of this process through [`globals::context`], so it holds nothing alive.

use std::cell::{Cell, RefCell};

use ext_php_rs::ffi::{zend_ce_arrayaccess, zend_ce_countable, zend_ce_iterator};
use skep::{Context, SessionId};

use super::alias;
use super::state::{self, Class, State, open_class};
use crate::convert;
use crate::exception::throw_error;
use crate::globals;
use crate::method::{Call, method, param, parse, ty};
use crate::zend::{Zv, zend_class_implements, zend_object, zval};

/// Sessions looked up at a time.
const PAGE: usize = 256;

/// Which sessions an iterator has.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    /// All of the server.
    All,
    /// Those that came by this port.
    Port(u16),
}

/// The Rust side of the object.
struct IteratorObject {
    whose: Cell<Whose>,
    /// Ids still to come, smallest last. Borrowed only while no PHP code can run.
    page: RefCell<Vec<SessionId>>,
    /// The id at hand; 0 at the end.
    current: Cell<SessionId>,
    /// Its place, from 1.
    place: Cell<i64>,
}

static CLASS: Class = Class::new(c"Skep\\Connection\\Iterator");

impl State for IteratorObject {
    const CLASS: &'static Class = &CLASS;

    fn new(_: *mut zend_object) -> IteratorObject {
        IteratorObject {
            whose: Cell::new(Whose::All),
            page: RefCell::new(Vec::new()),
            current: Cell::new(0),
            place: Cell::new(0),
        }
    }
}

pub(super) fn register() {
    let methods = [
        method!(c"__construct", construct, [], ty::NONE),
        method!(c"rewind", rewind, [], ty::VOID),
        method!(c"next", next, [], ty::VOID),
        method!(c"current", current, [], ty::MIXED),
        method!(c"key", key, [], ty::MIXED),
        method!(c"valid", valid, [], ty::BOOL),
        method!(c"count", count, [], ty::INT),
        method!(
            c"offsetExists",
            offset_exists,
            [param(c"fd", ty::MIXED)],
            ty::BOOL
        ),
        method!(
            c"offsetGet",
            offset_get,
            [param(c"fd", ty::MIXED)],
            ty::MIXED
        ),
        method!(
            c"offsetSet",
            offset_set,
            [param(c"fd", ty::MIXED), param(c"value", ty::MIXED)],
            ty::VOID
        ),
        method!(
            c"offsetUnset",
            offset_unset,
            [param(c"fd", ty::MIXED)],
            ty::VOID
        ),
    ];
    let class = open_class::<IteratorObject>(&methods);
    // SAFETY: a registered class and PHP's own interfaces.
    unsafe {
        zend_class_implements(
            class,
            3,
            zend_ce_iterator,
            zend_ce_arrayaccess,
            zend_ce_countable,
        )
    };
    alias(
        class,
        &[
            c"Swoole\\Connection\\Iterator",
            c"swoole_connection_iterator",
        ],
    );
}

/// A new iterator. Returns one reference.
pub(super) fn new(whose: Whose) -> *mut zend_object {
    let object = state::make::<IteratorObject>();
    // SAFETY: made above.
    unsafe { state::of::<IteratorObject>(object) }
        .whose
        .set(whose);
    object
}

fn construct(_: &mut Call) {
    throw_error(format_args!("please use the Skep\\Server->connections"));
}

fn this<'a>(call: &Call) -> &'a IteratorObject {
    // SAFETY: PHP calls methods of this class on its objects only.
    unsafe { state::of(call.this()) }
}

impl IteratorObject {
    /// Whether a session is open and one of these.
    fn has(&self, context: &Context, session: SessionId) -> bool {
        match self.whose.get() {
            Whose::All => context.exists(session),
            Whose::Port(port) => context.session_port(session) == Some(port),
        }
    }

    /// Go to the next session that is still open.
    fn advance(&self) {
        let after = self.current.replace(0);
        let Some(context) = globals::context() else {
            return;
        };
        let mut page = self.page.borrow_mut();
        let mut last = after;
        loop {
            while let Some(id) = page.pop() {
                last = id;
                if context.exists(id) {
                    self.current.set(id);
                    self.place.set(self.place.get() + 1);
                    return;
                }
            }
            *page = match self.whose.get() {
                Whose::All => context.sessions(last, PAGE),
                Whose::Port(port) => context.port_sessions(port, last, PAGE),
            };
            if page.is_empty() {
                return;
            }
            page.reverse();
        }
    }
}

fn rewind(call: &mut Call) {
    if parse!(call, c"") {
        let this = this(call);
        this.page.borrow_mut().clear();
        this.current.set(0);
        this.place.set(0);
        this.advance();
    }
}

fn next(call: &mut Call) {
    if parse!(call, c"") {
        let this = this(call);
        // From 0 the walk would begin again.
        if this.current.get() != 0 {
            this.advance();
        }
    }
}

fn current(call: &mut Call) {
    if parse!(call, c"") {
        call.give(Zv::long(this(call).current.get() as i64));
    }
}

fn key(call: &mut Call) {
    if parse!(call, c"") {
        call.give(Zv::long(this(call).place.get()));
    }
}

fn valid(call: &mut Call) {
    if parse!(call, c"") {
        call.give_bool(this(call).current.get() != 0);
    }
}

fn count(call: &mut Call) {
    if parse!(call, c"") {
        let whose = this(call).whose.get();
        let count = globals::context().map_or(0, |context| match whose {
            Whose::All => context.session_count(),
            Whose::Port(port) => context.port_session_count(port),
        });
        call.give(Zv::long(count as i64));
    }
}

/// The session that an offset names, as a number.
fn offset(call: &Call) -> Option<i64> {
    let mut offset: *mut zval = std::ptr::null_mut();
    // SAFETY: PHP's argument.
    parse!(call, c"z", offset).then(|| convert::integer(unsafe { Zv::read(offset) }))
}

fn offset_exists(call: &mut Call) {
    if let Some(session) = offset(call) {
        let this = this(call);
        let open = globals::context()
            .zip(SessionId::try_from(session).ok())
            .is_some_and(|(context, session)| this.has(context, session));
        call.give_bool(open);
    }
}

fn offset_get(call: &mut Call) {
    if let Some(session) = offset(call) {
        // Of another port: as if it did not exist.
        let session = match this(call).whose.get() {
            Whose::Port(port) if !came_by(session, port) => 0,
            _ => session,
        };
        call.give(convert::client_info(session));
    }
}

/// Whether a session, which may be at its end, came by this port.
fn came_by(session: i64, port: u16) -> bool {
    globals::context()
        .zip(SessionId::try_from(session).ok())
        .and_then(|(context, session)| context.info(session))
        .is_some_and(|info| info.port == port)
}

fn offset_set(call: &mut Call) {
    let (mut offset, mut value): (*mut zval, *mut zval) =
        (std::ptr::null_mut(), std::ptr::null_mut());
    let _ = parse!(call, c"zz", offset, value); // only to count them
}

fn offset_unset(call: &mut Call) {
    offset(call);
}
