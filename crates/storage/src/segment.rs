//! One segment: a `.log` file, its two indexes, and what is remembered of them.

use crate::files::{FileKey, Files};
use crate::index::{Index, OffsetIndexEntry};
use crate::names::SegmentFile;
use crate::scan::{Damage, HeaderWalk, Located};
use crate::time_index::TimeIndexEntry;
use records::BatchHeader;
use runtime::disk::{File, OpenOptions};
use runtime::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest timestamp of a stretch of log, and the last offset of the first batch that carries it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MaxTimestamp {
    pub timestamp: i64,
    pub offset: i64,
}

/// Invariants: `size` is a batch's end; batches' offsets rise from `base_offset` on; index entries point below `size`.
pub(crate) struct Segment {
    pub base_offset: i64,
    /// Bytes of the .log that count.
    pub size: u64,
    pub index: Index<OffsetIndexEntry>,
    pub time_index: Index<TimeIndexEntry>,
    /// Bytes since the batch of the last index entry began.
    pub bytes_since_index: u64,
    /// `None` until it was read from the time index.
    max_timestamp: Option<Option<MaxTimestamp>>,
    /// Of the first batch; `None` until it was appended or read.
    first_timestamp: Option<i64>,
    pub created_ms: i64,
    pub jitter_ms: i64,
    /// Holds the file open while it has bytes that no sync has covered.
    pub unsynced: Option<File>,
    /// The index files were written since they were synced.
    pub index_unsynced: bool,
    /// The first bytes found that are no batch; nothing from there on is served.
    pub damage: Option<Damage>,
    /// Reads hold clones; the files are not removed before those are gone.
    pub pin: Arc<()>,
    exists: bool,
    dir: Arc<Path>,
    files: Files,
    keys: [FileKey; 3],
}

const KINDS: [SegmentFile; 3] = [SegmentFile::Log, SegmentFile::Index, SegmentFile::TimeIndex];

impl Segment {
    /// A segment whose file is made with the first append.
    pub fn new(dir: &Arc<Path>, files: &Files, base_offset: i64, now_ms: i64, jitter_ms: i64) -> Segment {
        Segment {
            base_offset,
            size: 0,
            index: Index::empty(),
            time_index: Index::empty(),
            bytes_since_index: 0,
            max_timestamp: Some(None),
            first_timestamp: None,
            created_ms: now_ms,
            jitter_ms,
            unsynced: None,
            index_unsynced: false,
            damage: None,
            pin: Arc::default(),
            exists: false,
            dir: dir.clone(),
            files: files.clone(),
            keys: [files.new_key(), files.new_key(), files.new_key()],
        }
    }

    /// A segment that is there, with files of these lengths.
    pub fn found(mut self, log_bytes: u64, index_bytes: u64, time_index_bytes: u64) -> Segment {
        self.exists = true;
        self.size = log_bytes;
        self.index = Index::sealed(index_bytes);
        self.time_index = Index::sealed(time_index_bytes);
        self.max_timestamp = None;
        self
    }

    pub fn path(&self, kind: SegmentFile) -> PathBuf {
        self.dir.join(kind.name(self.base_offset))
    }

    /// The .log file, made when it is missing.
    pub fn log_file(&self) -> io::Result<File> {
        self.file(0, OpenOptions::create())
    }

    fn file(&self, which: usize, options: OpenOptions) -> io::Result<File> {
        self.files
            .get(self.keys[which], &self.path(KINDS[which]), options)
    }

    /// True with the first call of a segment's life: then the folder has a new entry.
    pub fn mark_existing(&mut self) -> bool {
        !std::mem::replace(&mut self.exists, true)
    }

    pub fn exists(&self) -> bool {
        self.exists
    }

    /// Gives the descriptors back, where no read holds them.
    pub fn release(&mut self) {
        self.unsynced = None;
        self.keys.iter().for_each(|key| self.files.forget(*key));
    }

    /// Takes in a batch that now stands at the end of the file.
    pub fn push(&mut self, header: &BatchHeader, index_interval_bytes: u64) {
        let (position, bytes) = (self.size, header.size_bytes() as u64);
        let last_offset = header.last_offset();
        let timestamp = header.max_timestamp;
        if self.size == 0 {
            self.first_timestamp = Some(timestamp);
        }
        let max = self.max_timestamp.get_or_insert(None);
        if timestamp >= 0 && max.is_none_or(|max| timestamp > max.timestamp) {
            *max = Some(MaxTimestamp {
                timestamp,
                offset: last_offset,
            });
        }
        if self.bytes_since_index > index_interval_bytes {
            self.index.push(OffsetIndexEntry {
                offset_delta: self.delta(last_offset),
                position: u32::try_from(position).expect("a segment is smaller than 2 GiB"),
            });
            self.push_time();
            self.bytes_since_index = 0;
        }
        self.size += bytes;
        self.bytes_since_index += bytes;
    }

    fn delta(&self, offset: i64) -> u32 {
        u32::try_from(offset - self.base_offset)
            .expect("a segment rolls before its offsets outgrow its index")
    }

    /// Enters the largest timestamp so far into the time index, unless it stands there.
    fn push_time(&mut self) {
        let Some(Some(max)) = self.max_timestamp else {
            return;
        };
        let Index::Growing { entries, .. } = &mut self.time_index else {
            return;
        };
        if entries.last().is_none_or(|last| max.timestamp > last.timestamp) {
            let offset_delta = u32::try_from(max.offset - self.base_offset).expect("as for the offset index");
            entries.push(TimeIndexEntry {
                timestamp: max.timestamp,
                offset_delta,
            });
        }
    }

    /// Writes both indexes out, so that the files tell everything about the log up to here.
    pub fn flush_indexes(&mut self) -> io::Result<()> {
        if !self.exists {
            return Ok(());
        }
        self.push_time();
        let (index, time_index) = (self.index_file()?, self.time_index_file()?);
        self.index_unsynced |= self.index.flush(|| Ok(index.clone()))?;
        self.index_unsynced |= self.time_index.flush(|| Ok(time_index.clone()))?;
        Ok(())
    }

    pub fn index_file(&self) -> io::Result<File> {
        self.file(1, OpenOptions::create())
    }

    pub fn time_index_file(&self) -> io::Result<File> {
        self.file(2, OpenOptions::create())
    }

    /// After the last append and a flush: the indexes go from memory.
    pub fn seal(&mut self) {
        if self.exists {
            self.index.seal();
            self.time_index.seal();
        }
    }

    /// Before appends to a segment that was sealed.
    pub fn thaw(&mut self) -> io::Result<()> {
        self.max_timestamp()?;
        if self.exists {
            let (index, time_index) = (self.index_file()?, self.time_index_file()?);
            self.index.thaw(|| Ok(index.clone()))?;
            self.time_index.thaw(|| Ok(time_index.clone()))?;
        }
        Ok(())
    }

    pub fn max_timestamp(&mut self) -> io::Result<Option<MaxTimestamp>> {
        if let Some(max) = self.max_timestamp {
            return Ok(max);
        }
        let last = self.time_index.last(|| self.time_index_file())?;
        let max = last.map(|entry| MaxTimestamp {
            timestamp: entry.timestamp,
            offset: self.base_offset + i64::from(entry.offset_delta),
        });
        self.max_timestamp = Some(max);
        Ok(max)
    }

    /// As [`Segment::max_timestamp`], of the batches that begin below `upper`: walks over their headers.
    pub fn max_timestamp_below(&self, upper: i64) -> io::Result<Option<MaxTimestamp>> {
        let mut max: Option<MaxTimestamp> = None;
        let file = self.log_file()?;
        let mut walk = HeaderWalk::new(&file, 0, self.size);
        while let Some(Ok(at)) = walk.next()? {
            let (timestamp, offset) = (at.header.max_timestamp, at.header.last_offset());
            if offset >= upper {
                break;
            }
            if timestamp >= 0 && max.is_none_or(|max| timestamp > max.timestamp) {
                max = Some(MaxTimestamp { timestamp, offset });
            }
        }
        Ok(max)
    }

    /// The first batch's timestamp, from which segment.ms counts.
    pub fn first_timestamp(&mut self) -> io::Result<Option<i64>> {
        if self.first_timestamp.is_none() && self.size > 0 {
            let file = self.log_file()?;
            if let Some(Ok(first)) = HeaderWalk::new(&file, 0, self.size).next()? {
                self.first_timestamp = Some(first.header.max_timestamp);
            }
        }
        Ok(self.first_timestamp)
    }

    /// A position at or before the batch that holds `offset`, by the index.
    fn floor_position(&self, offset: i64) -> io::Result<u64> {
        let open = || self.index_file();
        let holds = |entry: &OffsetIndexEntry| self.base_offset + i64::from(entry.offset_delta) <= offset;
        match self.index.partition_point(open, holds)?.checked_sub(1) {
            Some(slot) => Ok(u64::from(self.index.entry(slot, open)?.position)),
            None => Ok(0),
        }
    }

    /// As the position before `offset` that the index tells, where the batch there is the one that it means; else 0.
    /// Drops index entries that are out of order, as a crash or preallocation may leave them.
    pub fn sound_floor(&mut self, offset: i64) -> io::Result<u64> {
        self.thaw()?;
        self.drop_unordered();
        let base = self.base_offset;
        let is_before = |e: &OffsetIndexEntry| base + i64::from(e.offset_delta) < offset;
        let Some(slot) = self
            .index
            .partition_point(|| self.index_file(), is_before)?
            .checked_sub(1)
        else {
            return Ok(0);
        };
        let entry = self.index.entry(slot, || self.index_file())?;
        let position = u64::from(entry.position);
        let file = self.log_file()?;
        let first = HeaderWalk::new(&file, position, self.size).next()?;
        match first {
            Some(Ok(at)) if at.header.last_offset() == base + i64::from(entry.offset_delta) => Ok(position),
            _ => {
                self.index.truncate(0);
                self.time_index.truncate(0);
                Ok(0)
            }
        }
    }

    fn drop_unordered(&mut self) {
        if let Index::Growing { entries, .. } = &self.index {
            let rises = |pair: &[OffsetIndexEntry]| {
                pair[0].offset_delta < pair[1].offset_delta && pair[0].position < pair[1].position
            };
            let mut count = entries.windows(2).take_while(|pair| rises(pair)).count() + 1;
            if entries.first().is_some_and(|first| first.position == 0) {
                count = 0;
            }
            self.index.truncate(count);
        }
        if let Index::Growing { entries, .. } = &self.time_index {
            let rises = |pair: &[TimeIndexEntry]| {
                pair[0].offset_delta < pair[1].offset_delta && pair[0].timestamp < pair[1].timestamp
            };
            let count = entries.windows(2).take_while(|pair| rises(pair)).count() + 1;
            self.time_index.truncate(count);
        }
    }

    /// The first batch that ends at or after `offset`; `Ok(None)` when the segment ends before.
    ///
    /// An index that leads astray is not believed: then the segment is walked from its start.
    pub fn find(&self, offset: i64) -> io::Result<Result<Option<Located>, Damage>> {
        if self.size == 0 {
            return Ok(Ok(None));
        }
        let file = self.log_file()?;
        let floor = self
            .floor_position(offset)
            .ok()
            .filter(|floor| *floor < self.size)
            .unwrap_or(0);
        if floor > 0 {
            let found = self.find_from(&file, floor, offset)?;
            if matches!(&found, Ok(Some(at)) if at.header.base_offset <= offset) {
                return Ok(found);
            }
        }
        self.find_from(&file, 0, offset)
    }

    fn find_from(&self, file: &File, from: u64, offset: i64) -> io::Result<Result<Option<Located>, Damage>> {
        let mut walk = HeaderWalk::new(file, from, self.size);
        while let Some(step) = walk.next()? {
            match step {
                Ok(at) if at.header.last_offset() >= offset => return Ok(Ok(Some(at))),
                Ok(_) => {}
                Err(damage) => return Ok(Err(damage)),
            }
        }
        Ok(Ok(None))
    }

    /// Where to begin to look for the first record of at least this timestamp: an offset of this segment.
    pub fn floor_offset_of_time(&self, timestamp: i64) -> io::Result<i64> {
        let open = || self.time_index_file();
        let holds = |entry: &TimeIndexEntry| entry.timestamp <= timestamp;
        match self.time_index.partition_point(open, holds)?.checked_sub(1) {
            Some(slot) => {
                let entry = self.time_index.entry(slot, open)?;
                Ok(self.base_offset + i64::from(entry.offset_delta))
            }
            None => Ok(self.base_offset),
        }
    }

    /// Cuts memory back to `position`, where a batch begins that is no longer part of the log, and all offsets from
    /// `offset` on. The .log file itself is the caller's.
    pub fn cut(&mut self, position: u64, offset: i64) -> io::Result<()> {
        self.thaw()?;
        self.size = position;
        let base = self.base_offset;
        let index_keeps = |e: &OffsetIndexEntry| {
            base + i64::from(e.offset_delta) < offset && u64::from(e.position) < position
        };
        let time_keeps = |e: &TimeIndexEntry| base + i64::from(e.offset_delta) < offset;
        let count = self.index.partition_point(|| self.index_file(), index_keeps)?;
        self.index.truncate(count);
        let count = self
            .time_index
            .partition_point(|| self.time_index_file(), time_keeps)?;
        self.time_index.truncate(count);
        if position == 0 {
            self.first_timestamp = None;
        }
        self.recount()
    }

    /// Finds the largest timestamp and the bytes since the last index entry again, from the last entries on.
    fn recount(&mut self) -> io::Result<()> {
        let last_position = self
            .index
            .last(|| self.index_file())?
            .map_or(0, |e| u64::from(e.position));
        let last_time = self.time_index.last(|| self.time_index_file())?;
        let mut max = last_time.map(|e| MaxTimestamp {
            timestamp: e.timestamp,
            offset: self.base_offset + i64::from(e.offset_delta),
        });
        self.bytes_since_index = self.size - u64::min(last_position, self.size);
        if self.size > 0 {
            let file = self.log_file()?;
            let mut walk = HeaderWalk::new(&file, last_position, self.size);
            while let Some(Ok(at)) = walk.next()? {
                let timestamp = at.header.max_timestamp;
                if timestamp >= 0 && max.is_none_or(|max| timestamp > max.timestamp) {
                    max = Some(MaxTimestamp {
                        timestamp,
                        offset: at.header.last_offset(),
                    });
                }
            }
        }
        self.max_timestamp = Some(max);
        Ok(())
    }
}
