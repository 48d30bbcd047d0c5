//! Administration: topics, configurations, offsets, and what the cluster says of itself.
//!
//! A call that concerns many things answers for each of them. Every call is repeated while its error may pass, for
//! as long as `default.api.timeout.ms`.

mod cluster;
mod configs;
mod offsets;
mod topics;

pub use cluster::{ClusterDescription, LogDir, LogDirPartition, ProducerDescription};
pub use configs::{Config, ConfigChange, ConfigOperation, ConfigResource};
pub use offsets::{OffsetAt, OffsetSpec};
pub use topics::{
    CreatedTopic, NewTopic, PartitionDescription, ReplicaAssignment, TopicDescription, TopicName,
};

use crate::{ClientConfig, Cluster, Error, Outcome};
use runtime::time::Duration;
use wire::{ErrorCode, Request};

/// A cheap handle.
#[derive(Clone)]
pub struct Admin {
    cluster: Cluster,
}

impl Admin {
    pub fn new(config: ClientConfig) -> Result<Admin, Error> {
        Ok(Admin {
            cluster: Cluster::new(config)?,
        })
    }

    /// Shares connections and metadata with others.
    pub fn on(cluster: Cluster) -> Admin {
        Admin { cluster }
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn limit(&self) -> Duration {
        self.cluster.config().default_api_timeout
    }

    /// The time that a request gives the broker; it fits in 31 bits of milliseconds.
    fn timeout_ms(&self) -> i32 {
        i32::try_from(self.cluster.config().request_timeout.as_millis()).unwrap_or(i32::MAX)
    }

    /// To any broker, which forwards to the controller what is the controller's.
    async fn call_any<R: Request>(&self, request: &R) -> Result<R::Response, Error> {
        self.cluster
            .retry(R::KEY.name(), self.limit(), || self.cluster.call_any(request))
            .await
    }

    /// As [`Admin::call_any`], for a request that changes something: with the outcome of the attempts before, for the
    /// answer may be about what one of those did.
    async fn change_any<R: Request>(&self, request: &R) -> Result<(R::Response, Outcome), Error> {
        let attempt = || self.cluster.call_any(request);
        self.cluster
            .retry_doubtful(R::KEY.name(), self.limit(), attempt)
            .await
    }

    async fn call_broker<R: Request>(&self, node: i32, request: &R) -> Result<R::Response, Error> {
        self.cluster
            .retry(R::KEY.name(), self.limit(), || self.cluster.call(node, request))
            .await
    }

    /// To the leader of a partition; `read` takes the partition's part from the answer. A leader that is none any more
    /// is looked for anew.
    async fn call_leader<R: Request, T>(
        &self,
        topic: &str,
        partition: i32,
        request: &R,
        read: impl Fn(R::Response) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let what = format!("{} of {topic}-{partition}", R::KEY.name());
        self.cluster
            .retry(&what, self.limit(), || async {
                let leader = self.cluster.leader(topic, partition, self.limit()).await?;
                let result = self.cluster.call(leader.node, request).await.and_then(&read);
                if result.as_ref().is_err_and(is_about_the_leader) {
                    self.cluster.forget_topic(topic);
                }
                result
            })
            .await
    }
}

/// Whether the error says that our picture of the partition is old.
fn is_about_the_leader(error: &Error) -> bool {
    match error.code() {
        Some(code) => matches!(
            code,
            ErrorCode::NotLeaderOrFollower
                | ErrorCode::LeaderNotAvailable
                | ErrorCode::FencedLeaderEpoch
                | ErrorCode::UnknownLeaderEpoch
                | ErrorCode::UnknownTopicOrPartition
        ),
        None => error.is_retriable(),
    }
}

/// What an answer must name and does not.
fn missing<R: Request>(what: &str) -> Error {
    Error::Malformed {
        api: R::KEY.name(),
        address: "the broker".into(),
        cause: format!("it does not name {what}"),
    }
}
