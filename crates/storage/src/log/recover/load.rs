//! The first part of recovery: what is in the folder, and what can be believed of it without reading the log.

use super::Recovery;
use crate::epoch::LeaderEpochs;
use crate::error::StorageError;
use crate::names::{self, LEADER_EPOCH_CHECKPOINT, SegmentFile, segment_file_of};
use crate::producer_state::{ProducerState, decode_snapshot};
use runtime::disk;
use runtime::io;
use std::collections::BTreeMap;

impl Recovery {
    /// The folder's files and their lengths, after what an interrupted write or deletion left was removed.
    pub(super) async fn list(&mut self) -> Result<BTreeMap<String, u64>, StorageError> {
        let entries = disk::read_dir(&self.place.dir).await;
        let entries = entries.map_err(StorageError::io("list", &self.place.dir))?;
        let mut lengths = BTreeMap::new();
        for entry in entries.into_iter().filter(|entry| !entry.is_dir) {
            let is_orphan = match segment_file_of(&entry.name) {
                Some((SegmentFile::Index | SegmentFile::TimeIndex | SegmentFile::TransactionIndex, base)) => {
                    let log = SegmentFile::Log.name(base);
                    !disk::exists(self.path(&log))
                        .await
                        .map_err(StorageError::io("look for", &self.path(&log)))?
                }
                _ => false,
            };
            if is_orphan || names::is_leftover(&entry.name) {
                self.remove(&self.path(&entry.name)).await?;
            } else {
                lengths.insert(entry.name, entry.len);
            }
        }
        Ok(lengths)
    }

    pub(super) fn find_segments(&mut self, lengths: &BTreeMap<String, u64>) {
        for (name, log_bytes) in lengths {
            match segment_file_of(name) {
                Some((SegmentFile::Log, base)) => {
                    let length = |kind: SegmentFile| lengths.get(&kind.name(base)).copied().unwrap_or(0);
                    let segment = self
                        .state
                        .new_segment(&self.place.dir, &self.place.files, base, self.now.0)
                        .found(
                            *log_bytes,
                            length(SegmentFile::Index),
                            length(SegmentFile::TimeIndex),
                        );
                    self.state.segments.insert(base, segment);
                }
                Some((SegmentFile::Snapshot, offset)) => {
                    self.state.snapshots.insert(offset);
                }
                _ => {}
            }
        }
    }

    /// Epochs and producers as of an offset at or below the recovery point; sets where reading begins.
    pub(super) async fn load_derived(&mut self, lengths: &BTreeMap<String, u64>) -> Result<(), StorageError> {
        let recovery_point = self.report.recovery_point;
        let has_epochs = self.load_epochs(lengths).await?;
        let start_base = self.start_base();
        let snapshot = self.load_snapshot(start_base).await?;
        if let Some((offset, producers)) = &snapshot
            && *offset >= start_base
            && self.state.segments.range(..start_base).next().is_some()
        {
            // it may be in the page cache alone, and what it could be made from again goes
            let (path, bytes) = (
                self.path(&SegmentFile::Snapshot.name(*offset)),
                producers.snapshot(),
            );
            match disk::write_atomic(&path, &bytes).await {
                Ok(()) => self.drop_segments_below(start_base).await?,
                // then retention drops them, when there is space
                Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
                Err(error) => return Err(StorageError::io("write", &path)(error)),
            }
        }
        let has_lower_segments = self.state.segments.range(..start_base).next().is_some();
        if !has_lower_segments && snapshot.as_ref().is_some_and(|(offset, _)| *offset >= start_base) {
            for offset in self
                .state
                .snapshots
                .range(..start_base)
                .copied()
                .collect::<Vec<_>>()
            {
                self.remove_snapshot(offset).await?;
            }
        }
        let first_base = self.state.segments.keys().next().copied().unwrap_or(start_base);
        let are_indexed = self.sealed_are_indexed(lengths, recovery_point);
        match snapshot {
            Some((offset, producers)) if has_epochs && are_indexed => {
                self.state.producers = producers;
                self.scan_from = offset;
            }
            _ => {
                if recovery_point > first_base {
                    self.note(
                        "a producer snapshot, epochs or indexes are missing: the log is read from its start"
                            .into(),
                    );
                }
                self.scan_from = first_base;
            }
        }
        let expiration_ms = self.state.config.producer_id_expiration_ms;
        self.state.producers.expire(self.now.0, expiration_ms);
        self.expected = self.scan_from;
        Ok(())
    }

    /// The base offset of the segment in which the log starts. Retention may have taken any of those before it.
    fn start_base(&self) -> i64 {
        let holds_start = self.state.segments.range(..=self.log_start_offset).next_back();
        match holds_start.or(self.state.segments.iter().next()) {
            Some((base, _)) => *base,
            None => self.log_start_offset,
        }
    }

    /// The newest good snapshot that can be trusted: at or below the checkpointed recovery point, or where the log or its
    /// first segment starts, for there it was synced before what is below went. Others tell of what may have been lost,
    /// and go.
    async fn load_snapshot(&mut self, start_base: i64) -> Result<Option<(i64, ProducerState)>, StorageError> {
        let checkpointed = self.checkpointed;
        let first_base = self.state.segments.keys().next().copied().unwrap_or(start_base);
        let is_trusted = |offset: i64| offset <= checkpointed || offset == start_base || offset == first_base;
        for offset in self.state.snapshots.clone() {
            if !is_trusted(offset) {
                self.remove_snapshot(offset).await?;
            }
        }
        for offset in self.state.snapshots.clone().into_iter().rev() {
            let path = self.path(&SegmentFile::Snapshot.name(offset));
            let bytes = disk::read(&path).await.map_err(StorageError::io("read", &path))?;
            match decode_snapshot(&bytes) {
                Ok(entries) => return Ok(Some((offset, ProducerState::from_entries(entries)))),
                Err(what) => self.note(format!("{} is no good ({what}); removed", path.display())),
            }
            self.remove_snapshot(offset).await?;
        }
        Ok(None)
    }

    async fn remove_snapshot(&mut self, offset: i64) -> Result<(), StorageError> {
        self.state.snapshots.remove(&offset);
        self.remove(&self.path(&SegmentFile::Snapshot.name(offset))).await
    }

    /// Finishes what retention began: these are below the log's start, and some may be gone already.
    async fn drop_segments_below(&mut self, base: i64) -> Result<(), StorageError> {
        let kept = self.state.segments.split_off(&base);
        for (_, mut segment) in std::mem::replace(&mut self.state.segments, kept) {
            segment.release();
            for kind in [
                SegmentFile::Log,
                SegmentFile::Index,
                SegmentFile::TimeIndex,
                SegmentFile::TransactionIndex,
            ] {
                self.remove(&segment.path(kind)).await?;
            }
        }
        Ok(())
    }

    /// False when they must be found in the log.
    async fn load_epochs(&mut self, lengths: &BTreeMap<String, u64>) -> Result<bool, StorageError> {
        if !lengths.contains_key(LEADER_EPOCH_CHECKPOINT) {
            return Ok(false);
        }
        let path = self.path(LEADER_EPOCH_CHECKPOINT);
        let bytes = disk::read(&path).await.map_err(StorageError::io("read", &path))?;
        match LeaderEpochs::parse(&String::from_utf8_lossy(&bytes)) {
            Ok(epochs) => {
                self.state.epochs = epochs;
                Ok(true)
            }
            Err(what) => {
                self.note(format!("{} is no good ({what})", path.display()));
                Ok(false)
            }
        }
    }

    /// Whether the segments wholly below the recovery point have indexes of whole entries.
    fn sealed_are_indexed(&self, lengths: &BTreeMap<String, u64>, recovery_point: i64) -> bool {
        let bases: Vec<i64> = self.state.segments.keys().copied().collect();
        bases
            .windows(2)
            .filter(|pair| pair[1] <= recovery_point)
            .all(|pair| {
                let whole = |kind: SegmentFile, entry: u64| {
                    lengths
                        .get(&kind.name(pair[0]))
                        .is_some_and(|len| len % entry == 0)
                };
                whole(SegmentFile::Index, 8) && whole(SegmentFile::TimeIndex, 12)
            })
    }
}
