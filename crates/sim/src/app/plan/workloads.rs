//! The workloads that a plan can hold; what they do is in `app/workloads/`.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadPlan {
    /// The client node that it runs on.
    pub client: u32,
    /// Names the stream that it draws from, and its writes: unique in a plan.
    pub stream: u32,
    pub workload: Workload,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keys {
    /// No key: the sticky partitioner chooses.
    Null,
    /// One of so many keys: murmur2 chooses.
    Some(u32),
    /// The workload names the partition.
    Explicit,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Workload {
    /// A producer of the client crate.
    Produce {
        topic: String,
        idempotent: bool,
        acks: i16,
        codec: Codec,
        keys: Keys,
        linger_ms: u64,
        batch_bytes: u64,
        value_bytes: u64,
        in_flight: u32,
        /// Records between two waits, and the wait.
        burst: u64,
        wait_ms: u64,
    },
    /// Produce requests by hand, one at a time, each sent once.
    RawProduce {
        topic: String,
        acks: i16,
        codec: Codec,
        records_max: u32,
        value_bytes: u64,
        wait_ms: u64,
    },
    /// A consumer of the client crate with assigned partitions.
    Read {
        topic: String,
        /// Seeks somewhere with this chance after a poll.
        seek_per_mille: u64,
        max_bytes: i32,
        wait_ms: u64,
    },
    /// Fetch requests by hand: sees batch headers, high watermarks and log starts.
    RawFetch {
        topic: String,
        sessions: bool,
        wait_ms: u64,
    },
    /// Produce requests by hand with chosen sequences, duplicates on purpose, and the wrap at i32::MAX.
    Sequences {
        topic: String,
        partition: i32,
        start_before_wrap: i32,
        wait_ms: u64,
    },
    /// Batches with broken checksums and other faults, which must be refused.
    Garbage { topic: String, wait_ms: u64 },
    /// Creates a topic, writes, reads, deletes it and creates it again under the same name.
    TopicChurn { name: String, wait_ms: u64 },
    /// Asks for the offsets of times.
    TimeQuery { topic: String, wait_ms: u64 },
    /// Asks for the log's start to move.
    DeleteRecords { topic: String, wait_ms: u64 },
    /// Asks for producer ids.
    ProducerIds { wait_ms: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkloadKind {
    Produce,
    RawProduce,
    Read,
    RawFetch,
    Sequences,
    Garbage,
    TopicChurn,
    TimeQuery,
    DeleteRecords,
    ProducerIds,
}

impl WorkloadKind {
    pub const ALL: [WorkloadKind; 10] = [
        WorkloadKind::Produce,
        WorkloadKind::RawProduce,
        WorkloadKind::Read,
        WorkloadKind::RawFetch,
        WorkloadKind::Sequences,
        WorkloadKind::Garbage,
        WorkloadKind::TopicChurn,
        WorkloadKind::TimeQuery,
        WorkloadKind::DeleteRecords,
        WorkloadKind::ProducerIds,
    ];

    pub fn name(self) -> &'static str {
        match self {
            WorkloadKind::Produce => "produce",
            WorkloadKind::RawProduce => "raw_produce",
            WorkloadKind::Read => "read",
            WorkloadKind::RawFetch => "raw_fetch",
            WorkloadKind::Sequences => "sequences",
            WorkloadKind::Garbage => "garbage",
            WorkloadKind::TopicChurn => "topic_churn",
            WorkloadKind::TimeQuery => "time_query",
            WorkloadKind::DeleteRecords => "delete_records",
            WorkloadKind::ProducerIds => "producer_ids",
        }
    }

    pub fn about(self) -> &'static str {
        match self {
            WorkloadKind::Produce => {
                "a producer: plain or idempotent, acks 0, 1 or all, every codec, keys, explicit partitions"
            }
            WorkloadKind::RawProduce => "produces by hand, one request at a time, each sent once",
            WorkloadKind::Read => "a consumer with assigned partitions that seeks now and then",
            WorkloadKind::RawFetch => {
                "fetches by hand, with and without sessions: headers, high watermarks, log starts"
            }
            WorkloadKind::Sequences => {
                "produces by hand with chosen sequences, duplicates, and the wrap at i32::MAX"
            }
            WorkloadKind::Garbage => "batches that must be refused: broken checksums, counts, codecs",
            WorkloadKind::TopicChurn => "creates, writes, reads, deletes and creates again under one name",
            WorkloadKind::TimeQuery => "asks for the offsets of times",
            WorkloadKind::DeleteRecords => "moves the log's start",
            WorkloadKind::ProducerIds => "asks for producer ids",
        }
    }
}

impl Workload {
    pub fn kind(&self) -> WorkloadKind {
        match self {
            Workload::Produce { .. } => WorkloadKind::Produce,
            Workload::RawProduce { .. } => WorkloadKind::RawProduce,
            Workload::Read { .. } => WorkloadKind::Read,
            Workload::RawFetch { .. } => WorkloadKind::RawFetch,
            Workload::Sequences { .. } => WorkloadKind::Sequences,
            Workload::Garbage { .. } => WorkloadKind::Garbage,
            Workload::TopicChurn { .. } => WorkloadKind::TopicChurn,
            Workload::TimeQuery { .. } => WorkloadKind::TimeQuery,
            Workload::DeleteRecords { .. } => WorkloadKind::DeleteRecords,
            Workload::ProducerIds { .. } => WorkloadKind::ProducerIds,
        }
    }

    /// The planned topic that it works on, if any.
    pub fn topic(&self) -> Option<&str> {
        match self {
            Workload::Produce { topic, .. }
            | Workload::RawProduce { topic, .. }
            | Workload::Read { topic, .. }
            | Workload::RawFetch { topic, .. }
            | Workload::Sequences { topic, .. }
            | Workload::Garbage { topic, .. }
            | Workload::TimeQuery { topic, .. }
            | Workload::DeleteRecords { topic, .. } => Some(topic),
            Workload::TopicChurn { .. } | Workload::ProducerIds { .. } => None,
        }
    }
}
