//! CreateTopics (19): names, placement, configuration; each topic is created or refused by itself.

use std::collections::BTreeMap;

use wire::create_topics::{CreatableTopic, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse};
use wire::record::{ConfigRecord, MetadataRecord, TopicRecord};
use wire::{ErrorCode, Uuid};

use crate::controller::{
    ConfigRules, Decision, Defaults, PARTITIONS_PER_REQUEST_MAX, Refusal, names, new_topic_id, placement,
    split_duplicates,
};
use crate::{Image, PartitionRegistration, ResourceKind};

/// Decides which of the topics to create. Ids come from `new_id`.
pub fn create_topics(
    image: &Image,
    request: &CreateTopicsRequest,
    defaults: &Defaults,
    rules: &dyn ConfigRules,
    new_id: &mut dyn FnMut() -> Uuid,
) -> Decision<CreateTopicsResponse> {
    let (topics, duplicates) = split_duplicates(&request.topics, |topic| topic.name.clone());
    let too_many = total_partitions(&topics, defaults) > PARTITIONS_PER_REQUEST_MAX;
    let mut records = Vec::new();
    let mut reply = CreateTopicsResponse::default();
    for topic in topics {
        let created = match too_many {
            true => Err(too_many_refusal()),
            false => create(image, topic, defaults, rules),
        };
        reply.topics.push(match created {
            Ok(new) => {
                let id = new_topic_id(image, new_id);
                new.write(topic, id, &mut records);
                new.result(topic, id, rules)
            }
            Err(refusal) => refused(&topic.name, refusal),
        });
    }
    let twice = || {
        Refusal::new(
            ErrorCode::InvalidRequest,
            "the request names this topic more than once",
        )
    };
    reply
        .topics
        .extend(duplicates.iter().map(|name| refused(name, twice())));
    if request.validate_only {
        records.clear();
    }
    Decision { records, reply }
}

fn total_partitions(topics: &[&CreatableTopic], defaults: &Defaults) -> usize {
    let of = |topic: &&CreatableTopic| match (topic.assignments.len(), topic.num_partitions) {
        (0, -1) => defaults.num_partitions.max(0) as usize,
        (0, count) => count.max(0) as usize,
        (assigned, _) => assigned,
    };
    topics.iter().map(of).fold(0, usize::saturating_add)
}

fn too_many_refusal() -> Refusal {
    let message =
        format!("one request may create {PARTITIONS_PER_REQUEST_MAX} partitions at most: use several");
    Refusal::new(ErrorCode::PolicyViolation, message)
}

fn refused(name: &str, refusal: Refusal) -> CreatableTopicResult {
    CreatableTopicResult {
        name: name.to_string(),
        error_code: refusal.code.code(),
        error_message: Some(refusal.message),
        ..Default::default()
    }
}

/// A topic that may be created.
struct NewTopic {
    partitions: Vec<PartitionRegistration>,
    configs: BTreeMap<String, String>,
}

fn create(
    image: &Image,
    topic: &CreatableTopic,
    defaults: &Defaults,
    rules: &dyn ConfigRules,
) -> Result<NewTopic, Refusal> {
    names::check_new(image, &topic.name)?;
    let configs = configs(topic, rules)?;
    let partitions = match topic.assignments.is_empty() {
        true => placed(image, topic, defaults)?,
        false => assigned(image, topic)?,
    };
    Ok(NewTopic { partitions, configs })
}

fn configs(topic: &CreatableTopic, rules: &dyn ConfigRules) -> Result<BTreeMap<String, String>, Refusal> {
    let invalid = |message| Refusal::new(ErrorCode::InvalidConfig, message);
    let mut configs = BTreeMap::new();
    for config in &topic.configs {
        let value = config.value.clone();
        let value = value
            .ok_or_else(|| invalid(format!("{} has no value: give one or leave it out", config.name)))?;
        configs.insert(config.name.clone(), value);
    }
    rules.check(ResourceKind::Topic, &configs).map_err(invalid)?;
    Ok(configs)
}

fn placed(
    image: &Image,
    topic: &CreatableTopic,
    defaults: &Defaults,
) -> Result<Vec<PartitionRegistration>, Refusal> {
    let replication_factor = match topic.replication_factor {
        -1 => defaults.replication_factor,
        factor if factor < 1 => {
            let message = "a replication factor is at least 1, or -1 for the broker's default";
            return Err(Refusal::new(ErrorCode::InvalidReplicationFactor, message));
        }
        factor => factor,
    };
    let count = match topic.num_partitions {
        -1 => defaults.num_partitions,
        count if count < 1 => {
            let message = "a topic has at least 1 partition, or -1 for the broker's default";
            return Err(Refusal::new(ErrorCode::InvalidPartitions, message));
        }
        count => count,
    };
    placement::place(image, 0, count, replication_factor)
}

fn assigned(image: &Image, topic: &CreatableTopic) -> Result<Vec<PartitionRegistration>, Refusal> {
    if topic.replication_factor != -1 || topic.num_partitions != -1 {
        let message =
            "with replicas assigned by hand, the partition count and the replication factor must be -1";
        return Err(Refusal::new(ErrorCode::InvalidRequest, message));
    }
    let refuse = |message: String| Refusal::new(ErrorCode::InvalidReplicaAssignment, message);
    let mut partitions = BTreeMap::new();
    let factor = topic.assignments[0].broker_ids.len();
    for assignment in &topic.assignments {
        let index = assignment.partition_index;
        let partition = placement::assigned(image, index, &assignment.broker_ids, Some(factor))?;
        if partitions.insert(index, partition).is_some() {
            return Err(refuse(format!("partition {index} is assigned twice")));
        }
    }
    if !partitions.keys().copied().eq(0..partitions.len() as i32) {
        return Err(refuse(
            "assigned partitions must run from 0 on without gaps".into(),
        ));
    }
    Ok(partitions.into_values().collect())
}

impl NewTopic {
    /// The configuration stands before the partitions, so that whoever sees a partition knows it.
    fn write(&self, topic: &CreatableTopic, id: Uuid, records: &mut Vec<MetadataRecord>) {
        records.push(MetadataRecord::Topic(TopicRecord {
            name: topic.name.clone(),
            topic_id: id,
        }));
        records.extend(self.configs.iter().map(|(name, value)| {
            MetadataRecord::Config(ConfigRecord {
                resource_type: ResourceKind::Topic.id(),
                resource_name: topic.name.clone(),
                name: name.clone(),
                value: Some(value.clone()),
            })
        }));
        let partitions = self.partitions.iter().zip(0..);
        records.extend(partitions.map(|(p, index)| MetadataRecord::Partition(p.to_record(id, index))));
    }

    fn result(&self, topic: &CreatableTopic, id: Uuid, rules: &dyn ConfigRules) -> CreatableTopicResult {
        CreatableTopicResult {
            name: topic.name.clone(),
            topic_id: id,
            num_partitions: self.partitions.len() as i32,
            replication_factor: self.partitions.first().map_or(-1, |p| p.replicas.len() as i16),
            configs: Some(rules.describe_topic(&self.configs)),
            ..Default::default()
        }
    }
}
