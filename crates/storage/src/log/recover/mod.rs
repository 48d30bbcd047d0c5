//! Opening a log, after a clean stop or after a crash at any instant.
//!
//! ```text
//!   trusted: on the disk since a checkpoint      |  read, checked, and cut at the first bad batch
//!   -------- producer snapshot, indexes, epochs -+-----------------------------------------------> end
//!                                         recovery point
//! ```
//!
//! 1. Below the recovery point nothing is cut. Damage that is met there on the way is rot: reported, marked, not served.
//! 2. From the recovery point on the log ends at the first batch that is torn, out of order, or of a lower epoch than the
//!    one before it. All that was acknowledged lies before, since a sync covers all bytes before it.
//! 3. What was found is written again and synced before the log is used: after a mere kill it may be in the page cache
//!    alone, and there it may be marked as written by a sync that failed.
//! 4. Nothing that recovery changes makes a second recovery come to another result; checkpoints that claim more than was
//!    found are lowered before the first append.
//!
//! It reads the log from the newest good producer snapshot at or below the recovery point, which a checkpoint puts right
//! at it; from the start only where snapshots, indexes or epochs are missing.

mod load;
mod walk;

use super::truncate::remove_if_there;
use super::{Log, SYNC_FAILED, State};
use crate::config::LogConfig;
use crate::data_dir::Checkpoints;
use crate::epoch::LeaderEpochs;
use crate::error::StorageError;
use crate::files::Files;
use crate::names::{LEADER_EPOCH_CHECKPOINT, SegmentFile, TopicPartition};
use crate::producer_state::ProducerState;
use crate::scrub::Rot;
use crate::topic_id::TopicId;
use runtime::disk;
use runtime::io;
use runtime::mutant::{Mutant, planted};
use runtime::time::{Monotonic, WallMs};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the data folder's checkpoints say of a log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RecoveryHint {
    pub recovery_point: Option<i64>,
    pub log_start_offset: Option<i64>,
    /// The process before this one stopped cleanly.
    pub is_clean: bool,
}

/// What recovery found and did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecoveryReport {
    pub was_clean: bool,
    pub recovery_point: i64,
    pub log_start_offset: i64,
    pub log_end_offset: i64,
    pub scanned_bytes: u64,
    pub cut_bytes: u64,
    /// The log ends below its recovery point: what was durable is gone.
    pub is_below_recovery_point: bool,
    /// Damage below the recovery point, which is not served.
    pub rot: Vec<Rot>,
    /// What was wrong and was put right, for the broker's log.
    pub notes: Vec<String>,
}

/// Whose log, and where.
pub(crate) struct Place {
    pub tp: TopicPartition,
    pub topic_id: Option<TopicId>,
    pub dir: Arc<Path>,
    pub files: Files,
    pub checkpoints: Arc<Checkpoints>,
}

struct Recovery {
    place: Place,
    state: State,
    report: RecoveryReport,
    now: WallMs,
    /// The log's start and recovery point in the checkpoints.
    log_start_offset: i64,
    checkpointed: i64,
    /// Where reading begins: all state is known up to here.
    scan_from: i64,
    /// The offset that comes next, once the first batch or segment was met.
    expected: i64,
    /// No batch may be of a lower epoch than the one before it.
    epoch: i32,
    /// Never, but for a planted bug: even after a clean stop what lies beyond the recovery point is checked.
    trusts_tail: bool,
    has_changed_folder: bool,
    is_disk_full: bool,
    /// The process before left the mark of a failed sync.
    has_sync_failed: bool,
}

impl Log {
    /// Opens the log in a folder that exists.
    pub(crate) async fn open(
        place: Place,
        config: LogConfig,
        hint: RecoveryHint,
        now: WallMs,
    ) -> Result<(Log, RecoveryReport), StorageError> {
        let dir = place.dir.clone();
        let mut recovery = Recovery::new(place, config, now);
        let lengths = recovery.list().await?;
        recovery.has_sync_failed = lengths.contains_key(SYNC_FAILED);
        recovery.find_segments(&lengths);
        recovery.log_start_offset = hint.log_start_offset.unwrap_or(0);
        recovery.checkpointed = hint.recovery_point.unwrap_or(0);
        let first_base = recovery.state.segments.keys().next().copied();
        recovery.report.recovery_point = hint.recovery_point.unwrap_or(0).max(first_base.unwrap_or(0));
        recovery.report.was_clean = hint.is_clean;
        recovery.trusts_tail = planted(Mutant::UnflushedCountsAsClean);
        recovery.load_derived(&lengths).await?;
        recovery.walk().await?;
        if recovery.state.next_offset < recovery.scan_from {
            recovery.start_over();
            recovery.walk().await?;
        }
        recovery.settle_start().await?;
        recovery.settle_epochs().await?;
        recovery.make_durable().await?;
        recovery.settle_checkpoints().await?;
        if recovery.has_sync_failed {
            recovery.remove(&recovery.path(SYNC_FAILED)).await?;
        }
        let Recovery {
            place,
            state,
            mut report,
            ..
        } = recovery;
        report.log_start_offset = state.log_start_offset;
        report.log_end_offset = state.next_offset;
        runtime::trace!(
            "{} recovered {}..{}",
            place.tp,
            state.log_start_offset,
            state.next_offset
        );
        tracing::debug!("recovered {}: {report:?}", dir.display());
        let log = Log::new(
            place.tp,
            place.topic_id,
            place.dir,
            place.files,
            place.checkpoints,
            state,
        );
        Ok((log, report))
    }
}

impl Recovery {
    fn new(place: Place, config: LogConfig, now: WallMs) -> Recovery {
        let state = State {
            config,
            segments: BTreeMap::new(),
            log_start_offset: 0,
            next_offset: 0,
            durable_end: 0,
            recovery_point: 0,
            epochs: LeaderEpochs::default(),
            epochs_unsaved: false,
            producers: ProducerState::default(),
            snapshots: BTreeSet::new(),
            snapshots_unsynced: BTreeSet::new(),
            snapshots_failed: BTreeSet::new(),
            recent: VecDeque::new(),
            fence: None,
            closed: false,
            takes_appends: true,
            truncations: 0,
            sync_running: false,
            sync_covers: 0,
            folder_unsynced: false,
            last_sync: Monotonic::now(),
            retired: Vec::new(),
        };
        Recovery {
            place,
            state,
            report: RecoveryReport::default(),
            now,
            log_start_offset: 0,
            checkpointed: 0,
            scan_from: 0,
            expected: 0,
            epoch: -1,
            trusts_tail: false,
            has_changed_folder: false,
            is_disk_full: false,
            has_sync_failed: false,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.dir.join(name)
    }

    fn note(&mut self, note: String) {
        tracing::warn!("{}: {note}", self.place.tp);
        self.report.notes.push(note);
    }

    async fn remove(&mut self, path: &Path) -> Result<(), StorageError> {
        self.has_changed_folder = true;
        remove_if_there(path)
            .await
            .map_err(StorageError::io("remove", path))
    }

    async fn drop_segments_from(&mut self, base: i64) -> Result<(), StorageError> {
        let gone = self.state.segments.split_off(&base);
        // the last first: what a crash leaves is again followed by a gap
        for (base, mut segment) in gone.into_iter().rev() {
            if segment.size > 0 {
                self.note(format!(
                    "the segment at offset {base} does not continue the log; removed"
                ));
            }
            self.report.cut_bytes += segment.size;
            segment.release();
            for kind in [
                SegmentFile::Index,
                SegmentFile::TimeIndex,
                SegmentFile::TransactionIndex,
                SegmentFile::Log,
            ] {
                self.remove(&segment.path(kind)).await?;
            }
        }
        Ok(())
    }

    /// Applies the log's start, and sees that there is an active one.
    async fn settle_start(&mut self) -> Result<(), StorageError> {
        let log_start_offset = self.log_start_offset;
        if log_start_offset > self.state.next_offset {
            if self.state.next_offset > 0 {
                self.note(format!(
                    "the log starts at {log_start_offset}, behind its end; it starts anew there"
                ));
            }
            self.drop_segments_from(i64::MIN).await?;
            self.state.next_offset = log_start_offset;
            self.state.producers.clear();
            self.state.epochs.clear();
            self.state.epochs_unsaved = true;
            self.state.fence = None;
        }
        let next_offset = self.state.next_offset;
        for offset in self.state.snapshots.split_off(&(next_offset + 1)) {
            self.remove(&self.path(&SegmentFile::Snapshot.name(offset)))
                .await?;
        }
        if self.state.segments.is_empty() {
            let segment = self
                .state
                .new_segment(&self.place.dir, &self.place.files, next_offset, self.now.0);
            self.state.segments.insert(next_offset, segment);
        }
        let active = self.state.active();
        let path = active.path(SegmentFile::Index);
        active.thaw().map_err(StorageError::io("read", &path))?;
        // nothing in the files shall speak of what was cut
        match active.flush_indexes() {
            Err(error) if error.kind() != io::ErrorKind::StorageFull => {
                return Err(StorageError::io("write", &path)(error));
            }
            _ => {}
        }
        self.state.log_start_offset = i64::max(log_start_offset, self.state.first_base());
        Ok(())
    }

    async fn settle_epochs(&mut self) -> Result<(), StorageError> {
        let state = &mut self.state;
        state.epochs_unsaved |= state.epochs.truncate_from_end(state.next_offset);
        state.epochs_unsaved |= state.epochs.truncate_from_start(state.log_start_offset);
        if !self.state.epochs_unsaved {
            return Ok(());
        }
        let path = self.path(LEADER_EPOCH_CHECKPOINT);
        match disk::write_atomic(&path, self.state.epochs.format().as_bytes()).await {
            Ok(()) => self.state.epochs_unsaved = false,
            // the next checkpoint writes them, and does not move the recovery point before
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
            Err(error) => return Err(StorageError::io("write", &path)(error)),
        }
        Ok(())
    }

    /// Syncs all segments that may hold bytes from the page cache.
    async fn make_durable(&mut self) -> Result<(), StorageError> {
        let recovery_point = self.report.recovery_point;
        let bases: Vec<i64> = self.state.segments.keys().copied().collect();
        for base in bases {
            let is_covered = self.state.end_of(base) <= recovery_point;
            let segment = self.state.segments.get_mut(&base).expect("as before");
            let was_cut = segment.unsynced.take().is_some();
            if segment.exists() && (was_cut || !is_covered) {
                let path = segment.path(SegmentFile::Log);
                let file = segment.log_file().map_err(StorageError::io("open", &path))?;
                if let Err(error) = file.sync_data().await {
                    super::leave_sync_mark(&self.place.dir);
                    return Err(StorageError::io("sync", &path)(error));
                }
                self.has_changed_folder = true;
            }
        }
        if self.has_changed_folder {
            let dir = &self.place.dir;
            disk::sync_dir(dir).await.map_err(StorageError::io("sync", dir))?;
        }
        self.state.durable_end = self.state.next_offset;
        self.state.sync_covers = self.state.next_offset;
        Ok(())
    }

    /// No checkpoint may claim more than there is.
    async fn settle_checkpoints(&mut self) -> Result<(), StorageError> {
        let next_offset = self.state.next_offset;
        let claimed = self.checkpointed;
        self.state.recovery_point = i64::min(claimed, next_offset);
        if claimed > next_offset {
            self.report.is_below_recovery_point = true;
            self.note(format!(
                "the log ends at {next_offset}, below its recovery point {claimed}"
            ));
            self.place
                .checkpoints
                .lower_recovery_point(&self.place.tp, next_offset)
                .await?;
        }
        Ok(())
    }
}
