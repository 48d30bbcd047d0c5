//! What a node does for its logs in the background: retention, checkpoints, producer expiry, scrubbing.
//!
//! Each is a task of its own that ends when the node begins to stop; a failure is logged and tried again at the
//! next turn, for all of it can wait.

use super::partition::{Ended, Partition};
use super::{Partitions, high_watermarks};
use crate::listener::Phase;
use crate::node::Node;
use runtime::sync::watch;
use runtime::task::{self, JoinHandle};
use runtime::time::{self, Duration, WallMs};
use std::sync::Arc;
use tracing::{error, info, warn};

/// How often flush.ms of topics with write caching is looked at.
const FLUSH_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Between two passes, each of which takes about `odradek.scrub.interval.ms` by itself.
const SCRUB_PAUSE: Duration = Duration::from_secs(1);
/// Retention looks after a start no later than this, as Kafka's initial delay has it.
const FIRST_RETENTION: Duration = Duration::from_secs(30);

/// Starts all of it.
pub fn spawn_upkeep(node: &Arc<Node>) -> Vec<JoinHandle<()>> {
    let mut tasks = vec![
        task::spawn(retention(node.clone())),
        task::spawn(producer_expiry(node.clone())),
        task::spawn(recovery_points(node.clone())),
        task::spawn(high_watermarks(node.clone())),
        task::spawn(timed_flushes(node.clone())),
    ];
    if let Some(interval) = node.settings().scrub_interval() {
        tasks.push(task::spawn(scrubbing(node.clone(), interval)));
    }
    tasks
}

async fn retention(node: Arc<Node>) {
    let interval = node.settings().log_retention_check_interval();
    let mut wait = interval.min(FIRST_RETENTION);
    while goes_on(&node.phase, wait).await {
        retain(&node.partitions).await;
        wait = interval;
    }
}

async fn producer_expiry(node: Arc<Node>) {
    let interval = node.settings().producer_id_expiration_check_interval();
    while goes_on(&node.phase, interval).await {
        open(&node.partitions).for_each(|partition| partition.log().expire_producers(WallMs::now()));
    }
}

async fn recovery_points(node: Arc<Node>) {
    let interval = node.settings().log_flush_offset_checkpoint_interval();
    let interval = interval.min(node.settings().log_flush_start_offset_checkpoint_interval());
    while goes_on(&node.phase, interval).await {
        if let Err(error) = node.data_dir.checkpoint().await {
            warn!(%error, "cannot write the recovery points");
        }
    }
}

async fn high_watermarks(node: Arc<Node>) {
    let interval = node.settings().replica_high_watermark_checkpoint_interval();
    while goes_on(&node.phase, interval).await {
        high_watermarks::checkpoint(&node.partitions, &node.data_dir).await;
    }
}

async fn timed_flushes(node: Arc<Node>) {
    while goes_on(&node.phase, FLUSH_CHECK_INTERVAL).await {
        node.data_dir.flush_due();
    }
}

async fn scrubbing(node: Arc<Node>, interval: Duration) {
    let scrubber = node.data_dir.scrubber(interval);
    while goes_on(&node.phase, SCRUB_PAUSE).await {
        let mut stopping = node.phase.clone();
        let found = runtime::select! {
            biased;
            _ = stopping.wait_for(|phase| *phase != Phase::Running) => return,
            found = scrubber.pass() => found,
        };
        for rot in found {
            node.metrics.scrub_corruptions.add(1);
            let (partition, file) = (&rot.tp, rot.file.display());
            error!(%partition, %file, position = rot.position, what = rot.what, "the scrubber found damage: restore the file from a replica or a backup");
        }
    }
}

/// Waits a turn; false when the node begins to stop.
async fn goes_on(phase: &watch::Receiver<Phase>, wait: Duration) -> bool {
    let mut phase = phase.clone();
    runtime::select! {
        biased;
        _ = phase.wait_for(|phase| *phase != Phase::Running) => false,
        () = time::sleep(wait) => true,
    }
}

fn open(partitions: &Partitions) -> impl Iterator<Item = Arc<Partition>> {
    partitions
        .all()
        .into_iter()
        .filter(|partition| partition.ended().is_none())
}

async fn retain(partitions: &Partitions) {
    for partition in open(partitions) {
        let now = WallMs::now();
        match partition
            .log()
            .apply_retention(now, partition.retention_bound())
            .await
        {
            Ok(report) if report.segments > 0 => info!(
                topic = partition.topic,
                partition = partition.index,
                segments = report.segments,
                bytes = report.bytes,
                log_start_offset = partition.log().log_start_offset(),
                "retention removed segments"
            ),
            Ok(_) => {}
            Err(_) if partition.ended() == Some(Ended::Deleted) => {}
            Err(error) => {
                warn!(topic = partition.topic, partition = partition.index, %error, "retention failed")
            }
        }
        partition.log().purge_deleted().await;
    }
}
