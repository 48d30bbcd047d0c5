//! Metadata (key 3, v0–13): brokers, and topics with their leaders.
//!
//! - v0: an empty list means all topics; from v1 on null does, and an empty list none. v1: racks, controller, internal
//!   flag. v2: cluster id. v4 (KIP-204): allow_auto_topic_creation. v5 (KIP-112): offline replicas. v7 (KIP-320): leader
//!   epochs. v8 (KIP-430): authorized operations. v10 (KIP-516): topic ids. v12: topics by id. v13 (KIP-1102): rebootstrap.
//! - Topics are created where the request and auto.create.topics.enable both allow it, never for "all". The answer waits
//!   until the new topic can be used, where Kafka's says UNKNOWN_TOPIC_OR_PARTITION first.
//! - A leader that has no such listener: LISTENER_NOT_FOUND, before v6 LEADER_NOT_AVAILABLE.

use super::topics::{is_internal, validate_name};
use super::{Call, Head};
use crate::cluster_view::{self, CLUSTER_OPERATIONS, TOPIC_OPERATIONS};
use metadata::Image;
use metadata::Topic;
use std::collections::BTreeSet;
use wire::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};
use wire::{ErrorCode, Uuid};

pub async fn handle(call: Call, head: Head, request: MetadataRequest) -> MetadataResponse {
    let is_all = match &request.topics {
        None => true,
        Some(topics) => head.version == 0 && topics.is_empty(),
    };
    let wanted = if is_all {
        Vec::new()
    } else {
        request.topics.unwrap_or_default()
    };
    if let Some(refused) = refused(head.version, &wanted) {
        return refused;
    }
    if request.allow_auto_topic_creation && call.node().settings().auto_create_topics_enable() {
        create_missing(&call, &wanted).await;
    }
    let image = call.node().image();
    let mut topics = if is_all {
        let topics = image.topics();
        topics
            .map(|topic| existing(&call, &head, &image, topic))
            .collect()
    } else {
        named(&call, &head, &image, &wanted)
    };
    if request.include_topic_authorized_operations {
        topics.iter_mut().for_each(|topic: &mut MetadataResponseTopic| {
            topic.topic_authorized_operations = TOPIC_OPERATIONS;
        });
    }
    let brokers = cluster_view::alive_brokers(&image, &call.listener().name);
    MetadataResponse {
        controller_id: brokers.first().map_or(-1, |broker| broker.id),
        brokers: brokers
            .into_iter()
            .map(|broker| MetadataResponseBroker {
                node_id: broker.id,
                host: broker.host,
                port: broker.port,
                rack: broker.rack,
            })
            .collect(),
        cluster_id: Some(call.node().cluster_id().to_string()),
        topics,
        cluster_authorized_operations: if request.include_cluster_authorized_operations {
            CLUSTER_OPERATIONS
        } else {
            i32::MIN
        },
        ..Default::default()
    }
}

/// Ids are for v12 and above, as are topics without a name.
fn refused(version: i16, wanted: &[MetadataRequestTopic]) -> Option<MetadataResponse> {
    let is_wrong = |topic: &MetadataRequestTopic| topic.name.is_none() || topic.topic_id != Uuid::ZERO;
    if version >= 12 || !wanted.iter().any(is_wrong) {
        return None;
    }
    let topics = wanted.iter().map(|topic| MetadataResponseTopic {
        error_code: ErrorCode::InvalidRequest.code(),
        name: Some(topic.name.clone().unwrap_or_default()),
        topic_id: topic.topic_id,
        ..Default::default()
    });
    Some(MetadataResponse {
        topics: topics.collect(),
        ..Default::default()
    })
}

async fn create_missing(call: &Call, wanted: &[MetadataRequestTopic]) {
    let image = call.node().image();
    let by_name = wanted.iter().filter(|topic| topic.topic_id == Uuid::ZERO);
    let missing: BTreeSet<String> = by_name
        .filter_map(|topic| topic.name.clone())
        .filter(|name| image.topic(name).is_none() && validate_name(name).is_ok() && !is_internal(name))
        .collect();
    if !missing.is_empty() {
        call.node().auto_create(missing).await;
    }
}

fn named(
    call: &Call,
    head: &Head,
    image: &Image,
    wanted: &[MetadataRequestTopic],
) -> Vec<MetadataResponseTopic> {
    let mut seen = BTreeSet::new();
    let uses_ids = wanted.iter().any(|topic| topic.topic_id != Uuid::ZERO);
    let unique = wanted
        .iter()
        .filter(|topic| seen.insert((topic.topic_id, topic.name.clone())));
    let told = unique.filter_map(|topic| {
        if topic.topic_id != Uuid::ZERO {
            return Some(match image.topic_by_id(topic.topic_id) {
                Some(found) => existing(call, head, image, found),
                None => missing(None, topic.topic_id, ErrorCode::UnknownTopicId),
            });
        }
        // Where any topic goes by id, Kafka leaves out those that go by name.
        let name = topic.name.as_deref().filter(|_| !uses_ids)?;
        Some(match image.topic(name) {
            Some(found) => existing(call, head, image, found),
            None => {
                let error = validate_name(name)
                    .err()
                    .unwrap_or(ErrorCode::UnknownTopicOrPartition);
                missing(Some(name.to_string()), Uuid::ZERO, error)
            }
        })
    });
    told.collect()
}

fn missing(name: Option<String>, topic_id: Uuid, error: ErrorCode) -> MetadataResponseTopic {
    let is_internal = name.as_deref().is_some_and(is_internal);
    MetadataResponseTopic {
        error_code: error.code(),
        name,
        topic_id,
        is_internal,
        ..Default::default()
    }
}

fn existing(call: &Call, head: &Head, image: &Image, topic: &Topic) -> MetadataResponseTopic {
    let missing_listener = if head.version >= 6 {
        ErrorCode::ListenerNotFound
    } else {
        ErrorCode::LeaderNotAvailable
    };
    let partitions = topic.partitions.iter().map(|(index, partition)| {
        let view = cluster_view::partition_view(image, partition, &call.listener().name, missing_listener);
        MetadataResponsePartition {
            error_code: view.error.code(),
            partition_index: *index,
            leader_id: view.leader_id,
            leader_epoch: partition.leader_epoch,
            replica_nodes: partition.replicas.clone(),
            isr_nodes: partition.isr.clone(),
            offline_replicas: view.offline_replicas,
        }
    });
    MetadataResponseTopic {
        error_code: ErrorCode::None.code(),
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: is_internal(&topic.name),
        partitions: partitions.collect(),
        ..Default::default()
    }
}
