//! One partition's log.
//!
//! ```text
//! log_start_offset            recovery point            durable_end        log_end_offset
//!      |  sealed segment | sealed segment | active segment   |                  |
//!      '------ read -----+----------------+------------------+--- not durable --'
//!                        recovery trusts what is before, and reads from here on
//! ```
//!
//! Appends, reads of positions and all bookkeeping happen in short critical sections under one lock, whose guard never
//! crosses an await. What waits for the disk is async: [`Log::sync`] runs in a task of its own that all waiters share;
//! truncation, retention and checkpoints take turns.
//!
//! Invariants (of [`State`]):
//! 1. There is at least one segment; the last one is active. Segments are contiguous, except after compaction by Kafka.
//! 2. `log_start_offset <= next_offset`, `durable_end <= next_offset`.
//! 3. A fenced log's `next_offset` and `durable_end` never move.

mod append;
mod checkpoint;
mod lookup;
mod prepare;
mod read;
mod recover;
mod retain;
mod sync;
mod truncate;

pub use append::{AppendInfo, AppendOrigin};
pub(crate) use lookup::ScrubTarget;
pub use lookup::TimestampOffset;
pub use read::{Range, ReadSlice};
pub use recover::RecoveryReport;
pub(crate) use recover::{Place, RecoveryHint};
pub use retain::RetentionReport;

use crate::config::LogConfig;
use crate::data_dir::Checkpoints;
use crate::epoch::LeaderEpochs;
use crate::error::{FenceReason, StorageError};
use crate::files::Files;
use crate::names::TopicPartition;
use crate::producer_state::{ProducerState, ProducerSummary};
use crate::scan::Damage;
use crate::segment::Segment;
use crate::topic_id::TopicId;
use retain::Retired;
use runtime::disk::{File, OpenOptions};
use runtime::io;
use runtime::mutant::{Mutant, planted};
use runtime::sync::{AsyncMutex, Mutex, MutexGuard, watch};
use runtime::time::{Monotonic, WallMs};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Batches whose positions are remembered, so that reads at the end of the log need no index.
const RECENT_MAX: usize = 128;

/// A file that a failed sync leaves in the partition's folder, until a recovery has written the log's tail again.
const SYNC_FAILED: &str = ".sync-failed";
/// What is told to have failed then.
const SYNCING: &str = "syncing";

/// A partition's log; clones share it.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    tp: TopicPartition,
    topic_id: Option<TopicId>,
    dir: Arc<Path>,
    files: Files,
    checkpoints: Arc<Checkpoints>,
    state: Mutex<State>,
    durable: watch::Sender<Durable>,
    /// Held by whoever truncates, deletes segments or takes a checkpoint.
    turn: Arc<AsyncMutex<()>>,
}

/// How far a log is durable, for those who wait on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Durable {
    /// Everything below survives a power loss.
    pub end: i64,
    /// Nothing more will ever become durable.
    pub fenced: bool,
}

/// What the lock guards.
struct State {
    config: LogConfig,
    segments: BTreeMap<i64, Segment>,
    log_start_offset: i64,
    next_offset: i64,
    durable_end: i64,
    /// As the checkpoint file has it.
    recovery_point: i64,
    epochs: LeaderEpochs,
    epochs_unsaved: bool,
    producers: ProducerState,
    /// Offsets of the producer snapshots that are there.
    snapshots: BTreeSet<i64>,
    snapshots_unsynced: BTreeSet<i64>,
    /// Of which a part may stand in a file that is no snapshot.
    snapshots_failed: BTreeSet<i64>,
    recent: VecDeque<Recent>,
    fence: Option<FenceReason>,
    closed: bool,
    /// False once a shutdown has begun.
    takes_appends: bool,
    /// Counts truncations: a read that began before one is void.
    truncations: u64,
    sync_running: bool,
    /// What the running sync may claim: truncations lower it.
    sync_covers: i64,
    folder_unsynced: bool,
    last_sync: Monotonic,
    retired: Vec<Retired>,
}

/// Where a batch of the active segment stands.
#[derive(Clone, Copy)]
struct Recent {
    base_offset: i64,
    position: u64,
    bytes: u64,
}

impl Log {
    fn new(
        tp: TopicPartition,
        topic_id: Option<TopicId>,
        dir: Arc<Path>,
        files: Files,
        checkpoints: Arc<Checkpoints>,
        state: State,
    ) -> Log {
        let durable = Durable {
            end: state.durable_end,
            fenced: state.fence.is_some(),
        };
        Log(Arc::new(Shared {
            tp,
            topic_id,
            dir,
            files,
            checkpoints,
            state: Mutex::new(state),
            durable: watch::Sender::new(durable),
            turn: Arc::default(),
        }))
    }

    pub fn topic_partition(&self) -> &TopicPartition {
        &self.0.tp
    }

    pub fn topic_id(&self) -> Option<TopicId> {
        self.0.topic_id
    }

    /// The partition's folder.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    pub fn log_start_offset(&self) -> i64 {
        self.0.state.lock().log_start_offset
    }

    /// The offset that the next record gets.
    pub fn log_end_offset(&self) -> i64 {
        self.0.state.lock().next_offset
    }

    /// Everything below survives a power loss.
    pub fn durable_end(&self) -> i64 {
        let state = self.0.state.lock();
        match planted(Mutant::AckBeforeDurable) {
            true => state.next_offset,
            false => state.durable_end,
        }
    }

    /// Tells of every change of [`Log::durable_end`], and of the fence.
    pub fn subscribe_durable(&self) -> watch::Receiver<Durable> {
        self.0.durable.subscribe()
    }

    /// As checkpointed: recovery after a crash would begin here.
    pub fn recovery_point(&self) -> i64 {
        self.0.state.lock().recovery_point
    }

    pub fn size_bytes(&self) -> u64 {
        self.0.state.lock().size_bytes()
    }

    pub fn segment_count(&self) -> usize {
        self.0.state.lock().segments.len()
    }

    /// Why nothing can be appended any more, if that is so.
    pub fn fenced(&self) -> Option<FenceReason> {
        self.0.state.lock().fence.clone()
    }

    pub fn config(&self) -> LogConfig {
        self.0.state.lock().config.clone()
    }

    /// Applies to what is appended, rolled and retained from now on.
    pub fn set_config(&self, config: LogConfig) {
        self.0.state.lock().config = config;
    }

    pub fn last_epoch(&self) -> Option<i32> {
        self.0.state.lock().epochs.last().map(|entry| entry.epoch)
    }

    pub fn epochs(&self) -> LeaderEpochs {
        self.0.state.lock().epochs.clone()
    }

    /// OffsetForLeaderEpoch: see [`LeaderEpochs::end_offset_for`].
    pub fn epoch_end_offset(&self, epoch: i32) -> (i32, i64) {
        let state = self.0.state.lock();
        state.epochs.end_offset_for(epoch, state.next_offset)
    }

    /// Producers that are remembered, for DescribeProducers.
    pub fn producers(&self) -> Vec<ProducerSummary> {
        self.0.state.lock().producers.summaries()
    }

    /// All that is remembered of producers.
    pub fn producer_state(&self) -> ProducerState {
        self.0.state.lock().producers.clone()
    }

    /// Where the oldest open transaction begins, if one is open.
    pub fn first_unstable_offset(&self) -> Option<i64> {
        self.0.state.lock().producers.first_unstable_offset()
    }

    /// Forgets producers that were idle for producer.id.expiration.ms.
    pub fn expire_producers(&self, now: WallMs) {
        let mut state = self.0.state.lock();
        let expiration_ms = state.config.producer_id_expiration_ms;
        state.producers.expire(now.0, expiration_ms);
    }

    /// Takes note of rot: from this position of the segment on nothing is served.
    pub(crate) fn mark_damage(&self, base_offset: i64, damage: Damage) {
        tracing::error!(
            "{} is corrupt at byte {}: {}; it is not served from there on. Restore this replica",
            self.0
                .dir
                .join(crate::names::SegmentFile::Log.name(base_offset))
                .display(),
            damage.position,
            damage.what
        );
        let mut state = self.0.state.lock();
        if let Some(segment) = state.segments.get_mut(&base_offset) {
            let is_first = segment
                .damage
                .as_ref()
                .is_none_or(|known| damage.position < known.position);
            if is_first && damage.position < segment.size {
                segment.damage = Some(damage);
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.dir.join(name)
    }

    /// Stops all appending for good: the disk's content is in doubt. The first reason stays.
    fn fence(&self, state: &mut State, action: &'static str, file: &Path, error: &io::Error) -> FenceReason {
        let reason = FenceReason {
            partition: self.0.tp.to_string(),
            action,
            file: file.display().to_string(),
            error: error.to_string(),
        };
        tracing::error!("{reason}");
        if planted(Mutant::AppendAfterIoError) {
            return reason;
        }
        if state.fence.is_none() && action == SYNCING {
            leave_sync_mark(&self.0.dir);
        }
        let reason = state.fence.get_or_insert(reason).clone();
        let end = state.durable_end;
        self.0.durable.send_replace(Durable { end, fenced: true });
        reason
    }

    fn publish_durable(&self, state: &State) {
        let end = match planted(Mutant::AckBeforeDurable) {
            true => state.next_offset,
            false => state.durable_end,
        };
        self.0.durable.send_replace(Durable {
            end,
            fenced: state.fence.is_some(),
        });
    }

    /// The state of a log that is neither closed nor deleted: its folder is where it was.
    fn open_state(&self) -> Result<MutexGuard<'_, State>, StorageError> {
        let state = self.0.state.lock();
        match state.closed {
            true => Err(StorageError::Closed(self.0.tp.to_string())),
            false => Ok(state),
        }
    }
}

/// Tells a recovery after a mere kill that a sync has failed: what looks written may not be. A power loss may take the
/// mark, for it takes with it what only looked written.
fn leave_sync_mark(dir: &Path) {
    let path = dir.join(SYNC_FAILED);
    if let Err(error) = File::open_now(&path, OpenOptions::create()) {
        tracing::warn!("cannot leave the mark {}: {error}", path.display());
    }
}

impl State {
    fn active(&mut self) -> &mut Segment {
        let (_, active) = self
            .segments
            .iter_mut()
            .next_back()
            .expect("a log has at least one segment");
        active
    }

    fn size_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.size).sum()
    }

    /// The segment in which `offset` stands, or would stand.
    fn segment_of(&mut self, offset: i64) -> Option<&mut Segment> {
        self.segments
            .range_mut(..=offset)
            .next_back()
            .map(|(_, segment)| segment)
    }

    /// Where the offsets of the segment with this base end.
    fn end_of(&self, base_offset: i64) -> i64 {
        let next = self.segments.range(base_offset + 1..).next();
        next.map_or(self.next_offset, |(base, _)| *base)
    }

    fn first_base(&self) -> i64 {
        *self
            .segments
            .keys()
            .next()
            .expect("a log has at least one segment")
    }

    fn remember(&mut self, recent: Recent) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(recent);
    }

    fn new_segment(&self, dir: &Arc<Path>, files: &Files, base_offset: i64, now_ms: i64) -> Segment {
        let jitter_max =
            u64::try_from(self.config.segment_jitter_ms.min(self.config.segment_ms)).unwrap_or(0);
        let jitter = match jitter_max {
            0 => 0,
            max => runtime::rng::below(max),
        };
        Segment::new(
            dir,
            files,
            base_offset,
            now_ms,
            i64::try_from(jitter).unwrap_or(0),
        )
    }
}
