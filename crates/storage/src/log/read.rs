//! Reading: from an offset to a range of a file, which the caller sends or loads.
//!
//! A range begins at the batch that holds the offset. It never goes past the given upper bound, into damage, or beyond
//! one segment; its end may cut a batch off, as Kafka's may, where `max_bytes` says so.

use super::{Log, State};
use crate::error::ReadError;
use crate::names::SegmentFile;
use crate::scan::{Damage, Located, check_header, crc_holds};
use crate::segment::Segment;
use bytes::{Bytes, BytesMut};
use records::LENGTH_PREFIX_BYTES;
use runtime::disk::File;
use std::path::PathBuf;
use std::sync::Arc;

/// Part of a `.log` file.
#[derive(Clone, Debug)]
pub struct Range {
    pub file: File,
    pub position: u64,
    pub len: u64,
}

/// What a read found. While it lives, the files it points to are not removed.
#[derive(Clone)]
pub struct ReadSlice {
    pub ranges: Vec<Range>,
    /// Of the first batch, at most the offset that was asked for; that offset itself when nothing was found.
    pub first_offset: i64,
    pub log_start_offset: i64,
    pub log_end_offset: i64,
    log: Log,
    truncations: u64,
    base_offset: i64,
    path: PathBuf,
    _pin: Option<Arc<()>>,
}

impl ReadSlice {
    pub fn len_bytes(&self) -> u64 {
        self.ranges.iter().map(|range| range.len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether the log was not truncated since. What was sent of a slice that is no longer valid is to be disowned.
    pub fn is_valid(&self) -> bool {
        let state = self.log.0.state.lock();
        state.truncations == self.truncations && !state.closed
    }

    /// The bytes, whole batches only, each with its CRC checked. Rot that is found so is never served again.
    pub async fn into_bytes(self) -> Result<Bytes, ReadError> {
        let mut out = BytesMut::new();
        for range in &self.ranges {
            let len = usize::try_from(range.len).unwrap_or(usize::MAX);
            let bytes = range
                .file
                .read_bytes(range.position, len)
                .await
                .map_err(ReadError::io("reading", &self.path))?;
            if !self.is_valid() {
                return Err(ReadError::Gone(self.log.0.tp.to_string()));
            }
            let is_short = bytes.len() < len;
            let checked =
                check_batches(bytes, range.position, is_short).map_err(|damage| self.damaged(damage))?;
            match self.ranges.len() {
                1 => return Ok(checked),
                _ => out.extend_from_slice(&checked),
            }
        }
        Ok(out.freeze())
    }

    fn damaged(&self, damage: Damage) -> ReadError {
        self.log.mark_damage(self.base_offset, damage.clone());
        ReadError::Corrupt {
            file: self.path.clone(),
            position: damage.position,
            what: damage.what,
        }
    }
}

/// The whole batches in `bytes`, which stand at `position` of their file.
fn check_batches(bytes: Bytes, position: u64, is_short: bool) -> Result<Bytes, Damage> {
    let mut at = 0;
    while bytes.len() - at > LENGTH_PREFIX_BYTES {
        let rest = &bytes[at..];
        let length = u32::from_be_bytes(*rest[8..].first_chunk().expect("longer than the prefix"));
        let is_cut_off = rest.len() < LENGTH_PREFIX_BYTES + length as usize;
        if is_cut_off && at > 0 && i32::try_from(length).is_ok() {
            break; // by max_bytes; the first batch is always whole
        }
        let damage = |what: String| Damage {
            position: position + at as u64,
            what,
        };
        let header = check_header(rest, rest.len() as u64).map_err(damage)?;
        let size = header.size_bytes();
        if !crc_holds(&header, &rest[..size]) {
            return Err(damage(format!(
                "the CRC of the batch at offset {} does not hold",
                header.base_offset
            )));
        }
        at += size;
    }
    match is_short {
        true => Err(Damage {
            position: position + at as u64,
            what: "the file is shorter than its log".into(),
        }),
        false => Ok(bytes.slice(..at)),
    }
}

impl Log {
    /// Batches from the one that holds `offset` on, below `upper` (a high watermark, last stable offset or log end) and
    /// at most `max_bytes` of them; with `min_one` the first batch comes whole whatever its size.
    ///
    /// Empty at and above `upper`; [`ReadError::OutOfRange`] below the log's start and above its end.
    pub fn read(
        &self,
        offset: i64,
        max_bytes: u64,
        upper: i64,
        min_one: bool,
    ) -> Result<ReadSlice, ReadError> {
        let mut state = self.0.state.lock();
        if state.closed {
            return Err(ReadError::Gone(self.0.tp.to_string()));
        }
        if offset < state.log_start_offset || offset > state.next_offset {
            return Err(ReadError::OutOfRange {
                offset,
                log_start_offset: state.log_start_offset,
                end: state.next_offset,
            });
        }
        let upper = i64::min(upper, state.next_offset);
        if offset >= upper {
            return Ok(self.slice(&state, offset, None));
        }
        let Some((base_offset, first)) = self.locate(&mut state, offset)? else {
            return Ok(self.slice(&state, offset, None));
        };
        let end = self.end_position(&mut state, base_offset, upper)?;
        let segment = &state.segments[&base_offset];
        let end = match &segment.damage {
            Some(damage) if damage.position <= first.position => return Err(corrupt(segment, damage)),
            Some(damage) => u64::min(end, damage.position),
            None => end,
        };
        let first_bytes = first.end() - first.position;
        if end < first.end() || (first_bytes > max_bytes && !min_one) {
            return Ok(self.slice(&state, offset, None));
        }
        let len = u64::min(end - first.position, u64::max(max_bytes, first_bytes));
        let file = segment
            .log_file()
            .map_err(ReadError::io("opening", &segment.path(SegmentFile::Log)))?;
        let range = Range {
            file,
            position: first.position,
            len,
        };
        Ok(self.slice(&state, first.header_base, Some((range, segment))))
    }

    fn slice(&self, state: &State, first_offset: i64, found: Option<(Range, &Segment)>) -> ReadSlice {
        let (range, segment) = found.unzip();
        ReadSlice {
            ranges: range.into_iter().collect(),
            first_offset,
            log_start_offset: state.log_start_offset,
            log_end_offset: state.next_offset,
            log: self.clone(),
            truncations: state.truncations,
            base_offset: segment.map_or(0, |s| s.base_offset),
            path: segment.map(|s| s.path(SegmentFile::Log)).unwrap_or_default(),
            _pin: segment.map(|s| s.pin.clone()),
        }
    }

    /// The segment and the batch that hold `offset`, or the next that there is.
    fn locate(&self, state: &mut State, offset: i64) -> Result<Option<(i64, Place)>, ReadError> {
        if let Some(found) = recent(state, offset) {
            return Ok(Some(found));
        }
        let first = state
            .segments
            .range(..=offset)
            .next_back()
            .map_or(offset, |(base, _)| *base);
        for (base_offset, segment) in state.segments.range(first..) {
            if let Some(at) = find(segment, offset)? {
                let place = Place {
                    position: at.position,
                    bytes: at.header.size_bytes() as u64,
                    header_base: at.header.base_offset,
                };
                return Ok(Some((*base_offset, place)));
            }
            // what is missing at its end is lost, not absent
            if let Some(damage) = &segment.damage {
                return Err(corrupt(segment, damage));
            }
        }
        Ok(None)
    }

    /// Where, in the segment with this base, the batches below `upper` end.
    fn end_position(&self, state: &mut State, base_offset: i64, upper: i64) -> Result<u64, ReadError> {
        let segment_end = state.end_of(base_offset);
        if upper >= segment_end {
            return Ok(state.segments[&base_offset].size);
        }
        if let Some((base, place)) = recent(state, upper)
            && base == base_offset
        {
            return Ok(place.position);
        }
        let segment = &state.segments[&base_offset];
        match find(segment, upper) {
            Ok(at) => Ok(at.map_or(segment.size, |at| at.position)),
            // damage on the way to the bound: everything before it can be had
            Err(ReadError::Corrupt { position, .. }) => Ok(position),
            Err(error) => Err(error),
        }
    }
}

/// Where a batch stands.
struct Place {
    position: u64,
    bytes: u64,
    header_base: i64,
}

impl Place {
    fn end(&self) -> u64 {
        self.position + self.bytes
    }
}

/// The batch that holds `offset`, where it is one of the last of the active segment.
fn recent(state: &State, offset: i64) -> Option<(i64, Place)> {
    if offset >= state.next_offset {
        return None;
    }
    let above = state
        .recent
        .partition_point(|recent| recent.base_offset <= offset);
    let found = state.recent[above.checked_sub(1)?];
    let (base_offset, _) = state.segments.iter().next_back()?;
    let place = Place {
        position: found.position,
        bytes: found.bytes,
        header_base: found.base_offset,
    };
    Some((*base_offset, place))
}

fn find(segment: &Segment, offset: i64) -> Result<Option<Located>, ReadError> {
    let path = segment.path(SegmentFile::Log);
    match segment.find(offset).map_err(ReadError::io("reading", &path))? {
        Ok(found) => Ok(found),
        Err(damage) => Err(corrupt(segment, &damage)),
    }
}

pub(super) fn corrupt(segment: &Segment, damage: &Damage) -> ReadError {
    ReadError::Corrupt {
        file: segment.path(SegmentFile::Log),
        position: damage.position,
        what: damage.what.clone(),
    }
}
