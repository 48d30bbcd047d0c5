//! A native Kafka client: producer, consumer and admin, for any Kafka.
//!
//! Everything runs on `runtime`, so the same client that talks to a real cluster takes part in simulated ones.
//! Configuration carries Kafka's names. An [`Error`] says whether a retry can help ([`Error::is_retriable`]) and
//! whether what was asked for may have happened all the same ([`Error::outcome`]).
//!
//! ```no_run
//! # async fn example() -> Result<(), client::Error> {
//! use client::{Admin, ClientConfig, Consumer, ConsumerConfig, NewTopic, Producer, ProducerConfig, ProducerRecord};
//! use client::{Properties, TopicPartition};
//! use std::time::Duration;
//!
//! Admin::new(ClientConfig::new("127.0.0.1:9092"))?.create_topic(NewTopic::new("orders", 3)).await?;
//!
//! let properties = Properties::new([("bootstrap.servers", "127.0.0.1:9092"), ("compression.type", "zstd")]);
//! let producer = Producer::new(ProducerConfig::from_properties(properties)?)?;
//! let landed = producer.send_and_wait(ProducerRecord::new("orders").key("42").value("paid")).await?;
//!
//! let mut consumer = Consumer::new(ConsumerConfig::new("127.0.0.1:9092"))?;
//! let partition = TopicPartition::new("orders", landed.partition);
//! consumer.assign([partition.clone()]);
//! consumer.seek(&partition, landed.offset.unwrap_or(0))?;
//! let records = consumer.poll(Duration::from_secs(5)).await?;
//! assert_eq!(records[0].value.as_deref(), Some(&b"paid"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `connection`, `versions` | one TCP connection: pipelined requests, ApiVersions |
//! | `cluster`, `metadata` | connections by broker, the picture of topics and leaders, retries |
//! | [`producer`] | accumulator (a machine), sender (tasks), partitioner |
//! | [`consumer`] | positions, fetch sessions (a machine), decoding, reports of tasks |
//! | `admin` | topics, settings, offsets, folders, producers |
//!
//! Deliberately absent: consumer groups and transactions, which need coordinators; TLS and SASL.

mod admin;
mod cluster;
mod config;
mod connection;
pub mod consumer;
mod error;
pub mod metadata;
pub mod producer;
mod properties;
mod topic_partition;
mod versions;

pub use admin::{
    Admin, ClusterDescription, Config, ConfigChange, ConfigOperation, ConfigResource, CreatedTopic, LogDir,
    LogDirPartition, NewTopic, OffsetAt, OffsetSpec, PartitionDescription, ProducerDescription,
    ReplicaAssignment, TopicDescription, TopicName,
};
pub use cluster::Cluster;
pub use config::{Backoff, ClientConfig};
pub use connection::{Connection, Pending};
pub use consumer::{AutoOffsetReset, Consumer, ConsumerConfig, ConsumerRecord, IsolationLevel};
pub use error::{Error, Outcome};
pub use producer::{
    Acks, Delivery, Producer, ProducerConfig, ProducerIdentity, ProducerRecord, RecordMetadata,
};
pub use properties::Properties;
pub use records::{Compression, Header, TimestampType};
pub use topic_partition::TopicPartition;
pub use versions::BrokerVersions;
