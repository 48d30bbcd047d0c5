//! The Produce request of a few batches, and what its answer says about each.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use wire::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use wire::{ApiKey, Uuid};

use super::accumulator::{Appended, Attempt};
use crate::{Error, TopicPartition};

/// From here on a request names topics by id.
pub(super) const TOPIC_IDS_FROM: i16 = 13;

/// A batch's bytes, and where they go.
pub(super) struct Outgoing {
    pub(super) partition: TopicPartition,
    pub(super) topic_id: Uuid,
    pub(super) bytes: Bytes,
}

pub(super) fn request(outgoing: Vec<Outgoing>, acks: i16, timeout_ms: i32) -> ProduceRequest {
    let mut topics: BTreeMap<Arc<str>, TopicProduceData> = BTreeMap::new();
    for Outgoing {
        partition: TopicPartition { topic, partition },
        topic_id,
        bytes,
    } in outgoing
    {
        let data = topics.entry(topic.clone()).or_insert_with(|| TopicProduceData {
            name: topic.to_string(),
            topic_id,
            ..TopicProduceData::default()
        });
        data.partition_data.push(PartitionProduceData {
            index: partition,
            records: Some(bytes),
        });
    }
    ProduceRequest {
        transactional_id: None,
        acks,
        timeout_ms,
        topic_data: topics.into_values().collect(),
    }
}

/// What became of each partition's batch. A partition that the answer leaves out is not in the map.
pub(super) fn attempts(
    request: &ProduceRequest,
    response: ProduceResponse,
) -> BTreeMap<TopicPartition, Attempt> {
    let mut attempts = BTreeMap::new();
    for topic in response.responses {
        // Below version 13 an answer has names, from there on ids.
        let is_same = |asked: &&TopicProduceData| match topic.name.is_empty() {
            true => asked.topic_id == topic.topic_id,
            false => asked.name == topic.name,
        };
        let Some(asked) = request.topic_data.iter().find(is_same) else {
            continue;
        };
        let name: Arc<str> = Arc::from(asked.name.as_str());
        for partition in topic.partition_responses {
            let place = TopicPartition {
                topic: name.clone(),
                partition: partition.index,
            };
            attempts.insert(place, attempt(partition));
        }
    }
    attempts
}

fn attempt(response: PartitionProduceResponse) -> Attempt {
    let records = response.record_errors.iter().filter_map(|record| {
        let message = record.batch_index_error_message.as_deref()?;
        Some(format!("record {}: {message}", record.batch_index))
    });
    let parts: Vec<String> = response.error_message.iter().cloned().chain(records).collect();
    let message = Some(parts.join("; ")).filter(|message| !message.is_empty());
    Error::check(ApiKey::Produce, response.error_code, message.as_deref())?;
    Ok(Appended {
        base_offset: response.base_offset,
        log_append_time: response.log_append_time_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::ErrorCode;
    use wire::produce::{BatchIndexAndErrorMessage, TopicProduceResponse};

    fn asked() -> ProduceRequest {
        let outgoing = |topic: &str, partition, id| Outgoing {
            partition: TopicPartition::new(topic, partition),
            topic_id: Uuid([id; 16]),
            bytes: Bytes::from_static(b"batch"),
        };
        request(
            vec![outgoing("a", 0, 1), outgoing("b", 2, 2), outgoing("a", 1, 1)],
            -1,
            1000,
        )
    }

    #[test]
    fn partitions_of_a_topic_stand_together() {
        let request = asked();
        let shape: Vec<_> = request
            .topic_data
            .iter()
            .map(|t| (t.name.as_str(), t.partition_data.len()))
            .collect();
        assert_eq!(shape, [("a", 2), ("b", 1)]);
    }

    #[test]
    fn answers_by_id_and_by_name_find_their_batches() {
        let partition = |index, error: ErrorCode| PartitionProduceResponse {
            index,
            error_code: error.code(),
            base_offset: 7,
            record_errors: vec![BatchIndexAndErrorMessage {
                batch_index: 3,
                batch_index_error_message: Some("no key".into()),
            }],
            ..PartitionProduceResponse::default()
        };
        let response = ProduceResponse {
            responses: vec![
                TopicProduceResponse {
                    topic_id: Uuid([1; 16]),
                    partition_responses: vec![partition(1, ErrorCode::None)],
                    ..TopicProduceResponse::default()
                },
                TopicProduceResponse {
                    name: "b".into(),
                    partition_responses: vec![partition(2, ErrorCode::InvalidRecord)],
                    ..TopicProduceResponse::default()
                },
            ],
            ..ProduceResponse::default()
        };
        let attempts = attempts(&asked(), response);
        let landed = attempts[&TopicPartition::new("a", 1)].as_ref().expect("appended");
        assert_eq!(landed.base_offset, 7);
        let error = attempts[&TopicPartition::new("b", 2)]
            .as_ref()
            .expect_err("refused");
        assert_eq!(error.code(), Some(ErrorCode::InvalidRecord));
        assert!(error.to_string().contains("record 3: no key"), "{error}");
        assert!(!attempts.contains_key(&TopicPartition::new("a", 0)));
    }
}
