//! Looking for rot: reads everything that is durable again and again, at a gentle and bounded pace.
//!
//! Bound: every byte that was durable when a pass began is checked before the pass ends, and a pass takes about the given
//! interval, disk permitting; so rot is found within two intervals of its coming.

use crate::data_dir::DataDir;
use crate::log::{Log, ScrubTarget};
use crate::names::TopicPartition;
use crate::scan::{BatchWalk, Step};
use runtime::time::{Duration, Monotonic, sleep};
use std::path::PathBuf;

/// However little there is, it is read at least this fast.
const BYTES_PER_SECOND_MIN: u64 = 1 << 20;

/// Damaged bytes in what was durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rot {
    pub tp: TopicPartition,
    pub file: PathBuf,
    pub position: u64,
    pub what: String,
}

/// Reads all logs of a data folder.
pub struct Scrubber {
    data_dir: DataDir,
    interval: Duration,
}

impl Scrubber {
    pub(crate) fn new(data_dir: DataDir, interval: Duration) -> Scrubber {
        Scrubber { data_dir, interval }
    }

    /// Pass after pass, until dropped.
    pub async fn run(&self) {
        loop {
            let begun = Monotonic::now();
            let rot = self.pass().await;
            if !rot.is_empty() {
                tracing::error!("the scrubber found {} damaged places: {rot:?}", rot.len());
            }
            let rest = self.interval.saturating_sub(begun.elapsed());
            sleep(rest.max(Duration::from_millis(100))).await;
        }
    }

    /// Reads everything once. Damage is marked in its log, which then does not serve it, and returned.
    pub async fn pass(&self) -> Vec<Rot> {
        let targets: Vec<(Log, ScrubTarget)> = self
            .data_dir
            .logs()
            .into_iter()
            .flat_map(|log| {
                log.scrub_targets()
                    .into_iter()
                    .map(move |target| (log.clone(), target))
            })
            .collect();
        let bytes: u64 = targets.iter().map(|(_, target)| target.bytes).sum();
        let mut pace = Pace::new(bytes, self.interval);
        let mut rot = Vec::new();
        for (log, target) in targets {
            rot.extend(scrub(&log, &target, &mut pace).await);
        }
        rot
    }
}

/// Reads one segment up to its first damage.
async fn scrub(log: &Log, target: &ScrubTarget, pace: &mut Pace) -> Option<Rot> {
    let file = log.scrub_file(target)?;
    let mut walk = BatchWalk::new(file, 0, target.bytes);
    let damage = loop {
        let before = walk.position();
        match walk.next().await {
            Ok(Step::Batch { .. }) => {}
            Ok(Step::End) => return None,
            Ok(Step::BadCrc { damage, .. } | Step::BadHeader(damage)) => break damage,
            Err(error) => {
                tracing::warn!("the scrubber cannot read {}: {error}", target.path.display());
                return None;
            }
        }
        pace.spend(walk.position() - before).await;
    };
    // what a truncation or a deletion took away meanwhile is no rot
    if !log.is_scrub_target(target) {
        return None;
    }
    log.mark_damage(target.base_offset, damage.clone());
    Some(Rot {
        tp: log.topic_partition().clone(),
        file: target.path.clone(),
        position: damage.position,
        what: damage.what,
    })
}

/// Spreads reading over the interval.
struct Pace {
    bytes_per_second: u64,
    begun: Monotonic,
    spent: u64,
}

impl Pace {
    fn new(bytes: u64, interval: Duration) -> Pace {
        let seconds = interval.as_secs_f64().max(0.001);
        let even = (bytes as f64 * 1.25 / seconds) as u64;
        Pace {
            bytes_per_second: even.max(BYTES_PER_SECOND_MIN),
            begun: Monotonic::now(),
            spent: 0,
        }
    }

    async fn spend(&mut self, bytes: u64) {
        self.spent += bytes;
        let due = Duration::from_secs_f64(self.spent as f64 / self.bytes_per_second as f64);
        let ahead = due.saturating_sub(self.begun.elapsed());
        if ahead > Duration::from_millis(10) {
            sleep(ahead).await;
        }
    }
}
