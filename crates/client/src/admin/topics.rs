//! Creating, growing, deleting and describing topics.

use super::{Admin, missing};
use crate::Error;
use std::collections::BTreeMap;
use wire::create_partitions::{CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic};
use wire::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use wire::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use wire::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponseTopic, TopicRequest,
};
use wire::{Request, Uuid};

/// A topic to be created.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewTopic {
    pub name: String,
    /// `None`: as the broker's `num.partitions` says.
    pub partitions: Option<i32>,
    /// `None`: as the broker's `default.replication.factor` says.
    pub replication_factor: Option<i16>,
    /// Given, it replaces the two counts.
    pub assignments: Vec<ReplicaAssignment>,
    pub configs: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaAssignment {
    pub partition: i32,
    /// The preferred leader first.
    pub replicas: Vec<i32>,
}

impl NewTopic {
    pub fn new(name: impl Into<String>, partitions: i32) -> NewTopic {
        NewTopic {
            name: name.into(),
            partitions: Some(partitions),
            ..NewTopic::default()
        }
    }

    pub fn config(mut self, key: impl Into<String>, value: impl Into<String>) -> NewTopic {
        self.configs.insert(key.into(), value.into());
        self
    }

    fn into_wire(self) -> CreatableTopic {
        let by_hand = !self.assignments.is_empty();
        let assignment = |assignment: ReplicaAssignment| CreatableReplicaAssignment {
            partition_index: assignment.partition,
            broker_ids: assignment.replicas,
        };
        let config = |(name, value)| CreatableTopicConfig {
            name,
            value: Some(value),
        };
        CreatableTopic {
            name: self.name,
            num_partitions: if by_hand {
                -1
            } else {
                self.partitions.unwrap_or(-1)
            },
            replication_factor: if by_hand {
                -1
            } else {
                self.replication_factor.unwrap_or(-1)
            },
            assignments: self.assignments.into_iter().map(assignment).collect(),
            configs: self.configs.into_iter().map(config).collect(),
        }
    }
}

/// What a topic was created as. Brokers before 2.4 tell none of it.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatedTopic {
    pub id: Uuid,
    pub partitions: Option<i32>,
    pub replication_factor: Option<i16>,
}

/// A topic by its name, or by its id, which survives no re-creation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicName {
    Name(String),
    Id(Uuid),
}

#[derive(Clone, Debug, PartialEq)]
pub struct TopicDescription {
    pub name: String,
    pub id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<PartitionDescription>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionDescription {
    pub partition: i32,
    pub leader: Option<i32>,
    pub leader_epoch: i32,
    pub replicas: Vec<i32>,
    pub in_sync_replicas: Vec<i32>,
    pub eligible_leader_replicas: Vec<i32>,
    pub last_known_eligible_leader_replicas: Vec<i32>,
    pub offline_replicas: Vec<i32>,
}

impl Admin {
    /// Creates topics; with `validate_only` it only says whether it would.
    pub async fn create_topics(
        &self,
        topics: Vec<NewTopic>,
        validate_only: bool,
    ) -> Result<Vec<(String, Result<CreatedTopic, Error>)>, Error> {
        let request = CreateTopicsRequest {
            topics: topics.into_iter().map(NewTopic::into_wire).collect(),
            timeout_ms: self.timeout_ms(),
            validate_only,
        };
        let (answer, before) = self.change_any(&request).await?;
        let results = answer.topics.into_iter().map(|topic| {
            let created = CreatedTopic {
                id: topic.topic_id,
                partitions: Some(topic.num_partitions).filter(|count| *count >= 0),
                replication_factor: Some(topic.replication_factor).filter(|count| *count >= 0),
            };
            let message = topic.error_message.as_deref();
            let checked = Error::check(CreateTopicsRequest::KEY, topic.error_code, message);
            self.cluster.forget_topic(&topic.name);
            (
                topic.name,
                checked.map(|()| created).map_err(|error| error.after(before)),
            )
        });
        Ok(results.collect())
    }

    /// Creates one topic.
    pub async fn create_topic(&self, topic: NewTopic) -> Result<CreatedTopic, Error> {
        let mut results = self.create_topics(vec![topic], false).await?;
        results
            .pop()
            .ok_or_else(|| missing::<CreateTopicsRequest>("the topic"))?
            .1
    }

    pub async fn delete_topics(
        &self,
        topics: Vec<TopicName>,
    ) -> Result<Vec<(TopicName, Result<(), Error>)>, Error> {
        let names = topics.iter().filter_map(|topic| match topic {
            TopicName::Name(name) => Some(name.clone()),
            TopicName::Id(_) => None,
        });
        // Versions before 6 know names only, and have a field of their own for them.
        let topic_names = names.collect();
        let state = |topic: &TopicName| match topic {
            TopicName::Name(name) => DeleteTopicState {
                name: Some(name.clone()),
                ..Default::default()
            },
            TopicName::Id(id) => DeleteTopicState {
                name: None,
                topic_id: *id,
            },
        };
        let mut request = DeleteTopicsRequest {
            topics: topics.iter().map(state).collect(),
            topic_names,
            timeout_ms: self.timeout_ms(),
        };
        let by_name_only = !topics.iter().any(|topic| matches!(topic, TopicName::Id(_)));
        if self
            .cluster
            .any_connection()
            .await?
            .versions()
            .choose::<DeleteTopicsRequest>()?
            < 6
            && by_name_only
        {
            request.topics.clear();
        }
        let (answer, before) = self.change_any(&request).await?;
        let results = answer.responses.into_iter().map(|topic| {
            let message = topic.error_message.as_deref();
            let result = Error::check(DeleteTopicsRequest::KEY, topic.error_code, message);
            if let Some(name) = &topic.name {
                self.cluster.forget_topic(name);
            }
            let asked_by_id = topics.contains(&TopicName::Id(topic.topic_id));
            let name = topic.name.filter(|_| !asked_by_id).map(TopicName::Name);
            let result = result.map_err(|error| error.after(before));
            (name.unwrap_or(TopicName::Id(topic.topic_id)), result)
        });
        Ok(results.collect())
    }

    pub async fn delete_topic(&self, name: impl Into<String>) -> Result<(), Error> {
        let mut results = self.delete_topics(vec![TopicName::Name(name.into())]).await?;
        results
            .pop()
            .ok_or_else(|| missing::<DeleteTopicsRequest>("the topic"))?
            .1
    }

    /// Raises the number of partitions to `count`; `assignments` name the replicas of the new ones, or nothing.
    pub async fn create_partitions(
        &self,
        topic: &str,
        count: i32,
        assignments: Option<Vec<Vec<i32>>>,
        validate_only: bool,
    ) -> Result<(), Error> {
        let assignment = |broker_ids| CreatePartitionsAssignment { broker_ids };
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: topic.into(),
                count,
                assignments: assignments.map(|list| list.into_iter().map(assignment).collect()),
            }],
            timeout_ms: self.timeout_ms(),
            validate_only,
        };
        let (mut answer, before) = self.change_any(&request).await?;
        self.cluster.forget_topic(topic);
        let result = answer
            .results
            .pop()
            .ok_or_else(|| missing::<CreatePartitionsRequest>(topic))?;
        Error::check(
            CreatePartitionsRequest::KEY,
            result.error_code,
            result.error_message.as_deref(),
        )
        .map_err(|error| error.after(before))
    }

    /// Describes topics with all their partitions, in as many requests as the broker's limit makes it take.
    pub async fn describe_topics(
        &self,
        names: &[&str],
    ) -> Result<BTreeMap<String, Result<TopicDescription, Error>>, Error> {
        let topic = |name: &&str| TopicRequest {
            name: name.to_string(),
        };
        let mut request = DescribeTopicPartitionsRequest {
            topics: names.iter().map(topic).collect(),
            ..Default::default()
        };
        let mut topics: BTreeMap<String, Result<TopicDescription, Error>> = BTreeMap::new();
        loop {
            let answer = self.call_any(&request).await?;
            for part in answer.topics {
                let name = part.name.clone().unwrap_or_default();
                let part = describe(part);
                match (topics.get_mut(&name), part) {
                    (Some(Ok(whole)), Ok(part)) => whole.partitions.extend(part.partitions),
                    (_, part) => drop(topics.insert(name, part)),
                }
            }
            let Some(next) = answer.next_cursor else {
                return Ok(topics);
            };
            let cursor = Cursor {
                topic_name: next.topic_name,
                partition_index: next.partition_index,
            };
            if request.cursor.as_ref() == Some(&cursor) {
                return Err(missing::<DescribeTopicPartitionsRequest>(
                    "a cursor that moves on",
                ));
            }
            request.cursor = Some(cursor);
        }
    }
}

fn describe(topic: DescribeTopicPartitionsResponseTopic) -> Result<TopicDescription, Error> {
    Error::check(DescribeTopicPartitionsRequest::KEY, topic.error_code, None)?;
    let partitions = topic
        .partitions
        .into_iter()
        .map(|partition| PartitionDescription {
            partition: partition.partition_index,
            leader: Some(partition.leader_id).filter(|id| *id >= 0),
            leader_epoch: partition.leader_epoch,
            replicas: partition.replica_nodes,
            in_sync_replicas: partition.isr_nodes,
            eligible_leader_replicas: partition.eligible_leader_replicas.unwrap_or_default(),
            last_known_eligible_leader_replicas: partition.last_known_elr.unwrap_or_default(),
            offline_replicas: partition.offline_replicas,
        });
    Ok(TopicDescription {
        name: topic.name.unwrap_or_default(),
        id: topic.topic_id,
        is_internal: topic.is_internal,
        partitions: partitions.collect(),
    })
}
