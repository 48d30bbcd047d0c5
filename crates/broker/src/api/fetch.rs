//! Fetch (key 1, v4–18): reads batches, up to the high watermark.
//!
//! - v4 (KIP-98): isolation levels. v5: log_start_offset. v7 (KIP-227): sessions. v9 (KIP-320): the leader epoch is
//!   checked. v10: zstd. v11 (KIP-392): racks. v12 (KIP-595): flexible; last_fetched_epoch and diverging_epoch.
//!   v13 (KIP-516): topics by id. v15 (KIP-903): replica state. v16 (KIP-951): the leader is told on a change.
//!   v17, v18: fields of followers.
//! - A long poll: answered when min_bytes are readable, max_wait_ms has passed, any partition fails or diverges, or
//!   the node stops.
//! - max_bytes bounds the answer and partition_max_bytes a partition, but the first batch of the answer comes whole.
//! - Answers hold file ranges, not bytes: see `fetch_response`.
//! - read_committed equals read_uncommitted while there are no transactions: the last stable offset is the high
//!   watermark, and the list of aborted transactions is empty.
//! - Followers' fetches are refused as from replicas that are not assigned, for replication is not built.

use super::{Call, Head};
use crate::cluster_view;
use crate::fetch_response;
use crate::fetch_session::{
    Begun, PartitionFetch, PartitionKey, PartitionSeen, SESSION_NONE, SessionRequest, TopicKey,
};
use crate::partitions::{Partition, PartitionRead};
use crate::reply::Outcome;
use runtime::sync::Notify;
use runtime::time::{self, Duration, Monotonic};
use std::sync::Arc;
use storage::ReadSlice;
use tracing::debug;
use wire::ErrorCode;
use wire::fetch::{
    EpochEndOffset, FetchRequest, FetchResponse, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData,
};

const READ_COMMITTED: i8 = 1;
const TOPIC_IDS_FROM: i16 = 13;

/// The request's terms for the whole answer.
struct Terms {
    version: i16,
    min_bytes: u64,
    max_bytes: usize,
    read_committed: bool,
    is_follower: bool,
}

/// One partition of the request, resolved.
struct Target {
    topic: Option<String>,
    fetch: PartitionFetch,
    partition: Result<Arc<Partition>, ErrorCode>,
}

type Reads = Vec<Result<PartitionRead, ErrorCode>>;

pub async fn handle(call: Call, head: Head, request: FetchRequest) -> Outcome<FetchResponse> {
    let node = call.node().clone();
    let deadline = Monotonic::now() + Duration::from_millis(request.max_wait_ms.max(0) as u64);
    let terms = Terms::of(&call, head.version, &request);
    let session = SessionRequest {
        session_id: request.session_id,
        epoch: request.session_epoch,
        uses_topic_ids: head.version >= TOPIC_IDS_FROM,
        is_follower: terms.is_follower,
    };
    let (partitions, forgotten) = named(head.version, request);
    let begun = node
        .fetch_sessions
        .lock()
        .begin(Monotonic::now(), session, partitions, &forgotten);
    let begun = match begun {
        Ok(begun) => begun,
        Err(error) => return failed(error, SESSION_NONE).into(),
    };
    let targets: Vec<Target> = begun
        .partitions
        .iter()
        .map(|(key, fetch)| target(&call, &terms, key, fetch))
        .collect();
    let reads = read_when_ready(&call, &terms, &targets, deadline).await;
    answer(&call, &terms, begun, targets, reads)
}

impl Terms {
    fn of(call: &Call, version: i16, request: &FetchRequest) -> Terms {
        let mut max_bytes = (request.max_bytes.max(0) as usize).min(call.node().settings().fetch_max_bytes());
        if runtime::buggify::chance("fetch.one_batch") {
            max_bytes = 1;
        }
        let replica_id = if version >= 15 {
            request.replica_state.replica_id
        } else {
            request.replica_id
        };
        Terms {
            version,
            min_bytes: (request.min_bytes.max(0) as u64).min(max_bytes as u64),
            max_bytes,
            read_committed: request.isolation_level == READ_COMMITTED,
            is_follower: replica_id >= 0,
        }
    }
}

type Named = (Vec<(PartitionKey, PartitionFetch)>, Vec<PartitionKey>);

/// The partitions that a request names, and those that it forgets.
fn named(version: i16, request: FetchRequest) -> Named {
    let key = |id, name: &str| {
        if version >= TOPIC_IDS_FROM {
            TopicKey::Id(id)
        } else {
            TopicKey::Name(name.to_string())
        }
    };
    let mut partitions = Vec::new();
    for topic in request.topics {
        let topic_key = key(topic.topic_id, &topic.topic);
        partitions.extend(topic.partitions.into_iter().map(|partition| {
            let fetch = PartitionFetch {
                fetch_offset: partition.fetch_offset,
                max_bytes: partition.partition_max_bytes,
                current_leader_epoch: partition.current_leader_epoch,
                last_fetched_epoch: partition.last_fetched_epoch,
                log_start_offset: partition.log_start_offset,
            };
            (
                PartitionKey {
                    topic: topic_key.clone(),
                    index: partition.partition,
                },
                fetch,
            )
        }));
    }
    let forgotten = request.forgotten_topics_data.into_iter().flat_map(|topic| {
        let topic_key = key(topic.topic_id, &topic.topic);
        topic.partitions.into_iter().map(move |index| PartitionKey {
            topic: topic_key.clone(),
            index,
        })
    });
    (partitions, forgotten.collect())
}

fn target(call: &Call, terms: &Terms, key: &PartitionKey, fetch: &PartitionFetch) -> Target {
    let node = call.node();
    let (topic, id) = match &key.topic {
        TopicKey::Name(name) => (Some(name.clone()), None),
        TopicKey::Id(id) => (cluster_view::topic_name(&node.image(), *id), Some(*id)),
    };
    let partition = match &topic {
        None => Err(ErrorCode::UnknownTopicId),
        Some(topic) => node
            .partitions
            .get(topic, id, key.index)
            .map_err(|error| match error {
                ErrorCode::UnknownTopicId => ErrorCode::InconsistentTopicId,
                other => other,
            }),
    };
    let partition = partition.and_then(|partition| match terms.is_follower {
        false => Ok(partition),
        // A replica that is not assigned: it retries when it knows better.
        true if fetch.current_leader_epoch >= 0 => Err(ErrorCode::UnknownLeaderEpoch),
        true => Err(ErrorCode::NotLeaderOrFollower),
    });
    Target {
        topic,
        fetch: *fetch,
        partition,
    }
}

async fn read_when_ready(call: &Call, terms: &Terms, targets: &[Target], deadline: Monotonic) -> Reads {
    count_requests(call, targets);
    let reads = read(terms, targets);
    if is_ready(terms, &reads) || deadline <= Monotonic::now() {
        return reads;
    }
    drop(reads);
    let notify = Arc::new(Notify::new());
    let partitions = targets.iter().filter_map(|target| target.partition.as_ref().ok());
    let _tickets: Vec<_> = partitions
        .map(|partition| partition.watch(notify.clone()))
        .collect();
    loop {
        let reads = read(terms, targets);
        if is_ready(terms, &reads) {
            return reads;
        }
        let ended = runtime::select! {
            biased;
            () = call.stopping() => true,
            () = time::sleep_until(deadline) => true,
            () = notify.notified() => false,
        };
        if ended {
            return reads;
        }
    }
}

/// Reads each partition in its turn, within the answer's bound.
fn read(terms: &Terms, targets: &[Target]) -> Reads {
    let mut left = terms.max_bytes;
    let mut is_empty = true;
    let mut reads = Vec::with_capacity(targets.len());
    for target in targets {
        let max_bytes = (target.fetch.max_bytes.max(0) as usize).min(left);
        let partition = target.partition.as_ref().map_err(|error| *error);
        let mut read = partition.and_then(|partition| partition.read(&target.fetch, max_bytes, is_empty));
        if let Ok(read) = &mut read {
            read.slice.take_if(|slice| slice.is_empty());
            let bytes = read.slice.as_ref().map_or(0, |slice| slice.len_bytes() as usize);
            is_empty &= bytes == 0;
            left = left.saturating_sub(bytes);
        }
        reads.push(read);
    }
    reads
}

fn is_ready(terms: &Terms, reads: &Reads) -> bool {
    let bytes = |read: &PartitionRead| read.slice.as_ref().map_or(0, |slice| slice.len_bytes());
    let mut sum = 0;
    for read in reads {
        match read {
            Err(_) => return true,
            Ok(read) if read.diverging.is_some() => return true,
            Ok(read) => sum += bytes(read),
        }
    }
    reads.is_empty() || sum >= terms.min_bytes
}

fn answer(
    call: &Call,
    terms: &Terms,
    begun: Begun,
    targets: Vec<Target>,
    reads: Reads,
) -> Outcome<FetchResponse> {
    let node = call.node();
    let keys: Vec<PartitionKey> = begun.partitions.iter().map(|(key, _)| key.clone()).collect();
    let parts: Vec<(PartitionData, Option<ReadSlice>)> = keys
        .iter()
        .zip(&targets)
        .zip(reads)
        .map(|((key, target), read)| partition_data(call, terms, key, target, read))
        .collect();
    let seen: Vec<PartitionSeen> = parts
        .iter()
        .map(|(data, slice)| seen(data, slice.is_some()))
        .collect();
    let finished = node
        .fetch_sessions
        .lock()
        .finish(Monotonic::now(), begun, &seen, runtime::rng::u64);
    let finished = match finished {
        Ok(finished) => finished,
        Err(error) => return failed(error, SESSION_NONE).into(),
    };
    let mut response = FetchResponse {
        session_id: finished.session_id,
        ..Default::default()
    };
    let mut slices = Vec::new();
    let said = keys.into_iter().zip(targets).zip(parts).zip(finished.include);
    for (((key, target), (data, slice)), _) in said.filter(|(_, include)| *include) {
        count_bytes_out(call, &target, slice.as_ref());
        push(&mut response, key, data);
        slices.push(slice);
    }
    let leaders = response.responses.iter().flat_map(|topic| &topic.partitions);
    let leaders = leaders
        .map(|partition| partition.current_leader.leader_id)
        .filter(|leader| *leader >= 0);
    let endpoints = node.endpoints_of(leaders, call.listener()).into_iter();
    response.node_endpoints = endpoints
        .map(|node| NodeEndpoint {
            node_id: node.id,
            host: node.host,
            port: node.port,
            rack: node.rack,
        })
        .collect();
    match fetch_response::encode(&response, slices, terms.version) {
        Ok(pieces) => Outcome::Pieces(pieces),
        Err(error) => Outcome::Close(format!(
            "cannot write the answer of Fetch v{}: {error}",
            terms.version
        )),
    }
}

fn partition_data(
    call: &Call,
    terms: &Terms,
    key: &PartitionKey,
    target: &Target,
    read: Result<PartitionRead, ErrorCode>,
) -> (PartitionData, Option<ReadSlice>) {
    match read {
        Ok(read) => {
            let (epoch, end_offset) = read.diverging.unwrap_or((-1, -1));
            let data = PartitionData {
                partition_index: key.index,
                high_watermark: read.high_watermark,
                last_stable_offset: read.high_watermark,
                log_start_offset: read.log_start_offset,
                aborted_transactions: terms.read_committed.then(Vec::new),
                diverging_epoch: EpochEndOffset { epoch, end_offset },
                preferred_read_replica: -1,
                ..Default::default()
            };
            (data, read.slice)
        }
        Err(error) => {
            let topic = target.topic.as_deref().unwrap_or("?");
            debug!(
                topic,
                partition = key.index,
                offset = target.fetch.fetch_offset,
                ?error,
                "fetch refused"
            );
            (refused(call, terms, key.index, topic, error), None)
        }
    }
}

fn refused(call: &Call, terms: &Terms, index: i32, topic: &str, error: ErrorCode) -> PartitionData {
    // Old clients do not know KAFKA_STORAGE_ERROR as one to be retried.
    let told = match error {
        ErrorCode::KafkaStorageError if terms.version <= 5 => ErrorCode::NotLeaderOrFollower,
        other => other,
    };
    let moved = matches!(
        error,
        ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
    );
    let is_unknown = matches!(
        error,
        ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId
    );
    let current_leader = if terms.version >= 16 && moved {
        let (leader_id, leader_epoch) = cluster_view::leader_of(&call.node().image(), topic, index);
        LeaderIdAndEpoch {
            leader_id,
            leader_epoch,
        }
    } else {
        LeaderIdAndEpoch::default()
    };
    PartitionData {
        partition_index: index,
        error_code: told.code(),
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        // Null where a log was asked, empty where there was none to ask: as Kafka has it.
        aborted_transactions: is_unknown.then(Vec::new),
        preferred_read_replica: -1,
        current_leader,
        ..Default::default()
    }
}

fn seen(data: &PartitionData, has_records: bool) -> PartitionSeen {
    PartitionSeen {
        has_records,
        high_watermark: data.high_watermark,
        log_start_offset: data.log_start_offset,
        error: ErrorCode::from_code(data.error_code),
        must_say: data.diverging_epoch.epoch >= 0 || data.preferred_read_replica >= 0,
    }
}

/// Neighbours of one topic share an entry.
fn push(response: &mut FetchResponse, key: PartitionKey, data: PartitionData) {
    let (topic, topic_id) = match key.topic {
        TopicKey::Id(id) => (String::new(), id),
        TopicKey::Name(name) => (name, wire::Uuid::ZERO),
    };
    match response.responses.last_mut() {
        Some(last) if last.topic == topic && last.topic_id == topic_id => last.partitions.push(data),
        _ => response.responses.push(FetchableTopicResponse {
            topic,
            topic_id,
            partitions: vec![data],
        }),
    }
}

fn failed(error: ErrorCode, session_id: i32) -> FetchResponse {
    FetchResponse {
        error_code: error.code(),
        session_id,
        ..Default::default()
    }
}

fn count_requests(call: &Call, targets: &[Target]) {
    call.node()
        .metrics
        .all_topics
        .fetch_requests
        .add(targets.len() as u64);
    for target in targets {
        match &target.partition {
            Ok(partition) => partition.counters.fetch_requests.add(1),
            Err(_) => call.node().metrics.all_topics.failed_fetch_requests.add(1),
        }
    }
}

fn count_bytes_out(call: &Call, target: &Target, slice: Option<&ReadSlice>) {
    if let (Some(slice), Ok(partition)) = (slice, &target.partition) {
        let bytes = slice.len_bytes();
        call.node().metrics.all_topics.bytes_out.add(bytes);
        partition.counters.bytes_out.add(bytes);
    }
}
