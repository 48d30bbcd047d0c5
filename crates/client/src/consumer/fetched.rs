//! The bytes fetched for one partition, decoded as they are asked for: one batch at a time is in the open.
//!
//! Left out are records below the position (a fetch answers whole batches), control batches, and under
//! read_committed the batches of aborted transactions: their producers, from each transaction's first offset to its
//! abort marker.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::vec;

use bytes::Bytes;
use records::{Batch, BatchHeader, Batches, ControlRecordType, Records, RecordsError, batches};

use super::record::ConsumerRecord;
use crate::{Error, TopicPartition};

/// An aborted transaction: its producer, and its first offset.
pub(super) type Aborted = (i64, i64);

pub(super) struct Fetched {
    partition: TopicPartition,
    batches: Batches,
    open: Option<(BatchHeader, Records)>,
    /// Where the next fetch goes on.
    next_offset: i64,
    /// By first offset; those that began are in `aborted_now`.
    aborted_later: Peekable<vec::IntoIter<Aborted>>,
    aborted_now: BTreeSet<i64>,
    check_crcs: bool,
    /// Nothing was taken yet: a batch that is cut off here would be asked for again and again.
    is_fresh: bool,
}

impl Fetched {
    /// `aborted` is `None` under read_uncommitted.
    pub(super) fn new(
        partition: TopicPartition,
        offset: i64,
        bytes: Bytes,
        aborted: Option<Vec<Aborted>>,
        check_crcs: bool,
    ) -> Fetched {
        let mut aborted = aborted.unwrap_or_default();
        aborted.sort_by_key(|(_, first_offset)| *first_offset);
        Fetched {
            partition,
            batches: batches(bytes),
            open: None,
            next_offset: offset,
            aborted_later: aborted.into_iter().peekable(),
            aborted_now: BTreeSet::new(),
            check_crcs,
            is_fresh: true,
        }
    }

    /// The offset after the last record that was taken or passed over.
    pub(super) fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// Takes records until `out` holds `count_max`. `true` when there are no more. After an error, what is left is of
    /// no use.
    pub(super) fn take_into(
        &mut self,
        out: &mut Vec<ConsumerRecord>,
        count_max: usize,
    ) -> Result<bool, Error> {
        while out.len() < count_max {
            let Some((header, records)) = &mut self.open else {
                if !self.open_next()? {
                    return Ok(true);
                }
                continue;
            };
            match records.next() {
                Some(Ok(record)) => {
                    if record.offset >= self.next_offset {
                        self.next_offset = record.offset + 1;
                        out.push(consumer_record(&self.partition, header, record));
                    }
                }
                Some(Err(error)) => return Err(self.corrupt(&error)),
                None => {
                    self.next_offset = self.next_offset.max(header.next_offset());
                    self.open = None;
                }
            }
        }
        Ok(false)
    }

    /// Opens the next batch that has records to give; `false` when there is none.
    fn open_next(&mut self) -> Result<bool, Error> {
        loop {
            let batch = match self.batches.next() {
                None => return Ok(false),
                // The answer was cut at its size limit: what is left comes with the next one.
                Some(Err(RecordsError::Truncated { .. })) if !self.is_fresh => return Ok(false),
                Some(Err(error)) => return Err(self.corrupt(&error)),
                Some(Ok(batch)) => batch,
            };
            self.is_fresh = false;
            if self.check_crcs {
                batch.verify_crc().map_err(|error| self.corrupt(&error))?;
            }
            let header = *batch.header();
            if self.is_to_be_read(&batch)? {
                let records = batch.records().map_err(|error| self.corrupt(&error))?;
                self.open = Some((header, records));
                return Ok(true);
            }
            self.next_offset = self.next_offset.max(header.next_offset());
        }
    }

    /// Whether the batch has records for the consumer; keeps account of aborted transactions.
    fn is_to_be_read(&mut self, batch: &Batch) -> Result<bool, Error> {
        let header = batch.header();
        if header.last_offset() < self.next_offset && !header.is_control() {
            return Ok(false);
        }
        let last_offset = header.last_offset();
        while let Some((producer_id, _)) = self.aborted_later.next_if(|(_, first)| *first <= last_offset) {
            self.aborted_now.insert(producer_id);
        }
        if header.is_control() {
            if self.aborted_now.contains(&header.producer_id) && self.is_abort_marker(batch)? {
                self.aborted_now.remove(&header.producer_id);
            }
            return Ok(false);
        }
        Ok(!(header.is_transactional() && self.aborted_now.contains(&header.producer_id)))
    }

    fn is_abort_marker(&self, batch: &Batch) -> Result<bool, Error> {
        let mut records = batch.records().map_err(|error| self.corrupt(&error))?;
        let Some(record) = records.next() else {
            return Ok(false);
        };
        let key = record
            .map_err(|error| self.corrupt(&error))?
            .key
            .unwrap_or_default();
        Ok(ControlRecordType::parse(&key) == Some(ControlRecordType::Abort))
    }

    fn corrupt(&self, error: &RecordsError) -> Error {
        Error::Corrupt {
            topic: self.partition.topic.to_string(),
            partition: self.partition.partition,
            offset: self.next_offset,
            cause: error.to_string(),
        }
    }
}

fn consumer_record(
    partition: &TopicPartition,
    header: &BatchHeader,
    record: records::Record,
) -> ConsumerRecord {
    ConsumerRecord {
        topic: partition.topic.clone(),
        partition: partition.partition,
        offset: record.offset,
        timestamp: record.timestamp,
        timestamp_type: header.timestamp_type(),
        leader_epoch: header.partition_leader_epoch,
        key: record.key,
        value: record.value,
        headers: record.headers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use records::{BatchBuilder, Compression, EndTransactionMarker};

    fn batch(base_offset: i64, count: usize, producer: Option<i64>) -> Bytes {
        let mut builder = BatchBuilder::new(Compression::Gzip).base_offset(base_offset);
        if let Some(producer) = producer {
            builder = builder.producer(producer, 0, 0).transactional(true);
        }
        for i in 0..count {
            builder.append(None, Some(&[i as u8]), &[], 5).expect("it fits");
        }
        builder.build().expect("it builds")
    }

    fn marker(offset: i64, producer: i64, is_commit: bool) -> Bytes {
        let marker = EndTransactionMarker {
            is_commit,
            coordinator_epoch: 0,
        };
        let builder = BatchBuilder::new(Compression::None)
            .base_offset(offset)
            .producer(producer, 0, -1);
        let mut builder = builder.transactional(true).control(true);
        builder
            .append(Some(&marker.key()), Some(&marker.value()), &[], 5)
            .expect("it fits");
        builder.build().expect("it builds")
    }

    fn fetched(offset: i64, parts: &[Bytes], aborted: Option<Vec<Aborted>>) -> Fetched {
        Fetched::new(
            TopicPartition::new("t", 0),
            offset,
            Bytes::from(parts.concat()),
            aborted,
            true,
        )
    }

    fn offsets(fetched: &mut Fetched, count_max: usize) -> (Vec<i64>, bool) {
        let mut out = Vec::new();
        let is_done = fetched.take_into(&mut out, count_max).expect("whole");
        (out.iter().map(|record| record.offset).collect(), is_done)
    }

    #[test]
    fn starts_inside_a_batch_and_stops_at_the_count() {
        let mut fetched = fetched(12, &[batch(10, 5, None), batch(15, 2, None)], None);
        assert_eq!(offsets(&mut fetched, 2), (vec![12, 13], false));
        assert_eq!(fetched.next_offset(), 14);
        assert_eq!(offsets(&mut fetched, 100), (vec![14, 15, 16], true));
        assert_eq!(fetched.next_offset(), 17);
    }

    #[test]
    fn a_cut_off_tail_waits_for_the_next_fetch() {
        let tail = batch(12, 2, None);
        let mut first = fetched(10, &[batch(10, 2, None), tail.slice(..tail.len() - 1)], None);
        assert_eq!(offsets(&mut first, 100), (vec![10, 11], true));
        let mut alone = fetched(12, &[tail.slice(..tail.len() - 1)], None);
        assert!(
            alone.take_into(&mut Vec::new(), 9).is_err(),
            "nothing would ever come of it"
        );
    }

    #[test]
    fn aborted_batches_and_markers_are_passed_over() {
        let parts = [
            batch(0, 1, Some(7)),
            batch(1, 1, Some(8)),
            marker(2, 7, false),
            batch(3, 1, Some(7)),
            marker(4, 8, true),
            batch(5, 1, None),
            marker(6, 7, true),
        ];
        let mut committed = fetched(0, &parts, Some(vec![(7, 0)]));
        assert_eq!(offsets(&mut committed, 100), (vec![1, 3, 5], true));
        assert_eq!(committed.next_offset(), 7);
        let mut uncommitted = fetched(0, &parts, None);
        assert_eq!(offsets(&mut uncommitted, 100).0, [0, 1, 3, 5]);
    }

    #[test]
    fn damage_is_an_error_with_its_place() {
        let mut bytes = [batch(10, 2, None), batch(12, 2, None)].concat();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let mut fetched = fetched(10, &[Bytes::from(bytes)], None);
        let mut out = Vec::new();
        let error = fetched.take_into(&mut out, 100).expect_err("damaged");
        assert!(matches!(error, Error::Corrupt { offset: 12, .. }), "{error}");
        assert_eq!(out.len(), 2, "what came before it is good");
    }
}
