//! The client's picture of the cluster: brokers, topics, leaders, as of the last answer.

use crate::Error;
use runtime::time::{Duration, Monotonic};
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::metadata::{MetadataResponse, MetadataResponseTopic};
use wire::{ApiKey, ErrorCode, Uuid};

/// An immutable picture; a refresh makes a new one.
#[derive(Clone, Debug, Default)]
pub struct ClusterMetadata {
    pub cluster_id: Option<String>,
    pub controller_id: Option<i32>,
    pub brokers: BTreeMap<i32, BrokerMetadata>,
    topics: BTreeMap<String, KnownTopic>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerMetadata {
    pub id: i32,
    /// `host:port`.
    pub address: String,
    pub rack: Option<String>,
}

#[derive(Clone, Debug)]
struct KnownTopic {
    topic: Result<Arc<TopicMetadata>, ErrorCode>,
    learned: Monotonic,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TopicMetadata {
    pub name: String,
    /// Zero from brokers that know no topic ids.
    pub id: Uuid,
    pub is_internal: bool,
    /// By partition index; an answer with gaps is refused.
    pub partitions: Vec<PartitionMetadata>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionMetadata {
    pub partition: i32,
    /// `None` while there is no leader.
    pub leader: Option<i32>,
    /// -1 from brokers that know no epochs.
    pub leader_epoch: i32,
    pub replicas: Vec<i32>,
    pub in_sync_replicas: Vec<i32>,
    pub offline_replicas: Vec<i32>,
}

/// Where to send what concerns a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    pub node: i32,
    pub epoch: i32,
}

impl ClusterMetadata {
    /// The topic, when it is known and no older than `since`.
    pub(crate) fn topic_since(
        &self,
        name: &str,
        since: Monotonic,
    ) -> Option<Result<Arc<TopicMetadata>, ErrorCode>> {
        let known = self.topics.get(name)?;
        (known.learned >= since).then(|| known.topic.clone())
    }

    pub(crate) fn topic_and_age(&self, name: &str) -> Option<(Arc<TopicMetadata>, Duration)> {
        let known = self.topics.get(name)?;
        Some((known.topic.as_ref().ok()?.clone(), known.learned.elapsed()))
    }

    pub fn topic(&self, name: &str) -> Option<Arc<TopicMetadata>> {
        self.topics.get(name)?.topic.clone().ok()
    }

    pub fn topics(&self) -> impl Iterator<Item = &Arc<TopicMetadata>> {
        self.topics.values().filter_map(|known| known.topic.as_ref().ok())
    }

    pub fn topic_by_id(&self, id: Uuid) -> Option<Arc<TopicMetadata>> {
        self.topics().find(|topic| topic.id == id).cloned()
    }

    /// This picture with an answer laid over it; topics that the answer does not name stay.
    pub(crate) fn with_answer(&self, answer: MetadataResponse, now: Monotonic) -> Result<Self, Error> {
        Error::check(ApiKey::Metadata, answer.error_code, None)?;
        let mut topics = self.topics.clone();
        for topic in answer.topics {
            let Some(name) = topic.name.clone() else {
                continue;
            };
            let learned = now;
            let topic = match ErrorCode::from_code(topic.error_code) {
                ErrorCode::None => Ok(Arc::new(TopicMetadata::from_answer(name.clone(), topic)?)),
                code => Err(code),
            };
            topics.insert(name, KnownTopic { topic, learned });
        }
        let brokers = answer.brokers.into_iter().map(|broker| {
            let address = match broker.host.contains(':') {
                true => format!("[{}]:{}", broker.host, broker.port), // an IPv6 address
                false => format!("{}:{}", broker.host, broker.port),
            };
            (
                broker.node_id,
                BrokerMetadata {
                    id: broker.node_id,
                    address,
                    rack: broker.rack,
                },
            )
        });
        Ok(ClusterMetadata {
            cluster_id: answer.cluster_id,
            controller_id: Some(answer.controller_id).filter(|id| *id >= 0),
            brokers: brokers.collect(),
            topics,
        })
    }

    /// This picture without what is known of a topic, which is then asked for anew.
    pub(crate) fn without(&self, name: &str) -> Self {
        let mut metadata = self.clone();
        metadata.topics.remove(name);
        metadata
    }
}

impl TopicMetadata {
    fn from_answer(name: String, topic: MetadataResponseTopic) -> Result<TopicMetadata, Error> {
        let mut partitions: Vec<_> = topic
            .partitions
            .into_iter()
            .map(|partition| PartitionMetadata {
                partition: partition.partition_index,
                leader: Some(partition.leader_id).filter(|id| *id >= 0),
                leader_epoch: partition.leader_epoch,
                replicas: partition.replica_nodes,
                in_sync_replicas: partition.isr_nodes,
                offline_replicas: partition.offline_replicas,
            })
            .collect();
        partitions.sort_by_key(|partition| partition.partition);
        let indexes_are_dense = partitions
            .iter()
            .zip(0..)
            .all(|(partition, index)| partition.partition == index);
        if !indexes_are_dense {
            return Err(Error::Malformed {
                api: ApiKey::Metadata.name(),
                address: "the broker".into(),
                cause: format!("the partitions of {name} are not numbered from 0 without gaps"),
            });
        }
        Ok(TopicMetadata {
            name,
            id: topic.topic_id,
            is_internal: topic.is_internal,
            partitions,
        })
    }

    /// The partition's leader; the error says what is missing.
    pub fn leader(&self, partition: i32) -> Result<Leader, Error> {
        let index = usize::try_from(partition).ok();
        let Some(known) = index.and_then(|index| self.partitions.get(index)) else {
            let (name, count) = (&self.name, self.partitions.len());
            return Err(Error::Broker {
                api: ApiKey::Metadata.name(),
                code: ErrorCode::UnknownTopicOrPartition,
                message: format!("{name} has {count} partitions, {partition} is none of them"),
            });
        };
        let node = known.leader.ok_or_else(|| Error::Broker {
            api: ApiKey::Metadata.name(),
            code: ErrorCode::LeaderNotAvailable,
            message: format!("{}-{partition} has no leader now", self.name),
        })?;
        Ok(Leader {
            node,
            epoch: known.leader_epoch,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::metadata::{MetadataResponseBroker, MetadataResponsePartition};

    fn answer(partition_indexes: &[i32]) -> MetadataResponse {
        let partition = |index: &i32| MetadataResponsePartition {
            partition_index: *index,
            leader_id: if *index == 1 { -1 } else { 7 },
            ..Default::default()
        };
        MetadataResponse {
            brokers: vec![MetadataResponseBroker {
                node_id: 7,
                host: "::1".into(),
                port: 9092,
                rack: None,
            }],
            topics: vec![MetadataResponseTopic {
                name: Some("t".into()),
                partitions: partition_indexes.iter().map(partition).collect(),
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn leaders_are_found_and_their_absence_is_told() {
        let metadata = ClusterMetadata::default().with_answer(answer(&[1, 0]), Monotonic::now());
        let metadata = metadata.expect("a good answer");
        assert_eq!(metadata.brokers[&7].address, "[::1]:9092");
        let topic = metadata.topic("t").expect("it is known");
        assert_eq!(topic.leader(0).expect("a leader").node, 7);
        assert_eq!(
            topic.leader(1).expect_err("none").code(),
            Some(ErrorCode::LeaderNotAvailable)
        );
        assert_eq!(
            topic.leader(2).expect_err("none").code(),
            Some(ErrorCode::UnknownTopicOrPartition)
        );
        assert!(metadata.without("t").topic("t").is_none());
    }

    #[test]
    fn gaps_in_partitions_are_refused() {
        assert!(
            ClusterMetadata::default()
                .with_answer(answer(&[0, 2]), Monotonic::now())
                .is_err()
        );
    }
}
