//! A list of networks, as the setting `proxy_protocol_from` takes it.

use std::net::IpAddr;

use ipnet::IpNet;

/// The networks named, and whether the peers of unix sockets are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Networks {
    networks: Vec<IpNet>,
    unix: bool,
}

impl Networks {
    /// Read a list such as `127.0.0.1, 10.0.0.0/8, fd00::/8, unix`. An empty text names nobody. The error
    /// says which item is wrong and what may stand there.
    pub(crate) fn parse(text: &str) -> Result<Networks, String> {
        let mut list = Networks::default();
        if text.trim().is_empty() {
            return Ok(list);
        }
        for item in text.split(',').map(str::trim) {
            match item {
                "unix" => list.unix = true,
                _ => list.networks.push(network(item)?),
            }
        }
        Ok(list)
    }

    /// Whether nobody is named.
    pub(crate) fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Whether `address` is in one of them. An IPv4 address is the same whether written as IPv6 or not; the
    /// IPv6 networks around that notation, like `::/0`, hold IPv6 addresses only.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// Whether the word `unix` is in the list.
    pub(crate) fn contains_unix(&self) -> bool {
        self.unix
    }
}

fn network(item: &str) -> Result<IpNet, String> {
    let (address, bits) = match item.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (item, None),
    };
    let address: IpAddr = address.parse().map_err(|_| match item {
        "" => "an item of the list is empty".to_string(),
        _ => format!(
            "'{item}' is neither an IP address, nor a network like 10.0.0.0/8 or fd00::/8, nor the word unix"
        ),
    })?;
    let Some(bits) = bits else {
        return Ok(IpNet::from(address.to_canonical()));
    };
    let most = IpNet::from(address).max_prefix_len();
    let network = Some(bits)
        .filter(|bits| bits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|bits| bits.parse().ok())
        .and_then(|bits| IpNet::new(address, bits).ok())
        .ok_or_else(|| {
            format!("'{item}' must have a number of bits from 0 to {most} behind the slash")
        })?;
    let whole = network.trunc();
    if network != whole {
        return Err(format!(
            "'{item}' has bits set outside its mask: write {whole} for that network or {address} for this address alone"
        ));
    }
    Ok(canonical(whole))
}

/// A network of IPv4 addresses written as IPv6 is one of IPv4.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(wide) = network else {
        return network;
    };
    let bits = wide.prefix_len().checked_sub(96);
    match wide.addr().to_ipv4_mapped().zip(bits) {
        Some((address, bits)) => IpNet::new(address.into(), bits).unwrap_or(network),
        None => network,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn has(list: &str, address: &str) -> bool {
        let list = Networks::parse(list).unwrap();
        list.contains(address.parse().unwrap())
    }

    #[test]
    fn addresses_are_found_in_their_networks() {
        let list = " 127.0.0.1,10.0.0.0/8 , ::1, fd00::/8";
        for inside in [
            "127.0.0.1",
            "10.0.0.0",
            "10.255.255.255",
            "::1",
            "fd00::",
            "fdff::1",
            "::ffff:127.0.0.1",
            "::ffff:10.9.8.7",
        ] {
            assert!(has(list, inside), "{inside}");
        }
        for outside in [
            "127.0.0.2",
            "9.255.255.255",
            "11.0.0.0",
            "::2",
            "fe00::",
            "::127.0.0.1",
            "::ffff:11.0.0.0",
        ] {
            assert!(!has(list, outside), "{outside}");
        }
    }

    #[test]
    fn whole_families_can_be_named() {
        assert!(has("0.0.0.0/0", "203.0.113.9"));
        assert!(has("0.0.0.0/0", "::ffff:203.0.113.9"));
        assert!(!has("0.0.0.0/0", "::1"));
        assert!(has("::/0", "2001:db8::1"));
        assert!(!has("::/0", "203.0.113.9"));
        assert!(!has("::/0", "::ffff:203.0.113.9"));
    }

    #[test]
    fn networks_of_ipv4_may_be_written_as_ipv6() {
        assert!(has("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!has("::ffff:10.0.0.0/104", "11.1.2.3"));
        assert!(has("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(has("::ffff:0:0/96", "192.0.2.1"));
        assert!(!has("::fffe:0:0/95", "192.0.2.1"));
    }

    #[test]
    fn the_peers_of_unix_sockets_have_a_word() {
        assert!(
            Networks::parse("unix")
                .is_ok_and(|list| { list.contains_unix() && list.networks.is_empty() })
        );
        assert!(Networks::parse("::1, unix,10.0.0.0/8").is_ok_and(|list| list.contains_unix()));
        assert!(Networks::parse("0.0.0.0/0,::/0").is_ok_and(|list| {
            !list.contains_unix() && list.contains(IpAddr::from([1, 2, 3, 4]))
        }));
    }

    #[test]
    fn an_empty_text_names_nobody() {
        assert_eq!(Networks::parse(""), Ok(Networks::default()));
        assert_eq!(Networks::parse("  "), Ok(Networks::default()));
        assert!(!has("", "127.0.0.1"));
    }

    #[test]
    fn errors_say_what_to_write() {
        for (text, part) in [
            ("127.0.0.1,", "empty"),
            (",", "empty"),
            ("localhost", "'localhost' is neither"),
            ("10.0.0", "'10.0.0' is neither"),
            ("010.0.0.0/8", "neither"),
            ("[::1]", "neither"),
            ("fe80::1%lo", "neither"),
            ("10.0.0.0/8 unix", "from 0 to 32"),
            ("/8", "neither"),
            ("UNIX", "the word unix"),
            ("::1, 10.0.0.0/33", "'10.0.0.0/33' must have"),
            ("10.0.0.0/", "from 0 to 32"),
            ("10.0.0.0/+8", "from 0 to 32"),
            ("10.0.0.0/255.0.0.0", "from 0 to 32"),
            ("fd00::/129", "from 0 to 128"),
            (
                "10.0.0.1/8",
                "write 10.0.0.0/8 for that network or 10.0.0.1 for",
            ),
            ("fd00::1/64", "write fd00::/64 for"),
            ("::ffff:10.0.0.1/104", "write ::ffff:10.0.0.0/104 for"),
        ] {
            match Networks::parse(text) {
                Err(why) => assert!(why.contains(part), "{text}: {why}"),
                Ok(list) => panic!("{text}: {list:?}"),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_network_holds_what_shares_its_bits(base: u128, other: u128, near in 0..=128u32, bits in 0..=128u32) {
            // `other` shares at least `near` leading bits with `base`.
            let base = base | 1 << 127; // not one of IPv4
            let keep = |bits: u32| u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            let other = (base & keep(near)) | (other & !keep(near));
            let [base, other] = [base, other].map(std::net::Ipv6Addr::from_bits);
            let network = std::net::Ipv6Addr::from_bits(base.to_bits() & keep(bits));
            let list = Networks::parse(&format!("{network}/{bits}")).unwrap();
            let shares = (base.to_bits() ^ other.to_bits()).leading_zeros() >= bits;
            prop_assert!(list.contains(IpAddr::V6(base)));
            prop_assert_eq!(list.contains(IpAddr::V6(other)), shares);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-fnux:./, %]{0,30}") {
            if let Err(why) = Networks::parse(&text) {
                prop_assert!(!why.is_empty());
            }
        }
    }
}
