//! Offsets of a partition: its ends, by time, and moving its start.

use super::{Admin, missing};
use crate::Error;
use wire::Request;
use wire::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use wire::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};

/// Which offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The first that can be read.
    Earliest,
    /// The one after the last that can be read.
    Latest,
    /// Of the record with the largest timestamp.
    MaxTimestamp,
    /// Of the first record with this timestamp (ms) or a later one.
    At(i64),
}

impl OffsetSpec {
    pub(crate) fn timestamp(self) -> i64 {
        match self {
            OffsetSpec::Latest => -1,
            OffsetSpec::Earliest => -2,
            OffsetSpec::MaxTimestamp => -3,
            OffsetSpec::At(timestamp) => timestamp,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetAt {
    pub offset: i64,
    /// -1 for the ends.
    pub timestamp: i64,
    /// -1 when unknown.
    pub leader_epoch: i32,
}

impl Admin {
    /// The offset asked for; `None` when there is no record as asked.
    pub async fn list_offset(
        &self,
        topic: &str,
        partition: i32,
        spec: OffsetSpec,
    ) -> Result<Option<OffsetAt>, Error> {
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsTopic {
                name: topic.into(),
                partitions: vec![ListOffsetsPartition {
                    partition_index: partition,
                    current_leader_epoch: -1,
                    timestamp: spec.timestamp(),
                }],
            }],
            timeout_ms: self.timeout_ms(),
            ..Default::default()
        };
        self.call_leader(topic, partition, &request, |mut answer| {
            let found = answer.topics.pop().and_then(|mut topic| topic.partitions.pop());
            let found = found.ok_or_else(|| missing::<ListOffsetsRequest>("the partition"))?;
            Error::check(ListOffsetsRequest::KEY, found.error_code, None)?;
            Ok((found.offset >= 0).then_some(OffsetAt {
                offset: found.offset,
                timestamp: found.timestamp,
                leader_epoch: found.leader_epoch,
            }))
        })
        .await
    }

    /// Removes the records before `before` (`None`: all that can be read) and gives the new start of the log.
    pub async fn delete_records(
        &self,
        topic: &str,
        partition: i32,
        before: Option<i64>,
    ) -> Result<i64, Error> {
        let request = DeleteRecordsRequest {
            topics: vec![DeleteRecordsTopic {
                name: topic.into(),
                partitions: vec![DeleteRecordsPartition {
                    partition_index: partition,
                    offset: before.unwrap_or(-1),
                }],
            }],
            timeout_ms: self.timeout_ms(),
        };
        self.call_leader(topic, partition, &request, |mut answer| {
            let result = answer.topics.pop().and_then(|mut topic| topic.partitions.pop());
            let result = result.ok_or_else(|| missing::<DeleteRecordsRequest>("the partition"))?;
            Error::check(DeleteRecordsRequest::KEY, result.error_code, None)?;
            Ok(result.low_watermark)
        })
        .await
    }
}
