//! Moving the recovery point: everything below it, derived files included, is brought to the disk first.

use super::{Log, State};
use crate::error::StorageError;
use crate::names::{LEADER_EPOCH_CHECKPOINT, SegmentFile};
use runtime::disk::{self, File, OpenOptions};
use runtime::io;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A log that is on the disk up to this offset, and is not truncated while this lives.
pub(crate) struct PreparedCheckpoint {
    pub recovery_point: i64,
    _turn: Box<dyn Send>,
}

/// What must be on the disk before the recovery point may be `end`.
struct Plan {
    end: i64,
    files: Vec<(PathBuf, File)>,
    epochs: Option<String>,
}

impl Log {
    /// Syncs log, indexes, epochs and a producer snapshot. The result may become the recovery point; `None` when it is
    /// at the log's end already.
    pub(crate) async fn prepare_checkpoint(&self) -> Result<Option<PreparedCheckpoint>, StorageError> {
        let turn = self.0.turn.clone().lock_owned().await;
        self.remove_failed_snapshots().await;
        let Some(plan) = self.plan_checkpoint()? else {
            return Ok(None);
        };
        self.sync().await?;
        for (path, file) in &plan.files {
            if let Err(error) = file.sync_data().await {
                let mut state = self.0.state.lock();
                return Err(StorageError::Fenced(self.fence(
                    &mut state,
                    super::SYNCING,
                    path,
                    &error,
                )));
            }
        }
        if !plan.files.is_empty() {
            disk::sync_dir(&self.0.dir)
                .await
                .map_err(StorageError::io("sync", &self.0.dir))?;
        }
        if let Some(text) = plan.epochs {
            self.save_epochs(&text).await?;
        }
        Ok(Some(PreparedCheckpoint {
            recovery_point: plan.end,
            _turn: Box::new(turn),
        }))
    }

    /// Removes what failed writes left, where the log has gone on so that nothing is written there any more.
    async fn remove_failed_snapshots(&self) {
        let failed = {
            let mut state = self.0.state.lock();
            let kept = state.next_offset;
            let still = state.snapshots_failed.split_off(&kept);
            std::mem::replace(&mut state.snapshots_failed, still)
        };
        for offset in failed {
            let path = self.path(&SegmentFile::Snapshot.name(offset));
            if let Err(error) = super::truncate::remove_if_there(&path).await {
                tracing::debug!("cannot remove {}: {error}", path.display());
            }
        }
    }

    /// `Ok(None)` when the recovery point is at the log's end already.
    fn plan_checkpoint(&self) -> Result<Option<Plan>, StorageError> {
        let mut state = self.0.state.lock();
        if let Some(fence) = &state.fence {
            return Err(StorageError::Fenced(fence.clone()));
        }
        let is_done = state.recovery_point == state.next_offset && !state.epochs_unsaved;
        if is_done || state.closed {
            return Ok(None);
        }
        let failed = StorageError::io("write indexes of", &self.0.dir);
        let files = self.flush_derived(&mut state).map_err(failed)?;
        let epochs = std::mem::take(&mut state.epochs_unsaved).then(|| state.epochs.format());
        Ok(Some(Plan {
            end: state.next_offset,
            files,
            epochs,
        }))
    }

    /// Writes indexes and a snapshot for everything so far; the files that now need a sync.
    fn flush_derived(&self, state: &mut State) -> io::Result<Vec<(PathBuf, File)>> {
        self.write_snapshot(state)?;
        state.active().flush_indexes()?;
        let mut files = Vec::new();
        for segment in state.segments.values_mut().filter(|s| s.index_unsynced) {
            files.push((segment.path(SegmentFile::Index), segment.index_file()?));
            files.push((segment.path(SegmentFile::TimeIndex), segment.time_index_file()?));
        }
        for offset in &state.snapshots_unsynced {
            let path = self.path(&SegmentFile::Snapshot.name(*offset));
            let file = File::open_now(&path, OpenOptions::write())?;
            files.push((path, file));
        }
        state.snapshots_unsynced.clear();
        state
            .segments
            .values_mut()
            .for_each(|segment| segment.index_unsynced = false);
        Ok(files)
    }

    /// Writes the producers as they are at the log's end, unless that was done.
    pub(super) fn write_snapshot(&self, state: &mut State) -> io::Result<()> {
        let offset = state.next_offset;
        if state.snapshots.contains(&offset) {
            return Ok(());
        }
        let path = self.path(&SegmentFile::Snapshot.name(offset));
        let file = File::open_now(&path, OpenOptions::truncate())?;
        if let Err(error) = file.write_at(&state.producers.snapshot(), 0) {
            state.snapshots_failed.insert(offset);
            return Err(error);
        }
        state.snapshots_failed.remove(&offset);
        state.snapshots.insert(offset);
        state.snapshots_unsynced.insert(offset);
        Ok(())
    }

    pub(super) async fn save_epochs(&self, text: &str) -> Result<(), StorageError> {
        let path = self.path(LEADER_EPOCH_CHECKPOINT);
        let result = disk::write_atomic(&path, text.as_bytes()).await;
        result.map_err(|error| {
            self.0.state.lock().epochs_unsaved = true;
            StorageError::io("write", &path)(error)
        })
    }

    /// The checkpoint file holds this recovery point now: older snapshots between segments have served.
    pub(crate) async fn checkpointed(&self, prepared: PreparedCheckpoint) {
        let recovery_point = prepared.recovery_point;
        let old: BTreeSet<i64> = {
            let mut state = self.0.state.lock();
            state.recovery_point = recovery_point;
            let keep = |offset: &i64| *offset >= recovery_point || state.segments.contains_key(offset);
            let old: BTreeSet<i64> = state
                .snapshots
                .iter()
                .copied()
                .filter(|offset| !keep(offset))
                .collect();
            state.snapshots.retain(|offset| !old.contains(offset));
            old
        };
        for offset in old {
            let path = self.path(&SegmentFile::Snapshot.name(offset));
            if let Err(error) = disk::remove_file(&path).await {
                tracing::debug!("cannot remove {}: {error}", path.display());
            }
        }
    }

    /// Appends are refused from here on: what a shutdown's checkpoint covers is all there is.
    pub(crate) fn stop_appends(&self) {
        self.0.state.lock().takes_appends = false;
    }

    /// As [`Log::abandon`], and waits for who has its turn with the folder.
    pub(crate) async fn abandon_folder(&self) {
        self.abandon();
        drop(self.0.turn.lock().await);
    }

    /// Ends this log's life in this process: nothing is appended or read any more.
    pub(crate) fn abandon(&self) {
        let mut state = self.0.state.lock();
        state.closed = true;
        state.segments.values_mut().for_each(|segment| segment.release());
        self.publish_durable(&state);
    }
}
