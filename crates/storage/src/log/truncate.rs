//! Moving the log's end back and its start forth, and the epochs that go with them.
//!
//! Each of these is durable before it is visible or before the next append: checkpoints that would claim too much are
//! corrected first, files are cut and synced, then the call returns.

use super::{Log, State};
use crate::error::StorageError;
use crate::names::SegmentFile;
use crate::producer_state::{ProducerState, decode_snapshot};
use crate::scan::{BatchWalk, Step};
use crate::segment::Segment;
use records::Batch;
use runtime::disk;
use runtime::time::WallMs;
use std::path::PathBuf;

impl Log {
    /// Notes that `epoch` begins at the log's end, durably. A leader calls this before it appends.
    pub async fn assign_epoch(&self, epoch: i32) -> Result<(), StorageError> {
        let _turn = self.0.turn.lock().await;
        let text = {
            let mut state = self.open_state()?;
            let next_offset = state.next_offset;
            if !state.epochs.assign(epoch, next_offset) {
                return Ok(());
            }
            state.epochs.format()
        };
        self.save_epochs(&text).await
    }

    /// Raises the log's start, at most to its end: records below are no longer served, and go with retention. Durable
    /// when it returns with the start that now holds.
    pub async fn raise_log_start_offset(&self, offset: i64) -> Result<i64, StorageError> {
        let _turn = self.0.turn.lock().await;
        let offset = {
            let state = self.open_state()?;
            let offset = i64::min(offset, state.next_offset);
            if offset <= state.log_start_offset {
                return Ok(state.log_start_offset);
            }
            offset
        };
        self.0.checkpoints.set_log_start(&self.0.tp, offset).await?;
        self.set_log_start(&mut self.0.state.lock(), offset);
        Ok(offset)
    }

    pub(super) fn set_log_start(&self, state: &mut State, offset: i64) {
        state.log_start_offset = i64::max(state.log_start_offset, offset);
        state.epochs_unsaved |= state.epochs.truncate_from_start(offset);
        runtime::trace!("{} starts at {}", self.0.tp, state.log_start_offset);
    }

    /// Removes all batches that end at or after `offset`.
    pub async fn truncate_to(&self, offset: i64) -> Result<(), StorageError> {
        let _turn = self.0.turn.lock().await;
        let (log_start_offset, next_offset, recovery_point) = {
            let state = self.open_state()?;
            if let Some(fence) = &state.fence {
                return Err(StorageError::Fenced(fence.clone()));
            }
            (state.log_start_offset, state.next_offset, state.recovery_point)
        };
        if offset >= next_offset {
            return Ok(());
        }
        if offset < log_start_offset {
            return self.start_anew(offset).await;
        }
        if self.batch_start(offset)? < log_start_offset {
            // the batch that holds the log's start goes, and with it all that is left
            return self.start_anew(log_start_offset).await;
        }
        let producers = self.fold_producers(offset).await?;
        if recovery_point > offset {
            self.0
                .checkpoints
                .lower_recovery_point(&self.0.tp, offset)
                .await?;
        }
        let cut = self.cut(offset, producers);
        let (gone, text) = cut.map_err(|(path, error)| {
            let mut state = self.0.state.lock();
            StorageError::Fenced(self.fence(&mut state, "truncating", &path, &error))
        })?;
        self.remove_files(gone).await?;
        self.save_epochs(&text).await?;
        // no append may land on a file whose old length could come back
        self.sync().await?;
        Ok(())
    }

    /// Where the batch begins that holds `offset`.
    fn batch_start(&self, offset: i64) -> Result<i64, StorageError> {
        let mut state = self.0.state.lock();
        let Some(segment) = state.segment_of(offset) else {
            return Ok(offset);
        };
        let path = segment.path(SegmentFile::Log);
        match segment.find(offset).map_err(StorageError::io("read", &path))? {
            Ok(found) => Ok(found.map_or(offset, |at| at.header.base_offset)),
            Err(damage) => Err(StorageError::Corrupt {
                file: path,
                position: damage.position,
                what: damage.what,
            }),
        }
    }

    /// Empties the log and lets it go on at `offset`.
    pub async fn truncate_fully_and_start_at(&self, offset: i64) -> Result<(), StorageError> {
        let _turn = self.0.turn.lock().await;
        drop(self.open_state()?);
        self.start_anew(offset).await
    }

    async fn start_anew(&self, offset: i64) -> Result<(), StorageError> {
        self.0.checkpoints.restart_at(&self.0.tp, offset).await?;
        let (gone, text) = {
            let mut state = self.0.state.lock();
            state.truncations += 1;
            let mut gone = Vec::new();
            while let Some((_, mut segment)) = state.segments.pop_last() {
                gone.extend(paths_of(&segment));
                segment.release();
            }
            for offset in std::mem::take(&mut state.snapshots) {
                gone.push(self.path(&SegmentFile::Snapshot.name(offset)));
            }
            state.snapshots_unsynced.clear();
            let segment = state.new_segment(&self.0.dir, &self.0.files, offset, WallMs::now().0);
            state.segments.insert(offset, segment);
            state.log_start_offset = offset;
            state.next_offset = offset;
            state.durable_end = offset;
            state.sync_covers = offset;
            state.recovery_point = i64::min(state.recovery_point, offset);
            state.epochs.clear();
            state.producers.clear();
            state.recent.clear();
            runtime::trace!("{} starts anew at {offset}", self.0.tp);
            self.publish_durable(&state);
            (gone, state.epochs.format())
        };
        self.remove_files(gone).await?;
        self.save_epochs(&text).await
    }

    /// The critical section of a truncation. Returns what is to be removed, and the epochs' file.
    #[allow(clippy::type_complexity)] // read in one place
    fn cut(
        &self,
        offset: i64,
        producers: ProducerState,
    ) -> Result<(Vec<PathBuf>, String), (PathBuf, runtime::io::Error)> {
        let mut state = self.0.state.lock();
        let base_offset = state
            .segment_of(offset)
            .map_or(offset, |segment| segment.base_offset);
        let segment = state
            .segments
            .get_mut(&base_offset)
            .expect("offset >= log start, so a segment holds it");
        let path = segment.path(SegmentFile::Log);
        let failed = |error| (path.clone(), error);
        let (position, end) = match segment.find(offset).map_err(failed)? {
            Ok(Some(at)) => (at.position, at.header.base_offset),
            Ok(None) => (segment.size, offset),
            Err(damage) => return Err((path, runtime::io::Error::other(damage.what))),
        };
        if segment.exists() {
            let file = segment.log_file().map_err(failed)?;
            file.set_len(position).map_err(failed)?;
            segment.cut(position, end).map_err(failed)?;
            segment.flush_indexes().map_err(failed)?;
            segment.unsynced = Some(file);
        }
        let mut gone = Vec::new();
        for (_, mut segment) in state.segments.split_off(&(base_offset + 1)).into_iter().rev() {
            gone.extend(paths_of(&segment));
            segment.release();
        }
        for snapshot in state.snapshots.split_off(&(end + 1)) {
            gone.push(self.path(&SegmentFile::Snapshot.name(snapshot)));
        }
        state.snapshots_unsynced.split_off(&(end + 1));
        state.truncations += 1;
        state.next_offset = end;
        state.durable_end = i64::min(state.durable_end, end);
        state.sync_covers = i64::min(state.sync_covers, end);
        state.recovery_point = i64::min(state.recovery_point, end);
        state.epochs.truncate_from_end(end);
        state.producers = producers;
        state.recent.clear();
        state.folder_unsynced = true;
        runtime::trace!("{} truncated to {end}", self.0.tp);
        self.publish_durable(&state);
        Ok((gone, state.epochs.format()))
    }

    async fn remove_files(&self, paths: Vec<PathBuf>) -> Result<(), StorageError> {
        for path in &paths {
            remove_if_there(path)
                .await
                .map_err(StorageError::io("remove", path))?;
        }
        disk::sync_dir(&self.0.dir)
            .await
            .map_err(StorageError::io("sync", &self.0.dir))
    }

    /// Producer state as of `end`: the last good snapshot before, and the batches since.
    pub(super) async fn fold_producers(&self, end: i64) -> Result<ProducerState, StorageError> {
        let snapshots: Vec<i64> = self.0.state.lock().snapshots.range(..=end).copied().collect();
        let (mut producers, mut from) = (ProducerState::default(), i64::MIN);
        for offset in snapshots.into_iter().rev() {
            let path = self.path(&SegmentFile::Snapshot.name(offset));
            if let Ok(bytes) = disk::read(&path).await
                && let Ok(entries) = decode_snapshot(&bytes)
            {
                (producers, from) = (ProducerState::from_entries(entries), offset);
                break;
            }
        }
        let walks: Vec<(PathBuf, BatchWalk)> = {
            let state = self.0.state.lock();
            let until =
                |segment: &&Segment| segment.base_offset < end && state.end_of(segment.base_offset) > from;
            let walk = |segment: &Segment| {
                let path = segment.path(SegmentFile::Log);
                let position = segment
                    .find(from)
                    .ok()
                    .and_then(Result::ok)
                    .flatten()
                    .map_or(0, |at| at.position);
                let file = segment.log_file().map_err(StorageError::io("open", &path))?;
                Ok((path, BatchWalk::new(file, position, segment.size)))
            };
            state
                .segments
                .values()
                .filter(until)
                .map(walk)
                .collect::<Result<_, StorageError>>()?
        };
        for (path, mut walk) in walks {
            while let Step::Batch { at, mut bytes } =
                walk.next().await.map_err(StorageError::io("read", &path))?
            {
                if at.header.last_offset() >= end {
                    return Ok(producers);
                }
                if at.header.base_offset >= from
                    && let Ok(batch) = Batch::parse(&mut bytes)
                {
                    let marker = super::prepare::marker_coordinator_epoch(&batch);
                    producers.replay(&super::prepare::producer_batch(batch.header(), marker));
                }
            }
        }
        Ok(producers)
    }
}

fn paths_of(segment: &Segment) -> [PathBuf; 4] {
    [
        SegmentFile::Log,
        SegmentFile::Index,
        SegmentFile::TimeIndex,
        SegmentFile::TransactionIndex,
    ]
    .map(|kind| segment.path(kind))
}

pub(super) async fn remove_if_there(path: &std::path::Path) -> runtime::io::Result<()> {
    match disk::remove_file(path).await {
        Err(error) if error.kind() == runtime::io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
