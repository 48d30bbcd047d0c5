//! What the consumer knows of one assigned partition.

use runtime::time::Monotonic;
use wire::fetch::PartitionData;

use super::config::IsolationLevel;
use super::fetched::Fetched;
use crate::{Error, OffsetSpec};

/// Where the next record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    At(i64),
    /// Not yet known: it has to be asked for.
    Ask(OffsetSpec),
    /// There is none, and `auto.offset.reset` is `none`: a seek has to say.
    Lost,
}

pub(super) struct Partition {
    pub(super) position: Position,
    /// Counts seeks: an answer to what was asked before one is of no use.
    pub(super) version: u64,
    pub(super) is_paused: bool,
    /// Fetched, and not yet given out.
    pub(super) buffer: Option<Fetched>,
    /// A task asks for the position.
    pub(super) is_asking: bool,
    /// Leave it alone until then.
    pub(super) retry_at: Option<Monotonic>,
    /// For the next poll to give out.
    pub(super) error: Option<Error>,
    pub(super) log_start_offset: Option<i64>,
    pub(super) high_watermark: Option<i64>,
    pub(super) last_stable_offset: Option<i64>,
}

impl Partition {
    pub(super) fn new(position: Position) -> Partition {
        Partition {
            position,
            version: 0,
            is_paused: false,
            buffer: None,
            is_asking: false,
            retry_at: None,
            error: None,
            log_start_offset: None,
            high_watermark: None,
            last_stable_offset: None,
        }
    }

    pub(super) fn seek(&mut self, position: Position) {
        self.position = position;
        self.version += 1;
        self.buffer = None;
        self.is_asking = false;
        self.retry_at = None;
        self.error = None;
    }

    pub(super) fn offset(&self) -> Option<i64> {
        match self.position {
            Position::At(offset) => Some(offset),
            Position::Ask(_) | Position::Lost => None,
        }
    }

    /// The offset to fetch from, if the partition should be fetched now.
    pub(super) fn fetchable(&self, now: Monotonic) -> Option<i64> {
        let is_idle = !self.is_paused && self.buffer.is_none() && self.error.is_none();
        let is_allowed = self.retry_at.is_none_or(|retry_at| retry_at <= now);
        self.offset().filter(|_| is_idle && is_allowed)
    }

    pub(super) fn note_offsets(&mut self, data: &PartitionData) {
        let known = |offset: i64| (offset >= 0).then_some(offset);
        self.log_start_offset = known(data.log_start_offset).or(self.log_start_offset);
        self.high_watermark = known(data.high_watermark).or(self.high_watermark);
        self.last_stable_offset = known(data.last_stable_offset).or(self.last_stable_offset);
    }

    /// The end that a consumer of this level reads up to, as of the last answer.
    pub(super) fn end(&self, level: IsolationLevel) -> Option<i64> {
        match level {
            IsolationLevel::ReadUncommitted => self.high_watermark,
            IsolationLevel::ReadCommitted => self.last_stable_offset,
        }
    }
}
