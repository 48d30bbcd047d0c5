//! One Fetch: its request from a session's plan, and its answer by partition.

use std::collections::BTreeMap;
use std::sync::Arc;

use runtime::time::Duration;
use wire::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, ForgottenTopic, PartitionData};
use wire::{ErrorCode, Uuid};

use super::config::ConsumerConfig;
use super::session::{FetchSession, SessionPlan, Wanted};
use crate::{Cluster, Connection, Error, TopicPartition};

/// From here on a request names topics by id.
const TOPIC_IDS_FROM: i16 = 13;

/// A fetch of some partitions from one broker.
pub(super) struct Fetch {
    pub(super) cluster: Cluster,
    pub(super) config: Arc<ConsumerConfig>,
    pub(super) node: i32,
    pub(super) session: FetchSession,
    pub(super) wanted: BTreeMap<TopicPartition, Wanted>,
    /// How long the broker may wait for records to come.
    pub(super) max_wait: Duration,
}

impl Fetch {
    /// Asks once. The session comes back for the next time.
    pub(super) async fn run(
        mut self,
    ) -> (
        FetchSession,
        Result<BTreeMap<TopicPartition, PartitionData>, Error>,
    ) {
        let result = self.exchange().await;
        let answers = match result {
            Err(error) => {
                self.session.on_lost();
                Err(error)
            }
            Ok(response) => match Error::from_code(wire::ApiKey::Fetch, response.error_code, None) {
                Some(error) => {
                    self.session.on_error(ErrorCode::from_code(response.error_code));
                    Err(error)
                }
                None => {
                    self.session.on_answer(response.session_id);
                    Ok(by_partition(&self.wanted, response))
                }
            },
        };
        (self.session, answers)
    }

    async fn exchange(&mut self) -> Result<FetchResponse, Error> {
        let connection = self.cluster.connection(self.node).await?;
        let version = version(&connection, &self.wanted)?;
        let plan = self.session.plan(&self.wanted);
        let request = request(&self.config, plan, self.max_wait);
        connection.call_at(&request, version, self.max_wait).await
    }
}

fn version(connection: &Connection, wanted: &BTreeMap<TopicPartition, Wanted>) -> Result<i16, Error> {
    let has_ids = wanted.values().all(|wanted| wanted.topic_id != Uuid::ZERO);
    let newest = if has_ids { i16::MAX } else { TOPIC_IDS_FROM - 1 };
    connection.versions().choose_up_to::<FetchRequest>(newest)
}

pub(super) fn request(config: &ConsumerConfig, plan: SessionPlan, max_wait: Duration) -> FetchRequest {
    let mut topics: BTreeMap<(Arc<str>, Uuid), FetchTopic> = BTreeMap::new();
    for (TopicPartition { topic, partition }, wanted) in plan.send {
        let row = topics
            .entry((topic.clone(), wanted.topic_id))
            .or_insert_with(|| FetchTopic {
                topic: topic.to_string(),
                topic_id: wanted.topic_id,
                ..FetchTopic::default()
            });
        row.partitions.push(FetchPartition {
            partition,
            current_leader_epoch: wanted.leader_epoch,
            fetch_offset: wanted.offset,
            partition_max_bytes: wanted.bytes_max,
            ..FetchPartition::default()
        });
    }
    let mut forgotten: BTreeMap<(Arc<str>, Uuid), ForgottenTopic> = BTreeMap::new();
    for (TopicPartition { topic, partition }, topic_id) in plan.forget {
        let row = forgotten
            .entry((topic.clone(), topic_id))
            .or_insert_with(|| ForgottenTopic {
                topic: topic.to_string(),
                topic_id,
                ..ForgottenTopic::default()
            });
        row.partitions.push(partition);
    }
    FetchRequest {
        max_wait_ms: i32::try_from(max_wait.as_millis()).unwrap_or(i32::MAX),
        min_bytes: config.fetch_min_bytes,
        max_bytes: config.fetch_max_bytes,
        isolation_level: config.isolation_level.code(),
        session_id: plan.id,
        session_epoch: plan.epoch,
        topics: topics.into_values().collect(),
        forgotten_topics_data: forgotten.into_values().collect(),
        rack_id: config.client_rack.clone(),
        ..FetchRequest::default()
    }
}

fn by_partition(
    wanted: &BTreeMap<TopicPartition, Wanted>,
    response: FetchResponse,
) -> BTreeMap<TopicPartition, PartitionData> {
    let names: BTreeMap<Uuid, &Arc<str>> = wanted
        .iter()
        .map(|(name, wanted)| (wanted.topic_id, &name.topic))
        .collect();
    let mut answers = BTreeMap::new();
    for topic in response.responses {
        // Below version 13 an answer has names, from there on ids.
        let name = match names.get(&topic.topic_id) {
            Some(name) if topic.topic.is_empty() => Arc::clone(name),
            _ => Arc::from(topic.topic.as_str()),
        };
        for data in topic.partitions {
            answers.insert(
                TopicPartition {
                    topic: name.clone(),
                    partition: data.partition_index,
                },
                data,
            );
        }
    }
    answers
}
