#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const INT: usize = 0;
const FLOAT: usize = 1;
const TEXT: usize = 2;

fn table(rows: u64) -> Table {
    let mut builder = TableBuilder::new(rows, 0.2);
    builder.column(b"int", Kind::Int, 0).unwrap();
    builder.column(b"float", Kind::Float, 0).unwrap();
    builder.column(b"text", Kind::Text, 20).unwrap();
    builder.create().unwrap()
}

fn int(table: &Table, key: &[u8]) -> Option<i64> {
    let mut row = Row::default();
    let there = table.get_column(key, INT, &mut row);
    match row.value(&table.columns()[INT]) {
        Value::Int(number) => there.then_some(number),
        other => panic!("{other:?}"),
    }
}

type Plain = (i64, f64, Vec<u8>);

fn plain(table: &Table, row: &Row) -> Plain {
    let value = |index: usize| row.value(&table.columns()[index]);
    match (value(INT), value(FLOAT), value(TEXT)) {
        (Value::Int(int), Value::Float(float), Value::Text(text)) => (int, float, text.to_vec()),
        other => panic!("{other:?}"),
    }
}

fn all(table: &Table) -> HashMap<Vec<u8>, Plain> {
    let (mut walk, mut row, mut rows) = (Walk::default(), Row::default(), HashMap::new());
    while walk.next(table, &mut row) {
        let twice = rows.insert(row.key().to_vec(), plain(table, &row));
        assert!(twice.is_none(), "{:?} was visited twice", row.key());
    }
    rows
}

#[test]
fn sizes_are_rounded_up_and_clamped() {
    let size = |rows, proportion| TableBuilder::new(rows, proportion).size();
    assert_eq!(
        [size(0, 0.2), size(64, 0.2), size(65, 0.2), size(1000, 9.0)],
        [64, 64, 128, 1024]
    );
    assert_eq!(size(u64::MAX, f64::NAN), 0x8000_0000);
    let total = |proportion| {
        let table = TableBuilder::new(100, proportion).create().unwrap();
        table.stats().slots_total
    };
    assert_eq!(
        [total(-1.0), total(0.5), total(7.0), total(f64::NAN)],
        [153, 192, 256, 153]
    );
}

#[test]
fn columns_are_refused_that_cannot_be() {
    let mut builder = TableBuilder::new(4096, 0.2);
    assert_eq!(
        builder.column(b"a", Kind::Text, 0),
        Err(ColumnRefused::Empty)
    );
    assert_eq!(
        builder.column(b"a", Kind::Text, u64::MAX),
        Err(ColumnRefused::TooLarge)
    );
    builder.column(b"a", Kind::Text, 3).unwrap();
    assert_eq!(
        builder.column(b"a", Kind::Int, 8),
        Err(ColumnRefused::Duplicate)
    );
    assert_eq!(builder.columns_for_test()[0].size(), 8);
    builder.column(b"b", Kind::Text, 1 << 40).unwrap();
    assert_eq!(
        builder.column(b"c", Kind::Text, 1 << 40),
        Err(ColumnRefused::TooLarge)
    );
    assert!(builder.create().is_err(), "more than any memory was mapped");
}

#[test]
fn a_row_keeps_what_is_not_set() {
    let table = table(64);
    table.set(b"k", &[(TEXT, Value::Text(b"abc"))]).unwrap();
    assert_eq!(all(&table)[&b"k"[..]], (0, 0.0, b"abc".to_vec()));
    table.set(b"k", &[(INT, Value::Int(-5))]).unwrap();
    table
        .set(
            b"k",
            &[(FLOAT, Value::Float(1.5)), (INT, Value::Int(i64::MIN))],
        )
        .unwrap();
    assert_eq!(all(&table)[&b"k"[..]], (i64::MIN, 1.5, b"abc".to_vec()));
    // Of the wrong kind, or of no column: passed over.
    table
        .set(
            b"k",
            &[
                (INT, Value::Text(b"x")),
                (TEXT, Value::Int(1)),
                (9, Value::Int(1)),
            ],
        )
        .unwrap();
    assert_eq!(all(&table)[&b"k"[..]], (i64::MIN, 1.5, b"abc".to_vec()));
    table.set(b"k", &[(TEXT, Value::Text(b""))]).unwrap();
    assert_eq!(all(&table)[&b"k"[..]], (i64::MIN, 1.5, vec![]));
    table.set(b"k", &[(TEXT, Value::Text(&[7; 99]))]).unwrap();
    assert_eq!(all(&table)[&b"k"[..]], (i64::MIN, 1.5, vec![7; 24]));
}

#[test]
fn keys_are_bytes_up_to_63() {
    let table = table(64);
    let keys: [&[u8]; 7] = [
        b"",
        b"\0",
        b"\0\0",
        b"a",
        b"12345678",
        &[0xff; 62],
        &[0xff; 63],
    ];
    for (number, key) in keys.iter().enumerate() {
        table.set(key, &[(INT, Value::Int(number as i64))]).unwrap();
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(int(&table, key), Some(number as i64), "{key:?}");
    }
    assert_eq!(int(&table, &[0xff; 99]), Some(6), "a longer key is cut");
    assert_eq!(all(&table).len(), keys.len());
}

#[test]
fn as_many_rows_fit_as_were_asked_for_whatever_the_keys() {
    let table = table(1024);
    let key = |number: u64| number.to_string().into_bytes();
    let mut fit = 0;
    while table
        .set(&key(fit), &[(INT, Value::Int(fit as i64))])
        .is_ok()
    {
        fit += 1;
    }
    let stats = table.stats();
    assert!(
        fit >= stats.slots_total && stats.slots_total == 1024 + 204,
        "{fit}"
    );
    assert_eq!((table.len(), stats.slots_free), (fit, 0));
    assert_eq!(table.set(b"one more", &[]), Err(Refused::NoRoom));
    assert_eq!(
        table.add(b"one more", INT, Value::Int(1)),
        Err(Refused::NoRoom)
    );
    // Full, and all of it still works.
    for number in 0..fit {
        table
            .set(
                &key(number),
                &[(TEXT, Value::Text(&key(number))), (INT, Value::Int(1))],
            )
            .unwrap();
    }
    assert!(
        all(&table)
            .into_iter()
            .all(|(key, row)| row == (1, 0.0, key))
    );
    assert_eq!(table.delete(&key(17)), Ok(true));
    table.set(b"one more", &[]).unwrap();
    assert_eq!(table.set(b"and one", &[]), Err(Refused::NoRoom));
    for number in 0..fit {
        table.delete(&key(number)).unwrap();
    }
    table.delete(b"one more").unwrap();
    let stats = table.stats();
    assert_eq!(
        (stats.rows, stats.slots_free, stats.conflicts),
        (0, stats.slots_total, 0)
    );
    assert_eq!(
        (stats.inserts, stats.deletes, stats.updates),
        (fit + 1, fit + 1, fit)
    );
}

#[test]
fn a_bucket_that_all_keys_fall_into_takes_them_all() {
    // The hash is keyed at random, so only the store can be made to do this.
    let geometry = store::Geometry::new(64, 12, 3, 16).unwrap();
    let store = Store::map(geometry).unwrap();
    let columns = TableBuilder::new(64, 0.2).columns_for_test().to_vec();
    let key = |number: u8| Key::with_hash(&[number], 5);
    for number in 0..64 {
        store.set(&key(number), &columns, &[]).unwrap();
    }
    let stats = store.stats();
    assert_eq!(
        (stats.rows, stats.conflicts, stats.conflict_max),
        (64, 63, 63)
    );
    assert!((0..64).all(|number| store.exists(&key(number))));
    for number in (0..64).step_by(2) {
        assert_eq!(store.delete(&key(number)), Ok(true));
    }
    assert!((0..64).all(|number| store.exists(&key(number)) == (number % 2 == 1)));
}

#[test]
fn sums_wrap_and_stay_of_their_kind() {
    let table = table(64);
    assert_eq!(table.add(b"k", INT, Value::Int(5)), Ok(Value::Int(5)));
    assert_eq!(table.add(b"k", INT, Value::Int(-7)), Ok(Value::Int(-2)));
    table.set(b"k", &[(INT, Value::Int(i64::MAX))]).unwrap();
    assert_eq!(
        table.add(b"k", INT, Value::Int(1)),
        Ok(Value::Int(i64::MIN))
    );
    assert_eq!(
        table.add(b"k", FLOAT, Value::Float(0.5)),
        Ok(Value::Float(0.5))
    );
    assert_eq!(
        table.add(b"f", FLOAT, Value::Float(2.5)),
        Ok(Value::Float(2.5))
    );
    for (column, value) in [
        (INT, Value::Float(1.0)),
        (FLOAT, Value::Int(1)),
        (TEXT, Value::Int(1)),
        (9, Value::Int(1)),
    ] {
        assert_eq!(table.add(b"k", column, value), Err(Refused::NotANumber));
    }
    assert_eq!(table.len(), 2);
}

#[test]
fn a_walk_visits_every_row_while_rows_are_deleted_and_changed() {
    let table = table(256);
    for number in 0..300i64 {
        table
            .set(number.to_string().as_bytes(), &[(INT, Value::Int(number))])
            .unwrap();
    }
    let (mut walk, mut row, mut seen) = (Walk::default(), Row::default(), Vec::new());
    while walk.next(&table, &mut row) {
        let key = row.key().to_vec();
        seen.push(plain(&table, &row).0);
        table.delete(&key).unwrap();
        // Another text: the row moves to another slot.
        let other = ((seen.len() * 7) % 300).to_string();
        if table.exists(other.as_bytes()) {
            table
                .set(other.as_bytes(), &[(TEXT, Value::Text(b"moved"))])
                .unwrap();
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..300).collect::<Vec<_>>());
    assert!(table.is_empty());
}

#[test]
fn memory_of_all_bytes_gone_wild_is_survived() {
    let table = table(64);
    for number in 0..60i64 {
        table
            .set(
                number.to_string().as_bytes(),
                &[(INT, Value::Int(number)), (TEXT, Value::Text(b"text"))],
            )
            .unwrap();
    }
    let mut dice = 0x9e37_79b9_7f4a_7c15u64;
    let mut row = Row::default();
    for _ in 0..4000 {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let words = table.store.words();
        let word = &words[(dice >> 20) as usize % words.len()];
        // Values that may mean something, and values that cannot.
        word.store(
            if dice & 1 == 0 { dice % 128 } else { dice },
            crate::sync::Ordering::Relaxed,
        );
        let key = (dice % 60).to_string();
        table.get(key.as_bytes(), &mut row);
        assert!(row.value(&table.columns()[TEXT]) != Value::Int(0));
        let _ = table.set(
            key.as_bytes(),
            &[(TEXT, Value::Text(b"other")), (INT, Value::Int(1))],
        );
        let _ = table.add(key.as_bytes(), INT, Value::Int(1));
        if dice & 2 == 0 {
            let _ = table.delete(key.as_bytes());
        }
        let mut walk = Walk::default();
        for _ in 0..200 {
            if !walk.next(&table, &mut row) {
                break;
            }
        }
        for shelf in table.store.shelves() {
            table.store.settle(shelf);
        }
        table.stats();
    }
}

#[test]
fn threads_see_whole_rows_only_and_lose_no_increment() {
    let table = table(64);
    const ROUNDS: i64 = 30_000;
    const KEYS: [&[u8]; 3] = [b"a", b"b", b"c"];
    std::thread::scope(|scope| {
        for writer in 0..2i64 {
            let table = &table;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let number = round * 2 + writer;
                    let key = KEYS[number as usize % 3];
                    let text = number.to_string();
                    let values = [
                        (INT, Value::Int(number)),
                        (FLOAT, Value::Float(number as f64)),
                        (TEXT, Value::Text(text.as_bytes())),
                    ];
                    table.set(key, &values).unwrap();
                    if round % 5 == 0 {
                        table.delete(key).unwrap();
                    }
                    table.add(b"sum", INT, Value::Int(1)).unwrap();
                }
            });
        }
        for reader in 0..2usize {
            let table = &table;
            scope.spawn(move || {
                let mut row = Row::default();
                for round in 0..ROUNDS as usize {
                    if table.get(KEYS[(round + reader) % 3], &mut row) {
                        let (int, float, text) = plain(table, &row);
                        assert_eq!((int as f64, int.to_string().as_bytes()), (float, &*text));
                    }
                }
            });
        }
    });
    assert_eq!(int(&table, b"sum"), Some(ROUNDS * 2));
    let stats = table.stats();
    assert_eq!(stats.inserts - stats.deletes, stats.rows);
    assert_eq!(all(&table).len() as u64, stats.rows);
}

#[derive(Debug, Clone)]
enum Op {
    Set(u8, Option<i64>, Option<f64>, Option<Vec<u8>>),
    Add(u8, i64),
    Delete(u8),
    Check,
}

fn op() -> impl Strategy<Value = Op> {
    let text = proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        4 => (any::<u8>(), any::<Option<i64>>(), proptest::option::of(-1e9..1e9f64), proptest::option::of(text))
            .prop_map(|(key, int, float, text)| Op::Set(key, int, float, text)),
        2 => (any::<u8>(), any::<i64>()).prop_map(|(key, by)| Op::Add(key, by)),
        3 => any::<u8>().prop_map(Op::Delete),
        1 => Just(Op::Check),
    ]
}

proptest! {
    /// The table against a `HashMap`, up to the rows that surely fit.
    #[test]
    fn it_behaves_as_a_map(ops in proptest::collection::vec(op(), 1..400)) {
        let table = table(64);
        let mut model: HashMap<Vec<u8>, Plain> = HashMap::new();
        let name = |key: u8| vec![key % 120; usize::from(key % 120) % 64];
        for op in ops {
            match op {
                Op::Set(key, ..) | Op::Add(key, _) if model.len() >= 64 && !model.contains_key(&name(key)) => {}
                Op::Set(key, int, float, text) => {
                    let mut values = Vec::new();
                    values.extend(int.map(|int| (INT, Value::Int(int))));
                    values.extend(text.as_ref().map(|text| (TEXT, Value::Text(text))));
                    values.extend(float.map(|float| (FLOAT, Value::Float(float))));
                    table.set(&name(key), &values).unwrap();
                    let row = model.entry(name(key)).or_default();
                    row.0 = int.unwrap_or(row.0);
                    row.1 = float.unwrap_or(row.1);
                    row.2 = text.map_or(std::mem::take(&mut row.2), |text| text[..text.len().min(24)].to_vec());
                }
                Op::Add(key, by) => {
                    let row = model.entry(name(key)).or_default();
                    row.0 = row.0.wrapping_add(by);
                    prop_assert_eq!(table.add(&name(key), INT, Value::Int(by)), Ok(Value::Int(row.0)));
                }
                Op::Delete(key) => {
                    prop_assert_eq!(table.delete(&name(key)), Ok(model.remove(&name(key)).is_some()));
                }
                Op::Check => prop_assert_eq!(&all(&table), &model),
            }
            prop_assert_eq!(table.len(), model.len() as u64);
        }
        prop_assert_eq!(&all(&table), &model);
        let mut row = Row::default();
        for key in 0..=u8::MAX {
            prop_assert_eq!(table.get(&name(key), &mut row), model.contains_key(&name(key)));
        }
    }
}
