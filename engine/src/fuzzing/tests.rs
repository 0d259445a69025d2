use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..most)
}

/// Few different bytes, so that markers, small lengths and digits with colons happen.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![
        Just(0),
        Just(1),
        Just(9),
        Just(0x80),
        Just(b'1'),
        Just(b':'),
        Just(b'\n')
    ];
    prop_oneof![vec(small, 0..300), bytes(300)]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn targets_of_the_markers_hold(
        marker in prop_oneof![stream().prop_map(|mut bytes| { bytes.truncate(3); bytes }), bytes(10)],
        limit in prop_oneof![1..40_u16, any::<u16>()],
        cuts in bytes(5),
        stream in stream(),
    ) {
        eof_split(&marker, limit, &cuts, &stream);
        eof_check(&marker, limit, &cuts, &stream);
    }

    #[test]
    fn target_of_the_length_field_holds(
        letter: u8,
        offset in prop_oneof![4 => 0..6_u16, 1 => 8150..8160_u16],
        body_offset in prop_oneof![4 => 0..16_u16, 1 => 8150..8160_u16],
        limit in prop_oneof![1..40_u16, any::<u16>()],
        cuts in bytes(5),
        stream in stream(),
    ) {
        length_field(letter, offset, body_offset, limit, &cuts, &stream);
    }

    #[test]
    fn targets_of_other_lengths_hold(
        limit in prop_oneof![1..40_u16, any::<u16>()],
        answers in vec(prop_oneof![-1..6_i64, any::<i64>()], 0..20),
        cuts in bytes(5),
        stream in stream(),
    ) {
        mqtt(limit, &cuts, &stream);
        length_by(limit, answers, &cuts, &stream);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 50, // each signs a handshake three times
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn target_of_tls_records_holds(after_hello: Option<bool>, bytes in bytes(200)) {
        tls(after_hello, &bytes);
    }
}
