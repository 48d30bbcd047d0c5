//! OffsetForLeaderEpoch (key 23, v2–4; KIP-101, KIP-279, KIP-320): where a leader epoch ends.
//!
//! - The current epoch ends at the log end; an unknown higher one answers (−1, −1); one below the first answers
//!   (itself, the first one's start); else the greatest epoch at or below it, and the start of the next.
//! - v3: replica_id. v4: flexible. current_leader_epoch is checked as in Fetch.

use super::{Call, Head};
use wire::ErrorCode;
use wire::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
};

pub async fn handle(
    call: Call,
    _head: Head,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request
        .topics
        .into_iter()
        .map(|topic| OffsetForLeaderTopicResult {
            partitions: topic
                .partitions
                .iter()
                .map(|asked| end_offset(&call, &topic.topic, asked))
                .collect(),
            topic: topic.topic,
        });
    OffsetForLeaderEpochResponse {
        throttle_time_ms: 0,
        topics: topics.collect(),
    }
}

fn end_offset(call: &Call, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let found = call
        .node()
        .partitions
        .get(topic, None, asked.partition)
        .and_then(|partition| {
            partition.check_leader(asked.current_leader_epoch)?;
            Ok(partition.log().epoch_end_offset(asked.leader_epoch))
        });
    let error = found.err().unwrap_or(ErrorCode::None);
    let (leader_epoch, end_offset) = found.unwrap_or((-1, -1));
    EpochEndOffset {
        error_code: error.code(),
        partition: asked.partition,
        leader_epoch,
        end_offset,
    }
}
