//! DescribeProducers (key 61, v0; KIP-664): the producers that a partition remembers.
//!
//! - A name that no topic may have: INVALID_TOPIC_EXCEPTION; an unknown topic: UNKNOWN_TOPIC_OR_PARTITION.
//! - coordinator_epoch and current_txn_start_offset are −1: there are no transactions.

use super::topics::validate_name;
use super::{Call, Head};
use wire::ErrorCode;
use wire::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState, TopicResponse,
};

pub async fn handle(call: Call, _head: Head, request: DescribeProducersRequest) -> DescribeProducersResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let indexes = topic.partition_indexes.into_iter();
        let partitions = indexes.map(|index| match producers(&call, &topic.name, index) {
            Ok(active_producers) => PartitionResponse {
                partition_index: index,
                error_code: ErrorCode::None.code(),
                error_message: None,
                active_producers,
            },
            Err(error) => PartitionResponse {
                partition_index: index,
                error_code: error.code(),
                error_message: Some(error.message().to_string()),
                active_producers: Vec::new(),
            },
        });
        TopicResponse {
            partitions: partitions.collect(),
            name: topic.name,
        }
    });
    DescribeProducersResponse {
        throttle_time_ms: 0,
        topics: topics.collect(),
    }
}

fn producers(call: &Call, topic: &str, index: i32) -> Result<Vec<ProducerState>, ErrorCode> {
    validate_name(topic)?;
    let partition = call.node().partitions.get(topic, None, index)?;
    let producers = partition
        .log()
        .producers()
        .into_iter()
        .map(|producer| ProducerState {
            producer_id: producer.producer_id,
            producer_epoch: i32::from(producer.producer_epoch),
            last_sequence: producer.last_sequence,
            last_timestamp: producer.last_timestamp,
            coordinator_epoch: -1,
            current_txn_start_offset: -1,
        });
    Ok(producers.collect())
}
