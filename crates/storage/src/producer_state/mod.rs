//! What a log remembers of its idempotent producers: enough to refuse gaps and to recognise repeats.
//!
//! ```text
//! (unknown) --any batch--> epoch e, sequences ..s --next is s+1--> epoch e, ..s'     (s+1 wraps from 2^31-1 to 0)
//!                             |  one of the last five: Duplicate, its first answer again
//!                             |  anything else:        OutOfOrder
//!                             |--epoch > e, sequence 0--> epoch e', ..s'
//!                             |--epoch < e: InvalidEpoch
//!                             '--idle for producer.id.expiration.ms--> (unknown)
//! ```
//!
//! Invariants:
//! 1. [`ProducerState::check`] decides and changes nothing; [`ProducerState::replay`] alone changes, and takes any batch
//!    that stands in a log. So the state is a fold over the log's batches.
//! 2. A producer's batches are all of its newest epoch, oldest first, at most [`BATCHES_MAX`] of them.
//!
//! Deliberately absent: verification of transactions with their coordinator, and late transactions.

mod snapshot;

pub use snapshot::{decode_snapshot, encode_snapshot};

use runtime::mutant::{Mutant, planted};
use std::collections::{BTreeMap, VecDeque};

/// How many batches of each producer can be recognised again. Producers may have so many requests in flight.
pub const BATCHES_MAX: usize = 5;

/// What producer state needs to know of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerBatch {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub base_offset: i64,
    pub last_offset: i64,
    pub max_timestamp: i64,
    pub is_transactional: bool,
    /// Of a control batch that ends a transaction: the epoch of its coordinator.
    pub marker_coordinator_epoch: Option<i32>,
}

impl ProducerBatch {
    fn last_sequence(&self) -> i32 {
        advance(self.base_sequence, self.offset_delta())
    }

    fn offset_delta(&self) -> i32 {
        i32::try_from(self.last_offset - self.base_offset).expect("a batch counts its records in 32 bits")
    }
}

/// One remembered batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchMetadata {
    pub last_sequence: i32,
    pub last_offset: i64,
    pub offset_delta: i32,
    pub timestamp: i64,
}

impl BatchMetadata {
    pub fn first_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }

    pub fn first_sequence(&self) -> i32 {
        retreat(self.last_sequence, self.offset_delta)
    }
}

/// What is remembered of one producer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProducerEntry {
    pub producer_epoch: i16,
    pub coordinator_epoch: i32,
    pub last_timestamp: i64,
    pub current_txn_first_offset: Option<i64>,
    pub batches: VecDeque<BatchMetadata>,
}

impl ProducerEntry {
    fn new(producer_epoch: i16) -> ProducerEntry {
        ProducerEntry {
            producer_epoch,
            coordinator_epoch: -1,
            last_timestamp: -1,
            current_txn_first_offset: None,
            batches: VecDeque::new(),
        }
    }

    pub fn last_sequence(&self) -> i32 {
        self.batches.back().map_or(-1, |batch| batch.last_sequence)
    }

    fn push(&mut self, batch: BatchMetadata) {
        let max = if planted(Mutant::DedupOneBatch) {
            1
        } else {
            BATCHES_MAX
        };
        while self.batches.len() >= max {
            self.batches.pop_front();
        }
        self.batches.push_back(batch);
    }
}

/// What DescribeProducers tells of a producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerSummary {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub last_sequence: i32,
    pub last_timestamp: i64,
    pub coordinator_epoch: i32,
    pub current_txn_start_offset: i64,
}

/// What to do with a producer's batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Append,
    /// It stands in the log already, here.
    Duplicate(BatchMetadata),
}

/// Why a producer's batch is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProducerFault {
    OutOfOrder(String),
    InvalidEpoch(String),
    InvalidTxnState(String),
}

/// The producers of one log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProducerState {
    producers: BTreeMap<i64, ProducerEntry>,
    /// Kept for the planted bug [`Mutant::StaleProducerSnapshot`] alone: who appended last, and what was before.
    before_last: Option<(i64, Option<ProducerEntry>)>,
}

impl ProducerState {
    pub fn from_entries(producers: BTreeMap<i64, ProducerEntry>) -> ProducerState {
        ProducerState {
            producers,
            before_last: None,
        }
    }

    pub fn producers(&self) -> &BTreeMap<i64, ProducerEntry> {
        &self.producers
    }

    /// Whether a client's batch may be appended now.
    pub fn check(&self, batch: &ProducerBatch) -> Result<Verdict, ProducerFault> {
        let Some(entry) = self.producers.get(&batch.producer_id) else {
            return Ok(Verdict::Append);
        };
        if batch.producer_epoch == entry.producer_epoch {
            let (first, last) = (batch.base_sequence, batch.last_sequence());
            let same = |b: &&BatchMetadata| b.first_sequence() == first && b.last_sequence == last;
            if let Some(original) = entry.batches.iter().find(same) {
                return Ok(Verdict::Duplicate(*original));
            }
        }
        check_epoch(batch, entry)?;
        check_sequence(batch, entry)?;
        if entry.current_txn_first_offset.is_some() && !batch.is_transactional {
            return Err(ProducerFault::InvalidTxnState(format!(
                "producer {} has a transaction open here and wrote outside of it",
                batch.producer_id
            )));
        }
        Ok(Verdict::Append)
    }

    /// Takes in a batch that stands in the log. Batches come in the order of their offsets.
    pub fn replay(&mut self, batch: &ProducerBatch) {
        if batch.producer_id < 0 {
            return;
        }
        if planted(Mutant::StaleProducerSnapshot) {
            self.before_last = Some((batch.producer_id, self.producers.get(&batch.producer_id).cloned()));
        }
        let entry = self
            .producers
            .entry(batch.producer_id)
            .or_insert_with(|| ProducerEntry::new(batch.producer_epoch));
        if entry.producer_epoch != batch.producer_epoch {
            entry.batches.clear();
            entry.producer_epoch = batch.producer_epoch;
        }
        entry.last_timestamp = batch.max_timestamp;
        if let Some(coordinator_epoch) = batch.marker_coordinator_epoch {
            entry.coordinator_epoch = coordinator_epoch;
            entry.current_txn_first_offset = None;
            return;
        }
        entry.push(BatchMetadata {
            last_sequence: batch.last_sequence(),
            last_offset: batch.last_offset,
            offset_delta: batch.offset_delta(),
            timestamp: batch.max_timestamp,
        });
        if batch.is_transactional && entry.current_txn_first_offset.is_none() {
            entry.current_txn_first_offset = Some(batch.base_offset);
        }
    }

    /// Forgets producers that wrote nothing for so long and have no transaction open.
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.producers.retain(|_, entry| {
            entry.current_txn_first_offset.is_some()
                || now_ms.saturating_sub(entry.last_timestamp) < expiration_ms
        });
    }

    pub fn clear(&mut self) {
        *self = ProducerState::default();
    }

    /// Where the oldest open transaction begins: nothing from there on is stable.
    pub fn first_unstable_offset(&self) -> Option<i64> {
        self.producers
            .values()
            .filter_map(|e| e.current_txn_first_offset)
            .min()
    }

    pub fn summaries(&self) -> Vec<ProducerSummary> {
        let summary = |(id, entry): (&i64, &ProducerEntry)| ProducerSummary {
            producer_id: *id,
            producer_epoch: entry.producer_epoch,
            last_sequence: entry.last_sequence(),
            last_timestamp: entry.last_timestamp,
            coordinator_epoch: entry.coordinator_epoch,
            current_txn_start_offset: entry.current_txn_first_offset.unwrap_or(-1),
        };
        self.producers.iter().map(summary).collect()
    }

    /// The file that lets a later start skip the log up to here.
    pub fn snapshot(&self) -> Vec<u8> {
        match &self.before_last {
            Some((producer_id, before)) if planted(Mutant::StaleProducerSnapshot) => {
                let mut stale = self.producers.clone();
                stale.remove(producer_id);
                stale.extend(before.clone().map(|entry| (*producer_id, entry)));
                encode_snapshot(&stale)
            }
            _ => encode_snapshot(&self.producers),
        }
    }
}

fn check_epoch(batch: &ProducerBatch, entry: &ProducerEntry) -> Result<(), ProducerFault> {
    if batch.producer_epoch >= entry.producer_epoch {
        return Ok(());
    }
    Err(ProducerFault::InvalidEpoch(format!(
        "producer {} wrote with epoch {}, and epoch {} has been seen",
        batch.producer_id, batch.producer_epoch, entry.producer_epoch
    )))
}

fn check_sequence(batch: &ProducerBatch, entry: &ProducerEntry) -> Result<(), ProducerFault> {
    let out_of_order = |expected: i32| {
        ProducerFault::OutOfOrder(format!(
            "producer {} epoch {} sent sequence {} where {expected} was expected",
            batch.producer_id, batch.producer_epoch, batch.base_sequence
        ))
    };
    if batch.producer_epoch != entry.producer_epoch {
        return match batch.base_sequence {
            0 => Ok(()),
            _ => Err(out_of_order(0)),
        };
    }
    // an entry that only a marker made has no sequence yet and starts at 0
    let expected = match entry.batches.back() {
        Some(last) => advance(last.last_sequence, 1),
        None => 0,
    };
    match batch.base_sequence == expected {
        true => Ok(()),
        false => Err(out_of_order(expected)),
    }
}

/// Sequences go round: after `i32::MAX` comes 0.
fn advance(sequence: i32, by: i32) -> i32 {
    if planted(Mutant::SequenceOverflow) {
        return sequence.wrapping_add(by);
    }
    match sequence.checked_add(by) {
        Some(next) => next,
        None => by - (i32::MAX - sequence) - 1,
    }
}

fn retreat(sequence: i32, by: i32) -> i32 {
    if planted(Mutant::SequenceOverflow) {
        return sequence.wrapping_sub(by);
    }
    match sequence < by {
        true => i32::MAX - (by - sequence) + 1,
        false => sequence - by,
    }
}

#[cfg(test)]
mod tests;
