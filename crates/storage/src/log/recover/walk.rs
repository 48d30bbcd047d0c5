//! The second part of recovery: reading the log from where state is known, to its end.

use super::Recovery;
use crate::error::{FenceReason, StorageError};
use crate::log::prepare::{marker_coordinator_epoch, producer_batch};
use crate::names::SegmentFile;
use crate::scan::{BatchWalk, Damage, Located, Step};
use crate::scrub::Rot;
use bytes::Bytes;
use records::Batch;
use runtime::disk::{File, OpenOptions};
use runtime::io;
use std::path::Path;

/// How the walk over a segment ended.
enum End {
    /// At its last byte.
    Whole,
    /// The log ends here.
    Cut(Damage),
    /// The rest cannot be made sense of, and must not be cut.
    Lost,
}

/// What one step of the walk came to.
enum Taken {
    Batch,
    End,
    Bad(Damage),
}

impl Recovery {
    /// Reads segment after segment to the log's end, and drops what lies behind it.
    pub(super) async fn walk(&mut self) -> Result<(), StorageError> {
        let bases: Vec<i64> = self.state.segments.keys().copied().collect();
        let first = bases
            .iter()
            .rposition(|base| *base <= self.scan_from)
            .unwrap_or(0);
        for (number, base) in bases.iter().copied().enumerate().skip(first) {
            if number == first {
                self.expected = i64::max(self.scan_from, base);
            } else if !self.accept_segment(base).await? {
                break;
            }
            let is_last = number + 1 == bases.len();
            match self.walk_segment(base).await? {
                End::Whole => {}
                End::Cut(damage) => self.cut(base, &damage)?,
                End::Lost if is_last => self.fence_lost(base),
                End::Lost => self.expected = bases[number + 1],
            }
            let is_followed = !is_last && bases[number + 1] == self.expected;
            if is_followed {
                self.seal(base)?;
            }
        }
        self.state.next_offset = self.expected;
        Ok(())
    }

    /// The log ends before its producer snapshot: what that tells is not in the log any more.
    pub(super) fn start_over(&mut self) {
        self.state.producers.clear();
        self.scan_from = self
            .state
            .segments
            .keys()
            .next()
            .copied()
            .unwrap_or(self.state.next_offset);
        self.epoch = -1;
        self.expected = self.scan_from;
    }

    /// Whether the segment continues the log. If not it goes, and all after it, unless they are below the recovery point.
    async fn accept_segment(&mut self, base: i64) -> Result<bool, StorageError> {
        if base == self.expected || (self.state.config.compact && base > self.expected) {
            self.expected = base;
            return Ok(true);
        }
        if base > self.expected && base <= self.log_start_offset {
            // retention took what was between
            self.expected = base;
            return Ok(true);
        }
        let recovery_point = self.report.recovery_point;
        if base > self.expected && self.expected < recovery_point && base < recovery_point {
            let what = format!("the log lacks offsets {}..{base}", self.expected);
            let file = self.state.segments[&base].path(SegmentFile::Log);
            self.report.rot.push(Rot {
                tp: self.place.tp.clone(),
                file,
                position: 0,
                what: what.clone(),
            });
            self.note(what);
            self.expected = base;
            return Ok(true);
        }
        self.drop_segments_from(base).await?;
        Ok(false)
    }

    /// Reads one segment from where state is known.
    async fn walk_segment(&mut self, base: i64) -> Result<End, StorageError> {
        let segment = self.state.segments.get_mut(&base).expect("a base of this map");
        let path = segment.path(SegmentFile::Log);
        let read = || StorageError::io("read", &path);
        let file = segment.log_file().map_err(read())?;
        let file_bytes = segment.size;
        let from = i64::max(self.scan_from, base);
        let start = segment.sound_floor(from).map_err(read())?;
        let mut walk = BatchWalk::new(file.clone(), start, file_bytes);
        let mut is_indexing = from == base;
        if is_indexing {
            self.state
                .segments
                .get_mut(&base)
                .expect("as before")
                .cut(0, base)
                .map_err(read())?;
        } else if start > 0 {
            // the first batch tells its own offset
            self.expected = -1;
        } else {
            self.expected = base;
        }
        loop {
            let before = walk.position();
            let step = walk.next().await.map_err(read())?;
            self.report.scanned_bytes += walk.position() - before;
            if !is_indexing && begins_at_or_after(&step, from, self.expected) {
                self.state
                    .segments
                    .get_mut(&base)
                    .expect("as before")
                    .cut(before, from)
                    .map_err(read())?;
                is_indexing = true;
                self.expected = i64::max(self.expected, -1);
            }
            let tail = self.untrusted_bytes(&step);
            match self.take(base, step, is_indexing) {
                Taken::Batch => {
                    if let Some((position, bytes)) = tail {
                        self.write_again(&file, &path, position, &bytes)?;
                    }
                }
                Taken::End => break,
                Taken::Bad(damage) => {
                    if !self.is_trusted() {
                        return Ok(End::Cut(damage));
                    }
                    self.mark_rot(base, &path, damage);
                    let offsets = i64::max(self.expected, base)..i64::MAX;
                    let Some(position) = walk.resync(offsets).await.map_err(read())? else {
                        return Ok(End::Lost);
                    };
                    walk.skip_to(position);
                    if is_indexing {
                        self.state.segments.get_mut(&base).expect("as before").size = position;
                    }
                    self.expected = -1;
                }
            }
        }
        if self.expected < 0 {
            self.expected = base;
        }
        if !is_indexing {
            let segment = self.state.segments.get_mut(&base).expect("as before");
            segment.cut(file_bytes, self.expected).map_err(read())?;
        }
        Ok(End::Whole)
    }

    /// A batch from the page cache that no checkpoint covers. A sync of the process before may have failed and dropped it
    /// there; then it looks written, and the next sync would succeed without it. So it is written again.
    fn untrusted_bytes(&self, step: &Step) -> Option<(u64, Bytes)> {
        match step {
            Step::Batch { at, bytes } if at.header.base_offset >= self.report.recovery_point => {
                (!self.trusts_tail).then(|| (at.position, bytes.clone()))
            }
            _ => None,
        }
    }

    /// Where a full disk refuses even to overwrite, the sync that follows has to do, unless the process before is known to
    /// have seen one fail.
    fn write_again(
        &mut self,
        file: &File,
        path: &Path,
        position: u64,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        if self.is_disk_full {
            return Ok(());
        }
        match file.write_at(bytes, position) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull && !self.has_sync_failed => {
                self.is_disk_full = true;
                self.note(format!(
                    "no space is left to write the tail of {} again",
                    path.display()
                ));
                Ok(())
            }
            result => result.map_err(StorageError::io("write", path)),
        }
    }

    /// Takes in one step of the walk.
    fn take(&mut self, base: i64, step: Step, is_indexing: bool) -> Taken {
        match step {
            Step::End => Taken::End,
            Step::BadHeader(damage) => Taken::Bad(damage),
            Step::Batch { at, bytes } => self.take_batch(base, at, Some(bytes), is_indexing),
            Step::BadCrc { at, .. } if self.trusts_tail => self.take_batch(base, at, None, is_indexing),
            Step::BadCrc { at, damage } => {
                if !self.is_trusted() {
                    return Taken::Bad(damage);
                }
                let path = self.state.segments[&base].path(SegmentFile::Log);
                self.mark_rot(base, &path, damage);
                self.take_batch(base, at, None, is_indexing)
            }
        }
    }

    fn take_batch(&mut self, base: i64, at: Located, bytes: Option<Bytes>, is_indexing: bool) -> Taken {
        let header = &at.header;
        let is_expected = match self.expected {
            -1 => header.base_offset >= base,
            expected if self.state.config.compact => header.base_offset >= expected,
            expected => header.base_offset == expected,
        };
        if !is_expected || header.partition_leader_epoch < self.epoch {
            let what = format!(
                "a batch at offset {} of epoch {} follows offset {} of epoch {}",
                header.base_offset,
                header.partition_leader_epoch,
                self.expected - 1,
                self.epoch
            );
            return Taken::Bad(Damage {
                position: at.position,
                what,
            });
        }
        self.expected = header.next_offset();
        self.epoch = header.partition_leader_epoch;
        if is_indexing {
            let interval = self.state.config.index_interval_bytes;
            self.state
                .segments
                .get_mut(&base)
                .expect("as before")
                .push(header, interval);
            self.state.epochs_unsaved |= self
                .state
                .epochs
                .assign(header.partition_leader_epoch, header.base_offset);
            if header.has_producer_id() {
                let batch = bytes.and_then(|mut bytes| Batch::parse(&mut bytes).ok());
                let marker = batch.as_ref().and_then(marker_coordinator_epoch);
                self.state.producers.replay(&producer_batch(header, marker));
            }
        }
        Taken::Batch
    }

    /// Whether the next offset lies below the recovery point: bad bytes there are rot, not a torn tail.
    fn is_trusted(&self) -> bool {
        self.expected < self.report.recovery_point
    }

    fn mark_rot(&mut self, base: i64, path: &Path, damage: Damage) {
        tracing::error!(
            "{} is corrupt at byte {}: {}",
            path.display(),
            damage.position,
            damage.what
        );
        let tp = self.place.tp.clone();
        self.report.rot.push(Rot {
            tp,
            file: path.into(),
            position: damage.position,
            what: damage.what.clone(),
        });
        let segment = self.state.segments.get_mut(&base).expect("as before");
        segment.damage.get_or_insert(damage);
    }

    /// Ends the log before the damage. Later segments are dropped by what follows: they do not continue it.
    fn cut(&mut self, base: i64, damage: &Damage) -> Result<(), StorageError> {
        let segment = self.state.segments.get_mut(&base).expect("as before");
        let path = segment.path(SegmentFile::Log);
        let file = segment.log_file().map_err(StorageError::io("open", &path))?;
        let len = file.len().map_err(StorageError::io("read", &path))?;
        if self.expected < 0 {
            self.expected = base;
        }
        if segment.size > damage.position {
            segment
                .cut(damage.position, self.expected)
                .map_err(StorageError::io("read", &path))?;
        }
        file.set_len(damage.position)
            .map_err(StorageError::io("cut", &path))?;
        segment.unsynced = Some(file);
        self.report.cut_bytes += len - damage.position;
        let (position, what) = (damage.position, &damage.what);
        self.note(format!(
            "{} was cut from byte {position} of {len}: {what}",
            path.display()
        ));
        Ok(())
    }

    /// The end of the log cannot be found, and cutting would lose what was durable.
    fn fence_lost(&mut self, base: i64) {
        let segment = &self.state.segments[&base];
        let what = segment
            .damage
            .as_ref()
            .map_or_else(String::new, |damage| damage.what.clone());
        self.expected = i64::max(self.expected, self.report.recovery_point);
        self.state.fence = Some(FenceReason {
            partition: self.place.tp.to_string(),
            action: "recovery",
            file: segment.path(SegmentFile::Log).display().to_string(),
            error: format!("below the recovery point: {what}"),
        });
    }

    /// A segment that another follows: its indexes go to their files, and a snapshot to its end.
    fn seal(&mut self, base: i64) -> Result<(), StorageError> {
        let segment = self.state.segments.get_mut(&base).expect("as before");
        let path = segment.path(SegmentFile::Index);
        let result = segment
            .flush_indexes()
            .map(|()| segment.seal())
            .and_then(|()| self.write_snapshot());
        match result {
            // then they stay in memory, and the snapshot is made when it is needed
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok(()),
            result => result.map_err(StorageError::io("write", &path)),
        }
    }

    fn write_snapshot(&mut self) -> io::Result<()> {
        let offset = self.expected;
        if offset < self.scan_from || self.state.snapshots.contains(&offset) {
            return Ok(());
        }
        let path = self.path(&SegmentFile::Snapshot.name(offset));
        let file = File::open_now(&path, OpenOptions::truncate())?;
        if let Err(error) = file.write_at(&self.state.producers.snapshot(), 0) {
            self.state.snapshots_failed.insert(offset);
            return Err(error);
        }
        self.state.snapshots.insert(offset);
        self.state.snapshots_unsynced.insert(offset);
        self.has_changed_folder = true;
        Ok(())
    }
}

/// Whether the step is beyond the batches that end before `from`.
fn begins_at_or_after(step: &Step, from: i64, expected: i64) -> bool {
    match step {
        Step::End => false,
        Step::Batch { at, .. } | Step::BadCrc { at, .. } => at.header.last_offset() >= from,
        Step::BadHeader(_) => expected >= from,
    }
}
