//! Appending: checks, offsets, one write, bookkeeping; all in one critical section.

use super::prepare::{Prepared, prepare};
use super::{Log, Recent, State};
use crate::error::AppendError;
use crate::names::SegmentFile;
use crate::producer_state::{ProducerFault, Verdict};
use crate::segment::Segment;
use bytes::Bytes;
use records::BATCH_HEADER_BYTES;
use runtime::io::{self, IoSlice};
use runtime::mutant::{Mutant, planted};
use runtime::time::{Monotonic, WallMs};

/// Who wrote the batches; what is checked depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendOrigin {
    /// A producer: everything is checked, sequences included, and one batch is expected.
    Client,
    /// The broker's own coordinators.
    Coordinator,
    /// The metadata quorum.
    Raft,
}

/// What an append did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppendInfo {
    pub first_offset: i64,
    pub last_offset: i64,
    /// With LogAppendTime the time that was set, else -1.
    pub log_append_time: i64,
    pub log_start_offset: i64,
    /// Nothing was appended: these are the offsets of the first time.
    pub duplicate: bool,
    /// Bytes written.
    pub bytes: u64,
}

impl Log {
    /// Gives the batches the next offsets and this leader epoch, and writes them into the page cache.
    ///
    /// After an error the log is as before. Durable is what was appended once [`Log::durable_end`] is past it.
    pub fn append_as_leader(
        &self,
        batches: Bytes,
        leader_epoch: i32,
        origin: AppendOrigin,
        now: WallMs,
    ) -> Result<AppendInfo, AppendError> {
        let config = self.0.state.lock().config.clone();
        let mut prepared = prepare(batches, &config, origin, now)?;
        let mut state = self.0.state.lock();
        self.check_open(&state)?;
        if let Some(last) = state.epochs.last().filter(|last| leader_epoch < last.epoch) {
            return Err(AppendError::StaleLeaderEpoch {
                epoch: leader_epoch,
                last: last.epoch,
            });
        }
        if let Some(original) = self.check_producers(&state, &prepared, origin)? {
            return Ok(original);
        }
        let mut offset = state.next_offset;
        for batch in &mut prepared {
            batch.place(offset, leader_epoch);
            offset = batch.header.next_offset();
        }
        self.write(&mut state, &prepared, now)
    }

    /// Writes batches as a leader wrote them, which must continue this log.
    pub fn append_as_follower(&self, batches: Bytes, now: WallMs) -> Result<AppendInfo, AppendError> {
        let prepared = super::prepare::prepare_replicated(batches)?;
        let mut state = self.0.state.lock();
        self.check_open(&state)?;
        let mut expected = state.next_offset;
        for batch in &prepared {
            if batch.header.base_offset < expected {
                return Err(AppendError::UnexpectedOffset {
                    expected,
                    found: batch.header.base_offset,
                });
            }
            expected = batch.header.next_offset();
        }
        self.write(&mut state, &prepared, now)
    }

    fn check_open(&self, state: &State) -> Result<(), AppendError> {
        if let Some(fence) = &state.fence {
            return Err(AppendError::Fenced(fence.clone()));
        }
        match state.closed || !state.takes_appends {
            true => Err(AppendError::Closed(self.0.tp.to_string())),
            false => Ok(()),
        }
    }

    /// Refuses what idempotence forbids; the answer of the first time for a duplicate.
    fn check_producers(
        &self,
        state: &State,
        prepared: &[Prepared],
        origin: AppendOrigin,
    ) -> Result<Option<AppendInfo>, AppendError> {
        if origin != AppendOrigin::Client {
            return Ok(None);
        }
        for batch in prepared.iter().filter(|b| b.header.has_producer_id()) {
            match state.producers.check(&batch.producer()) {
                Ok(Verdict::Append) => {}
                Ok(Verdict::Duplicate(original)) => {
                    return Ok(Some(AppendInfo {
                        first_offset: original.first_offset(),
                        last_offset: original.last_offset,
                        log_append_time: if batch.log_append_time >= 0 {
                            original.timestamp
                        } else {
                            -1
                        },
                        log_start_offset: state.log_start_offset,
                        duplicate: true,
                        bytes: 0,
                    }));
                }
                Err(ProducerFault::OutOfOrder(why)) => return Err(AppendError::OutOfOrderSequence(why)),
                Err(ProducerFault::InvalidEpoch(why)) => return Err(AppendError::InvalidProducerEpoch(why)),
                Err(ProducerFault::InvalidTxnState(why)) => return Err(AppendError::InvalidTxnState(why)),
            }
        }
        Ok(None)
    }

    /// Writes placed batches to the active segment, or to a new one.
    fn write(
        &self,
        state: &mut State,
        prepared: &[Prepared],
        now: WallMs,
    ) -> Result<AppendInfo, AppendError> {
        let (first, last) = match prepared {
            [first, .., last] => (first, last),
            [only] => (only, only),
            [] => {
                return Err(AppendError::InvalidRecord {
                    what: "no batch at all".into(),
                    record_index: None,
                });
            }
        };
        let bytes: u64 = prepared
            .iter()
            .map(|batch| batch.header.size_bytes() as u64)
            .sum();
        let info = AppendInfo {
            first_offset: first.header.base_offset,
            last_offset: last.header.last_offset(),
            log_append_time: first.log_append_time,
            log_start_offset: state.log_start_offset,
            duplicate: false,
            bytes,
        };
        let max_timestamp = prepared
            .iter()
            .map(|b| b.header.max_timestamp)
            .max()
            .unwrap_or(-1);
        self.roll_if_due(
            state,
            bytes,
            max_timestamp,
            info.first_offset,
            info.last_offset,
            now,
        )?;
        self.write_bytes(state, prepared)?;
        self.take_in(state, prepared);
        runtime::trace!(
            "{} appended {}..={}",
            self.0.tp,
            info.first_offset,
            info.last_offset
        );
        if planted(Mutant::AckBeforeDurable) {
            self.publish_durable(state);
        }
        self.flush_if_due(state);
        Ok(info)
    }

    /// The one write. A partial one is cut on a full disk, and fences the log otherwise.
    fn write_bytes(&self, state: &mut State, prepared: &[Prepared]) -> Result<(), AppendError> {
        let segment = state.active();
        let (path, position) = (segment.path(SegmentFile::Log), segment.size);
        let file = match segment.log_file() {
            Ok(file) => file,
            Err(error) => return Err(self.write_failed(state, "opening", &path, error)),
        };
        let is_new = segment.mark_existing();
        segment.unsynced = Some(file.clone());
        state.folder_unsynced |= is_new;
        let heads: Vec<[u8; BATCH_HEADER_BYTES]> = prepared.iter().map(|b| b.header.encode()).collect();
        let slices: Vec<IoSlice<'_>> = heads
            .iter()
            .zip(prepared)
            .flat_map(|(head, batch)| [IoSlice::new(head), IoSlice::new(batch.body())])
            .collect();
        let Err(error) = file.write_vectored_at(&slices, position) else {
            return Ok(());
        };
        if error.kind() == io::ErrorKind::StorageFull {
            if let Err(error) = file.set_len(position) {
                return Err(AppendError::Fenced(self.fence(
                    state,
                    "cutting a partial append",
                    &path,
                    &error,
                )));
            }
        } else if planted(Mutant::AppendAfterIoError) {
            state.active().size = file.len().unwrap_or(position);
        }
        Err(self.write_failed(state, "appending", &path, error))
    }

    fn write_failed(
        &self,
        state: &mut State,
        action: &'static str,
        path: &std::path::Path,
        error: io::Error,
    ) -> AppendError {
        match error.kind() {
            io::ErrorKind::StorageFull => {
                tracing::warn!("no space is left to append to {}", path.display());
                AppendError::Full {
                    partition: self.0.tp.to_string(),
                }
            }
            _ => AppendError::Fenced(self.fence(state, action, path, &error)),
        }
    }

    /// Bookkeeping for batches that stand in the file now.
    fn take_in(&self, state: &mut State, prepared: &[Prepared]) {
        let interval = state.config.index_interval_bytes;
        for batch in prepared {
            let header = &batch.header;
            let segment = state.active();
            let recent = Recent {
                base_offset: header.base_offset,
                position: segment.size,
                bytes: header.size_bytes() as u64,
            };
            segment.push(header, interval);
            state.remember(recent);
            state.epochs_unsaved |= state
                .epochs
                .assign(header.partition_leader_epoch, header.base_offset);
            if header.has_producer_id() {
                state.producers.replay(&batch.producer());
            }
            state.next_offset = header.next_offset();
        }
    }

    /// Begins a new segment where the active one is full, old, or cannot index the new offsets.
    fn roll_if_due(
        &self,
        state: &mut State,
        bytes: u64,
        max_timestamp: i64,
        first_offset: i64,
        last_offset: i64,
        now: WallMs,
    ) -> Result<(), AppendError> {
        let config = state.config.clone();
        let active = state.active();
        let path = active.path(SegmentFile::Log);
        if active.size == 0 && first_offset == active.base_offset {
            return Ok(());
        }
        let is_due = active.size + bytes > config.segment_bytes
            || active.index.size_bytes() + 8 > config.segment_index_bytes
            || active.time_index.size_bytes() + 24 > config.segment_index_bytes
            || last_offset - active.base_offset > i64::from(i32::MAX);
        let is_old = match active.first_timestamp() {
            Ok(first) => is_old(active, first, max_timestamp, config.segment_ms, now),
            Err(error) => return Err(self.write_failed(state, "reading", &path, error)),
        };
        if !is_due && !is_old {
            return Ok(());
        }
        match self.roll(state, first_offset, now) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.write_failed(state, "rolling", &path, error)),
        }
    }

    /// Seals the active segment and begins one at `base_offset`, which is the log's end. Its files come with the first
    /// append.
    pub(super) fn roll(&self, state: &mut State, base_offset: i64, now: WallMs) -> io::Result<()> {
        let active = state.active();
        if active.base_offset == base_offset {
            return Ok(());
        }
        active.flush_indexes()?;
        if active.size > 0 {
            self.write_snapshot(state)?;
        }
        // from here on nothing fails: a roll that did fail is tried again as if it had not begun
        let active = state.active();
        active.seal();
        if active.size == 0 && !active.exists() {
            // a follower jumps over a gap
            let base = active.base_offset;
            state.segments.remove(&base);
        }
        let segment = state.new_segment(&self.0.dir, &self.0.files, base_offset, now.0);
        state.segments.insert(base_offset, segment);
        state.recent.clear();
        Ok(())
    }

    /// Starts a sync where flush.ms has passed.
    pub(crate) fn flush_due(&self) {
        let mut state = self.0.state.lock();
        if state.durable_end < state.next_offset {
            self.flush_if_due(&mut state);
        }
    }

    /// flush.messages and flush.ms, for logs whose appends nobody waits to see durable.
    fn flush_if_due(&self, state: &mut State) {
        let unsynced = state.next_offset - state.durable_end;
        let waited = Monotonic::now().saturating_since(state.last_sync).as_millis();
        let is_due = unsynced >= state.config.flush_messages
            || (state.config.flush_ms < i64::MAX && waited >= state.config.flush_ms.max(0) as u128);
        if is_due {
            self.start_sync(state);
        }
    }
}

/// segment.ms counts in the records' own time, from the first batch on; without timestamps, in ours.
fn is_old(
    active: &Segment,
    first_timestamp: Option<i64>,
    max_timestamp: i64,
    segment_ms: i64,
    now: WallMs,
) -> bool {
    if active.size == 0 {
        return false;
    }
    let waited = match first_timestamp {
        Some(first) if first >= 0 && max_timestamp >= 0 => max_timestamp.saturating_sub(first),
        _ => now.0.saturating_sub(active.created_ms),
    };
    waited > segment_ms.saturating_sub(active.jitter_ms)
}
