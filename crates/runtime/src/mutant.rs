//! Bugs that are planted on purpose, to prove that the simulator's checker would find them.
//!
//! Each re-creates a bug that happened in a real system. Whoever writes the code in which such a bug would live
//! puts the branch there: `if planted(Mutant::SkipCrc) { .. }`. The plain build folds it away.

use std::fmt;

/// The planted bugs, by what the broken code does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mutant {
    /// Answers acks=all after the local append, before the sync that makes it durable.
    AckBeforeDurable,
    /// Goes on appending to a log after an I/O error (KAFKA-10778).
    AppendAfterIoError,
    /// Skips the check of a batch's CRC (KAFKA-8722).
    SkipCrc,
    /// Remembers one batch of a producer where five are due (redpanda 3038).
    DedupOneBatch,
    /// Lets a producer's sequence number run past its maximum instead of wrapping (KAFKA-7692).
    SequenceOverflow,
    /// Writes producer snapshots that lack the last batch.
    StaleProducerSnapshot,
    /// Takes an unflushed log for a cleanly closed one after a crash while loading (KAFKA-10471).
    UnflushedCountsAsClean,
    /// Lets retention delete past the high watermark (KAFKA-5634).
    RetentionPastHighWatermark,
    /// Lets the order of a hash map leak into a decision.
    HashOrderLeaks,
}

impl Mutant {
    pub const ALL: [Mutant; 9] = [
        Mutant::AckBeforeDurable,
        Mutant::AppendAfterIoError,
        Mutant::SkipCrc,
        Mutant::DedupOneBatch,
        Mutant::SequenceOverflow,
        Mutant::StaleProducerSnapshot,
        Mutant::UnflushedCountsAsClean,
        Mutant::RetentionPastHighWatermark,
        Mutant::HashOrderLeaks,
    ];

    /// The name that command lines and reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Mutant::AckBeforeDurable => "ack-before-durable",
            Mutant::AppendAfterIoError => "append-after-io-error",
            Mutant::SkipCrc => "skip-crc",
            Mutant::DedupOneBatch => "dedup-one-batch",
            Mutant::SequenceOverflow => "sequence-overflow",
            Mutant::StaleProducerSnapshot => "stale-producer-snapshot",
            Mutant::UnflushedCountsAsClean => "unflushed-counts-as-clean",
            Mutant::RetentionPastHighWatermark => "retention-past-high-watermark",
            Mutant::HashOrderLeaks => "hash-order-leaks",
        }
    }

    /// The mutant of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Mutant> {
        Mutant::ALL.into_iter().find(|mutant| mutant.name() == name)
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether this run shall behave as the bug does. A constant `false` in the plain build.
#[inline(always)]
pub fn planted(mutant: Mutant) -> bool {
    crate::world::mutant_planted(mutant)
}
