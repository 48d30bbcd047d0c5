//! The metadata image as clients of one listener see it.

use crate::node::Endpoint;
use metadata::Image;
use metadata::PartitionRegistration;
use wire::{ErrorCode, Uuid};

/// Bits of `AclOperation` ids: without an authorizer every operation is allowed.
pub const TOPIC_OPERATIONS: i32 = bits(&[3, 4, 5, 6, 7, 8, 10, 11]);
pub const CLUSTER_OPERATIONS: i32 = bits(&[5, 7, 8, 9, 10, 11, 12]);

const NO_LEADER: i32 = -1;

const fn bits(operations: &[u32]) -> i32 {
    let mut set = 0;
    let mut index = 0;
    while index < operations.len() {
        set |= 1 << operations[index];
        index += 1;
    }
    set
}

/// A partition as Metadata and DescribeTopicPartitions tell it.
pub struct PartitionView {
    pub error: ErrorCode,
    pub leader_id: i32,
    pub offline_replicas: Vec<i32>,
}

pub fn topic_name(image: &Image, id: Uuid) -> Option<String> {
    image.topic_by_id(id).map(|topic| topic.name.clone())
}

/// (leader, leader epoch) of a partition, −1 where unknown.
pub fn leader_of(image: &Image, topic: &str, index: i32) -> (i32, i32) {
    image
        .partition(topic, index)
        .map_or((-1, -1), |partition| (partition.leader, partition.leader_epoch))
}

/// Brokers that are not fenced and have this listener.
pub fn alive_brokers(image: &Image, listener: &str) -> Vec<Endpoint> {
    let alive = image.brokers().values().filter(|broker| !broker.fenced);
    alive
        .filter_map(|broker| endpoint(image, broker.id, listener))
        .collect()
}

/// Where a broker is reached on this listener.
pub fn endpoint(image: &Image, broker: i32, listener: &str) -> Option<Endpoint> {
    let broker = image.broker(broker)?;
    let endpoint = broker
        .endpoints
        .iter()
        .find(|endpoint| endpoint.name == listener)?;
    Some(Endpoint {
        id: broker.id,
        host: endpoint.host.clone(),
        port: i32::from(endpoint.port),
        rack: broker.rack.clone(),
    })
}

/// The leader, if it can be reached on this listener; `missing_listener` is the error when it has no such one.
pub fn partition_view(
    image: &Image,
    partition: &PartitionRegistration,
    listener: &str,
    missing_listener: ErrorCode,
) -> PartitionView {
    let is_alive = |id: &i32| image.broker(*id).is_some_and(|broker| !broker.fenced);
    let offline_replicas = partition
        .replicas
        .iter()
        .copied()
        .filter(|id| !is_alive(id))
        .collect();
    let leader = partition.leader;
    let error = if leader == NO_LEADER || image.broker(leader).is_none() {
        ErrorCode::LeaderNotAvailable
    } else if endpoint(image, leader, listener).is_none() {
        missing_listener
    } else {
        ErrorCode::None
    };
    let leader_id = if error == ErrorCode::None {
        leader
    } else {
        NO_LEADER
    };
    PartitionView {
        error,
        leader_id,
        offline_replicas,
    }
}
