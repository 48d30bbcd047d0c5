//! The controller's shell: one task owns the metadata log, decides on its newest image, appends, makes durable,
//! publishes the committed image, and answers.
//!
//! ```text
//!   handles ──commands──> worker: decide, append  (as many as are waiting)
//!                                 │ one sync for all of them
//!                                 └─> publish the image ──> answer each
//! ```
//!
//! Dropping a caller's future never stops what it asked for. After an error that leaves the log in doubt every
//! later request is refused, and `failed` tells why: the node must stop, and its next start recovers the log.

#[cfg(test)]
mod tests;
mod worker;

use std::ops::Range;
use std::sync::Arc;

use metadata::controller::Refusal;
use metadata::{Broker, Endpoint, Image, VersionRange, features};
use runtime::sync::{Mutex, mpsc, oneshot, watch};
use runtime::task;
use storage::DataDir;
use wire::alter_configs::{AlterConfigsRequest, AlterConfigsResourceResponse, AlterConfigsResponse};
use wire::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopicResult,
};
use wire::create_topics::{CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse};
use wire::delete_topics::{DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse};
use wire::incremental_alter_configs::{
    AlterConfigsResourceResponse as IncrementalResourceResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};
use wire::{ErrorCode, Uuid};

use crate::metadata_log::{self, FormatError, Identity, MetadataLog, MetadataLogError};
use crate::settings::{Protocol, Settings};
use worker::{Command, Reply, Worker};

/// Commands that wait for the worker; above that, callers wait.
const COMMANDS_MAX: usize = 1024;

/// Why the controller does not start.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Log(#[from] MetadataLogError),
    #[error(
        "the cluster runs at {name} {level}, and this version knows {known}: use the version that wrote it"
    )]
    Feature { name: String, level: i16, known: String },
}

/// A handle on the controller of this node. Clones are the same controller.
#[derive(Clone)]
pub struct Controller {
    shared: Arc<Shared>,
}

struct Shared {
    identity: Identity,
    commands: mpsc::Sender<Command>,
    image: watch::Receiver<Arc<Image>>,
    failure: watch::Receiver<Option<String>>,
    incarnation_id: Uuid,
    broker_epoch: Mutex<i64>,
}

/// A listener of this broker with the port that it got: name, host, port, protocol.
pub type Advertised = (String, String, u16, Protocol);

impl Controller {
    /// Formats a fresh data folder, or checks that a formatted one is this node's; opens the metadata log,
    /// leads it under a new epoch, and serves.
    pub async fn start(data: DataDir, settings: Settings) -> Result<Controller, ControllerError> {
        let identity = metadata_log::identify(&data, &settings).await?;
        let mut log = MetadataLog::open(&data, &settings, &identity).await?;
        check_features(log.latest())?;
        log.lead().await?;
        let incarnation_id = metadata_log::new_id();
        worker::begin(&mut log, &settings, &identity, incarnation_id).await?;
        let (publish, image) = watch::channel(log.commit().await?);
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let (fail, failure) = watch::channel(None);
        tracing::info!(
            "controller {} leads cluster {} in epoch {}: metadata up to offset {}",
            identity.node_id,
            identity.cluster_id,
            log.epoch(),
            image.borrow().offset()
        );
        let worker = Worker {
            log,
            settings,
            identity: identity.clone(),
            publish,
            fail,
        };
        task::spawn(worker.run(received));
        let broker_epoch = Mutex::new(-1);
        let shared = Shared {
            identity,
            commands,
            image,
            failure,
            incarnation_id,
            broker_epoch,
        };
        Ok(Controller {
            shared: Arc::new(shared),
        })
    }

    pub fn cluster_id(&self) -> &str {
        &self.shared.identity.cluster_id
    }

    pub fn node_id(&self) -> i32 {
        self.shared.identity.node_id
    }

    /// The id of this node's log folder.
    pub fn directory_id(&self) -> Uuid {
        self.shared.identity.directory_id
    }

    /// The committed image.
    pub fn image(&self) -> Arc<Image> {
        self.shared.image.borrow().clone()
    }

    /// Every committed image from now on, the newest at each look.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Image>> {
        self.shared.image.clone()
    }

    /// This broker's epoch; -1 until it is registered.
    pub fn broker_epoch(&self) -> i64 {
        *self.shared.broker_epoch.lock()
    }

    /// Resolves, with the reason, when the controller cannot go on.
    pub async fn failed(&self) -> String {
        let mut failure = self.shared.failure.clone();
        match failure.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            // the worker ended without a failure: the controller was shut down
            Err(_) => std::future::pending().await,
        }
    }

    /// Registers this process as the broker and lets it lead. What it leads, it leads under new leader epochs
    /// once the image that this call publishes is applied.
    pub async fn register_broker(
        &self,
        listeners: Vec<Advertised>,
        rack: Option<String>,
    ) -> Result<(), Refusal> {
        let broker = self.broker(listeners, rack);
        let epoch = self
            .ask(|reply| Command::Register(Box::new(broker), reply))
            .await?;
        *self.shared.broker_epoch.lock() = epoch;
        self.ask(|reply| Command::Unfence(epoch, reply)).await
    }

    fn broker(&self, listeners: Vec<Advertised>, rack: Option<String>) -> Broker {
        let endpoint = |(name, host, port, protocol): Advertised| Endpoint {
            name,
            host,
            port,
            security_protocol: protocol.id(),
        };
        Broker {
            id: self.node_id(),
            epoch: -1,
            incarnation_id: self.shared.incarnation_id,
            endpoints: listeners.into_iter().map(endpoint).collect(),
            features: supported_features(),
            rack,
            fenced: true,
            in_controlled_shutdown: false,
            log_dirs: vec![self.directory_id()],
        }
    }

    /// A block of producer ids that nobody else was or will be given.
    pub async fn allocate_producer_ids(&self) -> Result<Range<i64>, Refusal> {
        let epoch = self.broker_epoch();
        self.ask(|reply| Command::AllocateProducerIds(epoch, reply)).await
    }

    pub async fn create_topics(&self, request: CreateTopicsRequest) -> CreateTopicsResponse {
        let names: Vec<_> = request.topics.iter().map(|topic| topic.name.clone()).collect();
        let answer = self.ask(|reply| Command::CreateTopics(request, reply)).await;
        answer.unwrap_or_else(|refusal| CreateTopicsResponse {
            topics: names
                .into_iter()
                .map(|name| refused_topic(name, &refusal))
                .collect(),
            ..Default::default()
        })
    }

    /// `version` is the request's.
    pub async fn delete_topics(&self, request: DeleteTopicsRequest, version: i16) -> DeleteTopicsResponse {
        let by_name = request
            .topic_names
            .iter()
            .map(|name| (Some(name.clone()), Uuid::ZERO));
        let by_id = request
            .topics
            .iter()
            .map(|topic| (topic.name.clone(), topic.topic_id));
        let topics: Vec<_> = by_name.chain(by_id).collect();
        let answer = self
            .ask(|reply| Command::DeleteTopics(request, version, reply))
            .await;
        answer.unwrap_or_else(|refusal| DeleteTopicsResponse {
            responses: topics
                .into_iter()
                .map(|(name, id)| refused_deletion(name, id, &refusal))
                .collect(),
            ..Default::default()
        })
    }

    pub async fn create_partitions(&self, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
        let names: Vec<_> = request.topics.iter().map(|topic| topic.name.clone()).collect();
        let answer = self.ask(|reply| Command::CreatePartitions(request, reply)).await;
        answer.unwrap_or_else(|refusal| CreatePartitionsResponse {
            results: names
                .into_iter()
                .map(|name| refused_growth(name, &refusal))
                .collect(),
            ..Default::default()
        })
    }

    pub async fn alter_configs(&self, request: AlterConfigsRequest) -> AlterConfigsResponse {
        let resources: Vec<_> = request
            .resources
            .iter()
            .map(|r| (r.resource_type, r.resource_name.clone()))
            .collect();
        let answer = self.ask(|reply| Command::AlterConfigs(request, reply)).await;
        answer.unwrap_or_else(|refusal| {
            let refused = |(resource_type, resource_name)| AlterConfigsResourceResponse {
                error_code: refusal.code.code(),
                error_message: Some(refusal.message.clone()),
                resource_type,
                resource_name,
            };
            AlterConfigsResponse {
                responses: resources.into_iter().map(refused).collect(),
                ..Default::default()
            }
        })
    }

    pub async fn incremental_alter_configs(
        &self,
        request: IncrementalAlterConfigsRequest,
    ) -> IncrementalAlterConfigsResponse {
        let resources: Vec<_> = request
            .resources
            .iter()
            .map(|r| (r.resource_type, r.resource_name.clone()))
            .collect();
        let answer = self
            .ask(|reply| Command::IncrementalAlterConfigs(request, reply))
            .await;
        answer.unwrap_or_else(|refusal| {
            let refused = |(resource_type, resource_name)| IncrementalResourceResponse {
                error_code: refusal.code.code(),
                error_message: Some(refusal.message.clone()),
                resource_type,
                resource_name,
            };
            let responses = resources.into_iter().map(refused).collect();
            IncrementalAlterConfigsResponse {
                responses,
                ..Default::default()
            }
        })
    }

    /// Finishes what was asked, and ends. Later requests are refused.
    pub async fn shutdown(&self) {
        // a refusal means that it has ended already
        let _ended = self.ask(Command::Stop).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let gone = || Refusal::new(ErrorCode::BrokerNotAvailable, "the controller has stopped");
        self.shared
            .commands
            .send(command(reply))
            .await
            .map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// What this version can run at.
fn supported_features() -> std::collections::BTreeMap<String, VersionRange> {
    let range =
        |(name, min, max): &(&str, i16, i16)| (name.to_string(), VersionRange { min: *min, max: *max });
    features::SUPPORTED.iter().map(range).collect()
}

/// A cluster at levels that this version does not know is left alone.
fn check_features(image: &Image) -> Result<(), ControllerError> {
    let supported = supported_features();
    for (name, level) in image.features() {
        let range = supported.get(name);
        if range.is_none_or(|range| !(range.min..=range.max).contains(level)) {
            let known = match range {
                Some(range) if range.min == range.max => format!("{} alone", range.min),
                Some(range) => format!("{} to {}", range.min, range.max),
                None => "no such feature".to_string(),
            };
            return Err(ControllerError::Feature {
                name: name.clone(),
                level: *level,
                known,
            });
        }
    }
    Ok(())
}

fn refused_topic(name: String, refusal: &Refusal) -> CreatableTopicResult {
    let (error_code, error_message) = (refusal.code.code(), Some(refusal.message.clone()));
    CreatableTopicResult {
        name,
        error_code,
        error_message,
        ..Default::default()
    }
}

fn refused_deletion(name: Option<String>, topic_id: Uuid, refusal: &Refusal) -> DeletableTopicResult {
    let (error_code, error_message) = (refusal.code.code(), Some(refusal.message.clone()));
    DeletableTopicResult {
        name,
        topic_id,
        error_code,
        error_message,
    }
}

fn refused_growth(name: String, refusal: &Refusal) -> CreatePartitionsTopicResult {
    let (error_code, error_message) = (refusal.code.code(), Some(refusal.message.clone()));
    CreatePartitionsTopicResult {
        name,
        error_code,
        error_message,
    }
}
