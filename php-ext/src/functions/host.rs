//! About the machine and about bytes: addresses, hash codes.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use ext_php_rs::ffi::{_zend_new_array, zend_hash_str_update};
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;

use crate::method::{Call, Entry, method, optional, param, parse, ty};
use crate::zend::Zv;

pub(super) fn entries() -> [Entry; 4] {
    [
        method!(
            c"swoole_get_local_ip",
            local_ip,
            [optional(c"family", ty::INT, c"2")],
            ty::ARRAY
        ),
        method!(c"swoole_get_local_mac", local_mac, [], ty::ARRAY),
        method!(
            c"swoole_hashcode",
            hashcode,
            [param(c"data", ty::STRING), optional(c"type", ty::INT, c"0")],
            ty::INT | ty::FALSE
        ),
        method!(c"swoole_clear_dns_cache", clear_dns_cache, [], ty::VOID),
    ]
}

/// A PHP array of texts, made of Rust values that are gone by then: filling the array may end the script.
fn give(call: &mut Call, texts: BTreeMap<String, String>) {
    // One block of bytes and the places in it; lost, should the script end.
    let texts = std::mem::ManuallyDrop::new(texts);
    // SAFETY: a new array, one reference; keys are copied.
    let array = unsafe { _zend_new_array(8) };
    for (name, text) in &*texts {
        let mut value = Zv::text(text.as_bytes());
        // SAFETY: as above.
        unsafe { zend_hash_str_update(array, name.as_ptr().cast(), name.len(), value.ptr()) };
    }
    drop(std::mem::ManuallyDrop::into_inner(texts));
    call.give(Zv::array(array));
}

/// Interfaces that are up and lead out of the machine.
fn interfaces() -> impl Iterator<Item = InterfaceAddress> {
    let all = getifaddrs().into_iter().flatten();
    all.filter(|interface| {
        let flags = interface.flags;
        flags.contains(InterfaceFlags::IFF_UP) && !flags.contains(InterfaceFlags::IFF_LOOPBACK)
    })
}

fn local_ip(call: &mut Call) {
    let mut family = i64::from(libc::AF_INET);
    if !parse!(call, c"|l", family) {
        return;
    }
    let mut found = BTreeMap::new();
    for interface in interfaces() {
        let Some(address) = &interface.address else {
            continue;
        };
        match i32::try_from(family) {
            Ok(libc::AF_INET) => {
                if let Some(address) = address.as_sockaddr_in() {
                    // An interface's first address is its own; others came later.
                    found
                        .entry(interface.interface_name)
                        .or_insert(address.ip().to_string());
                }
            }
            Ok(libc::AF_INET6) => {
                if let Some(address) = address.as_sockaddr_in6() {
                    put_global(&mut found, interface.interface_name, address.ip());
                }
            }
            _ => {}
        }
    }
    give(call, found);
}

/// The first address, but one that is good beyond the link rather than one that is not.
fn put_global(found: &mut BTreeMap<String, String>, name: String, address: Ipv6Addr) {
    let before = found.get(&name).and_then(|text| text.parse().ok());
    let is_better = match before {
        None => true,
        Some::<Ipv6Addr>(before) => {
            before.is_unicast_link_local() && !address.is_unicast_link_local()
        }
    };
    if is_better {
        found.insert(name, address.to_string());
    }
}

fn local_mac(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let mut found = BTreeMap::new();
    for interface in interfaces() {
        let link = interface.address.as_ref().and_then(|a| a.as_link_addr());
        if let Some(octets) = link.and_then(|link| link.addr()) {
            let octets = octets.map(|octet| format!("{octet:02X}"));
            found.insert(interface.interface_name, octets.join(":"));
        }
    }
    give(call, found);
}

/// Type 0: XXH64 without its top bit, so that `% n` is an index. Type 1: CRC-32, as `crc32()`.
fn hashcode(call: &mut Call) {
    let (mut data, mut len, mut kind) = (std::ptr::null::<u8>(), 0usize, 0i64);
    if !parse!(call, c"s|l", data, len, kind) {
        return;
    }
    // SAFETY: PHP's argument, alive during the call.
    let data = unsafe { std::slice::from_raw_parts(data, len) };
    call.give(match kind {
        0 => Zv::long((twox_hash::XxHash64::oneshot(0, data) & (u64::MAX >> 1)).cast_signed()),
        1 => Zv::long(crc32fast::hash(data).into()),
        _ => Zv::bool(false),
    });
}

/// Names are looked up by the C library, which keeps no answers but what it has read of its configuration: that is
/// read anew.
fn clear_dns_cache(call: &mut Call) {
    unsafe extern "C" {
        #[link_name = "__res_init"]
        fn res_init() -> libc::c_int;
    }
    if parse!(call, c"") {
        // SAFETY: reads resolv.conf into state of this thread, which is PHP's one thread.
        unsafe { res_init() };
    }
}
