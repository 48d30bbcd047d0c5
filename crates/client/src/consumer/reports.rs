//! The consumer's tasks, and what it makes of their reports.

use std::collections::BTreeMap;
use std::sync::Arc;

use runtime::time::{Duration, Monotonic, sleep};
use wire::fetch::PartitionData;
use wire::{ApiKey, ErrorCode};

use super::fetched::Fetched;
use super::offsets::{FoundOffsets, list_offsets};
use super::{Consumer, Fetch, FetchSession, IsolationLevel, Position, Wanted};
use crate::{Error, OffsetSpec, TopicPartition};

/// What a task has to tell.
pub(super) enum Report {
    Fetched {
        node: i32,
        session: FetchSession,
        /// The positions asked for, and the partitions' versions then.
        asked: BTreeMap<TopicPartition, (i64, u64)>,
        result: Result<BTreeMap<TopicPartition, PartitionData>, Error>,
    },
    Positions {
        asked: Vec<(TopicPartition, OffsetSpec, u64)>,
        result: Result<FoundOffsets, Error>,
    },
    Topic {
        topic: Arc<str>,
        result: Result<(), Error>,
    },
}

impl Consumer {
    pub(super) fn start_fetch(
        &mut self,
        node: i32,
        wanted: BTreeMap<TopicPartition, Wanted>,
        max_wait: Duration,
    ) {
        if !self.fetching.insert(node) {
            return;
        }
        let version =
            |name: &TopicPartition| self.partitions.get(name).map_or(0, |partition| partition.version);
        let asked = wanted
            .iter()
            .map(|(name, wanted)| (name.clone(), (wanted.offset, version(name))))
            .collect();
        let fetch = Fetch {
            cluster: self.cluster.clone(),
            config: self.config.clone(),
            node,
            session: self.sessions.remove(&node).unwrap_or_default(),
            wanted,
            max_wait,
        };
        let reporter = self.reporter.clone();
        runtime::task::spawn(async move {
            let (session, result) = fetch.run().await;
            // A consumer that is gone needs no report.
            let _ = reporter
                .send(Report::Fetched {
                    node,
                    session,
                    asked,
                    result,
                })
                .await;
        });
    }

    pub(super) fn ask_positions(&mut self, asked: Vec<(TopicPartition, OffsetSpec, u64)>) {
        let (cluster, reporter) = (self.cluster.clone(), self.reporter.clone());
        let (level, limit) = (self.config.isolation_level, self.config.client.request_timeout);
        runtime::task::spawn(async move {
            let wanted = asked
                .iter()
                .map(|(name, spec, _)| (name.clone(), *spec))
                .collect();
            let result = list_offsets(&cluster, level, wanted, limit).await;
            let _ = reporter.send(Report::Positions { asked, result }).await;
        });
    }

    /// Asks about a topic beside everything else. What is known of it `is_useless` when it lacks a partition or a
    /// leader that is needed; one that is merely old is good until the next comes.
    pub(super) fn ask_topic(&mut self, topic: Arc<str>, is_useless: bool) {
        if !self.asking_topics.insert(topic.clone()) {
            return;
        }
        let (cluster, reporter) = (self.cluster.clone(), self.reporter.clone());
        let (limit, pause) = (
            self.config.client.request_timeout,
            self.config.client.retry_backoff,
        );
        runtime::task::spawn(async move {
            let is_again = is_useless && cluster.metadata().topic(&topic).is_some();
            if is_again {
                cluster.forget_topic(&topic);
            }
            let result = cluster.topic(&topic, limit).await.map(drop);
            if is_again || result.is_err() {
                // The next answer may be of no more use than the last.
                sleep(pause).await;
            }
            let _ = reporter.send(Report::Topic { topic, result }).await;
        });
    }

    pub(super) fn on_report(&mut self, report: Report) {
        match report {
            Report::Fetched {
                node,
                session,
                asked,
                result,
            } => {
                self.fetching.remove(&node);
                self.sessions.insert(node, session);
                if has_no_records(&result) {
                    self.dry.insert(node);
                }
                match result {
                    Ok(answers) => self.on_answers(&asked, answers),
                    Err(error) => self.on_fetch_error(&asked, &error),
                }
            }
            Report::Positions { asked, result } => self.on_positions(asked, result),
            Report::Topic { topic, result } => {
                self.asking_topics.remove(&topic);
                if let Err(error) = result
                    && !error.is_retriable()
                    && !matches!(error, Error::Expired { .. })
                {
                    self.fail_topic(&topic, &error);
                }
            }
        }
    }

    fn fail_topic(&mut self, topic: &str, error: &Error) {
        for (_, partition) in self
            .partitions
            .iter_mut()
            .filter(|(name, _)| *name.topic == *topic)
        {
            partition.error = Some(error.clone());
        }
    }

    fn on_positions(
        &mut self,
        asked: Vec<(TopicPartition, OffsetSpec, u64)>,
        result: Result<FoundOffsets, Error>,
    ) {
        let retry_at = Monotonic::now() + self.config.client.retry_backoff;
        let found = result.as_ref().ok();
        for (name, _, version) in asked {
            let Some(partition) = self
                .partitions
                .get_mut(&name)
                .filter(|partition| partition.version == version)
            else {
                continue;
            };
            partition.is_asking = false;
            match found.and_then(|found| *found.get(&name)?) {
                Some(at) => partition.position = Position::At(at.offset),
                None => partition.retry_at = Some(retry_at),
            }
            if let Err(error) = &result
                && !error.is_retriable()
                && !matches!(error, Error::Expired { .. })
            {
                partition.error = Some(error.clone());
            }
        }
    }

    /// The whole request failed: its partitions wait a little, and where their leader is may have changed.
    fn on_fetch_error(&mut self, asked: &BTreeMap<TopicPartition, (i64, u64)>, error: &Error) {
        tracing::debug!("a fetch failed: {error}");
        // The session's own trouble is over with the next, full request.
        let is_about_session = matches!(
            error.code(),
            Some(ErrorCode::FetchSessionIdNotFound | ErrorCode::InvalidFetchSessionEpoch)
        );
        let retry_at = Monotonic::now() + self.config.client.retry_backoff;
        for name in asked.keys() {
            let Some(partition) = self.partitions.get_mut(name) else {
                continue;
            };
            if is_about_session {
                continue;
            }
            self.cluster.forget_topic(&name.topic);
            partition.retry_at = Some(retry_at);
            if !error.is_retriable() && !matches!(error, Error::Malformed { .. }) {
                partition.error = Some(error.clone());
            }
        }
    }

    fn on_answers(
        &mut self,
        asked: &BTreeMap<TopicPartition, (i64, u64)>,
        answers: BTreeMap<TopicPartition, PartitionData>,
    ) {
        for (name, data) in answers {
            let Some((offset, version)) = asked.get(&name) else {
                continue;
            };
            let is_current = self.partitions.get(&name).is_some_and(|partition| {
                partition.version == *version
                    && partition.position == Position::At(*offset)
                    && partition.buffer.is_none()
            });
            if is_current {
                self.on_data(&name, *offset, data);
            }
        }
    }

    fn on_data(&mut self, name: &TopicPartition, offset: i64, mut data: PartitionData) {
        let retry_at = Monotonic::now() + self.config.client.retry_backoff;
        let Some(partition) = self.partitions.get_mut(name) else {
            return;
        };
        let code = ErrorCode::from_code(data.error_code);
        match code {
            ErrorCode::None => {
                partition.retry_at = None;
                partition.note_offsets(&data);
                if let Some(bytes) = data.records.take().filter(|bytes| !bytes.is_empty()) {
                    let is_committed = self.config.isolation_level == IsolationLevel::ReadCommitted;
                    let aborted = data.aborted_transactions.take().filter(|_| is_committed);
                    let aborted =
                        aborted.map(|all| all.iter().map(|t| (t.producer_id, t.first_offset)).collect());
                    let check_crcs = self.config.check_crcs;
                    partition.buffer = Some(Fetched::new(name.clone(), offset, bytes, aborted, check_crcs));
                }
            }
            ErrorCode::OffsetOutOfRange => match self.config.auto_offset_reset.spec() {
                Some(spec) => {
                    tracing::info!("offset {offset} of {name} is out of range; going on at the {spec:?}");
                    partition.seek(Position::Ask(spec));
                }
                None => partition.error = Some(out_of_range(name, offset)),
            },
            code if code.is_retriable() || code == ErrorCode::UnknownServerError => {
                tracing::debug!("fetching {name}: {code:?}");
                partition.retry_at = Some(retry_at);
                self.cluster.forget_topic(&name.topic);
                if code == ErrorCode::CorruptMessage {
                    let (topic, partition_index) = (name.topic.to_string(), name.partition);
                    let cause = "the broker says so".into();
                    partition.error = Some(Error::Corrupt {
                        topic,
                        partition: partition_index,
                        offset,
                        cause,
                    });
                }
            }
            code => {
                let message = format!("{name} at offset {offset}: {}", code.message());
                partition.error = Error::from_code(ApiKey::Fetch, code.code(), Some(&message));
            }
        }
    }
}

fn has_no_records(result: &Result<BTreeMap<TopicPartition, PartitionData>, Error>) -> bool {
    let answers = result.iter().flat_map(BTreeMap::values);
    answers
        .filter_map(|data| data.records.as_ref())
        .all(|records| records.is_empty())
}

fn out_of_range(name: &TopicPartition, offset: i64) -> Error {
    Error::Broker {
        api: ApiKey::Fetch.name(),
        code: ErrorCode::OffsetOutOfRange,
        message: format!("{name} has no offset {offset}; seek elsewhere, or set auto.offset.reset"),
    }
}
