//! DescribeTopicPartitions (key 75, v0; KIP-966): topics page by page, with their eligible leader replicas.
//!
//! - No topics named means all. Topics come in the order of their names, from the cursor's on.
//! - At most response_partition_limit partitions, itself bounded by max.request.partition.size.limit; then next_cursor
//!   says where to go on. An unknown topic counts as one.
//! - A cursor whose topic is not among those named, or whose partition is negative: INVALID_REQUEST for every topic
//!   named.

use super::topics::{is_internal, validate_name};
use super::{Call, Head};
use crate::cluster_view::{self, TOPIC_OPERATIONS};
use metadata::Image;
use metadata::Topic;
use std::collections::BTreeSet;
use wire::describe_topic_partitions::{
    CursorResponse, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use wire::{ErrorCode, Uuid};

pub async fn handle(
    call: Call,
    _head: Head,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let image = call.node().image();
    let (from_topic, from_partition) = request.cursor.as_ref().map_or(("", 0), |cursor| {
        (cursor.topic_name.as_str(), cursor.partition_index)
    });
    let is_all = request.topics.is_empty();
    let names: BTreeSet<&str> = if is_all {
        image
            .topics()
            .map(|topic| topic.name.as_str())
            .filter(|name| *name >= from_topic)
            .collect()
    } else {
        request
            .topics
            .iter()
            .map(|topic| topic.name.as_str())
            .filter(|name| *name >= from_topic)
            .collect()
    };
    if request.cursor.is_some() && ((!is_all && !names.contains(from_topic)) || from_partition < 0) {
        return refused(&request);
    }
    let limit = call.node().settings().max_request_partition_size_limit();
    let mut left = (request.response_partition_limit.max(1) as usize)
        .min(limit)
        .max(1);
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in names {
        if left == 0 {
            response.next_cursor = Some(cursor(name, 0));
            break;
        }
        let Some(topic) = image.topic(name) else {
            response.topics.push(missing(name));
            left -= 1;
            continue;
        };
        let first = if name == from_topic { from_partition } else { 0 };
        let (told, next) = page(&call, &image, topic, first, left);
        left -= told.partitions.len().min(left);
        response.topics.push(told);
        if let Some(next) = next {
            response.next_cursor = Some(cursor(name, next));
            break;
        }
    }
    response
}

fn refused(request: &DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let topics = request
        .topics
        .iter()
        .map(|topic| DescribeTopicPartitionsResponseTopic {
            error_code: ErrorCode::InvalidRequest.code(),
            name: Some(topic.name.clone()),
            ..Default::default()
        });
    DescribeTopicPartitionsResponse {
        topics: topics.collect(),
        ..Default::default()
    }
}

/// Up to `limit` partitions from `first` on, and the first that found no room.
fn page(
    call: &Call,
    image: &Image,
    topic: &Topic,
    first: i32,
    limit: usize,
) -> (DescribeTopicPartitionsResponseTopic, Option<i32>) {
    let mut rest = topic.partitions.range(first..);
    let partitions = rest.by_ref().take(limit).map(|(index, partition)| {
        let view = cluster_view::partition_view(
            image,
            partition,
            &call.listener().name,
            ErrorCode::ListenerNotFound,
        );
        DescribeTopicPartitionsResponsePartition {
            error_code: view.error.code(),
            partition_index: *index,
            leader_id: view.leader_id,
            leader_epoch: partition.leader_epoch,
            replica_nodes: partition.replicas.clone(),
            isr_nodes: partition.isr.clone(),
            eligible_leader_replicas: Some(partition.elr.clone()),
            last_known_elr: Some(partition.last_known_elr.clone()),
            offline_replicas: view.offline_replicas,
        }
    });
    let told = DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::None.code(),
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: is_internal(&topic.name),
        partitions: partitions.collect(),
        topic_authorized_operations: TOPIC_OPERATIONS,
    };
    (told, rest.next().map(|(index, _)| *index))
}

fn missing(name: &str) -> DescribeTopicPartitionsResponseTopic {
    let error = validate_name(name)
        .err()
        .unwrap_or(ErrorCode::UnknownTopicOrPartition);
    DescribeTopicPartitionsResponseTopic {
        error_code: error.code(),
        name: Some(name.to_string()),
        topic_id: Uuid::ZERO,
        is_internal: is_internal(name),
        partitions: Vec::new(),
        topic_authorized_operations: TOPIC_OPERATIONS,
    }
}

fn cursor(topic: &str, partition_index: i32) -> CursorResponse {
    CursorResponse {
        topic_name: topic.to_string(),
        partition_index,
    }
}
