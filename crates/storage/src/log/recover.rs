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
//! 3. What was found is synced before the log is used: after a mere kill it may be in the page cache alone.
//! 4. Nothing that recovery changes makes a second recovery come to another result; checkpoints that claim more than was
//!    found are lowered before the first append.
//!
//! It reads the log from the newest good producer snapshot at or below the recovery point, which a checkpoint puts right
//! at it; from the start only where snapshots, indexes or epochs are missing.

use super::truncate::remove_if_there;
use super::{Log, State};
use crate::config::LogConfig;
use crate::data_dir::Checkpoints;
use crate::epoch::LeaderEpochs;
use crate::error::StorageError;
use crate::files::Files;
use crate::names::{self, LEADER_EPOCH_CHECKPOINT, SegmentFile, TopicPartition, segment_file_of};
use crate::producer_state::{ProducerState, decode_snapshot};
use crate::scan::{BatchWalk, Damage, Located, Step};
use crate::scrub::Rot;
use crate::topic_id::TopicId;
use bytes::Bytes;
use records::Batch;
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
    /// Where reading begins: all state is known up to here.
    scan_from: i64,
    /// The offset that comes next, once the first batch or segment was met.
    expected: i64,
    /// No batch may be of a lower epoch than the one before it.
    epoch: i32,
    trusts_tail: bool,
    has_changed_folder: bool,
}

/// How the walk over a segment ended.
enum End {
    /// At its last byte.
    Whole,
    /// The log ends here.
    Cut(Damage),
    /// The rest cannot be made sense of, and must not be cut.
    Lost,
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
        recovery.find_segments(&lengths);
        let first_base = recovery.state.segments.keys().next().copied();
        let log_start_offset = hint.log_start_offset.unwrap_or(0);
        recovery.report.recovery_point = hint.recovery_point.unwrap_or(0).max(first_base.unwrap_or(0));
        recovery.report.was_clean = hint.is_clean;
        recovery.trusts_tail = hint.is_clean || planted(Mutant::UnflushedCountsAsClean);
        recovery.load_derived(&lengths, log_start_offset).await?;
        recovery.walk().await?;
        if recovery.state.next_offset < recovery.scan_from {
            recovery.start_over();
            recovery.walk().await?;
        }
        recovery.settle_start(log_start_offset).await?;
        recovery.settle_epochs().await?;
        recovery.make_durable().await?;
        recovery.settle_checkpoints(hint).await?;
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
            recent: VecDeque::new(),
            fence: None,
            closed: false,
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
            scan_from: 0,
            expected: 0,
            epoch: -1,
            trusts_tail: false,
            has_changed_folder: false,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.dir.join(name)
    }

    fn note(&mut self, note: String) {
        tracing::warn!("{}: {note}", self.place.tp);
        self.report.notes.push(note);
    }

    /// The folder's files and their lengths, after what an interrupted write or deletion left was removed.
    async fn list(&mut self) -> Result<BTreeMap<String, u64>, StorageError> {
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

    async fn remove(&mut self, path: &Path) -> Result<(), StorageError> {
        self.has_changed_folder = true;
        remove_if_there(path)
            .await
            .map_err(StorageError::io("remove", path))
    }

    fn find_segments(&mut self, lengths: &BTreeMap<String, u64>) {
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
    async fn load_derived(
        &mut self,
        lengths: &BTreeMap<String, u64>,
        log_start_offset: i64,
    ) -> Result<(), StorageError> {
        let recovery_point = self.report.recovery_point;
        let first_base = self
            .state
            .segments
            .keys()
            .next()
            .copied()
            .unwrap_or(log_start_offset);
        let has_epochs = self.load_epochs(lengths).await?;
        // what a snapshot beyond the recovery point tells of may have been lost
        // unless retention took all before it
        let trusted = if first_base == log_start_offset {
            i64::max(first_base, recovery_point)
        } else {
            recovery_point
        };
        for offset in self.state.snapshots.split_off(&(trusted + 1)) {
            self.remove(&self.path(&SegmentFile::Snapshot.name(offset)))
                .await?;
        }
        let mut snapshot = None;
        for offset in self.state.snapshots.clone().into_iter().rev() {
            let path = self.path(&SegmentFile::Snapshot.name(offset));
            let bytes = disk::read(&path).await.map_err(StorageError::io("read", &path))?;
            match decode_snapshot(&bytes) {
                Ok(entries) => {
                    snapshot = Some((offset, ProducerState::from_entries(entries)));
                    break;
                }
                Err(what) => {
                    self.note(format!("{} is no good ({what}); removed", path.display()));
                    self.state.snapshots.remove(&offset);
                    self.remove(&path).await?;
                }
            }
        }
        let are_indexed = self.sealed_are_indexed(lengths, recovery_point);
        match snapshot {
            Some((offset, producers)) if has_epochs && are_indexed => {
                self.state.producers = producers;
                self.scan_from = offset;
            }
            _ => {
                if recovery_point > first_base {
                    self.note(
                        "producer snapshot, epochs or indexes are missing: reading the log from its start"
                            .into(),
                    );
                }
                self.scan_from = first_base;
            }
        }
        let config = &self.state.config;
        self.state
            .producers
            .expire(self.now.0, config.producer_id_expiration_ms);
        self.expected = self.scan_from;
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

    /// Reads segment after segment to the log's end, and drops what lies behind it.
    async fn walk(&mut self) -> Result<(), StorageError> {
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
    fn start_over(&mut self) {
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

    /// Reads one segment from where state is known.
    async fn walk_segment(&mut self, base: i64) -> Result<End, StorageError> {
        let segment = self.state.segments.get_mut(&base).expect("a base of this map");
        let path = segment.path(SegmentFile::Log);
        let read = || StorageError::io("read", &path);
        let file = segment.log_file().map_err(read())?;
        let file_bytes = segment.size;
        let from = i64::max(self.scan_from, base);
        let start = segment.sound_floor(from).map_err(read())?;
        let mut walk = BatchWalk::new(file, start, file_bytes);
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
            match self.take(base, step, is_indexing) {
                Taken::Batch => {}
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
                let marker = batch.as_ref().and_then(super::prepare::marker_coordinator_epoch);
                self.state
                    .producers
                    .replay(&super::prepare::producer_batch(header, marker));
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
        self.state.fence = Some(crate::error::FenceReason {
            partition: self.place.tp.to_string(),
            action: "recovery",
            file: segment.path(SegmentFile::Log).display().to_string(),
            error: format!("below the recovery point: {what}"),
        });
    }

    /// A segment that another follows: its indexes go to their files, and a snapshot is due at its end.
    fn seal(&mut self, base: i64) -> Result<(), StorageError> {
        let segment = self.state.segments.get_mut(&base).expect("as before");
        let path = segment.path(SegmentFile::Index);
        match segment.flush_indexes() {
            Ok(()) => segment.seal(),
            // then they stay in memory
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
            Err(error) => return Err(StorageError::io("write", &path)(error)),
        }
        Ok(())
    }

    /// Applies the log's start, drops segments below it, and sees that there is an active one.
    async fn settle_start(&mut self, log_start_offset: i64) -> Result<(), StorageError> {
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
        while self.state.segments.len() > 1 && self.state.end_of(self.state.first_base()) <= log_start_offset
        {
            let (_, mut segment) = self.state.segments.pop_first().expect("more than one");
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
        if self.state.segments.is_empty() {
            let segment = self
                .state
                .new_segment(&self.place.dir, &self.place.files, next_offset, self.now.0);
            self.state.segments.insert(next_offset, segment);
        }
        let active = self.state.active();
        let path = active.path(SegmentFile::Index);
        active.thaw().map_err(StorageError::io("read", &path))?;
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
                file.sync_data().await.map_err(StorageError::io("sync", &path))?;
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
    async fn settle_checkpoints(&mut self, hint: RecoveryHint) -> Result<(), StorageError> {
        let next_offset = self.state.next_offset;
        let claimed = hint.recovery_point.unwrap_or(0);
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

enum Taken {
    Batch,
    End,
    Bad(Damage),
}

/// Whether the step is beyond the batches that end before `from`.
fn begins_at_or_after(step: &Step, from: i64, expected: i64) -> bool {
    match step {
        Step::End => false,
        Step::Batch { at, .. } | Step::BadCrc { at, .. } => at.header.last_offset() >= from,
        Step::BadHeader(_) => expected >= from,
    }
}
