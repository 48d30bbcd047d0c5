//! Each rule broken once, and the error of Kafka that answers it.

use bytes::Bytes;

use super::*;
use crate::header::set_crc;
use crate::{BatchBuilder, compress};

const NOW: i64 = 1_700_000_000_000;

fn rules() -> ClientRules {
    ClientRules {
        now_ms: NOW,
        ..ClientRules::default()
    }
}

fn deep() -> ClientRules {
    ClientRules {
        depth: Depth::Records,
        ..rules()
    }
}

fn batch_of(builder: BatchBuilder) -> Batch {
    Batch::parse(&mut builder.build().expect("builds")).expect("a batch")
}

fn plain(count: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(Compression::None);
    for i in 0..count {
        builder
            .append(Some(b"k"), Some(b"v"), &[], NOW + i as i64)
            .expect("fits");
    }
    builder.build().expect("builds").to_vec()
}

fn patched(at: usize, bytes: &[u8]) -> Batch {
    let mut batch = plain(3);
    batch[at..at + bytes.len()].copy_from_slice(bytes);
    set_crc(&mut batch);
    Batch::parse(&mut Bytes::from(batch)).expect("a batch")
}

fn refusal(batch: &Batch, rules: &ClientRules) -> Option<Refusal> {
    validate_client_batch(batch, rules)
        .err()
        .map(|error| error.refusal())
}

#[test]
fn a_good_batch_passes_at_both_depths() {
    let batch = patched(0, &[]);
    let shallow = validate_client_batch(&batch, &rules()).expect("good");
    assert_eq!(
        shallow,
        ValidBatch {
            compression: Compression::None,
            max_timestamp: None
        }
    );
    let walked = validate_client_batch(&batch, &deep()).expect("good");
    assert_eq!(
        walked.max_timestamp,
        Some(TimestampAndOffset {
            timestamp: NOW + 2,
            offset: 2
        })
    );
}

#[test]
fn headers_that_contradict_themselves() {
    for (at, bytes) in [
        (57, &0i32.to_be_bytes()[..]),
        (57, &(-1i32).to_be_bytes()),
        (57, &2i32.to_be_bytes()),
        (23, &7i32.to_be_bytes()),
        (0, &5i64.to_be_bytes()),
        (21, &0x20i16.to_be_bytes()),
        (43, &9i64.to_be_bytes()),
        (21, &0x10i16.to_be_bytes()),
    ] {
        assert_eq!(
            refusal(&patched(at, bytes), &rules()),
            Some(Refusal::InvalidRecord),
            "{at} {bytes:?}"
        );
    }
    assert_eq!(
        refusal(&patched(21, &[0, 5]), &rules()),
        Some(Refusal::UnsupportedCompressionType)
    );
}

#[test]
fn i32_max_records_are_counted_without_overflow() {
    let batch = patched(23, &[0x7f, 0xff, 0xff, 0xff]);
    assert_eq!(refusal(&batch, &rules()), Some(Refusal::InvalidRecord));
}

#[test]
fn sizes_codecs_and_times() {
    let small = ClientRules {
        message_bytes_max: 60,
        ..rules()
    };
    assert_eq!(refusal(&patched(0, &[]), &small), Some(Refusal::MessageTooLarge));
    let old_produce = ClientRules {
        is_zstd_allowed: false,
        ..rules()
    };
    let mut zstd = BatchBuilder::new(Compression::Zstd);
    zstd.append(None, None, &[], NOW).expect("fits");
    assert_eq!(
        refusal(&batch_of(zstd), &old_produce),
        Some(Refusal::UnsupportedCompressionType)
    );
    let append_time = ClientRules {
        timestamp_type: TimestampType::LogAppendTime,
        ..rules()
    };
    assert_eq!(refusal(&patched(0, &[]), &append_time), None);
    assert_eq!(
        refusal(&patched(21, &[0, 8]), &append_time),
        Some(Refusal::InvalidTimestamp)
    );
    let stale = ClientRules {
        now_ms: NOW - 3_600_001,
        ..rules()
    };
    assert_eq!(refusal(&patched(0, &[]), &stale), Some(Refusal::InvalidTimestamp));
    let strict = ClientRules {
        now_ms: NOW + 11,
        timestamp_before_ms_max: 10,
        ..rules()
    };
    assert_eq!(
        validate_client_batch(&patched(0, &[]), &strict)
            .expect_err("too old")
            .record_index(),
        Some(0),
        "the newest is young enough, so the header passes, and the first record is too old"
    );
}

#[test]
fn records_that_contradict_the_header() {
    let compacted = ClientRules {
        is_compacted: true,
        ..rules()
    };
    let mut builder = BatchBuilder::new(Compression::Lz4);
    builder.append(Some(b"k"), None, &[], NOW).expect("fits");
    builder.append(None, None, &[], NOW).expect("fits");
    let null_key = batch_of(builder);
    assert_eq!(refusal(&null_key, &rules()), None);
    let error = validate_client_batch(&null_key, &compacted).expect_err("a null key");
    assert_eq!(
        (error.refusal(), error.record_index()),
        (Refusal::InvalidRecord, Some(1))
    );

    let mut gaps = BatchBuilder::new(Compression::None);
    gaps.append_at(0, None, None, &[], NOW).expect("fits");
    gaps.append_at(2, None, None, &[], NOW).expect("fits");
    let mut bytes = gaps.build().expect("builds").to_vec();
    bytes[23..27].copy_from_slice(&1i32.to_be_bytes());
    set_crc(&mut bytes);
    let gaps = Batch::parse(&mut Bytes::from(bytes)).expect("a batch");
    assert_eq!(refusal(&gaps, &rules()), None);
    assert_eq!(refusal(&gaps, &deep()), Some(Refusal::InvalidRecord));

    let fewer = Batch::parse(&mut {
        let mut bytes = plain(3);
        bytes[57..61].copy_from_slice(&2i32.to_be_bytes());
        bytes[23..27].copy_from_slice(&1i32.to_be_bytes());
        set_crc(&mut bytes);
        Bytes::from(bytes)
    })
    .expect("a batch");
    assert_eq!(refusal(&fewer, &deep()), Some(Refusal::InvalidRecord));
}

#[test]
fn what_does_not_decompress_is_corrupt_and_a_bomb_is_too_large() {
    // The uncompressed records of `plain`, called gzip.
    assert_eq!(
        refusal(&patched(21, &[0, 1]), &deep()),
        Some(Refusal::CorruptMessage)
    );
    let mut builder = BatchBuilder::new(Compression::Gzip);
    builder
        .append(None, Some(&vec![0; 1 << 20]), &[], NOW)
        .expect("fits");
    let bomb = batch_of(builder);
    let bounded = ClientRules {
        decompressed_bytes_max: 1000,
        ..deep()
    };
    assert_eq!(refusal(&bomb, &bounded), Some(Refusal::MessageTooLarge));
    assert!(compress(Compression::Gzip, None, &[]).is_ok());
}
