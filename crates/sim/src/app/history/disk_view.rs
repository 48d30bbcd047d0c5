//! A look at a broker's disk: what stands in each partition's files, read without the broker's help.

use super::{At, Partition};
use crate::app::value::ValueId;

#[derive(Clone, Debug)]
pub struct DiskView {
    pub at: At,
    pub broker: u32,
    pub moment: ViewMoment,
    pub logs: Vec<LogView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewMoment {
    /// The broker has just recovered and begun to serve.
    Recovered { after_crash_in_recovery: bool },
    /// The broker was stopped cleanly at the end of the run.
    Stopped,
}

#[derive(Clone, Debug)]
pub struct LogView {
    pub partition: Partition,
    pub segments: Vec<SegmentView>,
    pub snapshots: Vec<SnapshotView>,
    pub log_start: i64,
}

#[derive(Clone, Debug, Default)]
pub struct SegmentView {
    pub base_offset: i64,
    pub file: String,
    pub batches: Vec<BatchView>,
    /// Bytes at `.0` that are no valid batch, and why.
    pub torn: Option<(u64, String)>,
    /// (last offset of a batch, its position)
    pub offset_index: Vec<(i64, u64)>,
    /// (largest timestamp so far, offset)
    pub time_index: Vec<(i64, i64)>,
}

/// A batch as it stands on a disk or came in a fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchView {
    pub base_offset: i64,
    pub last_offset: i64,
    pub leader_epoch: i32,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub max_timestamp: i64,
    /// In its file; 0 in a fetch.
    pub position: u64,
    pub crc_valid: bool,
    /// Of all its bytes.
    pub bytes_hash: u64,
    pub values: Vec<Option<ValueId>>,
}

impl BatchView {
    pub fn count(&self) -> i64 {
        self.last_offset - self.base_offset + 1
    }

    /// The sequence of its last record; sequences wrap from i32::MAX to 0.
    pub fn last_sequence(&self) -> i32 {
        advance(self.base_sequence, self.count() - 1)
    }
}

/// Sequences go round: after i32::MAX comes 0.
pub fn advance(sequence: i32, by: i64) -> i32 {
    ((i64::from(sequence) + by) % (i64::from(i32::MAX) + 1)) as i32
}

#[derive(Clone, Debug)]
pub struct SnapshotView {
    /// The state before this offset.
    pub offset: i64,
    pub file: String,
    /// Absent when the file cannot be read as a snapshot.
    pub entries: Option<Vec<SnapshotEntry>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotEntry {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub last_sequence: i32,
    pub last_offset: i64,
}

impl LogView {
    pub fn batches(&self) -> impl Iterator<Item = &BatchView> {
        self.segments.iter().flat_map(|s| &s.batches)
    }

    pub fn end(&self) -> i64 {
        let last_batch = self.batches().last().map(|b| b.last_offset + 1);
        let last_segment = self.segments.last().map(|s| s.base_offset);
        last_batch.max(last_segment).unwrap_or(self.log_start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap() {
        assert_eq!(advance(0, 5), 5);
        assert_eq!(advance(i32::MAX, 1), 0);
        assert_eq!(advance(i32::MAX - 1, 4), 2);
    }
}
