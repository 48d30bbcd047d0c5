//! What all requests of a node share.

use crate::api;
use crate::cluster_view;
use crate::controller::Controller;
use crate::fetch_session::FetchSessions;
use crate::listener::Phase;
use crate::metrics::Metrics;
use crate::partitions::Partitions;
use crate::producer_ids::ProducerIds;
use crate::settings::Settings;
use metadata::{Image, features};
use runtime::sync::{Mutex, watch};
use runtime::time::{self, Duration};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use storage::DataDir;
use tracing::{info, warn};
use wire::ErrorCode;
use wire::create_topics::{CreatableTopic, CreateTopicsRequest};

/// How long an alteration of settings waits to be in effect here before it is answered anyway.
pub const ALTERATION_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long a Metadata request waits for the topics that it creates.
const AUTO_CREATE_WAIT_MAX: Duration = Duration::from_secs(5);

pub struct Node {
    settings: Settings,
    /// Absolute where it can be told: DescribeLogDirs answers it.
    pub data_path: String,
    pub data_dir: DataDir,
    pub controller: Controller,
    pub partitions: Arc<Partitions>,
    pub metrics: Arc<Metrics>,
    pub fetch_sessions: Mutex<FetchSessions>,
    producer_ids: ProducerIds,
    pub phase: watch::Receiver<Phase>,
    image: watch::Receiver<Arc<Image>>,
}

/// A listener with the port that it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundListener {
    pub name: String,
    pub advertised_host: String,
    pub advertised_port: u16,
}

/// Where a broker is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
}

/// What ApiVersions tells of features.
pub struct Features {
    pub supported: BTreeMap<String, RangeInclusive<i16>>,
    pub finalized: BTreeMap<String, i16>,
    pub epoch: i64,
}

impl Node {
    pub fn new(
        settings: Settings,
        data_path: String,
        data_dir: DataDir,
        controller: Controller,
        metrics: Arc<Metrics>,
        phase: watch::Receiver<Phase>,
    ) -> Arc<Node> {
        let image = controller.subscribe();
        let slots = settings.max_incremental_fetch_session_cache_slots();
        Arc::new(Node {
            settings,
            data_path,
            data_dir,
            partitions: Partitions::new(image.clone()),
            fetch_sessions: Mutex::new(FetchSessions::new(slots)),
            producer_ids: ProducerIds::new(controller.clone()),
            controller,
            metrics,
            phase,
            image,
        })
    }

    /// As the file and the overrides have them.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Under what was altered while running.
    pub fn settings_now(&self) -> Settings {
        let image = self.image();
        self.settings.with_dynamic(
            image.cluster_configs(),
            image.broker_configs(self.settings.node_id()),
        )
    }

    pub fn cluster_id(&self) -> &str {
        self.controller.cluster_id()
    }

    pub fn image(&self) -> Arc<Image> {
        self.image.borrow().clone()
    }

    pub fn features(&self) -> Features {
        let image = self.image();
        let supported = features::SUPPORTED
            .iter()
            .map(|(name, min, max)| (name.to_string(), *min..=*max));
        let mut finalized = image.features().clone();
        // It lives in control records of the quorum, which every cluster of ours starts with.
        finalized.insert(features::KRAFT_VERSION.to_string(), 1);
        Features {
            supported: supported.collect(),
            finalized,
            epoch: image.offset() - 1,
        }
    }

    pub async fn next_producer_id(&self) -> Result<i64, ErrorCode> {
        self.producer_ids.next().await
    }

    /// Resolves when this node's partitions have taken on all that the controller has committed by now.
    pub async fn caught_up(&self, patience: Duration) {
        let offset = self.controller.image().offset();
        if time::timeout(patience, self.partitions.applied(offset))
            .await
            .is_err()
        {
            warn!(
                offset,
                applied = self.partitions.applied_offset(),
                "partitions lag behind the metadata"
            );
        }
    }

    /// Creates topics as the broker's settings have it, for a Metadata request that named them.
    pub async fn auto_create(&self, names: BTreeSet<String>) {
        let topics = names.into_iter().map(|name| {
            info!(topic = name, "creates a topic on demand");
            CreatableTopic {
                name,
                num_partitions: -1,
                replication_factor: -1,
                ..Default::default()
            }
        });
        let request = CreateTopicsRequest {
            topics: topics.collect(),
            ..Default::default()
        };
        let response = self.controller.create_topics(request).await;
        for topic in response.topics {
            let error = ErrorCode::from_code(topic.error_code);
            // Two requests may name a topic at the same time.
            if !matches!(error, ErrorCode::None | ErrorCode::TopicAlreadyExists) {
                warn!(
                    topic = topic.name,
                    ?error,
                    message = topic.error_message,
                    "cannot create a topic on demand"
                );
            }
        }
        self.caught_up(AUTO_CREATE_WAIT_MAX).await;
    }

    /// The endpoints of these brokers on a listener, each once.
    pub fn endpoints_of(
        &self,
        brokers: impl Iterator<Item = i32>,
        listener: &BoundListener,
    ) -> Vec<Endpoint> {
        let brokers: BTreeSet<i32> = brokers.collect();
        if brokers.is_empty() {
            return Vec::new();
        }
        let image = self.image();
        brokers
            .into_iter()
            .filter_map(|id| cluster_view::endpoint(&image, id, &listener.name))
            .collect()
    }

    /// A fresh table of counters for every API served.
    pub fn new_metrics() -> Arc<Metrics> {
        Arc::new(Metrics::new(
            api::table().into_iter().map(|row| (row.key, *row.versions.end())),
        ))
    }
}
