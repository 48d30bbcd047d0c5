//! A partition's log on a disk, in Kafka's file names and formats.
//!
//! ```text
//! data folder            meta.properties  .lock  .kafka_cleanshutdown  *-offset-checkpoint
//!   <topic>-<partition>  partition.metadata  leader-epoch-checkpoint
//!     <20 digits>        .log  .index  .timeindex  .snapshot   (named after a base offset)
//! ```
//!
//! Invariants:
//! 1. `log_start_offset <= durable_end <= log_end_offset`; the log start only rises.
//! 2. What lies below `durable_end` is covered by a successful `fdatasync` that began after it was written, and so
//!    are the folder entries of its files.
//! 3. What lies below a checkpointed recovery point is on the disk together with its index entries, leader epochs
//!    and a producer snapshot. Recovery reads the log from there and never from its start, unless files are missing.
//! 4. Recovery yields a prefix of what was appended, which holds everything that was durable; run again after a
//!    crash inside it, it yields the same.
//! 5. A batch is stored as it came, but for its base offset and leader epoch, unless a setting asks for more.
//! 6. Indexes, leader epochs and producer states are functions of the log; each can be rebuilt from it.
//! 7. After an I/O error that leaves the file's content in doubt, the log is fenced: nothing is appended to it, nothing
//!    more of it is called durable until it is opened, and so recovered, again.
//!
//! Deliberately absent: compaction, transaction indexes, preallocation, memory maps, the high watermark (a replica's
//! business; callers pass it in), and who waits for durability (the broker's).

mod checkpoint;
mod config;
mod data_dir;
mod epoch;
mod error;
mod files;
mod index;
mod log;
mod meta_properties;
mod names;
mod producer_state;
mod scan;
mod scrub;
mod segment;
mod time_index;
mod topic_id;

pub use config::{CompressionType, LogConfig, TimestampType};
pub use data_dir::{DataDir, DataDirOptions, PartitionFolder, PreviousShutdown};
pub use epoch::{EpochEntry, LeaderEpochs};
pub use error::{AppendError, FenceReason, ReadError, StorageError};
pub use index::{OffsetIndexEntry, decode_offset_index};
pub use log::{
    AppendInfo, AppendOrigin, Durable, Log, Range, ReadSlice, RecoveryReport, RetentionReport,
    TimestampOffset,
};
pub use meta_properties::MetaProperties;
pub use names::{SegmentFile, TopicPartition, segment_file_of};
pub use producer_state::{
    BatchMetadata, ProducerBatch, ProducerEntry, ProducerFault, ProducerState, ProducerSummary, Verdict,
    decode_snapshot, encode_snapshot,
};
pub use scrub::{Rot, Scrubber};
pub use time_index::{TimeIndexEntry, decode_time_index};
pub use topic_id::TopicId;
