//! DeleteRecords (key 21, v0–2; KIP-107): moves the start of logs.
//!
//! - At most to the high watermark, which −1 means; beyond it, or another negative: OFFSET_OUT_OF_RANGE.
//! - A topic that is only compacted: POLICY_VIOLATION; an internal one: INVALID_TOPIC_EXCEPTION.
//! - The answer's low watermark is durable. One replica: the request never waits for others.

use super::topics::is_internal;
use super::{Call, Head};
use wire::ErrorCode;
use wire::delete_records::{
    DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopicResult,
};

pub async fn handle(call: Call, _head: Head, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let result = delete(&call, &topic.name, asked.partition_index, asked.offset).await;
            partitions.push(DeleteRecordsPartitionResult {
                partition_index: asked.partition_index,
                low_watermark: result.unwrap_or(-1),
                error_code: result.err().unwrap_or(ErrorCode::None).code(),
            });
        }
        topics.push(DeleteRecordsTopicResult {
            name: topic.name,
            partitions,
        });
    }
    DeleteRecordsResponse {
        throttle_time_ms: 0,
        topics,
    }
}

async fn delete(call: &Call, topic: &str, index: i32, offset: i64) -> Result<i64, ErrorCode> {
    if is_internal(topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    let partition = call.node().partitions.get(topic, None, index)?;
    // In a task of its own: a connection that ends meanwhile must not leave it half done.
    let deletion = runtime::task::spawn(async move { partition.delete_records(offset).await });
    deletion.await.unwrap_or(Err(ErrorCode::UnknownServerError))
}
