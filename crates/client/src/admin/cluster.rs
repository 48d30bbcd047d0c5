//! What the cluster says of itself: brokers, log folders, producers.

use super::{Admin, missing};
use crate::Error;
use crate::metadata::BrokerMetadata;
use wire::Request;
use wire::describe_cluster::DescribeClusterRequest;
use wire::describe_log_dirs::{DescribableLogDirTopic, DescribeLogDirsRequest};
use wire::describe_producers::{DescribeProducersRequest, TopicRequest};

#[derive(Clone, Debug, PartialEq)]
pub struct ClusterDescription {
    pub cluster_id: String,
    pub controller_id: Option<i32>,
    pub brokers: Vec<BrokerMetadata>,
}

/// A folder that holds logs.
#[derive(Clone, Debug, PartialEq)]
pub struct LogDir {
    pub path: String,
    /// `None` from brokers before 3.3.
    pub total_bytes: Option<i64>,
    pub usable_bytes: Option<i64>,
    pub partitions: Vec<LogDirPartition>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LogDirPartition {
    pub topic: String,
    pub partition: i32,
    pub size_bytes: i64,
    pub offset_lag: i64,
}

/// A producer that a partition's leader remembers.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerDescription {
    pub producer_id: i64,
    pub producer_epoch: i32,
    pub last_sequence: i32,
    pub last_timestamp: i64,
    pub transaction_start_offset: Option<i64>,
}

impl Admin {
    pub async fn describe_cluster(&self) -> Result<ClusterDescription, Error> {
        let answer = self.call_any(&DescribeClusterRequest::default()).await?;
        Error::check(
            DescribeClusterRequest::KEY,
            answer.error_code,
            answer.error_message.as_deref(),
        )?;
        let brokers = answer.brokers.into_iter().map(|broker| BrokerMetadata {
            id: broker.broker_id,
            address: format!("{}:{}", broker.host, broker.port),
            rack: broker.rack,
        });
        Ok(ClusterDescription {
            cluster_id: answer.cluster_id,
            controller_id: Some(answer.controller_id).filter(|id| *id >= 0),
            brokers: brokers.collect(),
        })
    }

    /// A broker's folders; only the partitions of `topics`, or all.
    pub async fn describe_log_dirs(
        &self,
        broker: i32,
        topics: Option<&[(&str, &[i32])]>,
    ) -> Result<Vec<LogDir>, Error> {
        let topic = |(topic, partitions): &(&str, &[i32])| DescribableLogDirTopic {
            topic: topic.to_string(),
            partitions: partitions.to_vec(),
        };
        let request = DescribeLogDirsRequest {
            topics: topics.map(|topics| topics.iter().map(topic).collect()),
        };
        let answer = self.call_broker(broker, &request).await?;
        Error::check(DescribeLogDirsRequest::KEY, answer.error_code, None)?;
        let folder = |folder: wire::describe_log_dirs::DescribeLogDirsResult| {
            Error::check(DescribeLogDirsRequest::KEY, folder.error_code, None)?;
            let partitions = folder.topics.into_iter().flat_map(|topic| {
                let name = topic.name;
                topic
                    .partitions
                    .into_iter()
                    .map(move |partition| LogDirPartition {
                        topic: name.clone(),
                        partition: partition.partition_index,
                        size_bytes: partition.partition_size,
                        offset_lag: partition.offset_lag,
                    })
            });
            Ok(LogDir {
                path: folder.log_dir,
                total_bytes: Some(folder.total_bytes).filter(|bytes| *bytes >= 0),
                usable_bytes: Some(folder.usable_bytes).filter(|bytes| *bytes >= 0),
                partitions: partitions.collect(),
            })
        };
        answer.results.into_iter().map(folder).collect()
    }

    /// The idempotent and transactional producers that wrote to a partition lately.
    pub async fn describe_producers(
        &self,
        topic: &str,
        partition: i32,
    ) -> Result<Vec<ProducerDescription>, Error> {
        let request = DescribeProducersRequest {
            topics: vec![TopicRequest {
                name: topic.into(),
                partition_indexes: vec![partition],
            }],
        };
        self.call_leader(topic, partition, &request, |mut answer| {
            let result = answer.topics.pop().and_then(|mut topic| topic.partitions.pop());
            let result = result.ok_or_else(|| missing::<DescribeProducersRequest>("the partition"))?;
            let message = result.error_message.as_deref();
            Error::check(DescribeProducersRequest::KEY, result.error_code, message)?;
            let producers = result
                .active_producers
                .into_iter()
                .map(|producer| ProducerDescription {
                    producer_id: producer.producer_id,
                    producer_epoch: producer.producer_epoch,
                    last_sequence: producer.last_sequence,
                    last_timestamp: producer.last_timestamp,
                    transaction_start_offset: Some(producer.current_txn_start_offset)
                        .filter(|offset| *offset >= 0),
                });
            Ok(producers.collect())
        })
        .await
    }
}
