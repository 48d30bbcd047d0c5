//! The partitions that this node hosts, kept in step with the metadata image.
//!
//! One task applies images, one after another: it opens and creates logs, deletes those of topics that are gone,
//! and passes on leaders, epochs and settings. Requests only look partitions up.

mod apply;
mod config;
mod high_watermarks;
mod partition;
mod upkeep;
mod waiters;

pub use apply::Applier;
pub use high_watermarks::checkpoint as checkpoint_high_watermarks;
pub use partition::{AppendFailure, Ended, Partition, PartitionRead};
pub use upkeep::spawn_upkeep;

use metadata::Image;
use runtime::sync::{RwLock, watch};
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::{ErrorCode, Uuid};

/// Looked up by requests; changed by the applier alone.
pub struct Partitions {
    hosted: RwLock<BTreeMap<String, HostedTopic>>,
    /// The end offset of the image that was last applied whole.
    applied: watch::Sender<i64>,
    image: watch::Receiver<Arc<Image>>,
}

struct HostedTopic {
    id: Uuid,
    partitions: BTreeMap<i32, Hosted>,
}

#[derive(Clone)]
enum Hosted {
    Online(Arc<Partition>),
    /// Its log could not be opened, and may be tried again if that was for want of space. After any other failure it may
    /// not, in this process: once a sync has failed, the page cache shows what the disk may not hold.
    Offline {
        for_space: bool,
    },
}

impl Partitions {
    pub fn new(image: watch::Receiver<Arc<Image>>) -> Arc<Partitions> {
        Arc::new(Partitions {
            hosted: RwLock::default(),
            applied: watch::Sender::new(-1),
            image,
        })
    }

    /// The partition, if it is here. `id` is what the request says, if it says one.
    ///
    /// Errors: `UnknownTopicId` when the topic here has another id; `KafkaStorageError` when its log could not be
    /// opened; `NotLeaderOrFollower` when it exists but is not here, or not yet; `UnknownTopicOrPartition`.
    pub fn get(&self, topic: &str, id: Option<Uuid>, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        if let Some(hosted) = self.hosted.read().get(topic) {
            match hosted.partitions.get(&index) {
                Some(Hosted::Online(_)) if id.is_some_and(|id| id != hosted.id) => {
                    return Err(ErrorCode::UnknownTopicId);
                }
                Some(Hosted::Online(partition)) => return Ok(partition.clone()),
                Some(Hosted::Offline { .. }) => return Err(ErrorCode::KafkaStorageError),
                None => {}
            }
        }
        match self.image.borrow().partition(topic, index) {
            Some(_) => Err(ErrorCode::NotLeaderOrFollower),
            None => Err(ErrorCode::UnknownTopicOrPartition),
        }
    }

    /// Those that are online, in the order of topic and index.
    pub fn all(&self) -> Vec<Arc<Partition>> {
        let hosted = self.hosted.read();
        let partitions = hosted.values().flat_map(|topic| topic.partitions.values());
        let online = partitions.filter_map(|hosted| match hosted {
            Hosted::Online(partition) => Some(partition.clone()),
            Hosted::Offline { .. } => None,
        });
        online.collect()
    }

    pub fn offline_count(&self) -> usize {
        let hosted = self.hosted.read();
        let partitions = hosted.values().flat_map(|topic| topic.partitions.values());
        let fenced = |partition: &Partition| partition.ended() == Some(Ended::Fenced);
        partitions
            .filter(|hosted| match hosted {
                Hosted::Online(partition) => fenced(partition),
                Hosted::Offline { .. } => true,
            })
            .count()
    }

    /// Resolves when the image that ends at `offset`, or a later one, is applied here.
    pub async fn applied(&self, offset: i64) {
        // An error means that the node stops.
        let _ = self
            .applied
            .subscribe()
            .wait_for(|applied| *applied >= offset)
            .await;
    }

    pub fn applied_offset(&self) -> i64 {
        *self.applied.borrow()
    }
}
