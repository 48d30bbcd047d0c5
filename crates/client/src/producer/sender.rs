//! The tasks behind a producer: one that watches what is due and whom it concerns, one a broker that sends, and one
//! a request that waits for the answer.
//!
//! ```text
//!   send() ─► accumulator ◄─ watcher: leaders, producer id, time-outs
//!                 │  ▲           │ wakes
//!                 ▼  │           ▼
//!               a task a broker: takes due batches, submits in order ─► a task a request: completes its batches
//! ```
//! All end when the producer is closed or dropped: they wait on `Shared::stop` beside everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use runtime::sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore};
use runtime::time::{Duration, Monotonic, sleep, sleep_until, timeout};
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use wire::produce::ProduceRequest;
use wire::{ApiKey, ErrorCode, Uuid};

use super::accumulator::{Accumulator, Appended, Attempt};
use super::batch::{Batch, ProducerIdentity};
use super::config::{Acks, ProducerConfig};
use super::produce::{self, Outgoing, TOPIC_IDS_FROM};
use crate::{Cluster, Connection, Error, Pending, TopicPartition};

/// What the producer's handle and its tasks share.
pub(super) struct Shared {
    pub(super) config: ProducerConfig,
    pub(super) cluster: Cluster,
    pub(super) accumulator: Mutex<Accumulator>,
    /// Wakes the watcher.
    pub(super) wake: Notify,
    /// Told whenever batches were reported.
    pub(super) progress: Notify,
    /// Never has a permit; closed when the producer ends, which wakes everyone who waits for one.
    pub(super) stop: Semaphore,
    /// What the watcher has others do now.
    errands: Mutex<Errands>,
}

#[derive(Default)]
struct Errands {
    asking_topics: BTreeSet<Arc<str>>,
    is_asking_identity: bool,
}

impl Shared {
    pub(super) fn new(config: ProducerConfig, cluster: Cluster) -> Shared {
        let accumulator = Mutex::new(Accumulator::new(&config));
        Shared {
            config,
            cluster,
            accumulator,
            wake: Notify::new(),
            progress: Notify::new(),
            stop: Semaphore::new(0),
            errands: Mutex::default(),
        }
    }

    async fn stopped(&self) {
        let _ = self.stop.acquire().await;
    }

    /// The leader of a partition, and its topic's id, as far as known.
    fn leader(&self, partition: &TopicPartition) -> Option<(i32, Uuid)> {
        let topic = self.cluster.metadata().topic(&partition.topic)?;
        Some((topic.leader(partition.partition).ok()?.node, topic.id))
    }

    /// Due partitions that this broker leads, beginning after the one that was served last.
    fn due_at(&self, node: i32, after: Option<&TopicPartition>) -> Vec<TopicPartition> {
        let due = self.accumulator.lock().due_partitions(Monotonic::now());
        let mut due: Vec<_> = due
            .into_iter()
            .filter(|name| self.leader(name).is_some_and(|(leader, _)| leader == node))
            .collect();
        let start = after.map_or(0, |after| due.partition_point(|name| name <= after));
        due.rotate_left(start);
        due
    }

    fn complete(&self, batches: impl IntoIterator<Item = (Batch, Attempt)>) {
        let now = Monotonic::now();
        for (batch, attempt) in batches {
            if let Err(error) = &attempt
                && makes_leaders_doubtful(error)
            {
                self.cluster.forget_topic(&batch.partition.topic);
            }
            self.accumulator.lock().complete(batch, attempt, now);
        }
        self.progress.notify_waiters();
        self.wake.notify_one();
    }
}

/// Whether an error may mean that the leader is another one by now.
fn makes_leaders_doubtful(error: &Error) -> bool {
    match error {
        Error::Connect { .. } | Error::Disconnected { .. } | Error::TimedOut { .. } => true,
        Error::Broker { code, .. } => matches!(
            code,
            ErrorCode::NotLeaderOrFollower
                | ErrorCode::LeaderNotAvailable
                | ErrorCode::FencedLeaderEpoch
                | ErrorCode::UnknownLeaderEpoch
                | ErrorCode::UnknownTopicOrPartition
                | ErrorCode::UnknownTopicId
                | ErrorCode::InconsistentTopicId
                | ErrorCode::ReplicaNotAvailable
                | ErrorCode::KafkaStorageError
        ),
        _ => false,
    }
}

/// Watches what is due, until the producer stops.
pub(super) async fn watch(shared: Arc<Shared>) {
    let mut nodes: BTreeMap<i32, Arc<Notify>> = BTreeMap::new();
    loop {
        let now = Monotonic::now();
        let next = look(&shared, now, &mut nodes);
        let timer = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        runtime::select! {
            biased;
            () = shared.stopped() => return,
            () = shared.wake.notified() => {}
            () = timer => {}
        }
    }
}

/// Wakes the brokers' tasks for what is due, sends for what is missing, and tells when to look again.
fn look(shared: &Arc<Shared>, now: Monotonic, nodes: &mut BTreeMap<i32, Arc<Notify>>) -> Option<Monotonic> {
    let (topics, due, next, wants_identity) = {
        let mut accumulator = shared.accumulator.lock();
        accumulator.expire(now);
        let due = accumulator.due_partitions(now);
        (
            accumulator.waiting_topics(),
            due,
            accumulator.next_due(now),
            accumulator.wants_identity(),
        )
    };
    shared.progress.notify_waiters();
    let metadata = shared.cluster.metadata();
    let mut missing: BTreeSet<Arc<str>> = topics
        .into_iter()
        .filter(|topic| metadata.topic(topic).is_none())
        .collect();
    for partition in due {
        match shared.leader(&partition) {
            Some((node, _)) => nodes
                .entry(node)
                .or_insert_with(|| start_node(shared, node))
                .notify_one(),
            None => drop(missing.insert(partition.topic)),
        }
    }
    for topic in missing {
        ask_topic(shared, topic);
    }
    if wants_identity {
        ask_identity(shared);
    }
    next
}

/// Learns a topic's leaders, beside everything else.
fn ask_topic(shared: &Arc<Shared>, topic: Arc<str>) {
    if !shared.errands.lock().asking_topics.insert(topic.clone()) {
        return;
    }
    let shared = shared.clone();
    runtime::task::spawn(async move {
        let ask = async {
            // Known, but with a partition that has no leader: that answer is of no use.
            shared.cluster.forget_topic(&topic);
            let answer = shared
                .cluster
                .topic(&topic, shared.config.client.request_timeout)
                .await;
            match answer {
                Err(error) if is_final_for_topic(&error) => {
                    shared.accumulator.lock().fail_queued(Some(&topic), &error);
                    shared.progress.notify_waiters();
                }
                _ => {}
            }
            sleep(shared.config.client.retry_backoff).await;
        };
        runtime::select! {
            biased;
            () = shared.stopped() => {}
            () = ask => {}
        }
        shared.errands.lock().asking_topics.remove(&topic);
        shared.wake.notify_one();
    });
}

fn is_final_for_topic(error: &Error) -> bool {
    matches!(
        error.code(),
        Some(
            ErrorCode::TopicAuthorizationFailed
                | ErrorCode::InvalidTopicException
                | ErrorCode::ClusterAuthorizationFailed
        )
    )
}

/// Gets a producer id from whichever broker, beside everything else.
fn ask_identity(shared: &Arc<Shared>) {
    if std::mem::replace(&mut shared.errands.lock().is_asking_identity, true) {
        return;
    }
    let shared = shared.clone();
    runtime::task::spawn(async move {
        let request = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: i32::MAX,
            ..InitProducerIdRequest::default()
        };
        let limit = shared.config.client.request_timeout;
        let ask = shared.cluster.retry("getting a producer id", limit, || async {
            identity(shared.cluster.call_any(&request).await?)
        });
        runtime::select! {
            biased;
            () = shared.stopped() => {}
            answer = ask => match answer {
                Ok(identity) => shared.accumulator.lock().set_identity(identity),
                Err(error) => {
                    tracing::warn!("no producer id: {error}");
                    if !matches!(error, Error::Expired { .. }) {
                        shared.accumulator.lock().fail_queued(None, &error);
                        shared.progress.notify_waiters();
                    }
                }
            }
        }
        shared.errands.lock().is_asking_identity = false;
        shared.wake.notify_one();
    });
}

fn identity(response: InitProducerIdResponse) -> Result<ProducerIdentity, Error> {
    Error::check(ApiKey::InitProducerId, response.error_code, None)?;
    Ok(ProducerIdentity {
        id: response.producer_id,
        epoch: response.producer_epoch,
    })
}

fn start_node(shared: &Arc<Shared>, node: i32) -> Arc<Notify> {
    let wake = Arc::new(Notify::new());
    let task = Node {
        shared: shared.clone(),
        node,
        wake: wake.clone(),
        in_flight: Arc::new(Semaphore::new(shared.config.max_in_flight)),
        last_served: None,
    };
    runtime::task::spawn(task.run());
    wake
}

/// Sends to one broker.
struct Node {
    shared: Arc<Shared>,
    node: i32,
    wake: Arc<Notify>,
    in_flight: Arc<Semaphore>,
    last_served: Option<TopicPartition>,
}

impl Node {
    async fn run(mut self) {
        let shared = self.shared.clone();
        runtime::select! {
            biased;
            () = shared.stopped() => {}
            () = self.serve() => {}
        }
    }

    async fn serve(&mut self) {
        loop {
            if self.shared.due_at(self.node, None).is_empty() {
                self.wake.notified().await;
                continue;
            }
            match self.shared.cluster.connection(self.node).await {
                Ok(connection) => self.send_due(connection).await,
                Err(error) => {
                    tracing::debug!("broker {} cannot be reached: {error}", self.node);
                    for partition in self.shared.due_at(self.node, None) {
                        self.shared.cluster.forget_topic(&partition.topic);
                    }
                    self.shared.wake.notify_one();
                    sleep(self.shared.config.client.retry_backoff).await;
                }
            }
        }
    }

    /// One request with what is due, once one more may be in flight.
    async fn send_due(&mut self, connection: Connection) {
        let permit = self.in_flight.clone().acquire_owned().await;
        let permit = permit.expect("this semaphore is never closed");
        if connection.is_broken() {
            return;
        }
        let due = self.shared.due_at(self.node, self.last_served.as_ref());
        let bytes_max = self.shared.config.max_request_size;
        let batches = self
            .shared
            .accumulator
            .lock()
            .take_due(&due, bytes_max, Monotonic::now());
        let Some(last) = batches.last() else {
            return;
        };
        self.last_served = Some(last.partition.clone());
        let shared = self.shared.clone();
        Flight {
            shared,
            batches,
            permit,
        }
        .send(connection)
        .await;
    }
}

/// Batches that share a request.
struct Flight {
    shared: Arc<Shared>,
    batches: Vec<Batch>,
    permit: OwnedSemaphorePermit,
}

impl Flight {
    async fn send(mut self, connection: Connection) {
        let request = self.seal();
        let version = match self.version(&connection, &request) {
            Ok(version) => version,
            Err(error) => return self.end(Err(error), &request),
        };
        if self.shared.config.acks == Acks::None {
            let written = connection.send(&request, version).await;
            return self.end_unanswered(written);
        }
        match connection.submit(&request, version).await {
            Ok(pending) => drop(runtime::task::spawn(self.wait(pending, request))),
            Err(error) => self.end(Err(error), &request),
        }
    }

    /// The request; a batch that cannot be written is reported and left out.
    fn seal(&mut self) -> ProduceRequest {
        let mut outgoing = Vec::with_capacity(self.batches.len());
        let mut failed = Vec::new();
        for mut batch in std::mem::take(&mut self.batches) {
            let topic_id = self
                .shared
                .leader(&batch.partition)
                .map_or(Uuid::ZERO, |(_, id)| id);
            match batch.seal() {
                Ok(bytes) => {
                    outgoing.push(Outgoing {
                        partition: batch.partition.clone(),
                        topic_id,
                        bytes,
                    });
                    self.batches.push(batch);
                }
                Err(error) => failed.push((batch, Err(Error::Encode(error.to_string())))),
            }
        }
        self.shared.complete(failed);
        let timeout_ms = i32::try_from(self.shared.config.client.request_timeout.as_millis());
        produce::request(
            outgoing,
            self.shared.config.acks.code(),
            timeout_ms.unwrap_or(i32::MAX),
        )
    }

    fn version(&self, connection: &Connection, request: &ProduceRequest) -> Result<i16, Error> {
        let has_ids = request
            .topic_data
            .iter()
            .all(|topic| topic.topic_id != Uuid::ZERO);
        let newest = if has_ids { i16::MAX } else { TOPIC_IDS_FROM - 1 };
        connection.versions().choose_up_to::<ProduceRequest>(newest)
    }

    /// Waits for the answer; when the batches' own time is over before that, their waiters are told at once.
    async fn wait(mut self, pending: Pending<ProduceRequest>, request: ProduceRequest) {
        let limit = self.shared.config.client.request_timeout;
        let answer = pending.answer(limit);
        runtime::pin!(answer);
        let result = loop {
            let Some(rest) = self.time_left() else {
                break answer.await;
            };
            match timeout(rest, &mut answer).await {
                Ok(result) => break result,
                Err(_) => self.report_late(),
            }
        };
        self.end(result, &request);
    }

    /// Until the first of the batches that are still waited for is late.
    fn time_left(&self) -> Option<Duration> {
        let limit = self.shared.config.delivery_timeout;
        let waited = self.batches.iter().filter(|batch| batch.is_waited_for());
        let first = waited.map(|batch| batch.created + limit).min()?;
        Some(first.saturating_since(Monotonic::now()))
    }

    fn report_late(&mut self) {
        let limit = self.shared.config.delivery_timeout;
        let now = Monotonic::now();
        for batch in self
            .batches
            .iter_mut()
            .filter(|batch| now >= batch.created + limit)
        {
            let error = Error::Expired {
                what: format!("the delivery of a batch to {}", batch.partition),
                after: limit,
                last: "the request that carries it is not answered yet".into(),
                outcome: crate::Outcome::Unknown,
            };
            batch.report_late(&error);
        }
    }

    fn end(self, result: Result<wire::produce::ProduceResponse, Error>, request: &ProduceRequest) {
        let Flight {
            shared,
            batches,
            permit,
        } = self;
        drop(permit);
        match result {
            Err(error) => shared.complete(batches.into_iter().map(|batch| (batch, Err(error.clone())))),
            Ok(response) => {
                let mut attempts = produce::attempts(request, response);
                let left_out = |partition: &TopicPartition| Error::Malformed {
                    api: ApiKey::Produce.name(),
                    address: "the broker".into(),
                    cause: format!("it says nothing about {partition}"),
                };
                let ended = batches.into_iter().map(|batch| {
                    let attempt = attempts.remove(&batch.partition);
                    let attempt = attempt.unwrap_or_else(|| Err(left_out(&batch.partition)));
                    (batch, attempt)
                });
                shared.complete(ended);
            }
        }
    }

    /// acks=0: written is all that can be known.
    fn end_unanswered(self, written: Result<(), Error>) {
        let Flight {
            shared,
            batches,
            permit,
        } = self;
        drop(permit);
        let attempt = written.map(|()| Appended {
            base_offset: -1,
            log_append_time: -1,
        });
        shared.complete(batches.into_iter().map(|batch| (batch, attempt.clone())));
    }
}
