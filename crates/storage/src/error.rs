//! What can go wrong with a log, by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a log takes no more appends until it is opened again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the log of {partition} is fenced since {action} failed on {file}: {error}; its disk needs a look, then a restart recovers the log"
)]
pub struct FenceReason {
    pub partition: String,
    pub action: &'static str,
    pub file: String,
    pub error: String,
}

/// Errors of opening, syncing, truncating and maintaining logs and data folders.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("cannot {action} {path}: {source}")]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(transparent)]
    Fenced(#[from] FenceReason),
    #[error("{file} is corrupt at byte {position}: {what}")]
    Corrupt {
        file: PathBuf,
        position: u64,
        what: String,
    },
    #[error("{path} cannot be understood: {what}")]
    Malformed { path: PathBuf, what: String },
    #[error(
        "the data folder {path} is in use by another process (its .lock is held): stop that one or choose another log.dirs"
    )]
    Locked { path: PathBuf },
    #[error("the log of {0} is closed or deleted")]
    Closed(String),
    #[error("the folder {path} belongs to topic id {found}, not {wanted}")]
    WrongTopicId {
        path: PathBuf,
        found: String,
        wanted: String,
    },
}

impl StorageError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StorageError {
        let path = path.to_path_buf();
        move |source| StorageError::Io { action, path, source }
    }

    /// Whether the cause is a full disk.
    pub fn is_full(&self) -> bool {
        matches!(self, StorageError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}

/// Why nothing was appended. After any of these the log is as it was before the call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk is full. The log goes on serving reads, and appends again when there is space.
    #[error("no space is left for the log of {partition}: free some on its disk")]
    Full { partition: String },
    #[error(transparent)]
    Fenced(#[from] FenceReason),
    #[error("the log of {0} is closed or deleted")]
    Closed(String),
    /// Kafka: CORRUPT_MESSAGE.
    #[error("corrupt batch: {0}")]
    Corrupt(String),
    /// Kafka: UNSUPPORTED_COMPRESSION_TYPE.
    #[error("unsupported compression: {0}")]
    UnsupportedCompression(String),
    /// Kafka: UNSUPPORTED_FOR_MESSAGE_FORMAT.
    #[error("unsupported format: {0}")]
    UnsupportedFormat(String),
    /// Kafka: INVALID_RECORD.
    #[error("invalid record: {what}")]
    InvalidRecord {
        what: String,
        record_index: Option<usize>,
    },
    /// Kafka: INVALID_TIMESTAMP.
    #[error("invalid timestamp: {what}")]
    InvalidTimestamp {
        what: String,
        record_index: Option<usize>,
    },
    /// Kafka: MESSAGE_TOO_LARGE.
    #[error("a batch of {bytes} bytes is larger than max.message.bytes = {max}")]
    MessageTooLarge { bytes: u64, max: u64 },
    /// Kafka: RECORD_LIST_TOO_LARGE.
    #[error("batches of {bytes} bytes are larger than a segment, segment.bytes = {max}")]
    RecordListTooLarge { bytes: u64, max: u64 },
    /// Kafka: OUT_OF_ORDER_SEQUENCE_NUMBER.
    #[error("out of order sequence: {0}")]
    OutOfOrderSequence(String),
    /// Kafka: INVALID_PRODUCER_EPOCH.
    #[error("invalid producer epoch: {0}")]
    InvalidProducerEpoch(String),
    /// Kafka: INVALID_TXN_STATE.
    #[error("invalid transaction state: {0}")]
    InvalidTxnState(String),
    /// A leader that does not know of a later one.
    #[error("leader epoch {epoch} is older than {last}, which has written here")]
    StaleLeaderEpoch { epoch: i32, last: i32 },
    /// A follower was given batches that do not continue its log.
    #[error("batches from offset {found} do not continue a log that ends at {expected}")]
    UnexpectedOffset { expected: i64, found: i64 },
}

/// Why a read has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("offset {offset} is outside of {log_start_offset}..{end}")]
    OutOfRange {
        offset: i64,
        log_start_offset: i64,
        end: i64,
    },
    #[error("{file} is corrupt at byte {position}: {what}")]
    Corrupt {
        file: PathBuf,
        position: u64,
        what: String,
    },
    /// The log was truncated, deleted or closed while this was read.
    #[error("the log of {0} was truncated or deleted under this read")]
    Gone(String),
    #[error("cannot {action} {path}: {error}")]
    Io {
        action: &'static str,
        path: PathBuf,
        error: String,
    },
}

impl ReadError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ReadError {
        let path = path.to_path_buf();
        move |error| ReadError::Io {
            action,
            path,
            error: error.to_string(),
        }
    }
}

impl From<ReadError> for StorageError {
    fn from(error: ReadError) -> StorageError {
        match error {
            ReadError::Corrupt { file, position, what } => StorageError::Corrupt { file, position, what },
            ReadError::Io { action, path, error } => StorageError::Io {
                action,
                path,
                source: io::Error::other(error),
            },
            ReadError::Gone(partition) => StorageError::Closed(partition),
            ReadError::OutOfRange { .. } => StorageError::Closed(error.to_string()),
        }
    }
}
