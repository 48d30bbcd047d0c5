//! What a broker refuses from a client, after Kafka's LogValidator and ProduceRequest.
//!
//! The first depth reads the header alone. The second walks the records, and decompresses for it; it happens where a
//! rule needs it (see [`ClientRules::needs_records`]) or the caller asks. The CRC is the caller's to verify before.

use crate::header::{NO_TIMESTAMP, TimestampType};
use crate::search::TimestampAndOffset;
use crate::{Batch, Compression, RecordsError};

/// How far a batch is looked into at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The header, and the records only where another rule needs them.
    Header,
    /// The records too.
    Records,
}

/// A topic's and a request's rules. [`Default`] is a plain topic with Kafka's defaults.
#[derive(Clone, Copy, Debug)]
pub struct ClientRules {
    pub depth: Depth,
    /// cleanup.policy holds `compact`: no null keys.
    pub is_compacted: bool,
    /// message.timestamp.type.
    pub timestamp_type: TimestampType,
    /// message.timestamp.before.max.ms: a record may be so much older than `now_ms`.
    pub timestamp_before_ms_max: i64,
    /// message.timestamp.after.max.ms: a record may be so much newer than `now_ms`.
    pub timestamp_after_ms_max: i64,
    pub now_ms: i64,
    /// max.message.bytes, for the batch as it came.
    pub message_bytes_max: usize,
    /// Produce below version 7 must not carry zstd.
    pub is_zstd_allowed: bool,
    pub decompressed_bytes_max: usize,
}

impl Default for ClientRules {
    fn default() -> Self {
        ClientRules {
            depth: Depth::Header,
            is_compacted: false,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_ms_max: i64::MAX,
            timestamp_after_ms_max: 3_600_000,
            now_ms: 0,
            message_bytes_max: 1_048_588,
            is_zstd_allowed: true,
            decompressed_bytes_max: crate::DECOMPRESSED_BYTES_MAX,
        }
    }
}

impl ClientRules {
    /// Whether a rule cannot be kept by the header alone: keys of a compacted topic, a bound on old timestamps
    /// (the header tells only the newest), or a caller that asks for it.
    pub fn needs_records(&self) -> bool {
        let bounds_age =
            self.timestamp_type == TimestampType::CreateTime && self.timestamp_before_ms_max != i64::MAX;
        self.depth == Depth::Records || self.is_compacted || bounds_age
    }
}

/// Kafka's error for a refused batch; the wire's codes are the broker's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// CORRUPT_MESSAGE (2)
    CorruptMessage,
    /// MESSAGE_TOO_LARGE (10)
    MessageTooLarge,
    /// INVALID_TIMESTAMP (32)
    InvalidTimestamp,
    /// UNSUPPORTED_FOR_MESSAGE_FORMAT (43)
    UnsupportedForMessageFormat,
    /// UNSUPPORTED_COMPRESSION_TYPE (76)
    UnsupportedCompressionType,
    /// INVALID_RECORD (87)
    InvalidRecord,
}

/// Why a client's batch is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBatch {
    #[error(transparent)]
    Malformed(#[from] RecordsError),
    #[error("the batch has {bytes} bytes, and max.message.bytes of the topic is {bytes_max}")]
    TooLarge { bytes: usize, bytes_max: usize },
    #[error("base offset is {base_offset}; a producer writes 0, the broker gives offsets")]
    BaseOffset { base_offset: i64 },
    #[error(
        "record_count {record_count} and last_offset_delta {last_offset_delta} contradict: n and n - 1, n > 0"
    )]
    Count {
        record_count: i32,
        last_offset_delta: i32,
    },
    #[error("a client must not write control records")]
    Control,
    #[error("base sequence {base_sequence} with producer id {producer_id}: it starts at 0")]
    Sequence { producer_id: i64, base_sequence: i32 },
    #[error("transactional without a producer id")]
    TransactionWithoutProducer,
    #[error("zstd needs Produce version 7 or later")]
    ZstdBeforeVersion7,
    #[error("the batch says LogAppendTime, which only a broker sets")]
    LogAppendTime,
    #[error("timestamp {timestamp} of record {index} is out of [{min}, {max}]", index = record_index.unwrap_or(0))]
    Timestamp {
        record_index: Option<usize>,
        timestamp: i64,
        min: i64,
        max: i64,
    },
    #[error("record {record_index} has offset delta {offset_delta}; deltas run from 0")]
    OffsetDelta { record_index: usize, offset_delta: i32 },
    #[error("record {record_index} has no key, and the topic is compacted")]
    NullKey { record_index: usize },
}

impl InvalidBatch {
    /// Which of Kafka's errors answers it.
    pub fn refusal(&self) -> Refusal {
        match self {
            InvalidBatch::Malformed(error) => match error {
                RecordsError::UnsupportedMagic { .. } => Refusal::UnsupportedForMessageFormat,
                RecordsError::UnknownCodec { .. } => Refusal::UnsupportedCompressionType,
                RecordsError::InvalidRecord { .. } => Refusal::InvalidRecord,
                RecordsError::DecompressedTooLarge { .. } => Refusal::MessageTooLarge,
                RecordsError::Truncated { .. }
                | RecordsError::BadLength { .. }
                | RecordsError::CrcMismatch { .. }
                | RecordsError::Decompress { .. }
                | RecordsError::Compress { .. }
                | RecordsError::BatchTooLarge { .. } => Refusal::CorruptMessage,
            },
            InvalidBatch::TooLarge { .. } => Refusal::MessageTooLarge,
            InvalidBatch::ZstdBeforeVersion7 => Refusal::UnsupportedCompressionType,
            InvalidBatch::LogAppendTime | InvalidBatch::Timestamp { .. } => Refusal::InvalidTimestamp,
            InvalidBatch::BaseOffset { .. }
            | InvalidBatch::Count { .. }
            | InvalidBatch::Control
            | InvalidBatch::Sequence { .. }
            | InvalidBatch::TransactionWithoutProducer
            | InvalidBatch::OffsetDelta { .. }
            | InvalidBatch::NullKey { .. } => Refusal::InvalidRecord,
        }
    }

    /// The record at fault, for Produce v8's record errors.
    pub fn record_index(&self) -> Option<usize> {
        match self {
            InvalidBatch::Malformed(RecordsError::InvalidRecord { index, .. }) => Some(*index),
            InvalidBatch::Timestamp { record_index, .. } => *record_index,
            InvalidBatch::OffsetDelta { record_index, .. } | InvalidBatch::NullKey { record_index } => {
                Some(*record_index)
            }
            _ => None,
        }
    }
}

/// What was learned on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidBatch {
    pub compression: Compression,
    /// The largest timestamp among the records, counted by walking them: `None` when they were not walked, for the
    /// header's word was enough; `timestamp` −1 when no record has one. The header may say otherwise, and the broker
    /// then corrects it, as Kafka does.
    pub max_timestamp: Option<TimestampAndOffset>,
}

/// Checks one batch that a client wants to append.
pub fn validate_client_batch(batch: &Batch, rules: &ClientRules) -> Result<ValidBatch, InvalidBatch> {
    let compression = validate_header(batch, rules)?;
    let max_timestamp = if rules.needs_records() {
        Some(validate_records(batch, rules)?)
    } else {
        None
    };
    Ok(ValidBatch {
        compression,
        max_timestamp,
    })
}

fn validate_header(batch: &Batch, rules: &ClientRules) -> Result<Compression, InvalidBatch> {
    let header = batch.header();
    let bytes = header.size_bytes();
    if bytes > rules.message_bytes_max {
        return Err(InvalidBatch::TooLarge {
            bytes,
            bytes_max: rules.message_bytes_max,
        });
    }
    let compression = header.compression()?;
    if compression == Compression::Zstd && !rules.is_zstd_allowed {
        return Err(InvalidBatch::ZstdBeforeVersion7);
    }
    let (record_count, last_offset_delta) = (header.record_count, header.last_offset_delta);
    if record_count <= 0 || last_offset_delta != record_count - 1 {
        return Err(InvalidBatch::Count {
            record_count,
            last_offset_delta,
        });
    }
    if header.base_offset != 0 {
        return Err(InvalidBatch::BaseOffset {
            base_offset: header.base_offset,
        });
    }
    if header.is_control() {
        return Err(InvalidBatch::Control);
    }
    let (producer_id, base_sequence) = (header.producer_id, header.base_sequence);
    if header.has_producer_id() && base_sequence < 0 {
        return Err(InvalidBatch::Sequence {
            producer_id,
            base_sequence,
        });
    }
    if header.is_transactional() && !header.has_producer_id() {
        return Err(InvalidBatch::TransactionWithoutProducer);
    }
    match rules.timestamp_type {
        TimestampType::LogAppendTime if header.timestamp_type() == TimestampType::LogAppendTime => {
            return Err(InvalidBatch::LogAppendTime);
        }
        TimestampType::LogAppendTime => {}
        TimestampType::CreateTime => validate_timestamp(rules, None, header.max_timestamp)?,
    }
    Ok(compression)
}

fn validate_records(batch: &Batch, rules: &ClientRules) -> Result<TimestampAndOffset, InvalidBatch> {
    let header = batch.header();
    let raw = batch.decompressed(rules.decompressed_bytes_max)?;
    let mut max = TimestampAndOffset {
        timestamp: NO_TIMESTAMP,
        offset: header.base_offset,
    };
    for (record_index, view) in batch.views(&raw).enumerate() {
        let view = view?;
        if usize::try_from(view.offset_delta) != Ok(record_index) {
            return Err(InvalidBatch::OffsetDelta {
                record_index,
                offset_delta: view.offset_delta,
            });
        }
        if rules.is_compacted && view.key.is_none() {
            return Err(InvalidBatch::NullKey { record_index });
        }
        let timestamp = header.timestamp_of(view.timestamp_delta);
        if rules.timestamp_type == TimestampType::CreateTime {
            validate_timestamp(rules, Some(record_index), timestamp)?;
        }
        if timestamp > max.timestamp {
            let offset = header.base_offset.wrapping_add(i64::from(view.offset_delta));
            max = TimestampAndOffset { timestamp, offset };
        }
    }
    Ok(max)
}

/// `record_index` is `None` for the header's max_timestamp, whose lower bound means nothing for the others.
fn validate_timestamp(
    rules: &ClientRules,
    record_index: Option<usize>,
    timestamp: i64,
) -> Result<(), InvalidBatch> {
    let min = rules.now_ms.saturating_sub(rules.timestamp_before_ms_max);
    let max = rules.now_ms.saturating_add(rules.timestamp_after_ms_max);
    if timestamp == NO_TIMESTAMP || (min..=max).contains(&timestamp) {
        return Ok(());
    }
    Err(InvalidBatch::Timestamp {
        record_index,
        timestamp,
        min,
        max,
    })
}

#[cfg(test)]
mod tests;
