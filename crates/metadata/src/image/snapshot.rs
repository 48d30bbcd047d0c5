//! An image as records: what a snapshot of the metadata holds.

use wire::record::register_broker_record::{BrokerEndpoint, BrokerFeature};
use wire::record::register_controller_record::{ControllerEndpoint, ControllerFeature};
use wire::record::{
    ConfigRecord, FeatureLevelRecord, MetadataRecord, ProducerIdsRecord, RegisterBrokerRecord,
    RegisterControllerRecord, TopicRecord,
};

use crate::features::METADATA_VERSION;
use crate::image::{Broker, Controller, Image};

impl Image {
    /// Records that give this image when they are replayed onto the empty one, metadata.version first.
    pub fn to_records(&self) -> Vec<MetadataRecord> {
        let mut records = Vec::new();
        self.write_features(&mut records);
        records.extend(
            self.brokers
                .values()
                .map(|b| MetadataRecord::RegisterBroker(b.to_record())),
        );
        records.extend(
            self.controllers
                .values()
                .map(|c| MetadataRecord::RegisterController(c.to_record())),
        );
        self.write_topics(&mut records);
        self.write_configs(&mut records);
        if self.producer_ids.next > 0 {
            records.push(MetadataRecord::ProducerIds(ProducerIdsRecord {
                broker_id: self.producer_ids.broker_id,
                broker_epoch: self.producer_ids.broker_epoch,
                next_producer_id: self.producer_ids.next,
            }));
        }
        records
    }

    fn write_features(&self, records: &mut Vec<MetadataRecord>) {
        let (first, rest): (Vec<_>, Vec<_>) = self
            .features
            .iter()
            .partition(|(name, _)| *name == METADATA_VERSION);
        for (name, level) in first.into_iter().chain(rest) {
            let record = FeatureLevelRecord {
                name: name.clone(),
                feature_level: *level,
            };
            records.push(MetadataRecord::FeatureLevel(record));
        }
    }

    fn write_topics(&self, records: &mut Vec<MetadataRecord>) {
        for topic in self.topics() {
            let record = TopicRecord {
                name: topic.name.clone(),
                topic_id: topic.id,
            };
            records.push(MetadataRecord::Topic(record));
            for (index, partition) in &topic.partitions {
                records.push(MetadataRecord::Partition(partition.to_record(topic.id, *index)));
            }
        }
    }

    fn write_configs(&self, records: &mut Vec<MetadataRecord>) {
        for (resource, configs) in self.configs.iter() {
            for (name, value) in configs.iter() {
                records.push(MetadataRecord::Config(ConfigRecord {
                    resource_type: resource.kind.id(),
                    resource_name: resource.name.clone(),
                    name: name.clone(),
                    value: Some(value.clone()),
                }));
            }
        }
    }
}

impl Broker {
    pub fn to_record(&self) -> RegisterBrokerRecord {
        let endpoint = |e: &crate::Endpoint| BrokerEndpoint {
            name: e.name.clone(),
            host: e.host.clone(),
            port: e.port,
            security_protocol: e.security_protocol,
        };
        let feature = |(name, range): (&String, &crate::VersionRange)| BrokerFeature {
            name: name.clone(),
            min_supported_version: range.min,
            max_supported_version: range.max,
        };
        RegisterBrokerRecord {
            broker_id: self.id,
            is_migrating_zk_broker: false,
            incarnation_id: self.incarnation_id,
            broker_epoch: self.epoch,
            end_points: self.endpoints.iter().map(endpoint).collect(),
            features: self.features.iter().map(feature).collect(),
            rack: self.rack.clone(),
            fenced: self.fenced,
            in_controlled_shutdown: self.in_controlled_shutdown,
            log_dirs: self.log_dirs.clone(),
        }
    }
}

impl Controller {
    pub fn to_record(&self) -> RegisterControllerRecord {
        let endpoint = |e: &crate::Endpoint| ControllerEndpoint {
            name: e.name.clone(),
            host: e.host.clone(),
            port: e.port,
            security_protocol: e.security_protocol,
        };
        let feature = |(name, range): (&String, &crate::VersionRange)| ControllerFeature {
            name: name.clone(),
            min_supported_version: range.min,
            max_supported_version: range.max,
        };
        RegisterControllerRecord {
            controller_id: self.id,
            incarnation_id: self.incarnation_id,
            zk_migration_ready: false,
            end_points: self.endpoints.iter().map(endpoint).collect(),
            features: self.features.iter().map(feature).collect(),
        }
    }
}
