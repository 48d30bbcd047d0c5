//! Records gather here into batches, one queue a partition, until a batch is due; and batches come back here for
//! another attempt. A machine: it takes the time and inputs, and never waits or sends.
//!
//! ```text
//!  append ─► open ─► due (full, lingered, flushed, retry wait over) ─► take_due ─► in flight ─┬► reported
//!                     ▲                                                                        │
//!                     └──────────────────────────── retry, in order ◄──────────────────────────┘
//! ```
//! Invariants, with idempotence:
//! 1. A partition's sequences are given out in the order of its records, without gaps, one epoch at a time.
//! 2. A retry keeps its sequence, and waits until all batches before it are done, so retries never overtake.
//! 3. Sequences start again at 0 only under a new epoch, with nothing in flight; and a batch that an older attempt
//!    may have appended is never given another sequence: its outcome is reported as unknown instead of risking a
//!    duplicate.
//! 4. Under a new epoch a partition's first batch goes alone until it is acknowledged: a broker that does not know the
//!    producer takes any first sequence, so a second batch could pass a first one that was refused.
//! 5. At most [`IDEMPOTENT_IN_FLIGHT_MAX`] batches of a partition are in flight: what a broker remembers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use records::{Compression, increment_sequence};
use runtime::sync::OwnedSemaphorePermit;
use runtime::time::{Duration, Monotonic, WallMs};
use wire::ErrorCode;

use super::batch::{Batch, Order, ProducerIdentity, Report, Sequence};
use super::config::{IDEMPOTENT_IN_FLIGHT_MAX, ProducerConfig};
use super::record::ProducerRecord;
use crate::config::Backoff;
use crate::{Error, Outcome, TopicPartition};

#[derive(Clone, Debug)]
struct Options {
    codec: Compression,
    level: Option<i32>,
    batch_bytes: usize,
    linger: Duration,
    delivery_timeout: Duration,
    retries: u32,
    retry_backoff: Duration,
    retry_backoff_max: Duration,
    is_idempotent: bool,
    /// One batch of a partition in flight at a time, so that retries keep the order without sequences.
    is_one_at_a_time: bool,
}

pub(super) struct Accumulator {
    options: Options,
    queues: BTreeMap<TopicPartition, Queue>,
    /// The producer's current id and epoch; `None` until a broker gave one, and when it must be given anew.
    identity: Option<ProducerIdentity>,
    next_serial: u64,
    /// Batches up to this serial do not linger.
    flushed_serial: Option<u64>,
    /// Every batch that is queued or in flight.
    incomplete: BTreeSet<(u64, u32, TopicPartition)>,
    /// `send`s that wait for memory: then nothing lingers.
    pub(super) memory_waiters: usize,
}

#[derive(Default)]
struct Queue {
    /// In order; batches to retry come before new ones.
    batches: VecDeque<Batch>,
    in_flight: BTreeSet<Order>,
    /// What `next_sequence` counts under.
    identity: Option<ProducerIdentity>,
    next_sequence: i32,
    /// A batch under `identity` was acknowledged, so the broker knows which sequence comes next.
    is_established: bool,
    /// A sequence is missing for good: number anew under the next epoch once nothing is in flight.
    needs_new_epoch: bool,
}

/// How an attempt ended.
pub(super) type Attempt = Result<Appended, Error>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Appended {
    pub(super) base_offset: i64,
    pub(super) log_append_time: i64,
}

impl Accumulator {
    pub(super) fn new(config: &ProducerConfig) -> Accumulator {
        let options = Options {
            codec: config.compression,
            level: config.compression_level,
            batch_bytes: config.batch_size,
            linger: config.linger,
            delivery_timeout: config.delivery_timeout,
            retries: config.retries,
            retry_backoff: config.client.retry_backoff,
            retry_backoff_max: config.client.retry_backoff_max,
            is_idempotent: config.enable_idempotence,
            is_one_at_a_time: !config.enable_idempotence && config.max_in_flight == 1,
        };
        Accumulator {
            options,
            queues: BTreeMap::new(),
            identity: None,
            next_serial: 0,
            flushed_serial: None,
            incomplete: BTreeSet::new(),
            memory_waiters: 0,
        }
    }

    /// Adds a record to its partition's last batch, or to a new one. `true` when the sender should look: a batch
    /// was begun or filled.
    pub(super) fn append(
        &mut self,
        partition: &TopicPartition,
        record: &ProducerRecord,
        timestamp: i64,
        memory: OwnedSemaphorePermit,
        report: Report,
        now: Monotonic,
    ) -> Result<bool, Error> {
        let queue = match self.queues.get_mut(partition) {
            Some(queue) => queue,
            None => self.queues.entry(partition.clone()).or_default(),
        };
        let is_new = !queue
            .batches
            .back()
            .is_some_and(|batch| batch.has_room_for(record, self.options.batch_bytes));
        if is_new {
            let order = Order {
                serial: self.next_serial,
                first_record: 0,
            };
            self.next_serial += 1;
            let Options { codec, level, .. } = self.options;
            queue
                .batches
                .push_back(Batch::new(partition.clone(), order, codec, level, now));
            self.incomplete.insert((order.serial, 0, partition.clone()));
        }
        let batch = queue.batches.back_mut().expect("one was there or was added");
        let appended = batch.append(record, timestamp, memory, report);
        if let Err(error) = appended {
            if is_new && let Some(batch) = queue.batches.pop_back() {
                self.incomplete
                    .remove(&(batch.order.serial, 0, partition.clone()));
            }
            return Err(Error::Invalid(error.to_string()));
        }
        Ok(is_new || batch.size_bytes() >= self.options.batch_bytes)
    }

    pub(super) fn identity(&self) -> Option<ProducerIdentity> {
        self.identity
    }

    pub(super) fn set_identity(&mut self, identity: ProducerIdentity) {
        self.identity = Some(identity);
    }

    /// Whether a producer id is missing and something waits for it.
    pub(super) fn wants_identity(&self) -> bool {
        self.options.is_idempotent && self.identity.is_none() && !self.incomplete.is_empty()
    }

    /// Partitions with a batch that may be sent now.
    pub(super) fn due_partitions(&mut self, now: Monotonic) -> Vec<TopicPartition> {
        let waiting = self.queues.iter().filter(|(_, queue)| !queue.batches.is_empty());
        let names: Vec<TopicPartition> = waiting.map(|(name, _)| name.clone()).collect();
        names.into_iter().filter(|name| self.is_due(name, now)).collect()
    }

    /// Topics whose batches wait, due or not: their leaders must be known.
    pub(super) fn waiting_topics(&self) -> BTreeSet<std::sync::Arc<str>> {
        let waiting = self.queues.iter().filter(|(_, queue)| !queue.batches.is_empty());
        waiting.map(|(name, _)| name.topic.clone()).collect()
    }

    /// When something will be due or expire, if nothing else happens.
    pub(super) fn next_due(&self, now: Monotonic) -> Option<Monotonic> {
        let queues = self
            .queues
            .values()
            .filter_map(|queue| Some((queue, queue.batches.front()?)));
        let dues = queues.flat_map(|(queue, front)| {
            let expiry = queue
                .batches
                .iter()
                .map(|b| b.created + self.options.delivery_timeout)
                .min();
            let send = front.retry_at.unwrap_or(front.created + self.options.linger);
            // What is due by its time but held back by others will be looked at when those are done.
            [Some(send).filter(|send| *send > now), expiry]
        });
        dues.flatten().min()
    }

    /// Takes due batches of the given partitions, one of each, for one request of at most `request_bytes_max` (a
    /// single batch may be larger). They count as in flight until [`Accumulator::complete`].
    pub(super) fn take_due(
        &mut self,
        partitions: &[TopicPartition],
        request_bytes_max: usize,
        now: Monotonic,
    ) -> Vec<Batch> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        for name in partitions {
            if !self.is_due(name, now) {
                continue;
            }
            let queue = self.queues.get_mut(name).expect("what is due has a queue");
            let size = queue.batches.front().map_or(0, Batch::size_bytes);
            if !taken.is_empty() && bytes + size > request_bytes_max {
                break;
            }
            bytes += size;
            let mut batch = queue.batches.pop_front().expect("what is due has a batch");
            if self.options.is_idempotent && batch.sequence.is_none() {
                let identity = self.identity.expect("is_due asks for it");
                batch.sequence = Some(queue.next_sequence_for(identity, batch.record_count()));
            }
            batch.attempts += 1;
            batch.retry_at = None;
            queue.in_flight.insert(batch.order);
            taken.push(batch);
        }
        taken
    }

    fn is_due(&mut self, name: &TopicPartition, now: Monotonic) -> bool {
        self.renumber_if_needed(name);
        let Some((queue, front)) = self
            .queues
            .get(name)
            .and_then(|queue| Some((queue, queue.batches.front()?)))
        else {
            return false;
        };
        if front.retry_at.is_some_and(|retry_at| retry_at > now) || !self.may_follow(queue, front) {
            return false;
        }
        front.is_retry()
            || queue.batches.len() > 1
            || front.size_bytes() >= self.options.batch_bytes
            || now >= front.created + self.options.linger
            || self
                .flushed_serial
                .is_some_and(|serial| front.order.serial <= serial)
            || self.memory_waiters > 0
    }

    /// Whether the order of the partition's records allows the batch to go now.
    fn may_follow(&self, queue: &Queue, front: &Batch) -> bool {
        if self.options.is_one_at_a_time {
            return queue.in_flight.is_empty();
        }
        if !self.options.is_idempotent {
            return true;
        }
        let in_flight_max = if queue.is_settled_under(self.identity) {
            IDEMPOTENT_IN_FLIGHT_MAX
        } else {
            1
        };
        if self.identity.is_none() || queue.needs_new_epoch || queue.in_flight.len() >= in_flight_max {
            return false;
        }
        let is_first = queue.in_flight.first().is_none_or(|order| front.order < *order);
        front.sequence.is_none() || is_first
    }

    /// Invariant 3. Numbers a partition anew, when a sequence went missing and nothing is in flight any more.
    fn renumber_if_needed(&mut self, name: &TopicPartition) {
        let Some(queue) = self.queues.get_mut(name) else {
            return;
        };
        if !queue.needs_new_epoch || !queue.in_flight.is_empty() {
            return;
        }
        queue.needs_new_epoch = false;
        queue.is_established = false;
        queue.next_sequence = 0;
        if queue.identity == self.identity {
            self.identity = self.identity.and_then(|identity| {
                let epoch = identity.epoch.checked_add(1)?;
                Some(ProducerIdentity { epoch, ..identity })
            });
        }
        queue.identity = self.identity;
        let (lost, kept): (VecDeque<Batch>, VecDeque<Batch>) = std::mem::take(&mut queue.batches)
            .into_iter()
            .partition(|batch| batch.sequence.is_some() && batch.outcome == Outcome::Unknown);
        queue.batches = kept;
        for batch in &mut queue.batches {
            batch.sequence = None;
        }
        for batch in lost {
            let error = batch
                .last_error
                .clone()
                .unwrap_or(Error::Closed("producer epoch"));
            self.finish(batch, Err(error));
        }
    }

    /// Takes the end of an attempt: reports it, or queues the batch for another.
    pub(super) fn complete(&mut self, mut batch: Batch, attempt: Attempt, now: Monotonic) {
        let queue = self
            .queues
            .get_mut(&batch.partition)
            .expect("a queue lives as long as the producer");
        queue.in_flight.remove(&batch.order);
        let error = match attempt {
            Ok(appended) => {
                let identity = batch.sequence.map(|sequence| sequence.identity);
                queue.is_established |= identity.is_some() && identity == queue.identity;
                return self.finish(batch, Ok(appended));
            }
            Err(error) => error,
        };
        let code = error.code();
        if code == Some(ErrorCode::DuplicateSequenceNumber) {
            // Appended before, and so long ago that the broker has forgotten where.
            return self.finish(
                batch,
                Ok(Appended {
                    base_offset: -1,
                    log_append_time: -1,
                }),
            );
        }
        batch.outcome = batch.outcome.or(error.outcome());
        batch.last_error = Some(error.clone());
        let deadline = batch.created + self.options.delivery_timeout;
        let is_in_time = batch.attempts <= self.options.retries && now < deadline;
        if code == Some(ErrorCode::MessageTooLarge) && batch.outcome == Outcome::Failed && is_in_time {
            return self.split(batch, error);
        }
        if !is_in_time || !(error.is_retriable() || self.is_sequence_fault(code)) {
            return self.give_up(batch, error, now);
        }
        self.note_sequence_fault(&batch, code);
        let mut backoff = Backoff::new(self.options.retry_backoff, self.options.retry_backoff_max);
        for _ in 1..batch.attempts.min(BACKOFF_STEPS_MAX) {
            backoff.take();
        }
        batch.retry_at = Some(now + backoff.take());
        self.requeue(batch);
    }

    fn is_sequence_fault(&self, code: Option<ErrorCode>) -> bool {
        self.options.is_idempotent
            && matches!(
                code,
                Some(
                    ErrorCode::OutOfOrderSequenceNumber
                        | ErrorCode::UnknownProducerId
                        | ErrorCode::InvalidProducerEpoch
                )
            )
    }

    /// A broker that misses a sequence: if a batch before this one is still on its way, that one is missing and will
    /// come; else it is lost, and the partition is numbered anew.
    fn note_sequence_fault(&mut self, batch: &Batch, code: Option<ErrorCode>) {
        if !self.is_sequence_fault(code) {
            return;
        }
        let queue = self
            .queues
            .get_mut(&batch.partition)
            .expect("a queue lives as long as the producer");
        let is_stale = batch
            .sequence
            .is_some_and(|sequence| Some(sequence.identity) != queue.identity);
        if code == Some(ErrorCode::InvalidProducerEpoch) {
            // Somebody else has this id, or the broker knows a later epoch of it: take a new id altogether.
            if batch.sequence.map(|sequence| sequence.identity) == self.identity {
                self.identity = None;
            }
            queue.needs_new_epoch = true;
            return;
        }
        let before = |order: &Order| *order < batch.order;
        let has_earlier = queue.in_flight.iter().any(before)
            || queue
                .batches
                .iter()
                .any(|queued| queued.sequence.is_some() && before(&queued.order));
        if !has_earlier && !is_stale {
            queue.needs_new_epoch = true;
        }
    }

    fn requeue(&mut self, batch: Batch) {
        let queue = self
            .queues
            .get_mut(&batch.partition)
            .expect("a queue lives as long as the producer");
        let place = queue.batches.partition_point(|queued| queued.order < batch.order);
        queue.batches.insert(place, batch);
    }

    /// Two halves go where the whole was refused; their sequences follow each other as its records' did.
    fn split(&mut self, batch: Batch, error: Error) {
        let Options { codec, level, .. } = self.options;
        let mut parts = batch.split(codec, level);
        if parts.len() == 1
            && let Some(whole) = parts.pop()
        {
            self.leave_no_gap(&whole);
            return self.finish(whole, Err(error));
        }
        for part in parts {
            self.incomplete
                .insert((part.order.serial, part.order.first_record, part.partition.clone()));
            self.requeue(part);
        }
    }

    fn give_up(&mut self, batch: Batch, error: Error, now: Monotonic) {
        self.leave_no_gap(&batch);
        let is_late = now >= batch.created + self.options.delivery_timeout;
        let error = if is_late { self.expired(&batch) } else { error };
        self.finish(batch, Err(error));
    }

    /// A batch with a sequence that was certainly not appended leaves a gap: take the sequence back if nothing came
    /// after it, else number the partition anew. (If it may have been appended, the broker will tell.)
    fn leave_no_gap(&mut self, batch: &Batch) {
        let (Some(sequence), Outcome::Failed) = (batch.sequence, batch.outcome) else {
            return;
        };
        let queue = self
            .queues
            .get_mut(&batch.partition)
            .expect("a queue lives as long as the producer");
        if Some(sequence.identity) != queue.identity {
            return;
        }
        if batch.next_sequence() == Some(queue.next_sequence) {
            queue.next_sequence = sequence.base;
        } else {
            queue.needs_new_epoch = true;
        }
    }

    /// Reports queued batches that waited longer than delivery.timeout.ms.
    pub(super) fn expire(&mut self, now: Monotonic) {
        let limit = self.options.delivery_timeout;
        let mut late = Vec::new();
        for queue in self.queues.values_mut() {
            while let Some(at) = queue
                .batches
                .iter()
                .rposition(|batch| now >= batch.created + limit)
            {
                late.extend(queue.batches.remove(at));
            }
        }
        for batch in late {
            self.leave_no_gap(&batch);
            let error = self.expired(&batch);
            self.finish(batch, Err(error));
        }
    }

    fn expired(&self, batch: &Batch) -> Error {
        let last = match &batch.last_error {
            Some(error) => error.to_string(),
            None => "it was never sent, for its partition had no leader that could be reached".into(),
        };
        let what = format!("the delivery of a batch to {}", batch.partition);
        Error::Expired {
            what,
            after: self.options.delivery_timeout,
            last,
            outcome: batch.outcome,
        }
    }

    /// Fails what is queued for a topic, or for all: a topic that may not be written, a producer that closes.
    pub(super) fn fail_queued(&mut self, topic: Option<&str>, error: &Error) {
        let mut failed = Vec::new();
        for (name, queue) in &mut self.queues {
            if topic.is_none_or(|topic| *topic == *name.topic) {
                failed.extend(std::mem::take(&mut queue.batches).into_iter().rev());
            }
        }
        for batch in failed {
            self.leave_no_gap(&batch);
            self.finish(batch, Err(error.clone()));
        }
    }

    fn finish(&mut self, batch: Batch, attempt: Attempt) {
        let Order { serial, first_record } = batch.order;
        self.incomplete
            .remove(&(serial, first_record, batch.partition.clone()));
        match attempt {
            Ok(Appended {
                base_offset,
                log_append_time,
            }) => batch.succeed(base_offset, log_append_time),
            Err(error) => batch.fail(error),
        }
    }

    /// From now on, what is here does not linger. Gives what to ask [`Accumulator::is_flushed`] about.
    pub(super) fn flush(&mut self) -> u64 {
        self.flushed_serial = self.next_serial.checked_sub(1);
        self.next_serial
    }

    /// Whether every batch before the mark of a flush is done.
    pub(super) fn is_flushed(&self, mark: u64) -> bool {
        self.incomplete.first().is_none_or(|(serial, ..)| *serial >= mark)
    }

    /// The time of a record that came without one.
    pub(super) fn timestamp_of(record: &ProducerRecord) -> i64 {
        record.timestamp.unwrap_or_else(|| WallMs::now().0)
    }
}

/// By then every back-off has reached its bound.
const BACKOFF_STEPS_MAX: u32 = 16;

impl Queue {
    /// Invariant 4. A queue that will take up a newer identity as soon as nothing is in flight counts by its old one.
    fn is_settled_under(&self, current: Option<ProducerIdentity>) -> bool {
        self.is_established && (self.identity == current || !self.in_flight.is_empty())
    }

    fn next_sequence_for(&mut self, identity: ProducerIdentity, record_count: usize) -> Sequence {
        let is_settled =
            self.in_flight.is_empty() && self.batches.iter().all(|batch| batch.sequence.is_none());
        if self.identity.is_none() || (self.identity != Some(identity) && is_settled) {
            self.identity = Some(identity);
            self.next_sequence = 0;
            self.is_established = false;
        }
        let base = self.next_sequence;
        self.next_sequence = increment_sequence(base, record_count as i32);
        Sequence {
            identity: self.identity.unwrap_or(identity),
            base,
        }
    }
}

#[cfg(test)]
mod tests;
