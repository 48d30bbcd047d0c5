//! The controller's decisions: from an image and a request to records and a reply.
//!
//! Nothing here changes an image. The shell appends the records, waits until they are committed, replays them,
//! and then sends the reply. Messages of refusals say the cause and what to do.

mod brokers;
mod configs;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod election;
mod names;
mod placement;
mod producer_ids;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use wire::create_topics::CreatableTopicConfigs;
use wire::record::MetadataRecord;
use wire::{ErrorCode, Uuid};

use crate::{Image, ResourceKind};

pub use brokers::{
    Registration, begin_controlled_shutdown, fence_broker, register_broker, register_controller,
    unfence_broker,
};
pub use configs::{alter_configs, incremental_alter_configs};
pub use create_partitions::create_partitions;
pub use create_topics::create_topics;
pub use delete_topics::delete_topics;
pub use names::check_topic_name;
pub use producer_ids::{PRODUCER_ID_BLOCK_SIZE, allocate_producer_ids};

/// How many partitions one request may create (as Kafka).
pub const PARTITIONS_PER_REQUEST_MAX: usize = 10_000;

/// Records to append, all or none, and what to answer once they are committed.
#[derive(Clone, Debug)]
pub struct Decision<R> {
    pub records: Vec<MetadataRecord>,
    pub reply: R,
}

/// Why a request, or a part of it, is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: ErrorCode,
    pub message: String,
}

/// What the controller is told besides the image.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub delete_topic_enable: bool,
}

/// What configuration values are allowed: the broker's settings table, seen from here.
pub trait ConfigRules {
    /// Whether values of this name are lists, which can be appended to; `None` for an unknown name.
    fn is_list(&self, kind: ResourceKind, name: &str) -> Option<bool>;

    /// The value that holds when the resource's own is absent.
    fn inherited(&self, kind: ResourceKind, name: &str) -> Option<String>;

    /// Checks the whole configuration of a resource as it would become.
    fn check(&self, kind: ResourceKind, configs: &BTreeMap<String, String>) -> Result<(), String>;

    /// The whole configuration of a topic with these overrides, as CreateTopics answers it.
    fn describe_topic(&self, configs: &BTreeMap<String, String>) -> Vec<CreatableTopicConfigs>;
}

impl<R> Decision<R> {
    /// Nothing changes.
    pub fn only(reply: R) -> Decision<R> {
        Decision {
            records: Vec::new(),
            reply,
        }
    }
}

impl Refusal {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Refusal {
        Refusal {
            code,
            message: message.into(),
        }
    }
}

/// A topic id that no topic of the image has: neither one of Kafka's reserved ids nor one whose text begins
/// with a dash, which command lines would take for an option.
fn new_topic_id(image: &Image, new_id: &mut dyn FnMut() -> Uuid) -> Uuid {
    loop {
        let id = new_id();
        let reserved = id.0[..15].iter().all(|byte| *byte == 0) && id.0[15] <= 100;
        if !reserved && !id.to_string().starts_with('-') && image.topic_by_id(id).is_none() {
            return id;
        }
    }
}

/// The items that stand exactly once, and the keys that stand more often.
fn split_duplicates<T, K: Ord>(items: &[T], key: impl Fn(&T) -> K) -> (Vec<&T>, Vec<K>) {
    let mut counts: BTreeMap<K, usize> = BTreeMap::new();
    for item in items {
        *counts.entry(key(item)).or_default() += 1;
    }
    let once = items.iter().filter(|item| counts[&key(item)] == 1).collect();
    let duplicates = counts
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(key, _)| key)
        .collect();
    (once, duplicates)
}
