//! Properties of whole batches: what was built comes back, re-encoding loses nothing, and no bytes make it panic.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use records::{
    Batch, BatchBuilder, ClientRules, Compression, Depth, Header, Record, RecordsError, batches,
    first_at_or_after, max_timestamp, reencode, set_base_offset, set_log_append_time,
    set_partition_leader_epoch, validate_client_batch,
};

const LIMIT: usize = 1 << 20;

fn any_bytes() -> impl Strategy<Value = Option<Bytes>> {
    option::of(vec(any::<u8>(), 0..80).prop_map(Bytes::from))
}

fn any_header() -> impl Strategy<Value = Header> {
    ("[a-c]{0,3}|\\PC{0,6}", any_bytes()).prop_map(|(key, value)| Header { key, value })
}

/// Records at offsets 0, 1, … with any keys, values, headers and times.
fn any_records() -> impl Strategy<Value = Vec<Record>> {
    let one = (
        any_bytes(),
        any_bytes(),
        vec(any_header(), 0..4),
        prop_oneof![Just(-1i64), 0..i64::MAX / 2],
    );
    vec(one, 1..30).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered
            .map(|(i, (key, value, headers, timestamp))| Record {
                offset: i as i64,
                timestamp,
                key,
                value,
                headers,
            })
            .collect()
    })
}

fn any_codec() -> impl Strategy<Value = Compression> {
    proptest::sample::select(Compression::ALL.to_vec())
}

fn build(codec: Compression, records: &[Record]) -> Bytes {
    let mut builder = BatchBuilder::new(codec);
    for record in records {
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        builder
            .append(key, value, &record.headers, record.timestamp)
            .expect("fits");
    }
    builder.build().expect("builds")
}

fn parse(bytes: &Bytes) -> Batch {
    Batch::parse(&mut bytes.clone()).expect("a batch")
}

fn read(batch: &Batch) -> Result<Vec<Record>, RecordsError> {
    batch.records_bounded(LIMIT)?.collect()
}

/// Everything that looks at a batch; for bytes that may be hostile.
fn look_at_all(bytes: Bytes) {
    let rules = ClientRules {
        depth: Depth::Records,
        is_compacted: true,
        decompressed_bytes_max: LIMIT,
        ..ClientRules::default()
    };
    for batch in batches(bytes).flatten() {
        let _ = batch.verify_crc();
        let _ = read(&batch);
        let _ = validate_client_batch(&batch, &rules);
        let _ = first_at_or_after(&batch, 5, 0, LIMIT);
        let _ = max_timestamp(&batch, LIMIT);
        let _ = reencode(&batch, Compression::Lz4, None, LIMIT);
        let header = batch.header();
        let _ = (
            header.last_sequence(),
            header.next_offset(),
            header.delete_horizon_ms(),
        );
        assert_eq!(header.encode()[..], batch.bytes()[..records::BATCH_HEADER_BYTES]);
    }
}

proptest! {
    #[test]
    fn what_was_built_comes_back(codec in any_codec(), records in any_records()) {
        let batch = parse(&build(codec, &records));
        batch.verify_crc().expect("the crc was set");
        prop_assert_eq!(read(&batch).expect("whole"), records.clone());
        let stamps = records.iter().map(|r| r.timestamp);
        prop_assert_eq!(batch.header().max_timestamp, stamps.max().expect("not empty"));
        let rules = ClientRules { depth: Depth::Records, timestamp_after_ms_max: i64::MAX, ..ClientRules::default() };
        prop_assert!(validate_client_batch(&batch, &rules).is_ok());
    }

    #[test]
    fn building_what_was_read_gives_the_same_bytes(codec in any_codec(), records in any_records()) {
        let bytes = build(codec, &records);
        prop_assert_eq!(build(codec, &read(&parse(&bytes)).expect("whole")), bytes);
    }

    #[test]
    fn reencoding_keeps_the_records(from in any_codec(), to in any_codec(), records in any_records()) {
        let bytes = reencode(&parse(&build(from, &records)), to, None, LIMIT).expect("re-encodes");
        let batch = parse(&bytes);
        batch.verify_crc().expect("the crc was set");
        prop_assert_eq!(batch.header().compression(), Ok(to));
        prop_assert_eq!(read(&batch).expect("whole"), records);
    }

    #[test]
    fn patches_move_a_batch(codec in any_codec(), records in any_records(), base in 0..i64::MAX / 2, now in 0i64..1 << 45) {
        let mut bytes = build(codec, &records).to_vec();
        set_base_offset(&mut bytes, base);
        set_partition_leader_epoch(&mut bytes, 7);
        let moved = parse(&Bytes::from(bytes.clone()));
        moved.verify_crc().expect("offset and epoch are not covered");
        let expected: Vec<_> = records.iter().map(|r| Record { offset: base + r.offset, ..r.clone() }).collect();
        prop_assert_eq!(read(&moved).expect("whole"), expected);
        set_log_append_time(&mut bytes, now);
        let stamped = parse(&Bytes::from(bytes));
        stamped.verify_crc().expect("the crc was set");
        prop_assert!(read(&stamped).expect("whole").iter().all(|r| r.timestamp == now));
        let header = stamped.header();
        prop_assert_eq!(header.crc_with(&stamped.body()), header.crc);
    }

    #[test]
    fn searching_equals_a_scan(codec in any_codec(), records in any_records(), timestamp in -1i64..i64::MAX / 2, from in 0i64..30) {
        let batch = parse(&build(codec, &records));
        let scan = records.iter().find(|r| r.timestamp >= timestamp && r.offset >= from);
        let found = first_at_or_after(&batch, timestamp, from, LIMIT).expect("whole");
        prop_assert_eq!(found.map(|f| (f.timestamp, f.offset)), scan.map(|r| (r.timestamp, r.offset)));
    }

    #[test]
    fn damaged_batches_never_panic(
        codec in any_codec(),
        records in any_records(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_cut: bool,
    ) {
        let mut bytes = build(codec, &records).to_vec();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        look_at_all(Bytes::from(bytes));
    }

    #[test]
    fn hostile_records_under_a_good_header_never_panic(body in vec(any::<u8>(), 0..200), count: i32, attributes in 0i16..256) {
        let mut bytes = BatchBuilder::new(Compression::None).build().expect("builds").to_vec();
        bytes.extend_from_slice(&body);
        let length = (bytes.len() - records::LENGTH_PREFIX_BYTES) as i32;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[21..23].copy_from_slice(&attributes.to_be_bytes());
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
        look_at_all(Bytes::from(bytes));
    }

    #[test]
    fn any_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        look_at_all(Bytes::from(bytes));
    }
}
