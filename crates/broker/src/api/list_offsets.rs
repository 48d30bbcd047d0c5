//! ListOffsets (key 2, v1–11): offsets by time.
//!
//! - Special timestamps: −1 latest, −2 earliest, −3 (v7, KIP-734) that of the greatest timestamp, −4 (v8, KIP-405)
//!   earliest local, −5 (v9, KIP-1005) latest tiered, −6 (v11, KIP-1023) earliest pending upload; below the version
//!   that knows them, UNSUPPORTED_VERSION. Nothing is tiered here: −4 equals −2, −5 and −6 answer −1.
//! - v2: isolation level; the last stable offset equals the high watermark while there are no transactions.
//!   v4 (KIP-320): leader epochs. v10 (KIP-1075): timeout_ms, for remote storage.
//! - By time: the first record at or after the target, below the high watermark; none: −1, −1.
//! - A partition named twice: INVALID_REQUEST, once. A leader whose high watermark has not reached its epoch's start:
//!   OFFSET_NOT_AVAILABLE for the latest, before v5 LEADER_NOT_AVAILABLE.
//! - Only the debugging replica (−2) may read up to the log end.

use super::{Call, Head};
use crate::partitions::Partition;
use std::collections::BTreeMap;
use tracing::warn;
use wire::ErrorCode;
use wire::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

const CONSUMER_REPLICA: i32 = -1;

/// What an offset is told as: (timestamp, offset, leader epoch).
type Found = (i64, i64, i32);
const NONE_FOUND: Found = (-1, -1, -1);

pub async fn handle(call: Call, head: Head, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let mut mentions: BTreeMap<(&str, i32), usize> = BTreeMap::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            *mentions
                .entry((&topic.name, partition.partition_index))
                .or_default() += 1;
        }
    }
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in &topic.partitions {
            let index = asked.partition_index;
            let found = match mentions.remove(&(topic.name.as_str(), index)) {
                // It was answered at its first mention.
                None => continue,
                Some(1) => find(&call, &head, request.replica_id, &topic.name, asked).await,
                Some(_) => Err(ErrorCode::InvalidRequest),
            };
            partitions.push(told(index, head.version, found));
        }
        topics.push(ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions,
        });
    }
    ListOffsetsResponse {
        throttle_time_ms: 0,
        topics,
    }
}

fn told(index: i32, version: i16, found: Result<Found, ErrorCode>) -> ListOffsetsPartitionResponse {
    let error = match found.err() {
        None => ErrorCode::None,
        Some(ErrorCode::OffsetNotAvailable) if version < 5 => ErrorCode::LeaderNotAvailable,
        Some(error) => error,
    };
    let (timestamp, offset, leader_epoch) = found.unwrap_or(NONE_FOUND);
    ListOffsetsPartitionResponse {
        partition_index: index,
        error_code: error.code(),
        timestamp,
        offset,
        leader_epoch: if version >= 4 { leader_epoch } else { -1 },
    }
}

async fn find(
    call: &Call,
    head: &Head,
    replica_id: i32,
    topic: &str,
    asked: &ListOffsetsPartition,
) -> Result<Found, ErrorCode> {
    if asked.timestamp < 0 && version_of(asked.timestamp).is_none_or(|since| head.version < since) {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let partition = call.node().partitions.get(topic, None, asked.partition_index)?;
    partition.check_leader(asked.current_leader_epoch)?;
    let is_consumer = replica_id == CONSUMER_REPLICA;
    let upper = if is_consumer {
        partition.high_watermark()
    } else {
        partition.log().log_end_offset()
    };
    let leader_epoch = partition.assignment().leader_epoch;
    let lags = is_consumer && partition.lags_behind_its_epoch();
    match asked.timestamp {
        LATEST if lags => Err(ErrorCode::OffsetNotAvailable),
        LATEST => Ok((-1, upper, leader_epoch)),
        EARLIEST | EARLIEST_LOCAL => {
            let offset = partition.log().log_start_offset();
            Ok((
                -1,
                offset,
                partition.log().epochs().epoch_of(offset).unwrap_or(-1),
            ))
        }
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => Ok(NONE_FOUND),
        MAX_TIMESTAMP => by_time(&partition, upper, None).await,
        timestamp => by_time(&partition, upper, Some(timestamp)).await,
    }
}

/// The first version that knows a special timestamp.
fn version_of(timestamp: i64) -> Option<i16> {
    match timestamp {
        LATEST | EARLIEST => Some(1),
        MAX_TIMESTAMP => Some(7),
        EARLIEST_LOCAL => Some(8),
        LATEST_TIERED => Some(9),
        EARLIEST_PENDING_UPLOAD => Some(11),
        _ => None,
    }
}

/// The first record at or after `timestamp`; without one, the record of the greatest timestamp.
async fn by_time(partition: &Partition, upper: i64, timestamp: Option<i64>) -> Result<Found, ErrorCode> {
    let found = match timestamp {
        Some(timestamp) => partition.log().offset_for_timestamp(timestamp, upper).await,
        None => partition.log().max_timestamp(upper).await,
    };
    match found {
        Ok(Some(found)) => Ok((found.timestamp, found.offset, found.leader_epoch)),
        Ok(None) => Ok(NONE_FOUND),
        Err(error) => {
            warn!(topic = partition.topic, partition = partition.index, %error, "cannot look up an offset by time");
            Err(ErrorCode::KafkaStorageError)
        }
    }
}
