//! Offsets of many partitions at once: ListOffsets to each leader, again while errors may pass.

use std::collections::BTreeMap;

use runtime::time::{Duration, Monotonic, sleep, timeout};
use wire::Request;
use wire::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};

use super::config::IsolationLevel;
use crate::config::Backoff;
use crate::{Cluster, Error, OffsetAt, OffsetSpec, Outcome, TopicPartition};

/// For each partition the offset asked for; `None` when it has no record as asked.
pub(super) type FoundOffsets = BTreeMap<TopicPartition, Option<OffsetAt>>;

/// Asks until all are answered, an error does not pass, or `limit` is over.
pub(super) async fn list_offsets(
    cluster: &Cluster,
    isolation_level: IsolationLevel,
    wanted: BTreeMap<TopicPartition, OffsetSpec>,
    limit: Duration,
) -> Result<FoundOffsets, Error> {
    let deadline = Monotonic::now() + limit;
    let mut backoff = Backoff::new(cluster.config().retry_backoff, cluster.config().retry_backoff_max);
    let mut search = Search {
        cluster,
        isolation_level,
        wanted,
        found: BTreeMap::new(),
        last_error: None,
    };
    loop {
        let rest = deadline.saturating_since(Monotonic::now());
        let round = timeout(rest, search.round()).await;
        match round {
            Ok(Err(error)) => return Err(error),
            Ok(Ok(())) if search.wanted.is_empty() => return Ok(search.found),
            Ok(Ok(())) => {}
            Err(_) => return Err(search.expired(limit)),
        }
        let wait = backoff.take();
        if Monotonic::now() + wait >= deadline {
            return Err(search.expired(limit));
        }
        sleep(wait).await;
    }
}

struct Search<'a> {
    cluster: &'a Cluster,
    isolation_level: IsolationLevel,
    wanted: BTreeMap<TopicPartition, OffsetSpec>,
    found: FoundOffsets,
    last_error: Option<Error>,
}

impl Search<'_> {
    /// One request to each leader. What is answered moves from `wanted` to `found`.
    async fn round(&mut self) -> Result<(), Error> {
        let mut by_node: BTreeMap<i32, Vec<(TopicPartition, OffsetSpec, i32)>> = BTreeMap::new();
        let limit = self.cluster.config().request_timeout;
        for (name, spec) in &self.wanted {
            let leader = self.cluster.leader(&name.topic, name.partition, limit).await?;
            by_node
                .entry(leader.node)
                .or_default()
                .push((name.clone(), *spec, leader.epoch));
        }
        for (node, rows) in by_node {
            let request = request(self.isolation_level, &rows, limit);
            match self.cluster.call(node, &request).await {
                Ok(response) => {
                    for topic in response.topics {
                        for row in topic.partitions {
                            let name = TopicPartition::new(topic.name.as_str(), row.partition_index);
                            let offset = OffsetAt {
                                offset: row.offset,
                                timestamp: row.timestamp,
                                leader_epoch: row.leader_epoch,
                            };
                            self.on_row(name, row.error_code, offset)?;
                        }
                    }
                }
                Err(error) if error.is_retriable() => {
                    rows.iter()
                        .for_each(|(name, ..)| self.cluster.forget_topic(&name.topic));
                    self.last_error = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn on_row(&mut self, name: TopicPartition, error_code: i16, offset: OffsetAt) -> Result<(), Error> {
        let message = format!("{name} has no offset to give");
        match Error::from_code(ListOffsetsRequest::KEY, error_code, None) {
            None => {
                if self.wanted.remove(&name).is_some() {
                    self.found.insert(name, (offset.offset >= 0).then_some(offset));
                }
                Ok(())
            }
            Some(error) if error.is_retriable() => {
                self.cluster.forget_topic(&name.topic);
                self.last_error = Some(error);
                Ok(())
            }
            Some(_) => Err(Error::check(ListOffsetsRequest::KEY, error_code, Some(&message))
                .expect_err("the code is an error's")),
        }
    }

    fn expired(&self, after: Duration) -> Error {
        let names: Vec<String> = self
            .wanted
            .keys()
            .take(3)
            .map(TopicPartition::to_string)
            .collect();
        let last = self
            .last_error
            .as_ref()
            .map_or("no answer yet".into(), Error::to_string);
        let what = format!("listing offsets of {}", names.join(", "));
        Error::Expired {
            what,
            after,
            last,
            outcome: Outcome::Failed,
        }
    }
}

fn request(
    isolation_level: IsolationLevel,
    rows: &[(TopicPartition, OffsetSpec, i32)],
    limit: Duration,
) -> ListOffsetsRequest {
    let mut topics: BTreeMap<&str, ListOffsetsTopic> = BTreeMap::new();
    for (name, spec, leader_epoch) in rows {
        let topic = topics.entry(&name.topic).or_default();
        topic.name = name.topic.to_string();
        topic.partitions.push(ListOffsetsPartition {
            partition_index: name.partition,
            current_leader_epoch: *leader_epoch,
            timestamp: spec.timestamp(),
        });
    }
    ListOffsetsRequest {
        replica_id: -1,
        isolation_level: isolation_level.code(),
        topics: topics.into_values().collect(),
        timeout_ms: i32::try_from(limit.as_millis()).unwrap_or(i32::MAX),
    }
}
