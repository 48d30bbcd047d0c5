//! Segments that Apache Kafka 4.2.1 wrote, one per codec (captured by the black-box tests), against a transcript of
//! what they say. `REWRITE=1 cargo test -p records --test golden` writes the transcript anew; review it as a diff.
#![allow(clippy::disallowed_methods)] // test data are ordinary files, read outside both worlds

use std::fmt::Write;
use std::path::PathBuf;

use bytes::Bytes;
use records::{
    Batch, BatchBuilder, ClientRules, Compression, Depth, Record, batches, reencode, set_base_offset,
    validate_client_batch,
};

const LIMIT: usize = 1 << 20;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/apache-kafka")
}

fn segment(codec: Compression) -> Vec<Batch> {
    let path = folder().join(format!("{codec}.log"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    batches(Bytes::from(bytes))
        .collect::<Result<_, _>>()
        .expect("every batch is whole")
}

fn records(batch: &Batch) -> Vec<Record> {
    let all = batch.records_bounded(LIMIT).expect("it decompresses");
    all.collect::<Result<_, _>>().expect("every record is whole")
}

fn text(part: Option<&Bytes>) -> String {
    part.map_or("null".into(), |part| match part.len() {
        0..=40 => format!("\"{}\"", part.escape_ascii()),
        len => format!("{len} bytes, crc {:08x}", crc(part)),
    })
}

/// A checksum without a dependency: FNV-1a.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

fn transcript() -> String {
    let mut out = String::new();
    for codec in Compression::ALL {
        writeln!(out, "== {codec}").expect("a string takes it");
        for batch in segment(codec) {
            let h = batch.header();
            writeln!(
                out,
                "batch {}..{} epoch {} attributes {:#04x} producer {}/{} sequence {} records {}",
                h.base_offset,
                h.last_offset(),
                h.partition_leader_epoch,
                h.attributes.0,
                h.producer_id,
                h.producer_epoch,
                h.base_sequence,
                h.record_count
            )
            .expect("a string takes it");
            for record in records(&batch) {
                let (key, value) = (text(record.key.as_ref()), text(record.value.as_ref()));
                let delta = record.timestamp - h.base_timestamp;
                write!(out, "  {} +{delta} ms {key} = {value}", record.offset).expect("a string takes it");
                for header in &record.headers {
                    write!(out, " [{}: {}]", header.key, text(header.value.as_ref()))
                        .expect("a string takes it");
                }
                out.push('\n');
            }
        }
    }
    out
}

#[test]
fn what_apache_kafka_wrote_is_read() {
    let (path, found) = (folder().join("transcript.txt"), transcript());
    if std::env::var_os("REWRITE").is_some() {
        std::fs::write(&path, &found).expect("the source tree is writable");
    }
    let expected = std::fs::read_to_string(&path).expect("the transcript is there");
    assert_eq!(found, expected);
}

#[test]
fn every_batch_verifies_and_would_be_taken() {
    for codec in Compression::ALL {
        for batch in segment(codec) {
            batch.verify_crc().expect("an intact batch");
            assert_eq!(batch.header().compression(), Ok(codec));
            let mut bytes = batch.bytes().to_vec();
            set_base_offset(&mut bytes, 0);
            let as_sent = Batch::parse(&mut Bytes::from(bytes)).expect("a batch");
            let rules = ClientRules {
                depth: Depth::Records,
                timestamp_after_ms_max: i64::MAX,
                ..ClientRules::default()
            };
            let valid = validate_client_batch(&as_sent, &rules).expect("Kafka took it");
            let max = valid.max_timestamp.expect("the records were walked");
            assert_eq!(max.timestamp, batch.header().max_timestamp);
        }
    }
}

#[test]
fn our_encoding_is_kafkas_byte_for_byte_before_compression() {
    for codec in Compression::ALL {
        for batch in segment(codec) {
            let h = *batch.header();
            let mut builder = BatchBuilder::new(Compression::None)
                .base_offset(h.base_offset)
                .partition_leader_epoch(h.partition_leader_epoch)
                .producer(h.producer_id, h.producer_epoch, h.base_sequence)
                .transactional(h.is_transactional());
            for record in records(&batch) {
                let (key, value) = (record.key.as_deref(), record.value.as_deref());
                builder
                    .append_at(record.offset, key, value, &record.headers, record.timestamp)
                    .expect("fits");
            }
            let plain = reencode(&batch, Compression::None, None, LIMIT).expect("it decompresses");
            assert_eq!(
                builder.build().expect("builds"),
                plain,
                "{codec} at {}",
                h.base_offset
            );
        }
    }
}
