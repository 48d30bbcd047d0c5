//! Produce (key 0, served v3–13, advertised from 0): appends one batch to each partition named.
//!
//! - v3: record batches of magic 2 only, one for each partition. v5: log_start_offset in answers. v7: zstd is
//!   allowed. v8 (KIP-467): errors name records. v9: flexible. v10 (KIP-951): the leader is told with
//!   NOT_LEADER_OR_FOLLOWER. v12 (KIP-890): implicit AddPartitionsToTxn. v13: topics by id.
//! - acks: 0 gets no answer, and an error closes the connection; 1 is answered after the append; −1 when the high
//!   watermark passes the batch, or with REQUEST_TIMED_OUT after timeout_ms. Others: INVALID_REQUIRED_ACKS.
//! - Nothing of a bad batch is appended; other partitions of the request are not affected.
//! - Transactional batches: INVALID_TXN_STATE, TRANSACTION_ABORTABLE from v11 on, since no coordinator vouches.
//! - The appends are made in one go, in the request's order; the wait that follows is left to the connection's
//!   writer, so pipelined requests share a group commit.

use super::topics::is_internal;
use super::{Call, Head};
use crate::cluster_view;
use crate::partitions::{AppendFailure, Partition};
use crate::reply::Outcome;
use bytes::Bytes;
use runtime::time::{Duration, Monotonic, WallMs};
use std::sync::Arc;
use tracing::debug;
use wire::produce::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, PartitionProduceData, PartitionProduceResponse,
    ProduceRequest, ProduceResponse, TopicProduceData, TopicProduceResponse,
};
use wire::{ErrorCode, Uuid};

const ACKS_ALL: i16 = -1;
/// Kafka's own tools may write to internal topics under this name.
const ADMIN_CLIENT_ID: &str = "__admin_client";

/// Offsets in a batch's header.
const BATCH_LENGTH_AT: usize = 8;
const MAGIC_AT: usize = 16;
const MAGIC: u8 = 2;
const ATTRIBUTES_AT: usize = 21;
const BATCH_OVERHEAD: usize = 12;
const BATCH_HEADER_BYTES: usize = 61;
const TRANSACTIONAL_BIT: u8 = 1 << 4;
const CODEC_MASK: u8 = 7;
const CODEC_ZSTD: u8 = 4;

/// A batch that is appended and not yet acknowledged.
struct Pending {
    topic: usize,
    partition: usize,
    replica: Arc<Partition>,
    /// The high watermark that acknowledges it.
    offset: i64,
}

pub async fn handle(call: Call, head: Head, request: ProduceRequest) -> Outcome<ProduceResponse> {
    let deadline = Monotonic::now() + Duration::from_millis(request.timeout_ms.max(0) as u64);
    let acks = request.acks;
    let mut pending = Vec::new();
    let mut response = ProduceResponse::default();
    for (topic_index, topic) in request.topic_data.into_iter().enumerate() {
        let target = Target::of(&call, &head, &topic);
        let mut partitions = Vec::with_capacity(topic.partition_data.len());
        for (partition_index, data) in topic.partition_data.into_iter().enumerate() {
            let index = data.index;
            let answer = match append(&call, &head, &target, acks, data) {
                Ok((replica, answer, offset)) => {
                    pending.push(Pending {
                        topic: topic_index,
                        partition: partition_index,
                        replica,
                        offset,
                    });
                    answer
                }
                Err(failure) => refused(&call, &head, &target, index, failure),
            };
            partitions.push(answer);
        }
        response.responses.push(TopicProduceResponse {
            name: topic.name,
            topic_id: topic.topic_id,
            partition_responses: partitions,
        });
    }
    add_node_endpoints(&call, &mut response);
    match acks {
        0 => match first_error(&response) {
            Some(error) => Outcome::Close(format!("a Produce request with acks=0 failed with {error:?}")),
            None => Outcome::Nothing,
        },
        ACKS_ALL if !pending.is_empty() => {
            Outcome::Later(Box::pin(when_replicated(response, pending, deadline)))
        }
        _ => Outcome::Reply(response),
    }
}

/// A topic as the request names it.
struct Target {
    name: Result<String, ErrorCode>,
    id: Option<Uuid>,
}

impl Target {
    fn of(call: &Call, head: &Head, topic: &TopicProduceData) -> Target {
        if head.version < 13 {
            return Target {
                name: Ok(topic.name.clone()),
                id: None,
            };
        }
        let name =
            cluster_view::topic_name(&call.node().image(), topic.topic_id).ok_or(ErrorCode::UnknownTopicId);
        Target {
            name,
            id: Some(topic.topic_id),
        }
    }
}

fn append(
    call: &Call,
    head: &Head,
    target: &Target,
    acks: i16,
    data: PartitionProduceData,
) -> Result<(Arc<Partition>, PartitionProduceResponse, i64), AppendFailure> {
    let topic = target.name.as_deref().map_err(|error| *error)?;
    let replica = call.node().partitions.get(topic, target.id, data.index)?;
    let batch = checked_batch(head.version, data.records)?;
    if !matches!(acks, ACKS_ALL..=1) {
        return Err(ErrorCode::InvalidRequiredAcks.into());
    }
    if is_internal(topic) && head.client_id.as_deref() != Some(ADMIN_CLIENT_ID) {
        return Err(ErrorCode::InvalidTopicException.into());
    }
    let (bytes, records) = (batch.len() as u64, record_count(&batch));
    let all = &call.node().metrics.all_topics;
    for counters in [all, &*replica.counters] {
        counters.produce_requests.add(1);
    }
    let appended = replica
        .append(batch, acks == ACKS_ALL, WallMs::now())
        .inspect_err(|_| {
            for counters in [all, &*replica.counters] {
                counters.failed_produce_requests.add(1);
            }
        })?;
    for counters in [all, &*replica.counters] {
        counters.bytes_in.add(bytes);
        counters.messages_in.add(records);
    }
    let answer = PartitionProduceResponse {
        index: data.index,
        error_code: ErrorCode::None.code(),
        base_offset: appended.first_offset,
        log_append_time_ms: appended.log_append_time,
        log_start_offset: appended.log_start_offset,
        ..Default::default()
    };
    Ok((replica, answer, appended.last_offset + 1))
}

/// `ProduceRequest.validateRecords`: one batch of magic 2, in a codec that the version knows.
fn checked_batch(version: i16, records: Option<Bytes>) -> Result<Bytes, AppendFailure> {
    let refuse = |error: ErrorCode, what: &str| AppendFailure {
        message: what.to_string(),
        ..error.into()
    };
    let batch = records.unwrap_or_default();
    if batch.len() < BATCH_HEADER_BYTES {
        return Err(refuse(
            ErrorCode::InvalidRecord,
            "a Produce request must hold one record batch per partition",
        ));
    }
    let length = batch[BATCH_LENGTH_AT..BATCH_LENGTH_AT + 4]
        .try_into()
        .expect("four bytes");
    let size = BATCH_OVERHEAD as i64 + i64::from(i32::from_be_bytes(length));
    if size < BATCH_HEADER_BYTES as i64 {
        return Err(refuse(
            ErrorCode::CorruptMessage,
            "the batch's length is smaller than its header",
        ));
    }
    if size != batch.len() as i64 {
        return Err(refuse(
            ErrorCode::InvalidRecord,
            "a Produce request must hold exactly one record batch per partition",
        ));
    }
    if batch[MAGIC_AT] > MAGIC {
        return Err(refuse(
            ErrorCode::CorruptMessage,
            "the batch's magic is none that Kafka ever had",
        ));
    }
    if batch[MAGIC_AT] < MAGIC {
        return Err(refuse(
            ErrorCode::InvalidRecord,
            "only record batches of magic 2 are accepted",
        ));
    }
    let attributes = batch[ATTRIBUTES_AT + 1];
    if version < 7 && attributes & CODEC_MASK == CODEC_ZSTD {
        return Err(refuse(
            ErrorCode::UnsupportedCompressionType,
            "zstd needs Produce v7 or above",
        ));
    }
    if attributes & TRANSACTIONAL_BIT != 0 {
        let error = if version >= 11 {
            ErrorCode::TransactionAbortable
        } else {
            ErrorCode::InvalidTxnState
        };
        return Err(refuse(error, "transactions are not served yet"));
    }
    Ok(batch)
}

fn record_count(batch: &[u8]) -> u64 {
    let count = batch[57..BATCH_HEADER_BYTES].try_into().expect("four bytes");
    i32::from_be_bytes(count).max(0) as u64
}

fn refused(
    call: &Call,
    head: &Head,
    target: &Target,
    index: i32,
    failure: AppendFailure,
) -> PartitionProduceResponse {
    let topic = target.name.as_deref().unwrap_or("?");
    let (error, message) = (failure.error, failure.message);
    let client_id = head.client_id.as_deref().unwrap_or_default();
    // A log that fails says so itself.
    debug!(
        topic,
        partition = index,
        client_id,
        ?error,
        message,
        "append refused"
    );
    let current_leader = if error == ErrorCode::NotLeaderOrFollower {
        let (leader_id, leader_epoch) = cluster_view::leader_of(&call.node().image(), topic, index);
        LeaderIdAndEpoch {
            leader_id,
            leader_epoch,
        }
    } else {
        LeaderIdAndEpoch::default()
    };
    PartitionProduceResponse {
        index,
        error_code: error.code(),
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
        record_errors: failure
            .records
            .into_iter()
            .map(|(batch_index, message)| BatchIndexAndErrorMessage {
                batch_index,
                batch_index_error_message: Some(message),
            })
            .collect(),
        error_message: Some(message),
        current_leader,
    }
}

fn add_node_endpoints(call: &Call, response: &mut ProduceResponse) {
    let partitions = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partition_responses);
    let leaders = partitions
        .map(|partition| partition.current_leader.leader_id)
        .filter(|leader| *leader >= 0);
    let endpoints = call.node().endpoints_of(leaders, call.listener());
    response.node_endpoints = endpoints
        .into_iter()
        .map(|node| wire::produce::NodeEndpoint {
            node_id: node.id,
            host: node.host,
            port: node.port,
            rack: node.rack,
        })
        .collect();
}

fn first_error(response: &ProduceResponse) -> Option<ErrorCode> {
    let partitions = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partition_responses);
    let codes = partitions.map(|partition| partition.error_code);
    codes.filter(|code| *code != 0).map(ErrorCode::from_code).next()
}

async fn when_replicated(
    mut response: ProduceResponse,
    pending: Vec<Pending>,
    deadline: Monotonic,
) -> ProduceResponse {
    for Pending {
        topic,
        partition,
        replica,
        offset,
    } in pending
    {
        if let Err(error) = replica.replicated(offset, deadline).await {
            debug!(
                topic = replica.topic,
                partition = replica.index,
                ?error,
                offset,
                "not acknowledged"
            );
            let answer = &mut response.responses[topic].partition_responses[partition];
            answer.error_code = error.code();
            answer.error_message = Some(error.message().to_string());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(change: impl Fn(&mut Vec<u8>)) -> Option<Bytes> {
        let mut batch = vec![0; 70];
        batch[8..12].copy_from_slice(&58i32.to_be_bytes());
        batch[16] = 2;
        change(&mut batch);
        Some(Bytes::from(batch))
    }

    #[test]
    fn what_is_not_one_batch_of_magic_2_is_refused() {
        let check = |version, records, expected: Option<ErrorCode>| {
            assert_eq!(
                checked_batch(version, records).err().map(|failure| failure.error),
                expected
            );
        };
        check(3, batch(|_| {}), None);
        check(3, None, Some(ErrorCode::InvalidRecord));
        check(3, Some(Bytes::new()), Some(ErrorCode::InvalidRecord));
        check(3, batch(|b| b[16] = 1), Some(ErrorCode::InvalidRecord));
        check(3, batch(|b| b[16] = 3), Some(ErrorCode::CorruptMessage));
        check(3, batch(|b| b.push(0)), Some(ErrorCode::InvalidRecord));
        check(3, batch(|b| b[11] = 59), Some(ErrorCode::InvalidRecord));
        check(3, batch(|b| b[11] = 1), Some(ErrorCode::CorruptMessage));
        check(3, batch(|b| b[8] = 0xff), Some(ErrorCode::CorruptMessage));
        check(
            6,
            batch(|b| b[22] = 4),
            Some(ErrorCode::UnsupportedCompressionType),
        );
        check(7, batch(|b| b[22] = 4), None);
        check(10, batch(|b| b[22] = 16), Some(ErrorCode::InvalidTxnState));
        check(12, batch(|b| b[22] = 16), Some(ErrorCode::TransactionAbortable));
    }
}
