//! From received bytes to batches that may be written: parsed, checked, and changed where a setting asks for it.

use super::append::AppendOrigin;
use crate::config::{CompressionType, LogConfig, TimestampType};
use crate::error::AppendError;
use crate::producer_state::ProducerBatch;
use bytes::Bytes;
use records::{
    BATCH_HEADER_BYTES, Batch, BatchHeader, ClientRules, DECOMPRESSED_BYTES_MAX, Depth, EndTransactionMarker,
    InvalidBatch, RecordsError, Refusal, reencode, validate_client_batch,
};
use runtime::mutant::{Mutant, planted};
use runtime::time::WallMs;

/// A batch that may be written: its header as it shall stand in the log, and the bytes it came with.
pub(super) struct Prepared {
    /// Differs from the bytes' own where something was patched; its CRC is right.
    pub header: BatchHeader,
    /// With LogAppendTime the time that was set, else -1.
    pub log_append_time: i64,
    marker_coordinator_epoch: Option<i32>,
    bytes: Bytes,
}

impl Prepared {
    fn new(batch: Batch) -> Prepared {
        Prepared {
            header: *batch.header(),
            log_append_time: -1,
            marker_coordinator_epoch: marker_coordinator_epoch(&batch),
            bytes: batch.into_bytes(),
        }
    }

    /// What follows the header.
    pub fn body(&self) -> &[u8] {
        &self.bytes[BATCH_HEADER_BYTES..]
    }

    /// Base offset and leader epoch are outside of the CRC.
    pub fn place(&mut self, base_offset: i64, leader_epoch: i32) {
        self.header.base_offset = base_offset;
        self.header.partition_leader_epoch = leader_epoch;
    }

    pub fn producer(&self) -> ProducerBatch {
        producer_batch(&self.header, self.marker_coordinator_epoch)
    }

    /// Sets the timestamps' type and maximum, and the CRC where that changes something.
    fn stamp(&mut self, timestamp_type: TimestampType, max_timestamp: i64) {
        let attributes = self.header.attributes.with_timestamp_type(timestamp_type);
        if attributes == self.header.attributes && max_timestamp == self.header.max_timestamp {
            return;
        }
        self.header.attributes = attributes;
        self.header.max_timestamp = max_timestamp;
        self.header.crc = self.header.crc_with(&self.bytes[BATCH_HEADER_BYTES..]);
    }
}

/// What producer state needs of a batch.
pub(super) fn producer_batch(header: &BatchHeader, marker_coordinator_epoch: Option<i32>) -> ProducerBatch {
    ProducerBatch {
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        base_offset: header.base_offset,
        last_offset: header.last_offset(),
        max_timestamp: header.max_timestamp,
        is_transactional: header.is_transactional(),
        marker_coordinator_epoch,
    }
}

/// The coordinator's epoch in the marker that ends a transaction, if the batch is one.
pub(super) fn marker_coordinator_epoch(batch: &Batch) -> Option<i32> {
    let header = batch.header();
    if !header.is_control() || !header.has_producer_id() {
        return None;
    }
    let record = batch.records().ok()?.next()?.ok()?;
    let marker = EndTransactionMarker::parse(record.key.as_deref()?, record.value.as_deref()?)?;
    Some(marker.coordinator_epoch)
}

/// Checks what a leader is asked to append.
pub(super) fn prepare(
    bytes: Bytes,
    config: &LogConfig,
    origin: AppendOrigin,
    now: WallMs,
) -> Result<Vec<Prepared>, AppendError> {
    let batches = parse_all(bytes, false)?;
    if origin == AppendOrigin::Client && batches.len() != 1 {
        let what = format!("{} batches where one is expected", batches.len());
        return Err(AppendError::InvalidRecord {
            what,
            record_index: None,
        });
    }
    let prepared = batches
        .into_iter()
        .map(|batch| match origin {
            AppendOrigin::Client | AppendOrigin::Coordinator => prepare_one(batch, config, origin, now),
            AppendOrigin::Raft => Ok(Prepared::new(batch)),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let bytes: u64 = prepared
        .iter()
        .map(|batch| batch.header.size_bytes() as u64)
        .sum();
    match bytes > config.segment_bytes {
        true => Err(AppendError::RecordListTooLarge {
            bytes,
            max: config.segment_bytes,
        }),
        false => Ok(prepared),
    }
}

/// Checks what a follower fetched. A batch that is cut off at the end does not count.
pub(super) fn prepare_replicated(bytes: Bytes) -> Result<Vec<Prepared>, AppendError> {
    Ok(parse_all(bytes, true)?.into_iter().map(Prepared::new).collect())
}

fn parse_all(mut bytes: Bytes, may_be_cut_off: bool) -> Result<Vec<Batch>, AppendError> {
    let mut batches = Vec::new();
    while !bytes.is_empty() {
        match Batch::parse(&mut bytes) {
            Ok(batch) => {
                if !planted(Mutant::SkipCrc) {
                    batch.verify_crc().map_err(malformed)?;
                }
                batches.push(batch);
            }
            Err(RecordsError::Truncated { .. }) if may_be_cut_off => break,
            Err(error) => return Err(malformed(error)),
        }
    }
    Ok(batches)
}

fn prepare_one(
    batch: Batch,
    config: &LogConfig,
    origin: AppendOrigin,
    now: WallMs,
) -> Result<Prepared, AppendError> {
    let bytes_max = usize::try_from(config.max_message_bytes).unwrap_or(usize::MAX);
    let mut max_timestamp = batch.header().max_timestamp;
    if origin == AppendOrigin::Client {
        let rules = ClientRules {
            // a record that its header belies would stop every consumer for good
            depth: Depth::Records,
            is_compacted: config.compact,
            timestamp_type: config.message_timestamp_type,
            timestamp_before_ms_max: config.message_timestamp_before_max_ms,
            timestamp_after_ms_max: config.message_timestamp_after_max_ms,
            now_ms: now.0,
            message_bytes_max: bytes_max,
            ..ClientRules::default()
        };
        let valid = validate_client_batch(&batch, &rules).map_err(refused)?;
        max_timestamp = valid.max_timestamp.map_or(max_timestamp, |max| max.timestamp);
    }
    let batch = recompress(batch, config)?;
    let bytes = batch.header().size_bytes();
    if bytes > bytes_max {
        return Err(AppendError::MessageTooLarge {
            bytes: bytes as u64,
            max: config.max_message_bytes,
        });
    }
    let mut prepared = Prepared::new(batch);
    match config.message_timestamp_type {
        TimestampType::LogAppendTime => {
            prepared.stamp(TimestampType::LogAppendTime, now.0);
            prepared.log_append_time = now.0;
        }
        TimestampType::CreateTime => prepared.stamp(TimestampType::CreateTime, max_timestamp),
    }
    Ok(prepared)
}

/// In the codec that compression.type asks for.
fn recompress(batch: Batch, config: &LogConfig) -> Result<Batch, AppendError> {
    let CompressionType::Codec(codec) = config.compression_type else {
        return Ok(batch);
    };
    if batch.header().compression().map_err(malformed)? == codec || batch.header().is_control() {
        return Ok(batch);
    }
    let mut bytes =
        reencode(&batch, codec, config.level(codec), DECOMPRESSED_BYTES_MAX).map_err(malformed)?;
    Batch::parse(&mut bytes).map_err(malformed)
}

fn malformed(error: RecordsError) -> AppendError {
    refused(InvalidBatch::Malformed(error))
}

fn refused(error: InvalidBatch) -> AppendError {
    let (why, record_index) = (error.to_string(), error.record_index());
    match error.refusal() {
        Refusal::CorruptMessage => AppendError::Corrupt(why),
        Refusal::MessageTooLarge => match error {
            InvalidBatch::TooLarge { bytes, bytes_max } => AppendError::MessageTooLarge {
                bytes: bytes as u64,
                max: bytes_max as u64,
            },
            _ => AppendError::Corrupt(why),
        },
        Refusal::InvalidTimestamp => AppendError::InvalidTimestamp {
            what: why,
            record_index,
        },
        Refusal::UnsupportedForMessageFormat => AppendError::UnsupportedFormat(why),
        Refusal::UnsupportedCompressionType => AppendError::UnsupportedCompression(why),
        Refusal::InvalidRecord => AppendError::InvalidRecord {
            what: why,
            record_index,
        },
    }
}
