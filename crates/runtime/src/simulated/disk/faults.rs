//! What can go wrong with a disk, how likely, and the record of what did.

use super::super::control::NodeId;
use super::super::dice::Dice;
use std::collections::BTreeMap;
use std::time::Duration;

/// The faults that an operation can meet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DiskFault {
    /// A read answers EIO.
    ReadError,
    /// A write stores a random part and answers EIO.
    WriteError,
    /// A sync answers EIO and drops some of the dirty pages: they look written but are not, and the next sync succeeds.
    SyncError,
    /// An open that creates, a rename, a removal, a folder's sync answers EIO.
    MetadataError,
    /// A write stores a random part and answers ENOSPC, with room left or not.
    NoSpace,
    /// A sync answers ENOSPC and drops pages as [`DiskFault::SyncError`] does.
    SyncNoSpace,
    /// A sync succeeds, but one sector went to a place where another one was, and its own place holds what it held.
    MisdirectedWrite,
}

impl DiskFault {
    pub const ALL: [DiskFault; 7] = [
        DiskFault::ReadError,
        DiskFault::WriteError,
        DiskFault::SyncError,
        DiskFault::MetadataError,
        DiskFault::NoSpace,
        DiskFault::SyncNoSpace,
        DiskFault::MisdirectedWrite,
    ];
}

/// What the device takes for an operation, apart from what stands before it in the queue.
#[derive(Clone, Debug)]
pub struct DiskSpeed {
    /// Least and most time of a cold read, an open, a rename, a folder's sync.
    pub operation: (Duration, Duration),
    /// Least and most time of a file's sync, apart from its bytes.
    pub sync: (Duration, Duration),
    /// Of reads and syncs.
    pub bytes_per_second: u64,
}

impl Default for DiskSpeed {
    fn default() -> Self {
        DiskSpeed {
            operation: (Duration::from_micros(20), Duration::from_micros(200)),
            sync: (Duration::from_micros(200), Duration::from_millis(2)),
            bytes_per_second: 500_000_000,
        }
    }
}

/// What a power loss does to each sector that was not synced.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PowerLoss {
    /// How often a sector holds what was written; none lets the dice choose anew for each file, all and nothing often.
    pub keep: Option<f64>,
    /// How often a sector holds some of both.
    pub torn: f64,
}

impl Default for PowerLoss {
    fn default() -> Self {
        PowerLoss {
            keep: None,
            torn: 0.1,
        }
    }
}

/// Bytes on a disk that are not what was written there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    pub node: NodeId,
    pub kind: DamageKind,
    /// The file's path now; where it was when it was damaged, if it is gone.
    pub path: String,
    /// The damaged range.
    pub offset: u64,
    pub len: u64,
    /// True time since the start of the run.
    pub at: Duration,
    /// Whether the damage is still there: the file was neither removed nor overwritten in that place.
    pub live: bool,
}

/// How bytes came to be wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DamageKind {
    /// A sector decayed.
    Rot,
    /// A sector was overwritten by a write that was meant for another place.
    Misdirected,
    /// A write's own place kept what it held, because the write went elsewhere.
    LostToMisdirection,
}

/// An error that a program was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiskError {
    pub fault: DiskFault,
    pub path: String,
    /// True time since the start of the run.
    pub at: Duration,
}

/// What a disk did and suffered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DiskStatistics {
    pub writes: u64,
    pub written_bytes: u64,
    pub syncs: u64,
    pub power_losses: u64,
    /// Unsynced sectors that a power loss left as written, as they were, or half and half.
    pub sectors_kept: u64,
    pub sectors_lost: u64,
    pub sectors_torn: u64,
    /// Unsynced creates, renames and removals that a power loss undid.
    pub entries_lost: u64,
    /// Sectors that a failed sync dropped.
    pub sectors_dropped: u64,
    /// Operations that were refused because their process had been killed.
    pub late_operations: u64,
    /// Faults met, by kind.
    pub faults: BTreeMap<DiskFault, u64>,
}

/// The faults in force on one disk.
#[derive(Default)]
pub struct Faults {
    rates: BTreeMap<DiskFault, f64>,
    pending: Vec<(DiskFault, String)>,
    /// Faults by probability meet only paths that contain this.
    pub only: Option<String>,
}

impl Faults {
    pub fn set(&mut self, fault: DiskFault, probability: f64) {
        if probability > 0.0 {
            self.rates.insert(fault, probability);
        } else {
            self.rates.remove(&fault);
        }
    }

    pub fn once(&mut self, fault: DiskFault, containing: &str) {
        self.pending.push((fault, containing.to_string()));
    }

    pub fn clear(&mut self) {
        *self = Faults::default();
    }

    /// No fault can meet anything.
    pub fn are_none(&self) -> bool {
        self.rates.is_empty() && self.pending.is_empty()
    }

    /// Whether an operation on this path meets the fault.
    pub fn meets(&mut self, fault: DiskFault, path: &str, dice: &mut Dice) -> bool {
        let fits =
            |(pending, containing): &(DiskFault, String)| *pending == fault && path.contains(&**containing);
        if let Some(index) = self.pending.iter().position(fits) {
            self.pending.remove(index);
            return true;
        }
        let Some(rate) = self.rates.get(&fault) else {
            return false;
        };
        self.only.as_ref().is_none_or(|only| path.contains(&**only)) && dice.chance(*rate)
    }
}
