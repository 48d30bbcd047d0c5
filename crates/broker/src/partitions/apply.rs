//! Brings the hosted partitions in step with an image: opens, creates, deletes, assigns.

use super::config::log_config;
use super::partition::{Assignment, Ended, Partition};
use super::{Hosted, HostedTopic, Partitions};
use crate::listener::Phase;
use crate::metrics::Metrics;
use crate::node::Node;
use crate::settings::{Settings, TopicSettings};
use metadata::{CLUSTER_METADATA_TOPIC, Image, PartitionRegistration, Topic};
use runtime::disk;
use runtime::mutant::{Mutant, planted};
use runtime::sync::{Semaphore, watch};
use runtime::task::JoinHandle;
use runtime::time::{self, Duration, WallMs};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use storage::{DataDir, LogConfig, RecoveryReport, StorageError, TopicId, TopicPartition};
use tracing::{error, info, warn};
use wire::Uuid;

/// Logs that are opened at a time, at least: opening waits for the disk more than it computes.
const OPENS_MIN: usize = 8;
/// Of file systems, in bytes; topics' names are ASCII.
const FOLDER_NAME_MAX: usize = 255;
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// The one that changes `Partitions`.
pub struct Applier {
    partitions: Arc<Partitions>,
    data_dir: DataDir,
    settings: Settings,
    metrics: Arc<Metrics>,
}

/// A log to open, on its way to being hosted.
struct Opening {
    topic: String,
    topic_id: Uuid,
    index: i32,
    task: JoinHandle<Result<Arc<Partition>, StorageError>>,
}

impl Applier {
    pub fn new(node: &Node) -> Applier {
        Applier {
            partitions: node.partitions.clone(),
            data_dir: node.data_dir.clone(),
            settings: node.settings().clone(),
            metrics: node.metrics.clone(),
        }
    }

    /// Applies every image from now on, until the node stops. What failed for want of space or the like is tried again
    /// after a while.
    pub async fn run(self, mut images: watch::Receiver<Arc<Image>>, phase: watch::Receiver<Phase>) {
        loop {
            let image = images.borrow_and_update().clone();
            let is_whole = self.apply(&image).await;
            let mut phase = phase.clone();
            let changed = runtime::select! {
                biased;
                _ = phase.wait_for(|phase| *phase != Phase::Running) => return,
                changed = images.changed() => changed,
                () = time::sleep(RETRY_INTERVAL), if !is_whole => Ok(()),
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// Opens the logs of an image before this incarnation is registered: they are recovered, and nobody leads.
    pub async fn recover(&self, image: &Image) {
        self.put_strays_aside(image).await;
        self.open_the_new(image).await;
    }

    /// Applies one image; false when a part of it must be tried again.
    pub async fn apply(&self, image: &Image) -> bool {
        if runtime::buggify::chance("partitions.apply.delay") {
            time::sleep(Duration::from_millis(runtime::rng::below(300))).await;
        }
        self.drop_the_deleted(image).await;
        let all_open = self.open_the_new(image).await;
        let all_assigned = self.assign(image).await;
        self.partitions.applied.send_replace(image.offset());
        all_open && all_assigned
    }

    /// Puts aside folders of topics that the image does not know: as Kafka does, under a name that ends in `-stray`.
    /// They may be what a deletion left when it was cut short, or somebody's data in the wrong place.
    async fn put_strays_aside(&self, image: &Image) {
        let folders = match self.data_dir.partitions().await {
            Ok(folders) => folders,
            Err(error) => {
                warn!(%error, "cannot list the partition folders");
                return;
            }
        };
        for folder in folders {
            let partition = &folder.tp;
            let id = folder.topic_id.map(|id| Uuid(id.0));
            let known = image.topic(&partition.topic).is_some_and(|topic| {
                id.is_none_or(|id| id == topic.id) && topic.partitions.contains_key(&partition.partition)
            });
            if known || partition.topic == CLUSTER_METADATA_TOPIC {
                continue;
            }
            let (from, to) = (partition.to_string(), stray_folder(partition));
            let path = self.data_dir.path();
            match disk::rename(path.join(&from), path.join(&to)).await {
                Ok(()) => warn!(
                    folder = from,
                    renamed = to,
                    "no topic owns this folder: remove it when nobody misses it"
                ),
                Err(error) => warn!(folder = from, %error, "cannot put aside a folder that no topic owns"),
            }
        }
    }

    async fn drop_the_deleted(&self, image: &Image) {
        let node_id = self.settings.node_id();
        let kept = |name: &str, id: Uuid, index: i32| {
            let topic = image.topic_by_id(id).filter(|topic| topic.name == name);
            topic
                .and_then(|topic| topic.partitions.get(&index))
                .is_some_and(|p| p.replicas.contains(&node_id))
        };
        let mut gone = Vec::new();
        {
            let mut hosted = self.partitions.hosted.write();
            for (name, topic) in hosted.iter_mut() {
                let indexes: Vec<i32> = topic.partitions.keys().copied().collect();
                for index in indexes.into_iter().filter(|index| !kept(name, topic.id, *index)) {
                    let removed = topic.partitions.remove(&index).expect("its key was just listed");
                    gone.push((TopicPartition::new(name.clone(), index), removed));
                }
            }
            hosted.retain(|_, topic| !topic.partitions.is_empty());
        }
        for (partition, hosted) in gone {
            if let Hosted::Online(hosted) = hosted {
                hosted.end(Ended::Deleted);
            }
            if image.topic(&partition.topic).is_none() {
                self.metrics.forget_topic(&partition.topic);
            }
            runtime::trace!("delete {partition}");
            match self.data_dir.delete_log(&partition).await {
                Ok(()) => info!(%partition, "log deleted"),
                Err(error) => warn!(%partition, %error, "cannot delete a log"),
            }
        }
    }

    /// Opens what is not hosted, bounded in parallel; false when a log could not be opened and may be tried again.
    async fn open_the_new(&self, image: &Image) -> bool {
        let node_id = self.settings.node_id();
        let opens_max = self.settings.num_recovery_threads_per_data_dir().max(OPENS_MIN);
        let slots = Arc::new(Semaphore::new(opens_max));
        let broker = self.settings_now(image);
        let mut openings = Vec::new();
        let mut wanted: Vec<(&Arc<Topic>, i32)> = image
            .topics()
            .flat_map(|topic| {
                topic
                    .partitions
                    .iter()
                    .map(move |(index, partition)| (topic, *index, partition))
            })
            .filter(|(_, _, partition)| partition.replicas.contains(&node_id))
            .map(|(topic, index, _)| (topic, index))
            .filter(|(topic, index)| !self.is_hosted(&topic.name, *index))
            .collect();
        if planted(Mutant::HashOrderLeaks) {
            // As iterating over a map whose hasher is seeded by an address would have it.
            wanted.sort_by_key(|(topic, index)| {
                (Arc::as_ptr(topic) as usize).wrapping_mul(*index as usize + 31) % 97
            });
        }
        for (topic, index) in wanted {
            let settings = Arc::new(broker.topic(image.topic_configs(&topic.name)));
            let config = log_config(&settings, &broker);
            let opening = self.open(topic, index, settings, config, slots.clone());
            let task = runtime::task::spawn(opening);
            openings.push(Opening {
                topic: topic.name.clone(),
                topic_id: topic.id,
                index,
                task,
            });
        }
        let mut all_open = true;
        for opening in openings {
            all_open &= self.host(opening).await;
        }
        all_open
    }

    fn open(
        &self,
        topic: &Topic,
        index: i32,
        settings: Arc<TopicSettings>,
        config: LogConfig,
        slots: Arc<Semaphore>,
    ) -> impl Future<Output = Result<Arc<Partition>, StorageError>> + Send + use<> {
        let (data_dir, metrics) = (self.data_dir.clone(), self.metrics.clone());
        let (topic, topic_id) = (topic.name.clone(), topic.id);
        async move {
            let _slot = slots.acquire().await.expect("the semaphore is never closed");
            let name = TopicPartition::new(topic.clone(), index);
            let id = Some(TopicId(topic_id.0));
            let opened = match data_dir.open_log(&name, id, config.clone(), WallMs::now()).await {
                // What is left of a deleted topic of the same name, whose removal failed.
                Err(StorageError::WrongTopicId { .. }) => {
                    data_dir.delete_log(&name).await?;
                    data_dir.open_log(&name, id, config, WallMs::now()).await
                }
                opened => opened,
            };
            let (log, report) = opened?;
            runtime::trace!("open {name} {}..{}", log.log_start_offset(), log.log_end_offset());
            tell(&name, &report);
            let known = data_dir.high_watermark(&name).unwrap_or(0);
            // One replica: what recovery found is synced, and the ISR holds it.
            let high_watermark = known.max(log.log_start_offset()).min(log.log_end_offset());
            Ok(Partition::new(
                topic,
                topic_id,
                index,
                log,
                high_watermark,
                settings,
                metrics,
            ))
        }
    }

    async fn host(&self, opening: Opening) -> bool {
        let Opening {
            topic,
            topic_id,
            index,
            task,
        } = opening;
        let opened = match task.await {
            Ok(Ok(partition)) => Hosted::Online(partition),
            Ok(Err(error)) => {
                error!(topic, partition = index, %error, "cannot open a log: the partition is offline");
                Hosted::Offline {
                    for_space: wants_space(&error),
                }
            }
            Err(error) => {
                error!(topic, partition = index, %error, "opening a log was cut short: the partition is offline");
                Hosted::Offline { for_space: false }
            }
        };
        let mut hosted = self.partitions.hosted.write();
        let entry = hosted.entry(topic).or_insert_with(|| HostedTopic {
            id: topic_id,
            partitions: BTreeMap::new(),
        });
        assert_eq!(entry.id, topic_id, "a topic of the old id was dropped before");
        let is_settled = !matches!(opened, Hosted::Offline { for_space: true });
        entry.partitions.insert(index, opened);
        is_settled
    }

    /// Passes on leaders, epochs and settings; false when a partition could not begin to lead.
    async fn assign(&self, image: &Image) -> bool {
        let node_id = self.settings.node_id();
        let broker = self.settings_now(image);
        let slots = Arc::new(Semaphore::new(OPENS_MIN));
        let mut settings_of: BTreeMap<String, Arc<TopicSettings>> = BTreeMap::new();
        let mut tasks = Vec::new();
        for partition in self.partitions.all() {
            let Some(registration) = image.partition(&partition.topic, partition.index) else {
                continue;
            };
            let settings = settings_of
                .entry(partition.topic.clone())
                .or_insert_with(|| Arc::new(broker.topic(image.topic_configs(&partition.topic))))
                .clone();
            let config = log_config(&settings, &broker);
            if config != partition.log().config() {
                partition.log().set_config(config);
            }
            let assignment = assignment(registration);
            if *settings == *partition.settings() && assignment == partition.assignment() {
                continue;
            }
            let slots = slots.clone();
            tasks.push(runtime::task::spawn(async move {
                let _slot = slots.acquire().await.expect("the semaphore is never closed");
                partition.assign(node_id, assignment, settings).await
            }));
        }
        let mut all_assigned = true;
        for task in tasks {
            all_assigned &= task.await.unwrap_or(false);
        }
        all_assigned
    }

    fn is_hosted(&self, topic: &str, index: i32) -> bool {
        let hosted = self.partitions.hosted.read();
        let partition = hosted.get(topic).and_then(|topic| topic.partitions.get(&index));
        matches!(
            partition,
            Some(Hosted::Online(_) | Hosted::Offline { for_space: false })
        )
    }

    /// The broker's settings under what was altered while running.
    fn settings_now(&self, image: &Image) -> Settings {
        let own = image.broker_configs(self.settings.node_id());
        self.settings.with_dynamic(image.cluster_configs(), own)
    }
}

/// `<topic>-<partition>.<32 hex digits>-stray`, the topic shortened where the whole grows too long.
fn stray_folder(partition: &TopicPartition) -> String {
    let unique = u128::from(runtime::rng::u64()) << 64 | u128::from(runtime::rng::u64());
    let suffix = format!("-{}.{unique:032x}-stray", partition.partition);
    let topic: String = partition
        .topic
        .chars()
        .take(FOLDER_NAME_MAX - suffix.len())
        .collect();
    topic + &suffix
}

fn assignment(partition: &PartitionRegistration) -> Assignment {
    Assignment {
        leader: partition.leader,
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        isr: partition.isr.clone(),
        replicas: partition.replicas.clone(),
    }
}

/// Whether a write found no room. A sync that finds none is as bad as one that fails.
fn wants_space(error: &StorageError) -> bool {
    matches!(error, StorageError::Io { action, .. } if error.is_full() && !action.starts_with("sync"))
}

/// What recovery found, where it found anything.
fn tell(partition: &TopicPartition, report: &RecoveryReport) {
    for note in &report.notes {
        info!(%partition, note, "recovery");
    }
    for rot in &report.rot {
        let (file, position) = (rot.file.display(), rot.position);
        error!(%partition, %file, position, what = rot.what, "corrupt below the recovery point: it is not served");
    }
    if report.is_below_recovery_point {
        let (recovery_point, log_end_offset) = (report.recovery_point, report.log_end_offset);
        error!(%partition, recovery_point, log_end_offset, "the log ends below its recovery point: what was durable is gone");
    }
    if report.cut_bytes > 0 {
        let (cut_bytes, log_end_offset) = (report.cut_bytes, report.log_end_offset);
        warn!(%partition, cut_bytes, log_end_offset, "a torn tail was cut");
    }
}
