//! Which leader epoch wrote which part of a log: `leader-epoch-checkpoint` and the answers drawn from it.
//!
//! Invariant: epochs rise strictly and start offsets do not fall, from entry to entry.

use crate::checkpoint;

/// The first offset that an epoch wrote, or would have written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochEntry {
    pub epoch: i32,
    pub start_offset: i64,
}

/// The epochs of one log, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LeaderEpochs {
    entries: Vec<EpochEntry>,
}

impl LeaderEpochs {
    pub fn entries(&self) -> &[EpochEntry] {
        &self.entries
    }

    pub fn last(&self) -> Option<EpochEntry> {
        self.entries.last().copied()
    }

    /// Notes that `epoch` writes from `start_offset` on. True when that was news.
    ///
    /// An entry that starts at or after the new one wrote nothing that is still there, and goes; an epoch that is not
    /// above the last changes nothing.
    pub fn assign(&mut self, epoch: i32, start_offset: i64) -> bool {
        if epoch < 0 || self.last().is_some_and(|last| epoch <= last.epoch) {
            return false;
        }
        while self
            .entries
            .pop_if(|last| last.start_offset >= start_offset)
            .is_some()
        {}
        self.entries.push(EpochEntry { epoch, start_offset });
        true
    }

    /// The log now ends at `end`: epochs that began there or later wrote nothing. True when something went.
    pub fn truncate_from_end(&mut self, end: i64) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.start_offset < end);
        self.entries.len() != before
    }

    /// The log now starts at `start`: of the epochs that ended before it the last one keeps an entry there.
    pub fn truncate_from_start(&mut self, start: i64) -> bool {
        let below = self
            .entries
            .iter()
            .take_while(|entry| entry.start_offset <= start)
            .count();
        let Some(last_below) = below.checked_sub(1) else {
            return false;
        };
        let changed = last_below > 0 || self.entries[last_below].start_offset != start;
        self.entries.drain(..last_below);
        self.entries[0].start_offset = start;
        changed
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// OffsetForLeaderEpoch: the largest epoch at most `epoch`, and where it ended.
    ///
    /// The last epoch ends at the log's end; one above it is unknown, (-1, -1); one below the first answers with itself
    /// and the first entry's start.
    pub fn end_offset_for(&self, epoch: i32, log_end_offset: i64) -> (i32, i64) {
        const UNKNOWN: (i32, i64) = (-1, -1);
        let Some(last) = self.last() else {
            return UNKNOWN;
        };
        if epoch < 0 || epoch > last.epoch {
            return UNKNOWN;
        }
        if epoch == last.epoch {
            return (epoch, log_end_offset);
        }
        let above = self.entries.partition_point(|entry| entry.epoch <= epoch);
        let end = self.entries[above].start_offset;
        match above.checked_sub(1) {
            Some(floor) => (self.entries[floor].epoch, end),
            None => (epoch, end),
        }
    }

    /// The epoch that wrote the record at `offset`.
    pub fn epoch_of(&self, offset: i64) -> Option<i32> {
        let above = self.entries.partition_point(|entry| entry.start_offset <= offset);
        above.checked_sub(1).map(|floor| self.entries[floor].epoch)
    }

    pub(crate) fn format(&self) -> String {
        let lines = self
            .entries
            .iter()
            .map(|e| format!("{} {}", e.epoch, e.start_offset));
        checkpoint::format(self.entries.len(), lines)
    }

    pub(crate) fn parse(text: &str) -> Result<LeaderEpochs, String> {
        let entries = checkpoint::parse(text, |line| {
            let (epoch, start_offset) = line.trim().split_once(char::is_whitespace)?;
            Some(EpochEntry {
                epoch: epoch.parse().ok()?,
                start_offset: start_offset.trim().parse().ok()?,
            })
        })?;
        let ordered = entries
            .windows(2)
            .all(|pair| pair[0].epoch < pair[1].epoch && pair[0].start_offset <= pair[1].start_offset);
        match ordered {
            true => Ok(LeaderEpochs { entries }),
            false => Err("its epochs are not in order".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn epochs(entries: &[(i32, i64)]) -> LeaderEpochs {
        let mut epochs = LeaderEpochs::default();
        for (epoch, start) in entries {
            assert!(epochs.assign(*epoch, *start));
        }
        epochs
    }

    #[test]
    fn end_offsets_follow_the_protocol() {
        let epochs = epochs(&[(2, 0), (4, 10), (7, 25)]);
        for (asked, wanted) in [
            (7, (7, 30)),
            (8, (-1, -1)),
            (-1, (-1, -1)),
            (4, (4, 25)),
            (5, (4, 25)),
            (2, (2, 10)),
            (1, (1, 0)),
        ] {
            assert_eq!(epochs.end_offset_for(asked, 30), wanted, "epoch {asked}");
        }
        assert_eq!(LeaderEpochs::default().end_offset_for(0, 9), (-1, -1));
    }

    #[test]
    fn an_epoch_without_records_gives_way_to_the_next() {
        let mut epochs = epochs(&[(1, 0), (2, 5), (3, 5)]);
        assert_eq!(epochs.entries().len(), 2);
        assert!(!epochs.assign(3, 9), "known");
        assert!(epochs.truncate_from_end(5));
        assert_eq!(
            epochs.last(),
            Some(EpochEntry {
                epoch: 1,
                start_offset: 0
            })
        );
    }

    #[test]
    fn the_first_entry_follows_the_log_start() {
        let mut epochs = epochs(&[(1, 0), (2, 5), (3, 9)]);
        assert!(epochs.truncate_from_start(7));
        assert_eq!(
            epochs.entries()[0],
            EpochEntry {
                epoch: 2,
                start_offset: 7
            }
        );
        assert!(!epochs.truncate_from_start(7));
        assert_eq!(epochs.epoch_of(8), Some(2));
        assert_eq!(epochs.epoch_of(6), None);
    }

    proptest! {
        #[test]
        fn text_holds_all(steps in prop::collection::vec((0..5i32, 0..5i64), 0..20)) {
            let mut epochs = LeaderEpochs::default();
            let (mut epoch, mut start) = (0, 0);
            for (rise, more) in steps {
                epoch += rise;
                start += more;
                epochs.assign(epoch, start);
            }
            prop_assert_eq!(LeaderEpochs::parse(&epochs.format()), Ok(epochs));
        }
    }
}
