//! Kafka's record batch v2: borrow, verify, patch, build, compress, re-encode. Pure: bytes in, bytes out.
//!
//! 1. Hostile bytes never panic, and take no memory beyond a small multiple of themselves or the caller's limit.
//! 2. A batch is borrowed ([`Batch`] is a header and a slice of the input); nothing is decompressed or decoded
//!    until somebody asks for its [`records`](Batch::records).
//! 3. What was appended comes back equal, headers with their order, duplicates and null values included.
//! 4. [`reencode`] keeps the records' bytes as they were; only their compression changes.
//!
//! Deliberately absent: the formats before v2 (magic 0 and 1), which no supported client writes, and any knowledge
//! of the wire, files or clocks.
//!
//! ```
//! use records::{BatchBuilder, Compression, Header, batches};
//!
//! let mut builder = BatchBuilder::new(Compression::Lz4).base_offset(40);
//! builder.append(Some(b"key"), Some(b"value"), &[Header::new("trace", b"1")], 1_700_000_000_000)?;
//! builder.append(None, None, &[], 1_700_000_000_001)?;
//! let bytes = builder.build()?;
//!
//! let batch = batches(bytes).next().expect("one batch")?;
//! batch.verify_crc()?;
//! let offsets: Vec<i64> = batch.records()?.map(|r| r.map(|r| r.offset)).collect::<Result<_, _>>()?;
//! assert_eq!(offsets, [40, 41]);
//! # Ok::<(), records::RecordsError>(())
//! ```

mod batch;
mod builder;
mod compression;
mod control;
mod error;
mod header;
mod record;
mod reencode;
mod search;
mod validate;
mod varint;

pub use batch::{Batch, Batches, DECOMPRESSED_BYTES_MAX, batches};
pub use builder::{BatchBuilder, record_bytes};
pub use compression::{Compression, compress, decompress};
pub use control::{ControlRecordType, EndTransactionMarker};
pub use error::RecordsError;
pub use header::{
    Attributes, BATCH_HEADER_BYTES, BatchHeader, LENGTH_PREFIX_BYTES, MAGIC, NO_PARTITION_LEADER_EPOCH,
    NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP, TimestampType, compute_crc,
    decrement_sequence, increment_sequence, set_base_offset, set_log_append_time, set_max_timestamp,
    set_partition_leader_epoch, set_producer,
};
pub use record::{Header, Record, RecordView, RecordViews, Records};
pub use reencode::reencode;
pub use search::{TimestampAndOffset, first_at_or_after, max_timestamp};
pub use validate::{ClientRules, Depth, InvalidBatch, Refusal, ValidBatch, validate_client_batch};
