//! Watches the brokers' disks for what the faults really did: errors that were given out, bytes that changed.
//!
//! Invariants speak of partitions and offsets, a disk of paths and positions; the watcher translates, while the file
//! is still there.

use super::cluster::Cluster;
use super::disk_reader;
use crate::app::history::{At, Cause, Damage, IoError, IoErrorKind, Loss, Recorder, TopicFacts};
use runtime::sim::{DiskFault, NodeId, Sim};
use runtime::sync::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// Damage is translated at most this long after it was done.
const EVERY: Duration = Duration::from_millis(50);

#[derive(Clone)]
pub struct Watcher {
    sim: Sim,
    recorder: Recorder,
    brokers: Vec<NodeId>,
    /// Damages and errors of each broker that are already in the history.
    seen: Arc<Mutex<Vec<(usize, usize)>>>,
}

impl Watcher {
    /// Begins to look, again and again, on the harness's node.
    pub fn start(cluster: &Cluster) -> Watcher {
        let brokers: Vec<NodeId> = (0..cluster.broker_count()).map(|i| cluster.broker(i)).collect();
        let watcher = Watcher {
            sim: cluster.sim.clone(),
            recorder: cluster.recorder.clone(),
            seen: Arc::new(Mutex::new(vec![(0, 0); brokers.len()])),
            brokers,
        };
        let looking = watcher.clone();
        runtime::task::spawn(async move {
            loop {
                looking.look();
                looking.sim.sleep(EVERY).await;
            }
        });
        watcher
    }

    pub fn look(&self) {
        let topics = self.recorder.with(|h| h.topics.clone());
        for (index, node) in self.brokers.iter().enumerate() {
            let (damages_seen, errors_seen) = self.seen.lock()[index];
            let damages = self.sim.damages(*node);
            for damage in damages.iter().skip(damages_seen) {
                self.note_damage(*node, &topics, damage);
            }
            let errors = self.sim.disk_errors(*node);
            for error in errors.iter().skip(errors_seen) {
                self.note_error(*node, index as u32, &topics, error);
            }
            self.seen.lock()[index] = (damages.len(), errors.len());
        }
    }

    fn note_damage(&self, node: NodeId, topics: &[TopicFacts], damage: &runtime::sim::Damage) {
        let Some((folder, name)) = damage.path.rsplit_once('/') else {
            return;
        };
        let Some(partition) = disk_reader::partition_of(&self.sim, node, folder, topics) else {
            return;
        };
        let first_offset = match name.strip_suffix(".log").and_then(|stem| stem.parse().ok()) {
            Some(base_offset) => self.first_offset(node, &damage.path, base_offset, damage.offset),
            None => i64::MAX,
        };
        let at = At(damage.at.as_micros() as u64);
        let (file, position) = (damage.path.clone(), damage.offset);
        self.recorder.with(|h| {
            h.damages.push(Damage {
                at,
                partition,
                first_offset,
                file,
                position,
            })
        });
    }

    /// The first offset of the batch that holds the position, or of the first broken batch before it.
    fn first_offset(&self, node: NodeId, path: &str, base_offset: i64, position: u64) -> i64 {
        let Some(content) = self.sim.file(node, path, false) else {
            return base_offset;
        };
        let segment = disk_reader::segment(base_offset, content.into());
        let before = segment.batches.iter().take_while(|b| b.crc_valid);
        let next_positions = segment
            .batches
            .iter()
            .skip(1)
            .map(|b| b.position)
            .chain([segment.torn.map_or(u64::MAX, |t| t.0)]);
        let whole = before
            .zip(next_positions)
            .take_while(|(_, next)| *next <= position);
        whole
            .last()
            .map_or(base_offset, |(batch, _)| batch.last_offset + 1)
    }

    fn note_error(&self, node: NodeId, broker: u32, topics: &[TopicFacts], error: &runtime::sim::DiskError) {
        let kind = match error.fault {
            DiskFault::ReadError => IoErrorKind::Read,
            DiskFault::WriteError | DiskFault::MetadataError => IoErrorKind::Write,
            DiskFault::SyncError => IoErrorKind::Sync,
            DiskFault::NoSpace => IoErrorKind::WriteNoSpace,
            DiskFault::SyncNoSpace => IoErrorKind::SyncNoSpace,
            DiskFault::MisdirectedWrite => return,
        };
        let at = At(error.at.as_micros() as u64);
        let folder = error.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let partition = disk_reader::partition_of(&self.sim, node, folder, topics);
        self.recorder.with(|h| {
            h.io_errors.push(IoError {
                at,
                broker,
                partition,
                path: error.path.clone(),
                kind,
            });
            if kind.fences() {
                // Fenced: what was not yet durable may go when the log is opened again.
                h.losses.push(Loss {
                    at,
                    partition,
                    cause: Cause::IoError,
                });
            }
        });
    }
}
