//! What happened in a run: every client call, every fault that struck, every look at a disk.
//!
//! The history is all that the invariants see. Each call has its invocation, its completion and one of three
//! outcomes, kept apart: ok, failed (definitely had no effect), unknown (may have had one). Times are virtual
//! microseconds since the run began.

mod disk_view;
mod model;
pub mod outcome;
mod recorder;
#[cfg(test)]
pub mod testing;

use super::value::ValueId;
use std::collections::BTreeMap;
use std::fmt;

pub use disk_view::{
    BatchView, DiskView, LogView, SegmentView, SnapshotEntry, SnapshotView, ViewMoment, advance,
};
pub use model::{Acked, LogModel, Model, Observation, Source};
pub use outcome::Outcome;
pub use recorder::{OpId, Recorder};

/// Virtual microseconds since the run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct At(pub u64);

impl At {
    pub const END: At = At(u64::MAX);

    pub fn ms(self) -> u64 {
        self.0 / 1000
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}.{:03}s", self.0 / 1_000_000, self.0 / 1000 % 1000)
    }
}

/// One incarnation of a topic: its place in [`History::topics`]. A recreated topic is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicRef(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition {
    pub topic: TopicRef,
    pub index: i32,
}

#[derive(Clone, Debug, Default)]
pub struct TopicFacts {
    pub name: String,
    /// The id that the cluster gave it, as text.
    pub id: Option<String>,
    pub partitions: i32,
    /// write.caching: what is acknowledged may be lost with power.
    pub caching: bool,
    /// Retention by time or size may remove a prefix.
    pub retention: bool,
    /// Set once a deletion was asked for.
    pub deleted: Option<At>,
}

#[derive(Clone, Debug, Default)]
pub struct History {
    pub topics: Vec<TopicFacts>,
    pub ops: Vec<Op>,
    pub faults: Vec<FaultEvent>,
    pub damages: Vec<Damage>,
    pub io_errors: Vec<IoError>,
    pub losses: Vec<Loss>,
    pub node_starts: Vec<NodeStart>,
    pub views: Vec<DiskView>,
    pub last_reads: Vec<LastRead>,
    pub liveness: Vec<Liveness>,
    pub panics: Vec<NodePanic>,
    /// When the faults ended and healing began.
    pub healed: Option<At>,
}

#[derive(Clone, Debug)]
pub struct Op {
    /// The task that called; one task's calls follow each other, but for a producer's sends.
    pub process: u32,
    pub invoked: At,
    /// Absent while pending: such a call's outcome is unknown.
    pub completed: Option<At>,
    pub call: Call,
    pub outcome: Outcome,
}

#[derive(Clone, Debug)]
pub enum Call {
    Send(Send),
    Poll(Poll),
    /// ListOffsets for a time or one of Kafka's special times.
    Offset(OffsetQuery),
    DeleteRecords(DeleteRecords),
    InitProducerId {
        producer_id: Option<i64>,
        epoch: Option<i16>,
    },
    CreateTopic {
        name: String,
    },
    DeleteTopic {
        topic: TopicRef,
    },
}

impl Call {
    pub fn name(&self) -> &'static str {
        match self {
            Call::Send(_) => "produce",
            Call::Poll(_) => "fetch",
            Call::Offset(_) => "list_offsets",
            Call::DeleteRecords(_) => "delete_records",
            Call::InitProducerId { .. } => "init_producer_id",
            Call::CreateTopic { .. } => "create_topic",
            Call::DeleteTopic { .. } => "delete_topic",
        }
    }

    /// What it is about, for the trace.
    fn subject(&self) -> String {
        match self {
            Call::Send(send) => format!("{:x} at {:?}", send.value, send.offset),
            Call::Poll(poll) => format!(
                "{:?} from {}: {} records",
                poll.partition,
                poll.position,
                poll.records.len()
            ),
            Call::Offset(query) => format!("{:?} {}: {:?}", query.partition, query.target, query.offset),
            Call::DeleteRecords(delete) => format!("{:?} to {}", delete.partition, delete.target),
            Call::InitProducerId { producer_id, epoch } => format!("{producer_id:?} {epoch:?}"),
            Call::CreateTopic { name } => name.clone(),
            Call::DeleteTopic { topic } => format!("{topic:?}"),
        }
    }
}

/// Which producer sent, and what it promises about order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Producer {
    /// One per producer instance of the run.
    pub instance: u32,
    pub idempotent: bool,
    /// Order is promised: idempotent, or one request in flight.
    pub ordered: bool,
}

/// One record that was sent.
#[derive(Clone, Debug)]
pub struct Send {
    pub value: ValueId,
    pub topic: TopicRef,
    /// Known when chosen by the caller, or once acknowledged.
    pub partition: Option<i32>,
    /// Known once acknowledged with acks other than 0.
    pub offset: Option<i64>,
    pub acks: i16,
    pub producer: Producer,
    /// Rises with each send of one producer instance.
    pub order: u64,
    pub bytes: u32,
    /// Set by workloads that write requests by hand.
    pub by_hand: Option<ByHand>,
}

/// The header fields of a batch that a workload wrote itself, and what the broker must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByHand {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub expect: Expect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The next batch in sequence: must be taken.
    Next,
    /// One of the last five batches again: must be answered with this offset.
    DuplicateOf(i64),
    /// Broken on purpose: must be refused.
    Refusal,
}

#[derive(Clone, Debug)]
pub struct Poll {
    pub partition: Partition,
    /// The reader whose position this is.
    pub reader: u32,
    /// Where the reader stood when it asked.
    pub position: i64,
    /// The position was set by a seek or a reset since the reader's last poll.
    pub moved: bool,
    pub records: Vec<Seen>,
    pub batches: Vec<BatchView>,
    pub high_watermark: Option<i64>,
    pub log_start: Option<i64>,
    pub out_of_range: bool,
    /// Part of the last full read of the healed cluster.
    pub last_read: bool,
    /// Handed out from what a consumer had fetched earlier, perhaps before this call.
    pub buffered: bool,
}

/// One record that a reader was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub offset: i64,
    /// Absent where the bytes are no value that a workload wrote.
    pub value: Option<ValueId>,
    pub timestamp: i64,
}

#[derive(Clone, Debug)]
pub struct OffsetQuery {
    pub partition: Partition,
    /// Milliseconds since the epoch, or Kafka's −1 (end), −2 (start), −3 (largest timestamp).
    pub target: i64,
    pub offset: Option<i64>,
    pub timestamp: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct DeleteRecords {
    pub partition: Partition,
    /// −1: the high watermark.
    pub target: i64,
    pub low_watermark: Option<i64>,
}

/// A fault that struck.
#[derive(Clone, Debug)]
pub struct FaultEvent {
    pub at: At,
    pub until: At,
    pub kind: &'static str,
    pub broker: u32,
    pub note: String,
}

/// Bytes that changed under the broker: a single replica cannot restore them, so what stood there may be withheld,
/// and what followed may be cut by the next recovery. Nothing wrong may ever be served.
#[derive(Clone, Debug)]
pub struct Damage {
    pub at: At,
    pub partition: Partition,
    /// The first offset that may be affected; i64::MAX when it is no log that was damaged but what can be made from it.
    pub first_offset: i64,
    pub file: String,
    pub position: u64,
}

/// An I/O error that a log was given.
#[derive(Clone, Debug)]
pub struct IoError {
    pub at: At,
    pub broker: u32,
    pub partition: Option<Partition>,
    pub path: String,
    pub kind: IoErrorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoErrorKind {
    Write,
    Sync,
    Read,
    WriteNoSpace,
    SyncNoSpace,
}

impl IoErrorKind {
    /// Whether the log must not take another byte until it was opened again.
    pub fn fences(self) -> bool {
        matches!(
            self,
            IoErrorKind::Write | IoErrorKind::Sync | IoErrorKind::SyncNoSpace
        )
    }
}

/// A moment at which what was not durable may have been lost.
#[derive(Clone, Debug)]
pub struct Loss {
    pub at: At,
    /// One partition (a failed fsync), or all (power).
    pub partition: Option<Partition>,
    pub cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    PowerLoss,
    IoError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeStart {
    pub broker: u32,
    /// When the process began.
    pub at: At,
    /// When it began to serve; absent if it was stopped before.
    pub ready: Option<At>,
    /// What ended the process before this one.
    pub after: Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    First,
    Clean,
    Kill,
    PowerLoss,
    /// Power was lost before the process before this one had recovered.
    PowerLossInRecovery,
    /// It exited by itself.
    Exit,
}

/// The last full read of a partition of the healed cluster, whose polls are marked so.
#[derive(Clone, Debug)]
pub struct LastRead {
    pub partition: Partition,
    pub at: At,
    /// The log's start, and the high watermark up to which was read; or, if it failed, how far it came.
    pub start: i64,
    pub end: i64,
    /// Why the end was not reached.
    pub failed: Option<String>,
}

/// One demand of the healed cluster.
#[derive(Clone, Debug)]
pub struct Liveness {
    pub demand: String,
    pub asked: At,
    pub met: Option<At>,
    /// Why it cannot be met, where the faults explain it.
    pub excuse: Option<String>,
    /// The last error seen while it was not met.
    pub last_error: Option<String>,
}

#[derive(Clone, Debug)]
pub struct NodePanic {
    pub at: At,
    pub node: String,
    pub message: String,
}

impl History {
    pub fn topic(&self, topic: TopicRef) -> &TopicFacts {
        &self.topics[topic.0 as usize]
    }

    /// `topic-0/2`, or `churn-0#1/0` for a name's second incarnation.
    pub fn name(&self, partition: Partition) -> String {
        let facts = self.topic(partition.topic);
        let earlier = self.topics[..partition.topic.0 as usize]
            .iter()
            .filter(|t| t.name == facts.name)
            .count();
        match earlier {
            0 => format!("{}/{}", facts.name, partition.index),
            n => format!("{}#{n}/{}", facts.name, partition.index),
        }
    }

    /// The lowest offset of a partition that damage before `at` may have touched. Damage to indexes, snapshots and
    /// checkpoints touches none: they are made again from the log.
    pub fn damaged_from(&self, partition: Partition, at: At) -> Option<i64> {
        let damages = self
            .damages
            .iter()
            .filter(|d| d.partition == partition && d.at <= at);
        damages
            .map(|d| d.first_offset)
            .filter(|first| *first < i64::MAX)
            .min()
    }

    /// Whether any file of a partition was damaged before `at`: it may be unavailable, and its indexes wrong.
    pub fn any_damage(&self, partition: Partition, at: At) -> bool {
        self.damages
            .iter()
            .any(|d| d.partition == partition && d.at <= at)
    }

    /// Whether something may have been lost from a partition's unsynced tail between two moments.
    pub fn lossy_between(&self, partition: Partition, from: At, to: At) -> bool {
        let concerning = self
            .losses
            .iter()
            .filter(|l| l.partition.is_none_or(|p| p == partition));
        concerning
            .filter(|l| l.at <= to)
            .any(|l| self.loss_ends(l) >= from)
    }

    /// Whether a broker that started last before `at` may have failed to open a partition's log: an I/O error met it,
    /// or the file that names its topic was damaged. Such a log was not recovered, and is as it was left.
    pub fn may_be_unopened(&self, partition: Partition, at: At) -> bool {
        let started = self
            .node_starts
            .iter()
            .map(|s| s.at)
            .filter(|s| *s <= at)
            .max()
            .unwrap_or_default();
        let concerns = |p: Option<Partition>| p.is_none_or(|p| p == partition);
        let mut errors = self.io_errors.iter().filter(|e| concerns(e.partition));
        let mut damages = self
            .damages
            .iter()
            .filter(|d| d.partition == partition && d.at <= at);
        errors.any(|e| e.at >= started && e.at <= at)
            || damages.any(|d| d.file.ends_with("partition.metadata"))
    }

    /// A fenced log can still be read; what it loses it loses when it is opened again.
    fn loss_ends(&self, loss: &Loss) -> At {
        match loss.cause {
            Cause::PowerLoss => loss.at,
            Cause::IoError => {
                let next = self
                    .node_starts
                    .iter()
                    .filter(|s| s.at >= loss.at)
                    .min_by_key(|s| s.at);
                next.map_or(At::END, |start| start.ready.unwrap_or(At::END))
            }
        }
    }

    pub fn sends(&self) -> impl Iterator<Item = (&Op, &Send)> {
        self.ops.iter().filter_map(|op| match &op.call {
            Call::Send(send) => Some((op, send)),
            _ => None,
        })
    }

    pub fn polls(&self) -> impl Iterator<Item = (&Op, &Poll)> {
        self.ops.iter().filter_map(|op| match &op.call {
            Call::Poll(poll) => Some((op, poll)),
            _ => None,
        })
    }

    /// Sends by value; a value is sent once, but for duplicates made by hand, of which the first counts.
    pub fn sends_by_value(&self) -> BTreeMap<ValueId, (&Op, &Send)> {
        let mut map = BTreeMap::new();
        for (op, send) in self.sends() {
            map.entry(send.value).or_insert((op, send));
        }
        map
    }
}
