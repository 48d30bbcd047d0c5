//! A native Kafka client: producer, consumer and admin, for any Kafka.
//!
//! Everything runs on `runtime`, so the same client that talks to a real cluster takes part in simulated ones.
//! Configuration carries Kafka's names. An [`Error`] says whether a retry can help ([`Error::is_retriable`]) and
//! whether what was asked for may have happened all the same ([`Error::outcome`]).
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
