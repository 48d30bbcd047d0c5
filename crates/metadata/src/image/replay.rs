//! The one way in which an image changes: a record is replayed onto it.

use std::collections::BTreeMap;
use std::sync::Arc;

use wire::Uuid;
use wire::record::register_broker_record::{BrokerEndpoint, BrokerFeature};
use wire::record::register_controller_record::{ControllerEndpoint, ControllerFeature};
use wire::record::{
    BrokerRegistrationChangeRecord, ConfigRecord, FeatureLevelRecord, MetadataRecord, PartitionChangeRecord,
    PartitionRecord, ProducerIdsRecord, RegisterBrokerRecord, RegisterControllerRecord, TopicRecord,
};

use crate::image::{
    Broker, Controller, Endpoint, Image, PartitionRegistration, ProducerIds, Resource, ResourceKind, Topic,
    VersionRange,
};

/// A record that does not fit the image it is replayed onto. The log is not what this version, or any correct
/// controller, wrote.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("{record} names topic id {id}, which does not exist")]
    UnknownTopic { record: &'static str, id: Uuid },
    #[error("{record} names partition {partition} of {topic}, which does not exist")]
    UnknownPartition {
        record: &'static str,
        topic: String,
        partition: i32,
    },
    #[error("{record} names broker {id} at epoch {epoch}, which is not registered")]
    UnknownBroker {
        record: &'static str,
        id: i32,
        epoch: i64,
    },
    #[error("TopicRecord names {name}, which exists already")]
    TopicExists { name: String },
    #[error("ProducerIdsRecord goes back from {from} to {to}")]
    ProducerIdsGoBack { from: i64, to: i64 },
    #[error("ConfigRecord is for resource type {0}, which this version does not know")]
    UnknownResourceType(i8),
    #[error("{0} ends no transaction")]
    NoTransaction(&'static str),
    #[error("BeginTransactionRecord stands inside another transaction")]
    NestedTransaction,
    #[error("{0} is a record that this version does not know")]
    Unsupported(String),
}

impl Image {
    /// Folds in one record. On an error the image may be half changed: throw it away.
    pub fn replay(&mut self, record: &MetadataRecord) -> Result<(), ReplayError> {
        match record {
            MetadataRecord::FeatureLevel(record) => self.feature_level(record),
            MetadataRecord::RegisterBroker(record) => self.register_broker(record),
            MetadataRecord::UnregisterBroker(record) => {
                return self.unregister_broker(record.broker_id, record.broker_epoch);
            }
            MetadataRecord::BrokerRegistrationChange(record) => return self.change_registration(record),
            MetadataRecord::FenceBroker(record) => {
                return self.set_fenced("FenceBrokerRecord", record.id, record.epoch, true);
            }
            MetadataRecord::UnfenceBroker(record) => {
                return self.set_fenced("UnfenceBrokerRecord", record.id, record.epoch, false);
            }
            MetadataRecord::RegisterController(record) => self.register_controller(record),
            MetadataRecord::Topic(record) => return self.topic_record(record),
            MetadataRecord::Partition(record) => return self.partition_record(record),
            MetadataRecord::PartitionChange(record) => return self.partition_change(record),
            MetadataRecord::RemoveTopic(record) => return self.remove_topic(record.topic_id),
            MetadataRecord::ClearElr(record) => return self.clear_elr(&record.topic_name),
            MetadataRecord::Config(record) => return self.config(record),
            MetadataRecord::ProducerIds(record) => return self.take_producer_ids(record),
            MetadataRecord::NoOp(_) => {}
            other => return Err(ReplayError::Unsupported(other.name().to_string())),
        }
        Ok(())
    }

    /// Says which records are in: all those before `end_offset`, the last of them in `epoch`.
    pub fn set_end(&mut self, end_offset: i64, epoch: i32) {
        self.end_offset = end_offset;
        self.epoch = epoch;
    }

    fn feature_level(&mut self, record: &FeatureLevelRecord) {
        let features = Arc::make_mut(&mut self.features);
        match record.feature_level {
            0 => drop(features.remove(&record.name)),
            level => drop(features.insert(record.name.clone(), level)),
        }
    }

    fn register_broker(&mut self, record: &RegisterBrokerRecord) {
        let broker = Broker::from_record(record);
        Arc::make_mut(&mut self.brokers).insert(record.broker_id, broker);
    }

    fn broker_mut(&mut self, record: &'static str, id: i32, epoch: i64) -> Result<&mut Broker, ReplayError> {
        let broker = Arc::make_mut(&mut self.brokers)
            .get_mut(&id)
            .filter(|broker| broker.epoch == epoch);
        broker.ok_or(ReplayError::UnknownBroker { record, id, epoch })
    }

    fn unregister_broker(&mut self, id: i32, epoch: i64) -> Result<(), ReplayError> {
        self.broker_mut("UnregisterBrokerRecord", id, epoch)?;
        Arc::make_mut(&mut self.brokers).remove(&id);
        Ok(())
    }

    fn change_registration(&mut self, record: &BrokerRegistrationChangeRecord) -> Result<(), ReplayError> {
        let name = "BrokerRegistrationChangeRecord";
        let broker = self.broker_mut(name, record.broker_id, record.broker_epoch)?;
        match record.fenced {
            -1 => broker.fenced = false,
            1 => broker.fenced = true,
            _ => {}
        }
        if record.in_controlled_shutdown == 1 {
            broker.in_controlled_shutdown = true;
        }
        if !record.log_dirs.is_empty() {
            broker.log_dirs.clone_from(&record.log_dirs);
        }
        Ok(())
    }

    fn set_fenced(
        &mut self,
        name: &'static str,
        id: i32,
        epoch: i64,
        fenced: bool,
    ) -> Result<(), ReplayError> {
        self.broker_mut(name, id, epoch)?.fenced = fenced;
        Ok(())
    }

    fn register_controller(&mut self, record: &RegisterControllerRecord) {
        let controller = Controller::from_record(record);
        Arc::make_mut(&mut self.controllers).insert(record.controller_id, controller);
    }

    fn topic_record(&mut self, record: &TopicRecord) -> Result<(), ReplayError> {
        if self.topic(&record.name).is_some() || self.topic_by_id(record.topic_id).is_some() {
            return Err(ReplayError::TopicExists {
                name: record.name.clone(),
            });
        }
        let topic = Topic {
            name: record.name.clone(),
            id: record.topic_id,
            partitions: BTreeMap::new(),
        };
        Arc::make_mut(&mut self.topics).insert(topic);
        Ok(())
    }

    fn topic_mut(&mut self, record: &'static str, id: Uuid) -> Result<&mut Topic, ReplayError> {
        Arc::make_mut(&mut self.topics)
            .get_mut(id)
            .ok_or(ReplayError::UnknownTopic { record, id })
    }

    fn partition_record(&mut self, record: &PartitionRecord) -> Result<(), ReplayError> {
        let topic = self.topic_mut("PartitionRecord", record.topic_id)?;
        topic
            .partitions
            .insert(record.partition_id, PartitionRegistration::from_record(record));
        Ok(())
    }

    fn partition_change(&mut self, record: &PartitionChangeRecord) -> Result<(), ReplayError> {
        let name = "PartitionChangeRecord";
        let topic = self.topic_mut(name, record.topic_id)?;
        match topic.partitions.get_mut(&record.partition_id) {
            Some(partition) => partition.replay(record),
            None => {
                let (topic, partition) = (topic.name.clone(), record.partition_id);
                return Err(ReplayError::UnknownPartition {
                    record: name,
                    topic,
                    partition,
                });
            }
        }
        Ok(())
    }

    /// Takes the topic's configuration with it, as Kafka does.
    fn remove_topic(&mut self, id: Uuid) -> Result<(), ReplayError> {
        let topic = Arc::make_mut(&mut self.topics).remove(id);
        let topic = topic.ok_or(ReplayError::UnknownTopic {
            record: "RemoveTopicRecord",
            id,
        })?;
        let resource = Resource::topic(&topic.name);
        if self.configs.contains_key(&resource) {
            Arc::make_mut(&mut self.configs).remove(&resource);
        }
        Ok(())
    }

    /// Forgets the eligible leader replicas of a topic, or of all for an empty name: they were certified
    /// under another min.insync.replicas.
    fn clear_elr(&mut self, topic: &str) -> Result<(), ReplayError> {
        let holds = |t: &Topic| {
            t.partitions
                .values()
                .any(|p| !p.elr.is_empty() || !p.last_known_elr.is_empty())
        };
        let of = self
            .topics()
            .filter(|t| (topic.is_empty() || t.name == topic) && holds(t));
        let ids: Vec<Uuid> = of.map(|t| t.id).collect();
        for id in ids {
            let topic = self.topic_mut("ClearElrRecord", id)?;
            for (partition_id, partition) in &mut topic.partitions {
                if partition.elr.is_empty() && partition.last_known_elr.is_empty() {
                    continue;
                }
                partition.replay(&PartitionChangeRecord {
                    partition_id: *partition_id,
                    topic_id: id,
                    eligible_leader_replicas: Some(Vec::new()),
                    last_known_elr: Some(Vec::new()),
                    ..Default::default()
                });
            }
        }
        Ok(())
    }

    fn config(&mut self, record: &ConfigRecord) -> Result<(), ReplayError> {
        let kind = ResourceKind::from_id(record.resource_type)
            .ok_or(ReplayError::UnknownResourceType(record.resource_type))?;
        let resource = Resource {
            kind,
            name: record.resource_name.clone(),
        };
        let all = Arc::make_mut(&mut self.configs);
        let configs = Arc::make_mut(all.entry(resource.clone()).or_default());
        match &record.value {
            Some(value) => drop(configs.insert(record.name.clone(), value.clone())),
            None => drop(configs.remove(&record.name)),
        }
        if configs.is_empty() {
            all.remove(&resource);
        }
        Ok(())
    }

    fn take_producer_ids(&mut self, record: &ProducerIdsRecord) -> Result<(), ReplayError> {
        let (from, to) = (self.producer_ids.next, record.next_producer_id);
        if to < from {
            return Err(ReplayError::ProducerIdsGoBack { from, to });
        }
        self.producer_ids = ProducerIds {
            broker_id: record.broker_id,
            broker_epoch: record.broker_epoch,
            next: to,
        };
        Ok(())
    }
}

impl Broker {
    fn from_record(record: &RegisterBrokerRecord) -> Broker {
        let endpoint = |e: &BrokerEndpoint| Endpoint {
            name: e.name.clone(),
            host: e.host.clone(),
            port: e.port,
            security_protocol: e.security_protocol,
        };
        let feature = |f: &BrokerFeature| {
            (
                f.name.clone(),
                VersionRange {
                    min: f.min_supported_version,
                    max: f.max_supported_version,
                },
            )
        };
        Broker {
            id: record.broker_id,
            epoch: record.broker_epoch,
            incarnation_id: record.incarnation_id,
            endpoints: record.end_points.iter().map(endpoint).collect(),
            features: record.features.iter().map(feature).collect(),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            log_dirs: record.log_dirs.clone(),
        }
    }
}

impl Controller {
    fn from_record(record: &RegisterControllerRecord) -> Controller {
        let endpoint = |e: &ControllerEndpoint| Endpoint {
            name: e.name.clone(),
            host: e.host.clone(),
            port: e.port,
            security_protocol: e.security_protocol,
        };
        let feature = |f: &ControllerFeature| {
            (
                f.name.clone(),
                VersionRange {
                    min: f.min_supported_version,
                    max: f.max_supported_version,
                },
            )
        };
        Controller {
            id: record.controller_id,
            incarnation_id: record.incarnation_id,
            endpoints: record.end_points.iter().map(endpoint).collect(),
            features: record.features.iter().map(feature).collect(),
        }
    }
}
