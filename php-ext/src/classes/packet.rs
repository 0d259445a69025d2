//! `Skep\Server\Packet`: a datagram as an object. Plain data, which scripts may make, copy and serialize.

use std::ptr::null_mut;

use super::{alias, new_class, property};
use crate::zend::Zv;

pub(crate) fn register() {
    let class = new_class(c"Skep\\Server\\Packet", null_mut(), &[]);
    // SAFETY: just registered.
    unsafe { (*class).ce_flags |= super::ALLOW_DYNAMIC_PROPERTIES };
    property(class, c"server_socket", Zv::long(0), true);
    property(class, c"server_port", Zv::long(0), true);
    property(class, c"dispatch_time", Zv::double(0.0), true);
    property(class, c"address", Zv::NULL, true);
    property(class, c"port", Zv::long(0), true);
    property(class, c"data", Zv::NULL, true);
    alias(class, &[c"Swoole\\Server\\Packet"]);
}
