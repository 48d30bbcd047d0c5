//! Between batches and what they hold: metadata records in ordinary batches, the quorum's messages in control
//! batches.

use bytes::Bytes;
use quorum::VoterSet;
use records::{BATCH_HEADER_BYTES, BatchBuilder, BatchHeader, Compression, RecordsError, batches};
use runtime::time::WallMs;
use wire::DecodeError;
use wire::record::{ControlRecord, KRaftVersionRecord, MetadataRecord};

use crate::metadata_log::MetadataLogError;

/// What one record of the log is.
#[derive(Debug)]
pub enum Entry {
    Record(MetadataRecord),
    /// `None`: of a type that is not known, and of no meaning here.
    Control(Option<ControlRecord>),
}

/// Why bytes are no metadata.
#[derive(Debug)]
pub enum CodecError {
    Batch(RecordsError),
    Record(DecodeError),
}

impl CodecError {
    pub fn at(self, offset: i64) -> MetadataLogError {
        match self {
            CodecError::Batch(source) => MetadataLogError::Batch { offset, source },
            CodecError::Record(source) => MetadataLogError::Record { offset, source },
        }
    }
}

/// kraft.version 1, and the voters.
pub fn kraft_controls(voters: &VoterSet) -> [ControlRecord; 2] {
    let version = KRaftVersionRecord {
        kraft_version: 1,
        ..Default::default()
    };
    [
        ControlRecord::KRaftVersion(version),
        ControlRecord::KRaftVoters(voters.to_record()),
    ]
}

pub fn control_batch(controls: &[ControlRecord], now: WallMs) -> Bytes {
    let builder = BatchBuilder::new(Compression::None).control(true);
    let value = |control: &ControlRecord| {
        control
            .value()
            .expect("version 0 carries every field that is set")
    };
    let records = controls
        .iter()
        .map(|control| (Some(control.key()), value(control)));
    build(builder, records, now)
}

pub fn data_batch(records: &[MetadataRecord], now: WallMs) -> Bytes {
    build(
        BatchBuilder::new(Compression::None),
        records.iter().map(|record| (None, value(record))),
        now,
    )
}

/// Cuts records into parts that each fit a batch of so many bytes; a part holds one record at least.
pub fn split(records: &[MetadataRecord], batch_bytes_max: usize) -> Vec<&[MetadataRecord]> {
    let mut parts = Vec::new();
    let (mut first, mut bytes) = (0, BATCH_HEADER_BYTES);
    for (index, record) in records.iter().enumerate() {
        let record = RECORD_BYTES + value(record).len();
        if index > first && bytes + record > batch_bytes_max {
            parts.push(&records[first..index]);
            (first, bytes) = (index, BATCH_HEADER_BYTES);
        }
        bytes += record;
    }
    if first < records.len() {
        parts.push(&records[first..]);
    }
    parts
}

/// An upper bound of what a record takes beside its value.
const RECORD_BYTES: usize = 40;

fn value(record: &MetadataRecord) -> Bytes {
    record
        .to_bytes(version(record))
        .expect("its version carries every field")
}

/// A batch of a snapshot, which has offsets of its own.
pub fn at_offset(batch: Bytes, base_offset: i64) -> Bytes {
    let mut batch = Vec::from(batch);
    records::set_base_offset(&mut batch, base_offset);
    records::set_partition_leader_epoch(&mut batch, 0);
    batch.into()
}

fn build(
    mut builder: BatchBuilder,
    records: impl Iterator<Item = (Option<Bytes>, Bytes)>,
    now: WallMs,
) -> Bytes {
    for (key, value) in records {
        builder
            .append(key.as_deref(), Some(&value), &[], now.0)
            .expect("a decision is far below 2 GiB: requests are bounded");
    }
    builder.build().expect("nothing is compressed")
}

/// The version of a record at metadata.version 29.
fn version(record: &MetadataRecord) -> i16 {
    match record {
        MetadataRecord::RegisterBroker(_) => 3,
        MetadataRecord::Partition(_)
        | MetadataRecord::PartitionChange(_)
        | MetadataRecord::BrokerRegistrationChange(_) => 2,
        _ => 0,
    }
}

type Entries = Vec<Result<(i64, Entry), CodecError>>;

/// Every batch in the bytes, verified, with its records in order.
pub fn entries(bytes: Bytes) -> impl Iterator<Item = Result<(BatchHeader, Entries), CodecError>> {
    batches(bytes).map(|batch| {
        let batch = batch.map_err(CodecError::Batch)?;
        batch.verify_crc().map_err(CodecError::Batch)?;
        let control = batch.header().is_control();
        let records = batch.records().map_err(CodecError::Batch)?.map(|record| {
            let record = record.map_err(CodecError::Batch)?;
            let value = record.value.unwrap_or_default();
            let entry = match control {
                true => ControlRecord::decode(record.key.unwrap_or_default(), value).map(Entry::Control),
                false => MetadataRecord::decode(value).map(|(record, _)| Entry::Record(record)),
            };
            Ok((record.offset, entry.map_err(CodecError::Record)?))
        });
        Ok((*batch.header(), records.collect()))
    })
}
