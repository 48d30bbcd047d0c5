//! What can be wrong with the bytes of a record batch.

use crate::Compression;

/// Bytes that are not what they claim to be. Kafka's answer to a client that sent them is CORRUPT_MESSAGE, except
/// for [`RecordsError::InvalidRecord`] (INVALID_RECORD), [`RecordsError::UnsupportedMagic`]
/// (UNSUPPORTED_FOR_MESSAGE_FORMAT) and [`RecordsError::UnknownCodec`] (UNSUPPORTED_COMPRESSION_TYPE).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// Fewer bytes than the batch says, or than a header needs. At the end of a fetched or torn range this is the
    /// cut-off last batch.
    #[error("a record batch needs {need} bytes, and {have} are there: the end is cut off")]
    Truncated { need: usize, have: usize },
    #[error(
        "the batch's length field is {length}; it is at least {} in a v2 batch",
        crate::header::BATCH_LENGTH_MIN
    )]
    BadLength { length: i32 },
    #[error(
        "magic {magic} is not served: only record batch v2 is (magic 2), which every client since 0.11 writes"
    )]
    UnsupportedMagic { magic: i8 },
    #[error(
        "CRC-32C is {computed:#010x}, and the batch at base offset {base_offset} says {stored:#010x}: the bytes were damaged"
    )]
    CrcMismatch {
        base_offset: i64,
        stored: u32,
        computed: u32,
    },
    #[error("compression codec {id} is unknown: 0 none, 1 gzip, 2 snappy, 3 lz4 and 4 zstd are served")]
    UnknownCodec { id: u8 },
    #[error("{codec} data does not decompress: {why}")]
    Decompress { codec: Compression, why: String },
    #[error("{codec} data decompresses to more than {limit} bytes")]
    DecompressedTooLarge { codec: Compression, limit: usize },
    #[error("compressing with {codec} failed: {why}")]
    Compress { codec: Compression, why: String },
    #[error("record {index} of the batch is malformed: {why}")]
    InvalidRecord { index: usize, why: &'static str },
    #[error("a batch of {bytes} bytes does not fit in a v2 batch, whose length is a 32-bit number")]
    BatchTooLarge { bytes: usize },
}
