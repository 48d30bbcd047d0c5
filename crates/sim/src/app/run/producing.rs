//! Produce by hand: one batch, one request.

use super::connection::{CallError, Caller};
use crate::app::history::Outcome;
use crate::app::value::{self, ValueId};
use bytes::Bytes;
use records::{BatchBuilder, Compression};
use std::time::Duration;
use wire::ErrorCode;
use wire::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};

/// The last version that names topics by name.
const VERSION: i16 = 12;

/// Who sends, in a batch header's words; −1 without idempotence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
}

impl Header {
    pub const PLAIN: Header = Header {
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
    };
}

/// A batch of these values.
pub fn batch(header: Header, codec: Compression, values: &[ValueId], len: usize, timestamp: i64) -> Bytes {
    let Header {
        producer_id,
        producer_epoch,
        base_sequence,
    } = header;
    let mut builder = BatchBuilder::new(codec).producer(producer_id, producer_epoch, base_sequence);
    for value in values {
        let bytes = value::encode(*value, len);
        builder
            .append(None, Some(&bytes), &[], timestamp)
            .expect("a small record can be appended");
    }
    builder.build().expect("a small batch can be built")
}

/// The answer to one Produce: its outcome, the offset that the batch got, the time that the broker gave it.
pub async fn produce(
    caller: &mut Caller,
    topic: &str,
    index: i32,
    acks: i16,
    batch: Bytes,
    limit: Duration,
) -> (Outcome, Option<i64>) {
    let request = ProduceRequest {
        acks,
        timeout_ms: limit.as_millis() as i32,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            partition_data: vec![PartitionProduceData {
                index,
                records: Some(batch),
            }],
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    };
    let answer = match caller
        .call(&request, VERSION, limit + Duration::from_secs(1))
        .await
    {
        Ok(answer) => answer,
        Err(CallError::NotSent(why)) => return (Outcome::Failed(format!("not sent: {why}")), None),
        Err(CallError::Lost(why)) => return (Outcome::Unknown(why), None),
    };
    match answer
        .responses
        .first()
        .and_then(|t| t.partition_responses.first())
    {
        None => (
            Outcome::Unknown("an answer without the partition".to_owned()),
            None,
        ),
        Some(partition) => {
            let outcome = Outcome::of_produce(ErrorCode::from_code(partition.error_code));
            let offset = outcome.is_ok().then_some(partition.base_offset);
            (outcome, offset)
        }
    }
}
