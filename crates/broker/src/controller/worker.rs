//! The task that owns the metadata log.

use std::ops::Range;
use std::sync::Arc;

use metadata::controller::{self as decide, Decision, Defaults, Refusal, Registration};
use metadata::features::{self, ELIGIBLE_LEADER_REPLICAS};
use metadata::{Broker, Image, ResourceKind};
use runtime::sync::{mpsc, oneshot, watch};
use runtime::time;
use wire::alter_configs::{AlterConfigsRequest, AlterConfigsResponse};
use wire::create_partitions::{CreatePartitionsRequest, CreatePartitionsResponse};
use wire::create_topics::{CreateTopicsRequest, CreateTopicsResponse};
use wire::delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};
use wire::incremental_alter_configs::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use wire::record::{ConfigRecord, MetadataRecord};
use wire::{ErrorCode, Uuid};

use crate::controller::{ControllerError, check_features, supported_features};
use crate::metadata_log::{self, Identity, MetadataLog, MetadataLogError};
use crate::settings::{Rules, Settings};

/// Commands that share one sync.
const GROUP_MAX: usize = 256;

pub type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// What the worker is asked.
pub enum Command {
    Register(Box<Broker>, Reply<i64>),
    Unfence(i64, Reply<()>),
    AllocateProducerIds(i64, Reply<Range<i64>>),
    CreateTopics(CreateTopicsRequest, Reply<CreateTopicsResponse>),
    DeleteTopics(DeleteTopicsRequest, i16, Reply<DeleteTopicsResponse>),
    CreatePartitions(CreatePartitionsRequest, Reply<CreatePartitionsResponse>),
    AlterConfigs(AlterConfigsRequest, Reply<AlterConfigsResponse>),
    IncrementalAlterConfigs(
        IncrementalAlterConfigsRequest,
        Reply<IncrementalAlterConfigsResponse>,
    ),
    Stop(Reply<()>),
}

/// An answer that waits for the group's commit.
type Answer = Box<dyn FnOnce(Result<(), Refusal>) + Send>;

pub struct Worker {
    pub log: MetadataLog,
    pub settings: Settings,
    pub identity: Identity,
    pub publish: watch::Sender<Arc<Image>>,
    pub fail: watch::Sender<Option<String>>,
}

/// What a new leader writes first: the records that begin an empty log, and its own registration.
pub async fn begin(
    log: &mut MetadataLog,
    settings: &Settings,
    identity: &Identity,
    incarnation_id: Uuid,
) -> Result<(), ControllerError> {
    if log.latest().feature(features::METADATA_VERSION) == 0 {
        let mut records = metadata_log::read_bootstrap(settings).await?;
        records.extend(cluster_min_insync_replicas(settings, &records));
        check_records(log.latest(), &records)?;
        log.append(&records)?;
    }
    let endpoint = |(name, host, port)| metadata::Endpoint {
        name,
        host,
        port,
        security_protocol: 0,
    };
    let endpoints = metadata_log::controller_endpoints(settings)
        .into_iter()
        .map(endpoint)
        .collect();
    let features = supported_features();
    let controller = metadata::Controller {
        id: identity.node_id,
        incarnation_id,
        endpoints,
        features,
    };
    let decision = decide::register_controller(log.latest(), &controller);
    log.append(&decision.records)?;
    Ok(())
}

/// The features must be known before they are in the log for good.
fn check_records(image: &Image, records: &[MetadataRecord]) -> Result<(), ControllerError> {
    let mut image = image.clone();
    for record in records {
        // what does not replay, the append refuses
        let _ = image.replay(record);
    }
    check_features(&image)
}

/// With eligible leader replicas, min.insync.replicas is one value of the cluster, and written down.
fn cluster_min_insync_replicas(settings: &Settings, bootstrap: &[MetadataRecord]) -> Option<MetadataRecord> {
    let elr = bootstrap.iter().any(|record| match record {
        MetadataRecord::FeatureLevel(record) => {
            record.name == ELIGIBLE_LEADER_REPLICAS && record.feature_level > 0
        }
        _ => false,
    });
    elr.then(|| {
        MetadataRecord::Config(ConfigRecord {
            resource_type: ResourceKind::Broker.id(),
            resource_name: String::new(),
            name: "min.insync.replicas".to_string(),
            value: Some(settings.int("min.insync.replicas").to_string()),
        })
    })
}

impl Worker {
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let next = time::timeout(self.log.until_snapshot(), commands.recv()).await;
            let command = match next {
                Ok(Some(command)) => command,
                Ok(None) => return,
                Err(_elapsed) => {
                    self.log.maintain().await;
                    continue;
                }
            };
            let (answers, stop) = self.group(command, &mut commands);
            let committed = self.commit().await;
            for answer in answers {
                answer(committed.clone());
            }
            if let Some(stop) = stop {
                // the log first: who asked may open the folder again at once, or be gone
                drop(self);
                let _ = stop.send(Ok(()));
                return;
            }
            if committed.is_err() {
                return refuse_all(&mut commands, committed).await;
            }
            self.log.maintain().await;
        }
    }

    /// Takes the command and those that wait behind it, up to a stop.
    fn group(
        &mut self,
        first: Command,
        commands: &mut mpsc::Receiver<Command>,
    ) -> (Vec<Answer>, Option<Reply<()>>) {
        let mut answers = Vec::new();
        let mut next = Some(first);
        while let Some(command) = next {
            match self.take(command) {
                Ok(answer) => answers.push(answer),
                Err(stop) => return (answers, Some(stop)),
            }
            next = if answers.len() < GROUP_MAX {
                commands.try_recv().ok()
            } else {
                None
            };
        }
        (answers, None)
    }

    /// Makes durable what was appended, and publishes it. A log that was fenced ends the node's work, also when it
    /// was the append that failed.
    async fn commit(&mut self) -> Result<(), Refusal> {
        let is_published = self.log.end_offset() == self.publish.borrow().offset();
        let committed = match self.log.check_writable() {
            Ok(()) if is_published => return Ok(()),
            Ok(()) => self.log.commit().await,
            Err(error) => Err(error),
        };
        match committed {
            Ok(image) => {
                self.publish.send_replace(image);
                Ok(())
            }
            Err(error) => {
                tracing::error!("the controller stops: {error}");
                self.fail.send_replace(Some(error.to_string()));
                Err(broken(&error))
            }
        }
    }

    /// Decides and appends. A stop is handed back.
    fn take(&mut self, command: Command) -> Result<Answer, Reply<()>> {
        let node_id = self.identity.node_id;
        Ok(match command {
            Command::Register(broker, reply) => {
                let cluster_id = self.identity.cluster_id.clone();
                let registration = Registration {
                    broker: *broker,
                    cluster_id: cluster_id.clone(),
                };
                let next_offset = self.log.end_offset();
                let decision =
                    decide::register_broker(self.log.latest(), registration, &cluster_id, next_offset);
                self.settle(decision, reply)
            }
            Command::Unfence(epoch, reply) => {
                let decision = decide::unfence_broker(self.log.latest(), node_id, epoch);
                self.settle(decision, reply)
            }
            Command::AllocateProducerIds(epoch, reply) => {
                let decision = decide::allocate_producer_ids(self.log.latest(), node_id, epoch);
                self.settle(decision, reply)
            }
            Command::CreateTopics(request, reply) => {
                let (defaults, rules) = (self.defaults(), self.rules());
                let new_id = &mut metadata_log::new_id;
                let decision = decide::create_topics(self.log.latest(), &request, &defaults, &rules, new_id);
                self.settle(ok(decision), reply)
            }
            Command::DeleteTopics(request, version, reply) => {
                let decision = decide::delete_topics(self.log.latest(), &request, version, &self.defaults());
                self.settle(ok(decision), reply)
            }
            Command::CreatePartitions(request, reply) => {
                let decision = decide::create_partitions(self.log.latest(), &request);
                self.settle(ok(decision), reply)
            }
            Command::AlterConfigs(request, reply) => {
                let decision = decide::alter_configs(self.log.latest(), &request, &self.rules());
                self.settle(ok(decision), reply)
            }
            Command::IncrementalAlterConfigs(request, reply) => {
                let decision = decide::incremental_alter_configs(self.log.latest(), &request, &self.rules());
                self.settle(ok(decision), reply)
            }
            Command::Stop(reply) => return Err(reply),
        })
    }

    /// Appends a decision's records; its reply is sent once they are committed.
    fn settle<T: Send + 'static>(
        &mut self,
        decision: Decision<Result<T, Refusal>>,
        reply: Reply<T>,
    ) -> Answer {
        let appended = match decision.records.is_empty() {
            true => Ok(()),
            false => self.log.append(&decision.records),
        };
        let answer = match appended {
            Ok(()) => decision.reply,
            Err(error) => {
                tracing::error!("a decision is not taken: {error}");
                Err(broken(&error))
            }
        };
        Box::new(move |committed| {
            // who asked may be gone
            let _ = reply.send(committed.and(answer));
        })
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            num_partitions: self.settings.num_partitions(),
            replication_factor: self.settings.default_replication_factor(),
            delete_topic_enable: self.settings.delete_topic_enable(),
        }
    }

    fn rules(&self) -> Rules {
        let image = self.log.latest();
        let own = image.broker_configs(self.identity.node_id);
        Rules::new(self.settings.with_dynamic(image.cluster_configs(), own))
    }
}

fn ok<T>(decision: Decision<T>) -> Decision<Result<T, Refusal>> {
    Decision {
        records: decision.records,
        reply: Ok(decision.reply),
    }
}

/// A broken log answers every request alike.
fn broken(error: &MetadataLogError) -> Refusal {
    Refusal::new(ErrorCode::KafkaStorageError, error.to_string())
}

async fn refuse_all(commands: &mut mpsc::Receiver<Command>, reason: Result<(), Refusal>) {
    let refusal = reason.expect_err("called with a failure");
    while let Some(command) = commands.recv().await {
        // who asked may be gone
        match command {
            Command::Register(_, reply) => drop(reply.send(Err(refusal.clone()))),
            Command::Unfence(_, reply) => drop(reply.send(Err(refusal.clone()))),
            Command::AllocateProducerIds(_, reply) => drop(reply.send(Err(refusal.clone()))),
            Command::CreateTopics(_, reply) => drop(reply.send(Err(refusal.clone()))),
            Command::DeleteTopics(_, _, reply) => drop(reply.send(Err(refusal.clone()))),
            Command::CreatePartitions(_, reply) => drop(reply.send(Err(refusal.clone()))),
            Command::AlterConfigs(_, reply) => drop(reply.send(Err(refusal.clone()))),
            Command::IncrementalAlterConfigs(_, reply) => drop(reply.send(Err(refusal.clone()))),
            Command::Stop(reply) => return drop(reply.send(Ok(()))),
        }
    }
}
