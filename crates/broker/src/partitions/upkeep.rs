//! What a node does for its logs in the background: retention, checkpoints, producer expiry, scrubbing.
//!
//! Each is a task of its own that ends when the node begins to stop; a failure is logged and tried again at the
//! next turn, for all of it can wait.

use super::partition::{Ended, Partition};
use super::{Partitions, high_watermarks};
use crate::listener::Phase;
use crate::metrics::Metrics;
use crate::settings::Settings;
use runtime::sync::watch;
use runtime::task::{self, JoinHandle};
use runtime::time::{self, Duration, WallMs};
use std::sync::Arc;
use storage::DataDir;
use tracing::{error, info, warn};

/// How often flush.ms of topics with write caching is looked at.
const FLUSH_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Between two passes, each of which takes about `odradek.scrub.interval.ms` by itself.
const SCRUB_PAUSE: Duration = Duration::from_secs(1);
/// Retention looks after a start no later than this, as Kafka's initial delay has it.
const FIRST_RETENTION: Duration = Duration::from_secs(30);

/// Starts all of it.
pub fn spawn_upkeep(
    partitions: Arc<Partitions>,
    data_dir: DataDir,
    settings: &Settings,
    metrics: Arc<Metrics>,
    phase: watch::Receiver<Phase>,
) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    let interval = settings.log_retention_check_interval();
    let (these, until) = (partitions.clone(), phase.clone());
    tasks.push(task::spawn(async move {
        let mut wait = interval.min(FIRST_RETENTION);
        while goes_on(&until, wait).await {
            retain(&these).await;
            wait = interval;
        }
    }));

    let interval = settings.producer_id_expiration_check_interval();
    let (these, until) = (partitions.clone(), phase.clone());
    tasks.push(task::spawn(async move {
        while goes_on(&until, interval).await {
            open(&these).for_each(|partition| partition.log().expire_producers(WallMs::now()));
        }
    }));

    let interval = settings.log_flush_offset_checkpoint_interval();
    let interval = interval.min(settings.log_flush_start_offset_checkpoint_interval());
    let (dir, until) = (data_dir.clone(), phase.clone());
    tasks.push(task::spawn(async move {
        while goes_on(&until, interval).await {
            if let Err(error) = dir.checkpoint().await {
                warn!(%error, "cannot write the recovery points");
            }
        }
    }));

    let interval = settings.replica_high_watermark_checkpoint_interval();
    let (these, dir, until) = (partitions.clone(), data_dir.clone(), phase.clone());
    tasks.push(task::spawn(async move {
        while goes_on(&until, interval).await {
            high_watermarks::checkpoint(&these, &dir).await;
        }
    }));

    let (dir, until) = (data_dir.clone(), phase.clone());
    tasks.push(task::spawn(async move {
        while goes_on(&until, FLUSH_CHECK_INTERVAL).await {
            dir.flush_due();
        }
    }));

    if let Some(interval) = settings.scrub_interval() {
        let scrubber = data_dir.scrubber(interval);
        tasks.push(task::spawn(async move {
            while goes_on(&phase, SCRUB_PAUSE).await {
                let mut stopping = phase.clone();
                let found = runtime::select! {
                    biased;
                    _ = stopping.wait_for(|phase| *phase != Phase::Running) => return,
                    found = scrubber.pass() => found,
                };
                for rot in found {
                    metrics.scrub_corruptions.add(1);
                    let (partition, file) = (&rot.tp, rot.file.display());
                    error!(%partition, %file, position = rot.position, what = rot.what, "the scrubber found damage: restore the file from a replica or a backup");
                }
            }
        }));
    }
    tasks
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
