//! Builds one batch, record by record.

use bytes::Bytes;

use crate::header::{
    Attributes, BATCH_HEADER_BYTES, BatchHeader, LENGTH_PREFIX_BYTES, MAGIC, NO_PARTITION_LEADER_EPOCH,
    NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP, set_crc,
};
use crate::varint::{put_varint, put_varlong, varlong_len};
use crate::{Compression, Header, RecordsError, TimestampType, compress};

/// The largest part or sum of parts: lengths are 32-bit numbers.
const BYTES_MAX: usize = i32::MAX as usize;

/// A batch in the making. Records are kept encoded, and compressed once at [`BatchBuilder::build`].
///
/// Invariant: `raw.len() + BATCH_HEADER_BYTES <= i32::MAX`.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    codec: Compression,
    level: Option<i32>,
    attributes: Attributes,
    base_offset: i64,
    partition_leader_epoch: i32,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    log_append_time: Option<i64>,
    /// What deltas count from: the delete horizon, or the first record's timestamp.
    base_timestamp: Option<i64>,
    max_timestamp: i64,
    last_offset_delta: i32,
    record_count: i32,
    raw: Vec<u8>,
}

impl BatchBuilder {
    /// A builder at base offset 0 with CreateTime, no producer and no leader epoch.
    pub fn new(codec: Compression) -> BatchBuilder {
        BatchBuilder {
            codec,
            level: None,
            attributes: Attributes::default(),
            base_offset: 0,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            base_sequence: NO_SEQUENCE,
            log_append_time: None,
            base_timestamp: None,
            max_timestamp: NO_TIMESTAMP,
            last_offset_delta: -1,
            record_count: 0,
            raw: Vec::new(),
        }
    }

    /// The codec's level; the default is Kafka's.
    #[must_use]
    pub fn level(mut self, level: i32) -> Self {
        self.level = Some(level);
        self
    }

    #[must_use]
    pub fn base_offset(mut self, base_offset: i64) -> Self {
        self.base_offset = base_offset;
        self
    }

    #[must_use]
    pub fn partition_leader_epoch(mut self, epoch: i32) -> Self {
        self.partition_leader_epoch = epoch;
        self
    }

    #[must_use]
    pub fn producer(mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) -> Self {
        self.set_producer(producer_id, producer_epoch, base_sequence);
        self
    }

    #[must_use]
    pub fn transactional(mut self, on: bool) -> Self {
        self.attributes = self.attributes.with_transactional(on);
        self
    }

    /// A batch of control records: markers, or the quorum's own.
    #[must_use]
    pub fn control(mut self, on: bool) -> Self {
        self.attributes = self.attributes.with_control(on);
        self
    }

    /// LogAppendTime: every record's timestamp will be `now_ms`.
    #[must_use]
    pub fn log_append_time(mut self, now_ms: i64) -> Self {
        self.attributes = self.attributes.with_timestamp_type(TimestampType::LogAppendTime);
        self.log_append_time = Some(now_ms);
        self
    }

    /// Sets bit 6 and puts the horizon where the base timestamp stands. Call it before the first append.
    #[must_use]
    pub fn delete_horizon(mut self, horizon_ms: i64) -> Self {
        self.attributes = self.attributes.with_delete_horizon(true);
        self.base_timestamp = Some(horizon_ms);
        self
    }

    /// As [`BatchBuilder::producer`], for a producer that learns its sequence when it sends.
    pub fn set_producer(&mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) {
        self.producer_id = producer_id;
        self.producer_epoch = producer_epoch;
        self.base_sequence = base_sequence;
    }

    /// Appends at the next offset. `timestamp` is in ms since the epoch, −1 for none.
    ///
    /// # Errors
    /// [`RecordsError::BatchTooLarge`] when the batch would pass 2 GiB; the batch is as it was.
    pub fn append(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header],
        timestamp: i64,
    ) -> Result<(), RecordsError> {
        let offset = self.base_offset + i64::from(self.last_offset_delta) + 1;
        self.append_at(offset, key, value, headers, timestamp)
    }

    /// Appends at an offset of the caller's choice, as compaction needs: it keeps offsets and so leaves gaps.
    ///
    /// # Panics
    /// When `offset` is not above the last one, or 2³¹ or more above the base offset.
    pub fn append_at(
        &mut self,
        offset: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header],
        timestamp: i64,
    ) -> Result<(), RecordsError> {
        let offset_delta =
            i32::try_from(offset - self.base_offset).expect("a batch spans less than 2^31 offsets");
        assert!(
            offset_delta > self.last_offset_delta,
            "offsets rise: {offset_delta} after {}",
            self.last_offset_delta
        );
        let base_timestamp = self.base_timestamp.unwrap_or(timestamp);
        let timestamp_delta = timestamp.wrapping_sub(base_timestamp);
        let body = body_bytes(timestamp_delta, offset_delta, key, value, headers);
        let bytes = self.size_bytes().saturating_add(body).saturating_add(5);
        if bytes > BYTES_MAX {
            return Err(RecordsError::BatchTooLarge { bytes });
        }
        self.put_record(body, timestamp_delta, offset_delta, key, value, headers);
        self.base_timestamp = Some(base_timestamp);
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.last_offset_delta = offset_delta;
        self.record_count += 1;
        Ok(())
    }

    fn put_record(
        &mut self,
        body: usize,
        timestamp_delta: i64,
        offset_delta: i32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header],
    ) {
        let out = &mut self.raw;
        put_varint(out, body as i32);
        out.push(0);
        put_varlong(out, timestamp_delta);
        put_varint(out, offset_delta);
        put_nullable(out, key);
        put_nullable(out, value);
        put_varint(out, headers.len() as i32);
        for header in headers {
            put_nullable(out, Some(header.key.as_bytes()));
            put_nullable(out, header.value.as_deref());
        }
    }

    pub fn record_count(&self) -> usize {
        self.record_count as usize
    }

    pub fn is_empty(&self) -> bool {
        self.record_count == 0
    }

    /// Bytes of the batch without compression: an upper bound but for a codec's own overhead on tiny batches.
    pub fn size_bytes(&self) -> usize {
        BATCH_HEADER_BYTES + self.raw.len()
    }

    /// The largest timestamp so far, or −1.
    pub fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// Compresses, and closes the batch with its header and CRC. A builder without records gives the empty batch
    /// that compaction keeps for a producer's sequence: last_offset_delta −1 unless set, no records.
    pub fn build(self) -> Result<Bytes, RecordsError> {
        let body = compress(self.codec, self.level, &self.raw)?;
        let bytes = BATCH_HEADER_BYTES + body.len();
        if bytes > BYTES_MAX {
            return Err(RecordsError::BatchTooLarge { bytes });
        }
        let header = BatchHeader {
            base_offset: self.base_offset,
            length: (bytes - LENGTH_PREFIX_BYTES) as i32,
            partition_leader_epoch: self.partition_leader_epoch,
            magic: MAGIC,
            crc: 0,
            attributes: self.attributes.with_compression(self.codec),
            last_offset_delta: self.last_offset_delta,
            base_timestamp: self.base_timestamp.unwrap_or(NO_TIMESTAMP),
            max_timestamp: self.log_append_time.unwrap_or(self.max_timestamp),
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence: self.base_sequence,
            record_count: self.record_count,
        };
        let mut batch = Vec::with_capacity(bytes);
        batch.extend_from_slice(&header.encode());
        batch.extend_from_slice(&body);
        set_crc(&mut batch);
        Ok(Bytes::from(batch))
    }
}

/// Bytes that a record adds to an uncompressed batch at most: for accumulators that decide whether it still fits.
pub fn record_bytes(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Header]) -> usize {
    body_bytes(i64::MIN, i32::MIN, key, value, headers).saturating_add(5)
}

fn body_bytes(
    timestamp_delta: i64,
    offset_delta: i32,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[Header],
) -> usize {
    let headers_bytes: usize = headers
        .iter()
        .map(|header| nullable_bytes(Some(header.key.as_bytes())) + nullable_bytes(header.value.as_deref()))
        .sum();
    1 + varlong_len(timestamp_delta)
        + varlong_len(i64::from(offset_delta))
        + nullable_bytes(key)
        + nullable_bytes(value)
        + varlong_len(headers.len() as i64)
        + headers_bytes
}

fn nullable_bytes(part: Option<&[u8]>) -> usize {
    part.map_or(1, |part| varlong_len(part.len() as i64) + part.len())
}

fn put_nullable(out: &mut Vec<u8>, part: Option<&[u8]>) {
    match part {
        None => put_varint(out, -1),
        Some(part) => {
            put_varint(out, part.len() as i32);
            out.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Record};

    fn parse(bytes: &Bytes) -> Batch {
        Batch::parse(&mut bytes.clone()).expect("a batch")
    }

    #[test]
    fn the_header_tells_what_was_built() {
        let mut builder = BatchBuilder::new(Compression::None)
            .base_offset(100)
            .partition_leader_epoch(3)
            .producer(9, 1, i32::MAX)
            .transactional(true);
        builder.append(Some(b"a"), Some(b"1"), &[], 1000).expect("fits");
        builder.append(Some(b"b"), None, &[], 900).expect("fits");
        let bytes = builder.build().expect("builds");
        let batch = parse(&bytes);
        batch.verify_crc().expect("the crc was set");
        let header = batch.header();
        assert_eq!(
            (header.base_offset, header.last_offset(), header.next_offset()),
            (100, 101, 102)
        );
        assert_eq!((header.base_timestamp, header.max_timestamp), (1000, 1000));
        assert_eq!(
            (header.producer_id, header.producer_epoch, header.last_sequence()),
            (9, 1, 0)
        );
        assert!(header.is_transactional() && !header.is_control());
        assert_eq!(header.record_count, 2);
        let records: Vec<Record> = batch
            .records()
            .expect("plain")
            .collect::<Result<_, _>>()
            .expect("whole");
        assert_eq!(records[1].timestamp, 900);
        assert_eq!(records[1].value, None);
    }

    #[test]
    fn a_delete_horizon_keeps_the_timestamps() {
        let mut builder = BatchBuilder::new(Compression::None).delete_horizon(5_000);
        builder.append_at(3, Some(b"k"), None, &[], 1_000).expect("fits");
        builder.append_at(9, Some(b"l"), None, &[], 2_000).expect("fits");
        let batch = parse(&builder.build().expect("builds"));
        assert_eq!(batch.header().delete_horizon_ms(), Some(5_000));
        let seen: Vec<_> = batch
            .records()
            .expect("plain")
            .map(|r| r.expect("whole"))
            .collect();
        assert_eq!(
            seen.iter().map(|r| (r.offset, r.timestamp)).collect::<Vec<_>>(),
            [(3, 1_000), (9, 2_000)]
        );
        assert_eq!(batch.header().last_offset(), 9);
    }

    #[test]
    fn log_append_time_hides_create_times() {
        let mut builder = BatchBuilder::new(Compression::Gzip).log_append_time(77);
        builder.append(None, None, &[], 5).expect("fits");
        let batch = parse(&builder.build().expect("builds"));
        assert_eq!(batch.header().timestamp_type(), TimestampType::LogAppendTime);
        assert_eq!(
            batch
                .records()
                .expect("gzip")
                .next()
                .expect("one")
                .expect("whole")
                .timestamp,
            77
        );
    }

    #[test]
    fn the_estimate_is_an_upper_bound() {
        let headers = [
            Header::new("h", b"x"),
            Header {
                key: "n".into(),
                value: None,
            },
        ];
        let mut builder = BatchBuilder::new(Compression::None);
        for i in 0..100 {
            let before = builder.size_bytes();
            builder
                .append(Some(b"key"), Some(&[7; 300]), &headers, i * 1_000_000)
                .expect("fits");
            assert!(builder.size_bytes() - before <= record_bytes(Some(b"key"), Some(&[7; 300]), &headers));
        }
    }
}
