//! The settings of one log, under Kafka's names.

use records::Compression;
pub use records::TimestampType;

/// Effective settings of a topic, as its logs use them. Defaults are Kafka's.
#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    /// segment.bytes
    pub segment_bytes: u64,
    /// segment.ms
    pub segment_ms: i64,
    /// segment.jitter.ms: up to this much is taken off segment.ms, at random for each segment.
    pub segment_jitter_ms: i64,
    /// segment.index.bytes
    pub segment_index_bytes: u64,
    /// index.interval.bytes
    pub index_interval_bytes: u64,
    /// max.message.bytes
    pub max_message_bytes: u64,
    /// compression.type
    pub compression_type: CompressionType,
    /// compression.gzip.level, -1 for the codec's own
    pub compression_gzip_level: i32,
    /// compression.lz4.level
    pub compression_lz4_level: i32,
    /// compression.zstd.level
    pub compression_zstd_level: i32,
    /// message.timestamp.type
    pub message_timestamp_type: TimestampType,
    /// message.timestamp.before.max.ms
    pub message_timestamp_before_max_ms: i64,
    /// message.timestamp.after.max.ms
    pub message_timestamp_after_max_ms: i64,
    /// retention.ms, -1 for ever
    pub retention_ms: i64,
    /// retention.bytes, -1 without bound
    pub retention_bytes: i64,
    /// file.delete.delay.ms
    pub file_delete_delay_ms: i64,
    /// flush.messages: with write caching, sync after so many records
    pub flush_messages: i64,
    /// flush.ms: with write caching, sync at least this often
    pub flush_ms: i64,
    /// write.caching: acknowledged data may be in the page cache alone. Who waits is the broker's business.
    pub write_caching: bool,
    /// cleanup.policy has "delete"
    pub delete: bool,
    /// cleanup.policy has "compact": records need keys
    pub compact: bool,
    /// producer.id.expiration.ms, of the broker
    pub producer_id_expiration_ms: i64,
}

/// compression.type of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// Batches stay as their producer compressed them.
    Producer,
    /// Batches are stored with this codec; `Compression::None` is "uncompressed".
    Codec(Compression),
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * DAY_MS,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            max_message_bytes: (1 << 20) + 12,
            compression_type: CompressionType::Producer,
            compression_gzip_level: -1,
            compression_lz4_level: 9,
            compression_zstd_level: 3,
            message_timestamp_type: TimestampType::CreateTime,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_after_max_ms: 60 * 60 * 1000,
            retention_ms: 7 * DAY_MS,
            retention_bytes: -1,
            file_delete_delay_ms: 60_000,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            write_caching: false,
            delete: true,
            compact: false,
            producer_id_expiration_ms: DAY_MS,
        }
    }
}

impl LogConfig {
    /// The level at which this log compresses with a codec; `None` is the codec's own default.
    pub(crate) fn level(&self, codec: Compression) -> Option<i32> {
        match codec {
            Compression::Gzip => Some(self.compression_gzip_level).filter(|level| *level != -1),
            Compression::Lz4 => Some(self.compression_lz4_level),
            Compression::Zstd => Some(self.compression_zstd_level),
            Compression::None | Compression::Snappy => None,
        }
    }
}
