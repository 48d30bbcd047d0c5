//! One batch on its way: filled, sealed, sent, perhaps again, and reported.

use bytes::Bytes;
use records::{BatchBuilder, Compression, RecordsError, increment_sequence, record_bytes, set_producer};
use runtime::sync::{OwnedSemaphorePermit, oneshot};
use runtime::time::Monotonic;

use super::record::{ProducerRecord, RecordMetadata};
use crate::{Error, Outcome, TopicPartition};

/// A producer's id and epoch, as a broker gave them or as an idempotent producer raised them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdentity {
    pub id: i64,
    pub epoch: i16,
}

/// The place of a batch in its producer's stream to one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) identity: ProducerIdentity,
    pub(super) base: i32,
}

/// Orders the batches of a partition by the time of their first record; the halves of a split batch stand in its
/// place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    pub(super) serial: u64,
    pub(super) first_record: u32,
}

pub(super) type Report = oneshot::Sender<Result<RecordMetadata, Error>>;

#[derive(Debug)]
enum Content {
    Open(BatchBuilder),
    Sealed(Bytes),
}

#[derive(Debug)]
struct Waiter {
    timestamp: i64,
    report: Report,
}

/// Invariant: `waiters` holds one per record, or none once they were told that it took too long.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) partition: TopicPartition,
    pub(super) order: Order,
    pub(super) created: Monotonic,
    /// Times that it was handed to a connection.
    pub(super) attempts: u32,
    pub(super) retry_at: Option<Monotonic>,
    pub(super) sequence: Option<Sequence>,
    /// The worst outcome of the attempts so far.
    pub(super) outcome: Outcome,
    /// Why the last attempt failed.
    pub(super) last_error: Option<Error>,
    content: Content,
    record_count: usize,
    waiters: Vec<Waiter>,
    memory: Option<OwnedSemaphorePermit>,
}

impl Batch {
    pub(super) fn new(
        partition: TopicPartition,
        order: Order,
        codec: Compression,
        level: Option<i32>,
        now: Monotonic,
    ) -> Batch {
        let builder = BatchBuilder::new(codec);
        let builder = match level {
            Some(level) => builder.level(level),
            None => builder,
        };
        Batch {
            partition,
            order,
            created: now,
            attempts: 0,
            retry_at: None,
            sequence: None,
            outcome: Outcome::Failed,
            last_error: None,
            content: Content::Open(builder),
            record_count: 0,
            waiters: Vec::new(),
            memory: None,
        }
    }

    /// Whether one more such record keeps the batch within `batch_bytes`; the first always fits.
    pub(super) fn has_room_for(&self, record: &ProducerRecord, batch_bytes: usize) -> bool {
        let Content::Open(builder) = &self.content else {
            return false;
        };
        let bytes = record_bytes(record.key.as_deref(), record.value.as_deref(), &record.headers);
        builder.is_empty() || builder.size_bytes() + bytes <= batch_bytes
    }

    pub(super) fn append(
        &mut self,
        record: &ProducerRecord,
        timestamp: i64,
        memory: OwnedSemaphorePermit,
        report: Report,
    ) -> Result<(), RecordsError> {
        let Content::Open(builder) = &mut self.content else {
            unreachable!("a sealed batch has no room, and has_room_for was asked");
        };
        builder.append(
            record.key.as_deref(),
            record.value.as_deref(),
            &record.headers,
            timestamp,
        )?;
        match &mut self.memory {
            Some(permit) => permit.merge(memory),
            none => *none = Some(memory),
        }
        self.waiters.push(Waiter { timestamp, report });
        self.record_count += 1;
        Ok(())
    }

    pub(super) fn record_count(&self) -> usize {
        self.record_count
    }

    pub(super) fn size_bytes(&self) -> usize {
        match &self.content {
            Content::Open(builder) => builder.size_bytes(),
            Content::Sealed(bytes) => bytes.len(),
        }
    }

    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiters.is_empty()
    }

    pub(super) fn is_retry(&self) -> bool {
        self.attempts > 0
    }

    /// The sequence of the record after this batch.
    pub(super) fn next_sequence(&self) -> Option<i32> {
        let sequence = self.sequence?;
        Some(increment_sequence(sequence.base, self.record_count() as i32))
    }

    /// Closes the batch under its sequence; the bytes that go on the wire.
    pub(super) fn seal(&mut self) -> Result<Bytes, RecordsError> {
        let open = std::mem::replace(&mut self.content, Content::Sealed(Bytes::new()));
        let sequence = self.sequence;
        let bytes = match open {
            Content::Open(mut builder) => {
                if let Some(Sequence { identity, base }) = sequence {
                    builder.set_producer(identity.id, identity.epoch, base);
                }
                builder.build()?
            }
            Content::Sealed(bytes) => with_sequence(bytes, sequence),
        };
        self.content = Content::Sealed(bytes.clone());
        Ok(bytes)
    }

    /// Two halves in this one's place, for a broker that found it too large; itself when there is nothing to halve.
    pub(super) fn split(mut self, codec: Compression, level: Option<i32>) -> Vec<Batch> {
        let records = match &self.content {
            Content::Sealed(bytes) if self.record_count() > 1 => read_all(bytes),
            _ => None,
        };
        let Some(records) = records.filter(|records| records.len() == self.waiters.len()) else {
            return vec![self];
        };
        let middle = records.len() / 2;
        let second_sequence = self.sequence.map(|sequence| Sequence {
            base: increment_sequence(sequence.base, middle as i32),
            ..sequence
        });
        let second_order = Order {
            serial: self.order.serial,
            first_record: self.order.first_record + middle as u32,
        };
        let mut second = Batch::new(self.partition.clone(), second_order, codec, level, self.created);
        let mut first = Batch::new(self.partition.clone(), self.order, codec, level, self.created);
        (first.sequence, second.sequence) = (self.sequence, second_sequence);
        (first.attempts, second.attempts) = (self.attempts, self.attempts);
        (first.record_count, second.record_count) = (middle, records.len() - middle);
        second.waiters = self.waiters.split_off(middle);
        first.waiters = self.waiters;
        // The memory comes back when the first half is done: close enough, and never too much is in use.
        first.memory = self.memory;
        for (index, record) in records.iter().enumerate() {
            let half = if index < middle { &mut first } else { &mut second };
            let Content::Open(builder) = &mut half.content else {
                unreachable!("a new batch is open");
            };
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            builder
                .append(key, value, &record.headers, record.timestamp)
                .expect("half of what was a batch fits in a batch");
        }
        vec![first, second]
    }

    /// Tells every waiter where its record is. `base_offset` −1 is unknown; `log_append_time` −1 is CreateTime.
    pub(super) fn succeed(self, base_offset: i64, log_append_time: i64) {
        let TopicPartition { topic, partition } = self.partition;
        for (index, waiter) in self.waiters.into_iter().enumerate() {
            let metadata = RecordMetadata {
                topic: topic.clone(),
                partition,
                offset: (base_offset >= 0).then(|| base_offset + index as i64),
                timestamp: if log_append_time >= 0 {
                    log_append_time
                } else {
                    waiter.timestamp
                },
            };
            // Nobody may want to know.
            let _ = waiter.report.send(Ok(metadata));
        }
    }

    /// Tells every waiter that its time is over while an attempt is still on its way; the batch goes on without them.
    pub(super) fn report_late(&mut self, error: &Error) {
        for waiter in self.waiters.drain(..) {
            let _ = waiter.report.send(Err(error.clone()));
        }
    }

    /// Tells every waiter that it failed, and whether an attempt may have succeeded all the same.
    pub(super) fn fail(self, error: Error) {
        let error = if self.outcome == Outcome::Unknown {
            error.uncertain()
        } else {
            error
        };
        for waiter in self.waiters {
            let _ = waiter.report.send(Err(error.clone()));
        }
    }
}

fn with_sequence(bytes: Bytes, sequence: Option<Sequence>) -> Bytes {
    let Some(Sequence { identity, base }) = sequence else {
        return bytes;
    };
    let mut bytes = bytes.to_vec();
    set_producer(&mut bytes, identity.id, identity.epoch, base);
    Bytes::from(bytes)
}

fn read_all(bytes: &Bytes) -> Option<Vec<records::Record>> {
    let batch = records::Batch::parse(&mut bytes.clone()).ok()?;
    batch.records().ok()?.collect::<Result<_, _>>().ok()
}
