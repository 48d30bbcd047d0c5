//! Retention: which leading segments go, and their way out.
//!
//! The new start is checkpointed before it is visible, so it never falls again. Then the segments leave the log, their
//! files are renamed to `.deleted`, and removed after file.delete.delay.ms, when no read holds them.

use super::truncate::remove_if_there;
use super::{Log, State};
use crate::error::StorageError;
use crate::names::{DELETED_SUFFIX, SegmentFile};
use runtime::disk::{self, File, OpenOptions};
use runtime::mutant::{Mutant, planted};
use runtime::time::{Duration, Monotonic, WallMs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What one round of retention did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RetentionReport {
    pub segments: usize,
    pub bytes: u64,
    pub log_start_offset: i64,
}

/// Files of a segment that left the log.
pub(super) struct Retired {
    pin: Arc<()>,
    since: Monotonic,
    delay: Duration,
    files: Vec<PathBuf>,
}

impl Log {
    /// Removes leading segments that are too old, too many, or below the log's start; none that reaches past the high
    /// watermark. The active segment is rolled before it goes.
    pub async fn apply_retention(
        &self,
        now: WallMs,
        high_watermark: i64,
    ) -> Result<RetentionReport, StorageError> {
        let _turn = self.0.turn.lock().await;
        let new_start = self.plan_retention(now, high_watermark)?;
        let mut report = RetentionReport::default();
        if let Some(new_start) = new_start {
            self.save_derived(new_start).await?;
            if new_start > self.log_start_offset() {
                self.0.checkpoints.set_log_start(&self.0.tp, new_start).await?;
            }
            let (paths, retired) = self.retire(new_start, &mut report);
            self.rename_retired(paths).await?;
            self.0.state.lock().retired.extend(retired);
            tracing::info!(
                "{}: retention removed {} segments, {} bytes; the log starts at {new_start}",
                self.0.tp,
                report.segments,
                report.bytes
            );
        }
        report.log_start_offset = self.log_start_offset();
        self.purge_deleted().await;
        Ok(report)
    }

    /// The base offset of the first segment that stays, when any goes.
    fn plan_retention(&self, now: WallMs, high_watermark: i64) -> Result<Option<i64>, StorageError> {
        let mut state = self.0.state.lock();
        if state.closed || state.fence.is_some() {
            return Ok(None);
        }
        let high_watermark = match planted(Mutant::RetentionPastHighWatermark) {
            true => i64::MAX,
            false => high_watermark,
        };
        let read = StorageError::io("read time indexes in", &self.0.dir);
        let new_start = first_kept(&mut state, now, high_watermark).map_err(read)?;
        let active_base = state.active().base_offset;
        if new_start > active_base && state.active().size > 0 {
            let roll = StorageError::io("roll the log in", &self.0.dir);
            self.roll(&mut state, new_start, now).map_err(roll)?;
        }
        Ok((new_start > state.first_base()).then_some(new_start))
    }

    /// Once the log before `offset` is gone, these files alone know its producers and epochs.
    async fn save_derived(&self, offset: i64) -> Result<(), StorageError> {
        let (epochs, has_snapshot) = {
            let mut state = self.0.state.lock();
            let epochs = std::mem::take(&mut state.epochs_unsaved).then(|| state.epochs.format());
            let is_synced = !state.snapshots_unsynced.contains(&offset);
            (epochs, state.snapshots.contains(&offset).then_some(is_synced))
        };
        if let Some(text) = epochs {
            self.save_epochs(&text).await?;
        }
        let path = self.path(&SegmentFile::Snapshot.name(offset));
        match has_snapshot {
            Some(true) => return Ok(()),
            Some(false) => {
                let file = File::open(&path, OpenOptions::write())
                    .await
                    .map_err(StorageError::io("open", &path))?;
                file.sync_data().await.map_err(StorageError::io("sync", &path))?;
            }
            // a full disk or damage has kept it from being written when the segment began
            None => {
                let snapshot = self.fold_producers(offset).await?.snapshot();
                disk::write_atomic(&path, &snapshot)
                    .await
                    .map_err(StorageError::io("write", &path))?;
                self.0.state.lock().snapshots.insert(offset);
            }
        }
        disk::sync_dir(&self.0.dir)
            .await
            .map_err(StorageError::io("sync", &self.0.dir))
    }

    /// Takes the segments below `new_start` out of the log.
    fn retire(&self, new_start: i64, report: &mut RetentionReport) -> (Vec<PathBuf>, Vec<Retired>) {
        let mut state = self.0.state.lock();
        let delay = u64::try_from(state.config.file_delete_delay_ms).unwrap_or(0);
        let kept = state.segments.split_off(&new_start);
        let gone = std::mem::replace(&mut state.segments, kept);
        let (mut paths, mut retired) = (Vec::new(), Vec::new());
        for (base_offset, mut segment) in gone {
            report.segments += 1;
            report.bytes += segment.size;
            let mut files: Vec<PathBuf> = [
                SegmentFile::Log,
                SegmentFile::Index,
                SegmentFile::TimeIndex,
                SegmentFile::TransactionIndex,
            ]
            .map(|kind| segment.path(kind))
            .into();
            if state.snapshots.len() > 1 && state.snapshots.remove(&base_offset) {
                state.snapshots_unsynced.remove(&base_offset);
                files.push(segment.path(SegmentFile::Snapshot));
            }
            segment.release();
            paths.extend(files.iter().cloned());
            let files = files.iter().map(|path| deleted_name(path)).collect();
            let (since, delay) = (Monotonic::now(), Duration::from_millis(delay));
            retired.push(Retired {
                pin: segment.pin.clone(),
                since,
                delay,
                files,
            });
        }
        self.set_log_start(&mut state, new_start);
        (paths, retired)
    }

    async fn rename_retired(&self, paths: Vec<PathBuf>) -> Result<(), StorageError> {
        for path in &paths {
            match disk::rename(path, deleted_name(path)).await {
                Err(error) if error.kind() == runtime::io::ErrorKind::NotFound => {}
                result => result.map_err(StorageError::io("rename", path))?,
            }
        }
        disk::sync_dir(&self.0.dir)
            .await
            .map_err(StorageError::io("sync", &self.0.dir))
    }

    /// Removes files of retired segments whose time has come and which nobody reads.
    pub async fn purge_deleted(&self) {
        let due: Vec<Retired> = {
            let mut state = self.0.state.lock();
            let is_due = |r: &mut Retired| r.since.elapsed() >= r.delay && Arc::strong_count(&r.pin) == 1;
            state.retired.extract_if(.., is_due).collect()
        };
        for path in due.iter().flat_map(|retired| &retired.files) {
            if let Err(error) = remove_if_there(path).await {
                tracing::warn!("cannot remove {}, the next start will: {error}", path.display());
            }
        }
    }
}

/// The log's end when all segments may go, else the base offset of the first that may not.
fn first_kept(state: &mut State, now: WallMs, high_watermark: i64) -> runtime::io::Result<i64> {
    let config = state.config.clone();
    let mut bytes = state.size_bytes();
    let bases: Vec<i64> = state.segments.keys().copied().collect();
    for (number, base_offset) in bases.iter().copied().enumerate() {
        let end = state.end_of(base_offset);
        let is_active = number + 1 == bases.len();
        let is_below_start = !is_active && end <= state.log_start_offset;
        let segment = state.segments.get_mut(&base_offset).expect("a key of this map");
        if end > high_watermark || segment.size == 0 {
            return Ok(base_offset);
        }
        let newest = segment
            .max_timestamp()?
            .map_or(segment.created_ms, |max| max.timestamp);
        let is_too_old =
            config.delete && config.retention_ms >= 0 && now.0.saturating_sub(newest) > config.retention_ms;
        let is_too_much = config.delete
            && u64::try_from(config.retention_bytes).is_ok_and(|max| bytes - segment.size >= max);
        if !is_below_start && !is_too_old && !is_too_much {
            return Ok(base_offset);
        }
        bytes -= segment.size;
    }
    Ok(state.next_offset)
}

fn deleted_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(DELETED_SUFFIX);
    name.into()
}
