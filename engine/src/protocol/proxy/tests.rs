//! Headers good and bad, and what must hold of any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn ip(client: &str, server: &str) -> Source {
    Source::Ip {
        client: client.parse().unwrap(),
        server: server.parse().unwrap(),
    }
}

/// `header` is one, of all its bytes, and names `source`; whatever follows it and wherever it is split.
#[track_caller]
fn good(header: &[u8], source: Source) {
    let len = header.len();
    assert_eq!(parse(header), Proxied::Header { len, source });
    for end in 0..len {
        assert_eq!(parse(&header[..end]), Proxied::More, "cut off at {end}");
    }
    for behind in [&b"\r\n"[..], b"PROXY ", b"\0", b" 1 2 3\r\n"] {
        assert_eq!(
            parse(&[header, behind].concat()),
            Proxied::Header { len, source }
        );
    }
    check(header);
}

/// `bytes` are refused at their last byte and not before.
#[track_caller]
fn bad_at_its_end(bytes: &[u8], reason: &str) {
    match parse(bytes) {
        Proxied::Broken(why) => assert!(why.contains(reason), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(parse(&bytes[..bytes.len() - 1]), Proxied::More);
    check(bytes);
}

/// A version 2 header. `kind` and `about` are its 13th and 14th byte.
fn v2(kind: u8, about: u8, rest: &[u8]) -> Vec<u8> {
    let mut header = vec![
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
    ];
    header.extend([kind, about]);
    header.extend((rest.len() as u16).to_be_bytes());
    header.extend(rest);
    header
}

/// 192.0.2.1:56324 to 198.51.100.7:443.
const BLOCK_V4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 7, 0xdc, 0x04, 0x01, 0xbb];

#[test]
fn lines_name_clients() {
    good(
        b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n",
        ip("192.0.2.1:56324", "198.51.100.7:443"),
    );
    good(
        b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
        ip("255.255.255.255:65535", "255.255.255.255:65535"),
    );
    good(
        b"PROXY TCP4 0.0.0.0 10.0.0.1 0 0\r\n",
        ip("0.0.0.0:0", "10.0.0.1:0"),
    );
    good(
        b"PROXY TCP6 2001:db8::1 2001:DB8:0:0:0:0:0:2 1 65535\r\n",
        ip("[2001:db8::1]:1", "[2001:db8::2]:65535"),
    );
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    good(
        format!("PROXY TCP6 {longest} {longest} 65535 65535\r\n").as_bytes(),
        ip(&format!("[{longest}]:65535"), &format!("[{longest}]:65535")),
    );
    good(
        b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6407 7 443\r\n",
        ip("192.0.2.1:7", "198.51.100.7:443"),
    );
}

#[test]
fn a_line_may_name_nobody() {
    good(b"PROXY UNKNOWN\r\n", Source::Own);
    good(b"PROXY UNKNOWN \r\n", Source::Own);
    good(b"PROXY UNKNOWN  any\nthing \r \0\xff\r\n", Source::Own);
    let longest = [&b"PROXY UNKNOWN "[..], &[b'x'; 91], b"\r\n"].concat();
    assert_eq!(longest.len(), 107);
    good(&longest, Source::Own);
}

#[test]
fn lines_are_refused_at_the_first_wrong_byte() {
    for line in [
        "Q",
        "p",
        " ",
        "PU",
        "PROXYX",
        "PROXY\r",
        "PROXY  ",
        "PROXY t",
        "PROXY TCP5",
        "PROXY TCP4X",
        "PROXY UD",
        "PROXY UNKNOWN,",
        "PROXY TCP4\n",
        "PROXY TCP4\rX",
        "PROXY TCP4  ",
        "PROXY TCP4 h",
        "PROXY TCP4 1.2.3 ",
        "PROXY TCP4 1.2.3.256 ",
        "PROXY TCP4 1.2.3.04 ",
        "PROXY TCP4 ::1 ",
        "PROXY TCP4 ::ffff:1.2.3.4 ",
        "PROXY TCP6 1.2.3.4 ",
        "PROXY TCP6 1::2::3 ",
        "PROXY TCP6 fe80::1%",
        "PROXY TCP6 [",
        "PROXY TCP4 1.2.3.4 1.2.3.4.5 ",
        "PROXY TCP4 1.2.3.4 1.2.3.4 a",
        "PROXY TCP4 1.2.3.4 1.2.3.4 +",
        "PROXY TCP4 1.2.3.4 1.2.3.4 -",
        "PROXY TCP4 1.2.3.4 1.2.3.4  ",
        "PROXY TCP4 1.2.3.4 1.2.3.4 65536 ",
        "PROXY TCP4 1.2.3.4 1.2.3.4 01 ",
        "PROXY TCP4 1.2.3.4 1.2.3.4 00 ",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 02\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 \r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 ",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r",
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 \r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
    ] {
        bad_at_its_end(line.as_bytes(), "");
        // Nor does it help that the line ends after all.
        check(&[line.as_bytes(), b"\r\n"].concat());
        check(&[line.as_bytes(), b"\n"].concat());
    }
}

#[test]
fn a_line_has_at_most_107_bytes() {
    let longer = [&b"PROXY UNKNOWN "[..], &[b'x'; 93]].concat();
    bad_at_its_end(&longer, "107");
    // Only the LF is missing, but there is no room for it.
    let longer = [&b"PROXY UNKNOWN "[..], &[b'x'; 92], b"\r"].concat();
    bad_at_its_end(&longer, "107");
    check(&[&longer[..], b"\n"].concat());
    // Each address is valid; together they are too long.
    let address = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255";
    let line = format!("PROXY TCP6 {address} {address} 12345 12345\r\n");
    bad_at_its_end(&line.as_bytes()[..107], "107");
    check(line.as_bytes());
}

#[test]
fn other_protocols_are_recognised_at_once() {
    for hello in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"*1\r\n$4\r\nPING\r\n",
        b"\x16\x03\x01\x02\0",
        b"\0",
        b"\xff",
        b"\n",
    ] {
        bad_at_its_end(&hello[..1], "does not begin");
        check(hello);
    }
    bad_at_its_end(b"PU", "does not begin");
    bad_at_its_end(b"\r\n\r\n\r", "does not begin");
}

#[test]
fn blocks_name_clients() {
    let v4 = ip("192.0.2.1:56324", "198.51.100.7:443");
    good(&v2(0x21, 0x11, &BLOCK_V4), v4);
    good(&v2(0x21, 0x12, &BLOCK_V4), v4);
    // TLVs behind the addresses, even if they make no sense.
    good(&v2(0x21, 0x11, &[&BLOCK_V4[..], &[0xff; 99]].concat()), v4);
    let v6: Vec<u8> = [
        &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..],
        &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
        &[0, 80, 0x1f, 0x90],
    ]
    .concat();
    good(
        &v2(0x21, 0x21, &v6),
        ip("[2001:db8::1]:80", "[fd00::2]:8080"),
    );
    let mut mapped = [0; 36];
    mapped[10..16].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 1]);
    mapped[26..32].copy_from_slice(&[0xff, 0xff, 198, 51, 100, 7]);
    mapped[32..].copy_from_slice(&BLOCK_V4[8..]);
    good(&v2(0x21, 0x22, &mapped), v4);
    good(&v2(0x21, 0x31, &[b'/'; 216]), Source::Unix);
    good(&v2(0x21, 0x32, &[0; 300]), Source::Unix);
}

#[test]
fn a_block_may_name_nobody() {
    good(&v2(0x20, 0x00, &[]), Source::Own);
    good(&v2(0x21, 0x00, &[7; 40]), Source::Own);
    good(&v2(0x21, 0x01, &[]), Source::Own);
    good(&v2(0x21, 0x10, &BLOCK_V4), Source::Own);
    // A health check: what it says of addresses does not count, right or wrong.
    good(&v2(0x20, 0x11, &BLOCK_V4), Source::Own);
    good(&v2(0x20, 0x11, &[]), Source::Own);
    good(&v2(0x20, 0xff, &[1, 2, 3]), Source::Own);
}

#[test]
fn blocks_are_refused_at_the_first_wrong_byte() {
    let header = v2(0x21, 0x11, &BLOCK_V4);
    for at in 0..12 {
        let mut wrong = header[..=at].to_vec();
        wrong[at] ^= 1;
        bad_at_its_end(&wrong, "does not begin");
    }
    bad_at_its_end(&v2(0x11, 0x11, &BLOCK_V4)[..13], "version");
    bad_at_its_end(&v2(0x31, 0x11, &BLOCK_V4)[..13], "version");
    bad_at_its_end(&v2(0x22, 0x11, &BLOCK_V4)[..13], "command");
    bad_at_its_end(&v2(0x21, 0x41, &BLOCK_V4)[..14], "family");
    bad_at_its_end(&v2(0x21, 0x40, &BLOCK_V4)[..14], "family");
    bad_at_its_end(&v2(0x21, 0x13, &BLOCK_V4)[..14], "transport");
    bad_at_its_end(&v2(0x21, 0x03, &BLOCK_V4)[..14], "transport");
    bad_at_its_end(&v2(0x21, 0x11, &[0; 11])[..16], "shorter");
    bad_at_its_end(&v2(0x21, 0x11, &[])[..16], "shorter");
    bad_at_its_end(&v2(0x21, 0x21, &[0; 35])[..16], "shorter");
    bad_at_its_end(&v2(0x21, 0x31, &[0; 215])[..16], "shorter");
}

#[test]
fn a_block_has_at_most_4096_bytes() {
    let mut rest = vec![0; 4096];
    rest[..12].copy_from_slice(&BLOCK_V4);
    let header = v2(0x21, 0x11, &rest);
    assert_eq!(header.len(), LONGEST);
    good(&header, ip("192.0.2.1:56324", "198.51.100.7:443"));
    bad_at_its_end(&v2(0x21, 0x11, &[0; 4097])[..16], "longer");
    bad_at_its_end(&v2(0x20, 0x00, &[0; 65535])[..16], "longer");
}

fn addresses() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
    let v4 = any::<([u8; 4], u16)>().prop_map(SocketAddr::from);
    let v6 = any::<([u16; 8], u16)>().prop_map(SocketAddr::from);
    let mapped = any::<([u8; 4], u16)>().prop_map(|(octets, port)| {
        SocketAddr::from((Ipv4Addr::from(octets).to_ipv6_mapped(), port))
    });
    let sparse = (vec(0u16..2, 8), any::<u16>()).prop_map(|(segments, port)| {
        let segments: [u16; 8] = segments.try_into().unwrap();
        SocketAddr::from((segments, port))
    });
    let v6 = prop_oneof![v6, mapped, sparse].boxed();
    prop_oneof![(v4.clone(), v4), (v6.clone(), v6)]
}

fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn encode_v1(client: SocketAddr, server: SocketAddr) -> Vec<u8> {
    let kind = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (client.ip(), server.ip());
    format!(
        "PROXY {kind} {from} {to} {} {}\r\n",
        client.port(),
        server.port()
    )
    .into_bytes()
}

fn encode_v2(client: SocketAddr, server: SocketAddr, transport: u8, behind: &[u8]) -> Vec<u8> {
    let mut rest = Vec::new();
    for address in [client, server] {
        match address.ip() {
            IpAddr::V4(address) => rest.extend(address.octets()),
            IpAddr::V6(address) => rest.extend(address.octets()),
        }
    }
    rest.extend(client.port().to_be_bytes());
    rest.extend(server.port().to_be_bytes());
    rest.extend(behind);
    let family = if client.is_ipv4() { 0x10 } else { 0x20 };
    v2(0x21, family | transport, &rest)
}

/// Bytes that are nearly a header: pieces of one in any order, and a good one with a byte changed.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        &b"PROXY "[..],
        b"TCP4",
        b"TCP6",
        b"UNKNOWN",
        b" ",
        b"1.2.3.4",
        b"::1",
        b"0",
        b"443",
        b"\r",
        b"\n",
        b"\r\n",
        b"x",
    ]);
    let text = vec(pieces, 0..12).prop_map(|pieces| [&[&b"PROXY "[..]], &pieces[..]].concat());
    let text = text.prop_map(|pieces| pieces.concat());
    let binary =
        (any::<u8>(), any::<u8>(), vec(any::<u8>(), 0..300)).prop_map(|(kind, about, rest)| {
            // Mostly of the right version and a known family, or nothing behind it would be reached.
            v2(0x20 | (kind & 3), (about & 0x33) ^ (kind & 0x40), &rest)
        });
    let changed = (addresses(), any::<bool>(), any::<usize>(), any::<u8>()).prop_map(
        |((client, server), text, at, byte)| {
            let mut header = if text {
                encode_v1(client, server)
            } else {
                encode_v2(client, server, 1, b"behind")
            };
            let at = at % header.len();
            header[at] = byte;
            header
        },
    );
    prop_oneof![text, binary, changed]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_judged_the_same_however_split(bytes in vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn bytes_behind_a_signature_are_judged_the_same_however_split(
        bytes in vec(any::<u8>(), 0..200),
        text in any::<bool>(),
    ) {
        let signature = if text { V1_PREFIX } else { &V2_SIGNATURE[..] };
        check(&[signature, &bytes].concat());
    }

    #[test]
    fn near_headers_are_judged_the_same_however_split(bytes in nearly()) {
        check(&bytes);
    }

    #[test]
    fn what_a_balancer_writes_is_read((client, server) in addresses(), transport in 1..=2u8, behind in vec(any::<u8>(), 0..50)) {
        let source = Source::Ip { client: plain(client), server: plain(server) };
        for mut header in [encode_v1(client, server), encode_v2(client, server, transport, &behind)] {
            let len = header.len();
            check(&header);
            header.extend(&behind);
            prop_assert_eq!(parse(&header), Proxied::Header { len, source });
        }
    }
}
