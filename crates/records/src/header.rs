//! The 61 bytes in front of a v2 batch's records, and the patches that a broker makes in place.
//!
//! ```text
//! 0 base_offset i64 | 8 length i32 | 12 partition_leader_epoch i32 | 16 magic i8 | 17 crc u32
//! 21 attributes i16 | 23 last_offset_delta i32 | 27 base_timestamp i64 | 35 max_timestamp i64
//! 43 producer_id i64 | 51 producer_epoch i16 | 53 base_sequence i32 | 57 record_count i32 | 61 records
//! ```
//! The CRC-32C covers byte 21 to the end, so base offset and leader epoch are patched without a new one.

use crate::{Compression, RecordsError};

/// Bytes before the records.
pub const BATCH_HEADER_BYTES: usize = 61;
/// Bytes before what the length field counts.
pub const LENGTH_PREFIX_BYTES: usize = 12;
/// The length field of a batch without records.
pub(crate) const BATCH_LENGTH_MIN: i32 = (BATCH_HEADER_BYTES - LENGTH_PREFIX_BYTES) as i32;
/// The only magic served.
pub const MAGIC: i8 = 2;

pub const NO_TIMESTAMP: i64 = -1;
pub const NO_PRODUCER_ID: i64 = -1;
pub const NO_PRODUCER_EPOCH: i16 = -1;
pub const NO_SEQUENCE: i32 = -1;
pub const NO_PARTITION_LEADER_EPOCH: i32 = -1;

const PARTITION_LEADER_EPOCH_AT: usize = 12;
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const MAX_TIMESTAMP_AT: usize = 35;
const PRODUCER_ID_AT: usize = 43;

const CODEC_MASK: i16 = 0x07;
const TIMESTAMP_TYPE_BIT: i16 = 1 << 3;
const TRANSACTIONAL_BIT: i16 = 1 << 4;
const CONTROL_BIT: i16 = 1 << 5;
const DELETE_HORIZON_BIT: i16 = 1 << 6;

/// Bit 3 of the attributes, and the topic setting `message.timestamp.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// Each record carries the time that its producer gave.
    #[default]
    CreateTime,
    /// All records carry the batch's max_timestamp, which the broker set at the append.
    LogAppendTime,
}

/// A batch's attribute bits. Bits that Kafka does not define are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

impl Attributes {
    pub fn compression(self) -> Result<Compression, RecordsError> {
        Compression::from_id((self.0 & CODEC_MASK) as u8)
    }

    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & TIMESTAMP_TYPE_BIT == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    pub fn is_transactional(self) -> bool {
        self.0 & TRANSACTIONAL_BIT != 0
    }

    pub fn is_control(self) -> bool {
        self.0 & CONTROL_BIT != 0
    }

    pub fn has_delete_horizon(self) -> bool {
        self.0 & DELETE_HORIZON_BIT != 0
    }

    #[must_use]
    pub fn with_compression(self, codec: Compression) -> Attributes {
        Attributes(self.0 & !CODEC_MASK | i16::from(codec.id()))
    }

    #[must_use]
    pub fn with_timestamp_type(self, timestamp_type: TimestampType) -> Attributes {
        self.with_bit(TIMESTAMP_TYPE_BIT, timestamp_type == TimestampType::LogAppendTime)
    }

    #[must_use]
    pub fn with_transactional(self, on: bool) -> Attributes {
        self.with_bit(TRANSACTIONAL_BIT, on)
    }

    #[must_use]
    pub fn with_control(self, on: bool) -> Attributes {
        self.with_bit(CONTROL_BIT, on)
    }

    #[must_use]
    pub fn with_delete_horizon(self, on: bool) -> Attributes {
        self.with_bit(DELETE_HORIZON_BIT, on)
    }

    fn with_bit(self, bit: i16, on: bool) -> Attributes {
        Attributes(if on { self.0 | bit } else { self.0 & !bit })
    }
}

/// A v2 batch's header, parsed.
///
/// Invariants after [`BatchHeader::parse`]: `length >= 49` and `magic == 2`; all else is as the bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    /// Bytes after this field; the whole batch is 12 more.
    pub length: i32,
    pub partition_leader_epoch: i32,
    pub magic: i8,
    pub crc: u32,
    pub attributes: Attributes,
    pub last_offset_delta: i32,
    /// The first record's timestamp, or the delete horizon where that bit is set; deltas count from it either way.
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the first 61 bytes. That the rest of the batch is there is [`crate::Batch::parse`]'s check.
    pub fn parse(bytes: &[u8]) -> Result<BatchHeader, RecordsError> {
        let Some(bytes) = bytes.first_chunk::<BATCH_HEADER_BYTES>() else {
            return Err(RecordsError::Truncated {
                need: BATCH_HEADER_BYTES,
                have: bytes.len(),
            });
        };
        let length = i32::from_be_bytes(field(bytes, 8));
        let magic = bytes[16] as i8;
        if magic != MAGIC {
            return Err(RecordsError::UnsupportedMagic { magic });
        }
        if length < BATCH_LENGTH_MIN {
            return Err(RecordsError::BadLength { length });
        }
        Ok(BatchHeader {
            base_offset: i64::from_be_bytes(field(bytes, 0)),
            length,
            partition_leader_epoch: i32::from_be_bytes(field(bytes, PARTITION_LEADER_EPOCH_AT)),
            magic,
            crc: u32::from_be_bytes(field(bytes, CRC_AT)),
            attributes: Attributes(i16::from_be_bytes(field(bytes, ATTRIBUTES_AT))),
            last_offset_delta: i32::from_be_bytes(field(bytes, 23)),
            base_timestamp: i64::from_be_bytes(field(bytes, 27)),
            max_timestamp: i64::from_be_bytes(field(bytes, MAX_TIMESTAMP_AT)),
            producer_id: i64::from_be_bytes(field(bytes, PRODUCER_ID_AT)),
            producer_epoch: i16::from_be_bytes(field(bytes, 51)),
            base_sequence: i32::from_be_bytes(field(bytes, 53)),
            record_count: i32::from_be_bytes(field(bytes, 57)),
        })
    }

    /// The 61 bytes, with `crc` as it stands in the field.
    pub fn encode(&self) -> [u8; BATCH_HEADER_BYTES] {
        let mut bytes = [0; BATCH_HEADER_BYTES];
        put(&mut bytes, 0, self.base_offset.to_be_bytes());
        put(&mut bytes, 8, self.length.to_be_bytes());
        put(
            &mut bytes,
            PARTITION_LEADER_EPOCH_AT,
            self.partition_leader_epoch.to_be_bytes(),
        );
        bytes[16] = self.magic as u8;
        put(&mut bytes, CRC_AT, self.crc.to_be_bytes());
        put(&mut bytes, ATTRIBUTES_AT, self.attributes.0.to_be_bytes());
        put(&mut bytes, 23, self.last_offset_delta.to_be_bytes());
        put(&mut bytes, 27, self.base_timestamp.to_be_bytes());
        put(&mut bytes, MAX_TIMESTAMP_AT, self.max_timestamp.to_be_bytes());
        put(&mut bytes, PRODUCER_ID_AT, self.producer_id.to_be_bytes());
        put(&mut bytes, 51, self.producer_epoch.to_be_bytes());
        put(&mut bytes, 53, self.base_sequence.to_be_bytes());
        put(&mut bytes, 57, self.record_count.to_be_bytes());
        bytes
    }

    /// The CRC of this header's covered bytes followed by `body`; for a header that was changed and sits apart.
    pub fn crc_with(&self, body: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&self.encode()[ATTRIBUTES_AT..]), body)
    }

    /// Bytes of the whole batch.
    pub fn size_bytes(&self) -> usize {
        LENGTH_PREFIX_BYTES + self.length as usize
    }

    pub fn compression(&self) -> Result<Compression, RecordsError> {
        self.attributes.compression()
    }

    pub fn timestamp_type(&self) -> TimestampType {
        self.attributes.timestamp_type()
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes.is_transactional()
    }

    pub fn is_control(&self) -> bool {
        self.attributes.is_control()
    }

    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// When a compacting cleaner may drop this batch's tombstones or markers, in ms since the epoch.
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        self.attributes
            .has_delete_horizon()
            .then_some(self.base_timestamp)
    }

    pub fn last_offset(&self) -> i64 {
        self.base_offset.wrapping_add(i64::from(self.last_offset_delta))
    }

    /// The offset after this batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().wrapping_add(1)
    }

    /// The last record's sequence, or −1 without one.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        increment_sequence(self.base_sequence, self.last_offset_delta)
    }

    /// A record's timestamp, of its delta.
    pub fn timestamp_of(&self, timestamp_delta: i64) -> i64 {
        match self.timestamp_type() {
            TimestampType::CreateTime => self.base_timestamp.wrapping_add(timestamp_delta),
            TimestampType::LogAppendTime => self.max_timestamp,
        }
    }
}

/// Sequence arithmetic: after `i32::MAX` comes 0. Both arguments are expected to be at least 0.
pub fn increment_sequence(sequence: i32, increment: i32) -> i32 {
    sequence.wrapping_add(increment) & i32::MAX
}

/// The reverse of [`increment_sequence`].
pub fn decrement_sequence(sequence: i32, decrement: i32) -> i32 {
    sequence.wrapping_sub(decrement) & i32::MAX
}

/// The CRC-32C of a whole batch's covered bytes.
///
/// # Panics
/// When `batch` is shorter than a header; like the patches below it is for bytes that were parsed before.
pub fn compute_crc(batch: &[u8]) -> u32 {
    crc32c::crc32c(&batch[ATTRIBUTES_AT..])
}

/// Patches the base offset; needs no new CRC.
pub fn set_base_offset(batch: &mut [u8], base_offset: i64) {
    put(batch, 0, base_offset.to_be_bytes());
}

/// Patches the leader epoch; needs no new CRC.
pub fn set_partition_leader_epoch(batch: &mut [u8], epoch: i32) {
    put(batch, PARTITION_LEADER_EPOCH_AT, epoch.to_be_bytes());
}

/// Makes every record's timestamp `now_ms`, as a topic with LogAppendTime asks: sets bit 3 and max_timestamp and
/// the CRC. The records' deltas stay.
pub fn set_log_append_time(batch: &mut [u8], now_ms: i64) {
    set_max_timestamp(batch, TimestampType::LogAppendTime, now_ms);
}

/// Sets timestamp type and max_timestamp, and a new CRC where that changed something.
pub fn set_max_timestamp(batch: &mut [u8], timestamp_type: TimestampType, max_timestamp: i64) {
    let attributes = Attributes(i16::from_be_bytes(field(batch, ATTRIBUTES_AT)));
    let wanted = attributes.with_timestamp_type(timestamp_type);
    if wanted == attributes && max_timestamp == i64::from_be_bytes(field(batch, MAX_TIMESTAMP_AT)) {
        return;
    }
    put(batch, ATTRIBUTES_AT, wanted.0.to_be_bytes());
    put(batch, MAX_TIMESTAMP_AT, max_timestamp.to_be_bytes());
    set_crc(batch);
}

/// Sets the producer's id, epoch and first sequence, and a new CRC.
pub fn set_producer(batch: &mut [u8], producer_id: i64, producer_epoch: i16, base_sequence: i32) {
    put(batch, PRODUCER_ID_AT, producer_id.to_be_bytes());
    put(batch, 51, producer_epoch.to_be_bytes());
    put(batch, 53, base_sequence.to_be_bytes());
    set_crc(batch);
}

pub(crate) fn set_crc(batch: &mut [u8]) {
    let crc = compute_crc(batch);
    put(batch, CRC_AT, crc.to_be_bytes());
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..]
        .first_chunk()
        .expect("every field lies inside the 61 bytes of a header")
}

fn put<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(increment_sequence(5, 3), 8);
        assert_eq!(increment_sequence(i32::MAX, 1), 0);
        assert_eq!(increment_sequence(i32::MAX - 1, 3), 1);
        assert_eq!(decrement_sequence(0, 1), i32::MAX);
        assert_eq!(decrement_sequence(1, 3), i32::MAX - 1);
    }

    #[test]
    fn attributes_set_one_thing_each() {
        let attributes = Attributes::default()
            .with_compression(Compression::Zstd)
            .with_timestamp_type(TimestampType::LogAppendTime)
            .with_transactional(true)
            .with_control(true)
            .with_delete_horizon(true);
        assert_eq!(attributes.0, 0x7c);
        assert_eq!(attributes.compression(), Ok(Compression::Zstd));
        assert_eq!(
            attributes
                .with_compression(Compression::None)
                .with_control(false)
                .0,
            0x58
        );
        assert_eq!(
            Attributes(7).compression(),
            Err(RecordsError::UnknownCodec { id: 7 })
        );
    }

    #[test]
    fn short_old_and_absurd_headers_are_refused() {
        assert_eq!(
            BatchHeader::parse(&[0; 60]),
            Err(RecordsError::Truncated { need: 61, have: 60 })
        );
        assert_eq!(
            BatchHeader::parse(&[0; 61]),
            Err(RecordsError::UnsupportedMagic { magic: 0 })
        );
        let mut bytes = [0; 61];
        bytes[16] = 2;
        bytes[11] = 48;
        assert_eq!(
            BatchHeader::parse(&bytes),
            Err(RecordsError::BadLength { length: 48 })
        );
        bytes[11] = 49;
        let header = BatchHeader::parse(&bytes).expect("a header");
        assert_eq!(header.size_bytes(), 61);
        assert_eq!(header.encode(), bytes);
    }
}
