//! From times to offsets: ListOffsets by timestamp, and of the largest timestamp.

use super::Log;
use crate::error::ReadError;
use crate::names::SegmentFile;
use crate::scan::{BatchWalk, Step};
use crate::segment::Segment;
use records::{Batch, DECOMPRESSED_BYTES_MAX};
use runtime::disk::File;
use std::path::PathBuf;

/// A record found by its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampOffset {
    pub timestamp: i64,
    pub offset: i64,
    /// -1 when unknown.
    pub leader_epoch: i32,
}

/// A segment to scrub.
pub(crate) struct ScrubTarget {
    pub base_offset: i64,
    pub bytes: u64,
    pub path: PathBuf,
    truncations: u64,
}

/// A part of a segment to look through, from a batch's first byte on.
struct Candidate {
    file: File,
    path: PathBuf,
    position: u64,
    end: u64,
}

impl Log {
    /// The first record below `upper` with a timestamp of at least `timestamp`.
    pub async fn offset_for_timestamp(
        &self,
        timestamp: i64,
        upper: i64,
    ) -> Result<Option<TimestampOffset>, ReadError> {
        let log_start_offset = self.log_start_offset();
        for base_offset in self.segment_bases() {
            let Some(candidate) = self.candidate(base_offset, timestamp)? else {
                continue;
            };
            let mut walk = BatchWalk::new(candidate.file.clone(), candidate.position, candidate.end);
            while let Some(batch) = next_batch(&mut walk, &candidate).await? {
                if batch.header().base_offset >= upper {
                    return Ok(None);
                }
                let found =
                    records::first_at_or_after(&batch, timestamp, log_start_offset, DECOMPRESSED_BYTES_MAX)
                        .map_err(|e| undecodable(&candidate, &walk, &e))?;
                if let Some(found) = found {
                    return Ok(self.result(&batch, found).filter(|found| found.offset < upper));
                }
            }
        }
        Ok(None)
    }

    /// The first record that carries the largest timestamp below `upper`.
    pub async fn max_timestamp(&self, upper: i64) -> Result<Option<TimestampOffset>, ReadError> {
        let Some((timestamp, base_offset, offset)) = self.max_timestamp_so_far(upper)? else {
            return Ok(None);
        };
        let Some(candidate) = self.candidate_at(base_offset, offset)? else {
            return Ok(None);
        };
        let mut walk = BatchWalk::new(candidate.file.clone(), candidate.position, candidate.end);
        while let Some(batch) = next_batch(&mut walk, &candidate).await? {
            if batch.header().max_timestamp == timestamp {
                let found = records::max_timestamp(&batch, DECOMPRESSED_BYTES_MAX)
                    .map_err(|e| undecodable(&candidate, &walk, &e))?;
                return Ok(found.and_then(|found| self.result(&batch, found)));
            }
        }
        Ok(None)
    }

    /// What of this log a scrubber reads: all that is not known to be damaged.
    pub(crate) fn scrub_targets(&self) -> Vec<ScrubTarget> {
        let state = self.0.state.lock();
        let is_readable = |segment: &&Segment| segment.exists() && segment.damage.is_none() && !state.closed;
        let target = |segment: &Segment| ScrubTarget {
            base_offset: segment.base_offset,
            // what is not synced yet is whole in the page cache
            bytes: segment.size,
            path: segment.path(SegmentFile::Log),
            truncations: state.truncations,
        };
        state.segments.values().filter(is_readable).map(target).collect()
    }

    pub(crate) fn scrub_file(&self, target: &ScrubTarget) -> Option<File> {
        let state = self.0.state.lock();
        state
            .segments
            .get(&target.base_offset)
            .filter(|_| !state.closed)?
            .log_file()
            .ok()
    }

    /// Whether what the target meant is still part of the log.
    pub(crate) fn is_scrub_target(&self, target: &ScrubTarget) -> bool {
        let state = self.0.state.lock();
        !state.closed
            && state.truncations == target.truncations
            && state.segments.contains_key(&target.base_offset)
    }

    fn segment_bases(&self) -> Vec<i64> {
        self.0.state.lock().segments.keys().copied().collect()
    }

    fn result(&self, batch: &Batch, found: records::TimestampAndOffset) -> Option<TimestampOffset> {
        Some(TimestampOffset {
            timestamp: found.timestamp,
            offset: found.offset,
            leader_epoch: batch.header().partition_leader_epoch,
        })
    }

    /// Where in a segment to look for a timestamp; `None` where all are smaller.
    fn candidate(&self, base_offset: i64, timestamp: i64) -> Result<Option<Candidate>, ReadError> {
        let offset = {
            let mut state = self.0.state.lock();
            let Some(segment) = state.segments.get_mut(&base_offset) else {
                return Ok(None);
            };
            let path = segment.path(SegmentFile::TimeIndex);
            let max = segment.max_timestamp().map_err(ReadError::io("reading", &path))?;
            if max.is_none_or(|max| max.timestamp < timestamp) {
                return Ok(None);
            }
            segment
                .floor_offset_of_time(timestamp)
                .map_err(ReadError::io("reading", &path))?
        };
        self.candidate_at(base_offset, offset)
    }

    fn candidate_at(&self, base_offset: i64, offset: i64) -> Result<Option<Candidate>, ReadError> {
        let state = self.0.state.lock();
        let Some(segment) = state.segments.get(&base_offset) else {
            return Ok(None);
        };
        let path = segment.path(SegmentFile::Log);
        let found = segment.find(offset).map_err(ReadError::io("reading", &path))?;
        let position = match found {
            Ok(Some(at)) => at.position,
            Ok(None) => return Ok(None),
            Err(damage) => return Err(super::read::corrupt(segment, &damage)),
        };
        let file = segment.log_file().map_err(ReadError::io("opening", &path))?;
        Ok(Some(Candidate {
            file,
            path,
            position,
            end: segment.size,
        }))
    }

    /// `(timestamp, base offset of its segment, last offset of its batch)` of the largest below `upper`.
    fn max_timestamp_so_far(&self, upper: i64) -> Result<Option<(i64, i64, i64)>, ReadError> {
        let mut state = self.0.state.lock();
        let mut best: Option<(i64, i64, i64)> = None;
        for segment in state
            .segments
            .values_mut()
            .filter(|segment| segment.base_offset < upper)
        {
            let path = segment.path(SegmentFile::TimeIndex);
            let max = match segment.max_timestamp().map_err(ReadError::io("reading", &path))? {
                Some(max) if max.offset >= upper => segment
                    .max_timestamp_below(upper)
                    .map_err(ReadError::io("reading", &path))?,
                max => max,
            };
            if let Some(max) = max
                && best.is_none_or(|(timestamp, ..)| max.timestamp > timestamp)
            {
                best = Some((max.timestamp, segment.base_offset, max.offset));
            }
        }
        Ok(best)
    }
}

async fn next_batch(walk: &mut BatchWalk, candidate: &Candidate) -> Result<Option<Batch>, ReadError> {
    let damage = match walk
        .next()
        .await
        .map_err(ReadError::io("reading", &candidate.path))?
    {
        Step::End => return Ok(None),
        Step::Batch { mut bytes, .. } => match Batch::parse(&mut bytes) {
            Ok(batch) => return Ok(Some(batch)),
            Err(error) => return Err(undecodable(candidate, walk, &error)),
        },
        Step::BadCrc { damage, .. } | Step::BadHeader(damage) => damage,
    };
    Err(ReadError::Corrupt {
        file: candidate.path.clone(),
        position: damage.position,
        what: damage.what,
    })
}

fn undecodable(candidate: &Candidate, walk: &BatchWalk, error: &records::RecordsError) -> ReadError {
    ReadError::Corrupt {
        file: candidate.path.clone(),
        position: walk.position(),
        what: error.to_string(),
    }
}
