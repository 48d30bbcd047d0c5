//! The cluster's state at one offset of the metadata log.

mod fold;
mod partition;
mod replay;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;

use wire::Uuid;

pub use fold::Fold;
pub use partition::PartitionRegistration;
pub use replay::ReplayError;

/// Everything that the records up to `offset` say. Cloning copies a few pointers; changing a clone copies what
/// changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// The offset after the last record that is folded in; 0 for the empty image.
    pub(crate) end_offset: i64,
    /// The quorum's epoch of that record.
    pub(crate) epoch: i32,
    pub(crate) features: Arc<BTreeMap<String, i16>>,
    pub(crate) brokers: Arc<BTreeMap<i32, Broker>>,
    pub(crate) controllers: Arc<BTreeMap<i32, Controller>>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) configs: Arc<BTreeMap<Resource, Arc<BTreeMap<String, String>>>>,
    pub(crate) producer_ids: ProducerIds,
}

/// Who took the last block of producer ids, and where the next one begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProducerIds {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub next: i64,
}

/// A registered broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Broker {
    pub id: i32,
    /// The offset of its registration, so that it rises with each.
    pub epoch: i64,
    /// Of the process that registered.
    pub incarnation_id: Uuid,
    pub endpoints: Vec<Endpoint>,
    pub features: BTreeMap<String, VersionRange>,
    pub rack: Option<String>,
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    /// The ids of its log folders.
    pub log_dirs: Vec<Uuid>,
}

/// A registered controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Controller {
    pub id: i32,
    pub incarnation_id: Uuid,
    pub endpoints: Vec<Endpoint>,
    pub features: BTreeMap<String, VersionRange>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub security_protocol: i16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    pub min: i16,
    pub max: i16,
}

/// Topics by name and by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topics {
    by_id: BTreeMap<Uuid, Arc<Topic>>,
    /// Names are shared, so that a copy of the map copies no text.
    id_by_name: BTreeMap<Arc<str>, Uuid>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    pub name: String,
    pub id: Uuid,
    /// By partition index, which runs from 0 without gaps.
    pub partitions: BTreeMap<i32, PartitionRegistration>,
}

/// What a configuration belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    pub kind: ResourceKind,
    /// A topic's name; a broker's id, or empty for the default of all brokers.
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceKind {
    Topic,
    Broker,
}

impl Image {
    /// The offset after the last record folded in: everything before it is in this image.
    pub fn offset(&self) -> i64 {
        self.end_offset
    }

    /// The quorum's epoch at that offset.
    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    /// Finalized features; absent means level 0.
    pub fn features(&self) -> &BTreeMap<String, i16> {
        &self.features
    }

    pub fn feature(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or(0)
    }

    pub fn brokers(&self) -> &BTreeMap<i32, Broker> {
        &self.brokers
    }

    pub fn broker(&self, id: i32) -> Option<&Broker> {
        self.brokers.get(&id)
    }

    pub fn controllers(&self) -> &BTreeMap<i32, Controller> {
        &self.controllers
    }

    /// Topics in the order of their names.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.topics.iter()
    }

    pub fn topic_count(&self) -> usize {
        self.topics.by_id.len()
    }

    pub fn partition_count(&self) -> usize {
        self.topics
            .by_id
            .values()
            .map(|topic| topic.partitions.len())
            .sum()
    }

    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.by_name(name)
    }

    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<Topic>> {
        self.topics.by_id(id)
    }

    pub fn partition(&self, topic: &str, partition: i32) -> Option<&PartitionRegistration> {
        self.topic(topic)?.partitions.get(&partition)
    }

    /// What was altered of a topic's configuration.
    pub fn topic_configs(&self, name: &str) -> &BTreeMap<String, String> {
        self.configs_of(ResourceKind::Topic, name)
    }

    /// What was altered for one broker.
    pub fn broker_configs(&self, id: i32) -> &BTreeMap<String, String> {
        self.configs_of(ResourceKind::Broker, &id.to_string())
    }

    /// What was altered for all brokers.
    pub fn cluster_configs(&self) -> &BTreeMap<String, String> {
        self.configs_of(ResourceKind::Broker, "")
    }

    pub fn configs_of(&self, kind: ResourceKind, name: &str) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        let resource = Resource {
            kind,
            name: name.to_string(),
        };
        self.configs
            .get(&resource)
            .map_or(&NONE, |configs| configs.as_ref())
    }

    /// The first producer id that was never given to a broker.
    pub fn next_producer_id(&self) -> i64 {
        self.producer_ids.next
    }

    /// Whether a broker may lead: registered, not fenced, not about to stop.
    pub fn is_active(&self, broker: i32) -> bool {
        self.broker(broker)
            .is_some_and(|broker| !broker.fenced && !broker.in_controlled_shutdown)
    }
}

impl Topics {
    pub fn by_name(&self, name: &str) -> Option<&Arc<Topic>> {
        self.id_by_name.get(name).map(|id| &self.by_id[id])
    }

    pub fn by_id(&self, id: Uuid) -> Option<&Arc<Topic>> {
        self.by_id.get(&id)
    }

    /// In the order of names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.id_by_name.values().map(|id| &self.by_id[id])
    }

    pub(crate) fn insert(&mut self, topic: Topic) {
        self.id_by_name.insert(topic.name.as_str().into(), topic.id);
        self.by_id.insert(topic.id, Arc::new(topic));
    }

    pub(crate) fn remove(&mut self, id: Uuid) -> Option<Arc<Topic>> {
        let topic = self.by_id.remove(&id)?;
        self.id_by_name.remove(topic.name.as_str());
        Some(topic)
    }

    pub(crate) fn get_mut(&mut self, id: Uuid) -> Option<&mut Topic> {
        self.by_id.get_mut(&id).map(Arc::make_mut)
    }
}

impl Resource {
    pub fn topic(name: &str) -> Resource {
        Resource {
            kind: ResourceKind::Topic,
            name: name.to_string(),
        }
    }
}

impl ResourceKind {
    /// Kafka's id of the resource type.
    pub fn id(self) -> i8 {
        match self {
            ResourceKind::Topic => 2,
            ResourceKind::Broker => 4,
        }
    }

    pub fn from_id(id: i8) -> Option<ResourceKind> {
        match id {
            2 => Some(ResourceKind::Topic),
            4 => Some(ResourceKind::Broker),
            _ => None,
        }
    }
}
