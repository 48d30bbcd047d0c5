//! A topic's settings in the terms of its log.

use crate::settings::{CompressionType, Settings, TimestampType, TopicSettings};
use records::Compression;
use storage::LogConfig;

pub fn log_config(topic: &TopicSettings, broker: &Settings) -> LogConfig {
    let codec = storage::CompressionType::Codec;
    LogConfig {
        segment_bytes: topic.segment_bytes as u64,
        segment_ms: topic.segment_ms,
        segment_jitter_ms: topic.segment_jitter_ms,
        segment_index_bytes: topic.segment_index_bytes as u64,
        index_interval_bytes: topic.index_interval_bytes as u64,
        max_message_bytes: topic.max_message_bytes as u64,
        compression_type: match topic.compression_type {
            CompressionType::Producer => storage::CompressionType::Producer,
            CompressionType::Uncompressed => codec(Compression::None),
            CompressionType::Gzip => codec(Compression::Gzip),
            CompressionType::Snappy => codec(Compression::Snappy),
            CompressionType::Lz4 => codec(Compression::Lz4),
            CompressionType::Zstd => codec(Compression::Zstd),
        },
        compression_gzip_level: topic.compression_gzip_level,
        compression_lz4_level: topic.compression_lz4_level,
        compression_zstd_level: topic.compression_zstd_level,
        message_timestamp_type: match topic.message_timestamp_type {
            TimestampType::CreateTime => storage::TimestampType::CreateTime,
            TimestampType::LogAppendTime => storage::TimestampType::LogAppendTime,
        },
        message_timestamp_before_max_ms: topic.message_timestamp_before_max_ms,
        message_timestamp_after_max_ms: topic.message_timestamp_after_max_ms,
        retention_ms: topic.retention_ms,
        retention_bytes: topic.retention_bytes,
        file_delete_delay_ms: topic.file_delete_delay_ms,
        flush_messages: topic.flush_messages,
        flush_ms: topic.flush_ms,
        write_caching: topic.write_caching,
        delete: topic.cleanup_policy.delete,
        compact: topic.cleanup_policy.compact,
        producer_id_expiration_ms: broker.producer_id_expiration_ms(),
    }
}
