//! The metadata log: `__cluster_metadata-0`, its quorum's state, its snapshots, and the image that it folds to.
//!
//! ```text
//!   append(records) ──> log (page cache) ──> latest image        decisions are made on the latest image
//!        commit()   ──> fdatasync ──> high watermark ──> the image is committed, and may be published
//! ```
//!
//! Invariants:
//! 1. A record is in the latest image exactly when it is in the log.
//! 2. An image is handed out only once every record in it is below the high watermark.
//! 3. The log starts at 0, or at a snapshot that is on the disk (Q3).
//! 4. Files are Kafka's: batches, control records, `quorum-state`, `<offset>-<epoch>.checkpoint`.

mod codec;
mod format;
mod snapshots;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use metadata::{CLUSTER_METADATA_TOPIC, Fold, Image, ReplayError};
use quorum::{ElectionState, ElectionStateError, Quorum, QuorumError, ReplicaKey, Step, VoterSet};
use records::RecordsError;
use runtime::disk;
use runtime::time::WallMs;
use storage::{
    AppendError, AppendOrigin, DataDir, Log, LogConfig, ReadError, StorageError, TopicId, TopicPartition,
};
use wire::record::{
    AbortTransactionRecord, BeginTransactionRecord, ControlRecord, EndTransactionRecord, MetadataRecord,
};
use wire::{DecodeError, Uuid};

pub use format::FormatError;
pub(crate) use format::{Identity, identify, new_id, read_bootstrap};

use crate::settings::Settings;
use codec::Entry;
use snapshots::Snapshots;

/// The id of the metadata topic, in every cluster.
const METADATA_TOPIC_ID: TopicId = TopicId([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

/// How much of the log is read at once when it is replayed.
const REPLAY_BYTES: u64 = 4 << 20;

/// Largest batch of the metadata log, as Kafka's; a larger decision is several batches in a transaction.
const BATCH_BYTES_MAX: u64 = 8 << 20;

#[derive(Debug, thiserror::Error)]
pub enum MetadataLogError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("the metadata log cannot be read: {0}")]
    Read(#[from] ReadError),
    #[error("the metadata log cannot be written: {0}")]
    Append(#[from] AppendError),
    #[error("cannot {action} {path}: {source}")]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} cannot be understood: {source}")]
    QuorumState {
        path: PathBuf,
        source: ElectionStateError,
    },
    #[error("{path} holds what this node must not lead: {source}")]
    Quorum { path: PathBuf, source: QuorumError },
    #[error("the metadata log's batch at offset {offset} cannot be understood: {source}")]
    Batch { offset: i64, source: RecordsError },
    #[error("the metadata log's record at offset {offset} cannot be understood: {source}")]
    Record { offset: i64, source: DecodeError },
    #[error("the metadata log's record at offset {offset} does not fit: {source}")]
    Replay { offset: i64, source: ReplayError },
    #[error(
        "{path}: the metadata log starts at offset {start}, and no readable snapshot covers what came before: \
         restore the folder from a copy"
    )]
    Gap { path: PathBuf, start: i64 },
    #[error(
        "{path}: the metadata log ends at offset {end}, but was committed up to {committed}: what lay between is \
         lost. Restore the folder from a copy. To go on without it start the broker once more; the folders of \
         topics that are forgotten are then put aside, not deleted"
    )]
    Lost { path: PathBuf, end: i64, committed: i64 },
}

/// The metadata log of the node that leads it, which is the only voter.
pub(crate) struct MetadataLog {
    log: Log,
    folder: PathBuf,
    node: ReplicaKey,
    quorum: Quorum,
    /// Everything in the log, committed or not.
    latest: Fold,
    snapshots: Snapshots,
    batch_bytes_max: usize,
}

impl MetadataLog {
    /// Opens the log of a formatted folder and folds it; the node leads nothing yet.
    pub async fn open(
        data: &DataDir,
        settings: &Settings,
        identity: &Identity,
    ) -> Result<MetadataLog, MetadataLogError> {
        let folder = folder(settings);
        let partition = TopicPartition::new(CLUSTER_METADATA_TOPIC, 0);
        let config = log_config(settings);
        let batch_bytes_max = config.segment_bytes.min(BATCH_BYTES_MAX) as usize;
        let (log, report) = data
            .open_log(&partition, Some(METADATA_TOPIC_ID), config, WallMs::now())
            .await?;
        for note in &report.notes {
            tracing::warn!("metadata log: {note}");
        }
        let mut replay = Replay {
            fold: Fold::default(),
            voters: VoterSet::default(),
        };
        let (snapshots, newest) = Snapshots::open(&folder, settings).await?;
        let mut from = 0;
        if let Some(snapshot) = newest {
            from = snapshot.id.end_offset;
            replay = Replay {
                fold: Fold::new(snapshot.image),
                voters: snapshot.voters,
            };
            if log.log_end_offset() < from {
                log.truncate_fully_and_start_at(from).await?;
            }
        }
        if report.is_below_recovery_point && log.log_end_offset() < report.recovery_point {
            return Err(MetadataLogError::Lost {
                path: folder,
                end: log.log_end_offset(),
                committed: report.recovery_point,
            });
        }
        if log.log_start_offset() > from {
            return Err(MetadataLogError::Gap {
                path: folder,
                start: log.log_start_offset(),
            });
        }
        replay.log(&log, from).await?;
        let node = ReplicaKey {
            id: identity.node_id,
            directory_id: identity.directory_id,
        };
        let quorum = start_quorum(&folder, node, replay.voters, settings, &log, &replay.fold).await?;
        Ok(MetadataLog {
            log,
            folder,
            node,
            quorum,
            latest: replay.fold,
            snapshots,
            batch_bytes_max,
        })
    }

    /// The image of everything in the log, committed or not: what decisions are made on.
    pub fn latest(&self) -> &Image {
        self.latest.image()
    }

    /// Whether the log ends inside a transaction, which a leader must abort before it writes.
    pub fn in_transaction(&self) -> bool {
        self.latest.in_transaction()
    }

    /// Errs once an I/O error has left the log in doubt: nothing more can be appended to it.
    pub fn check_writable(&self) -> Result<(), MetadataLogError> {
        match self.log.fenced() {
            Some(reason) => Err(StorageError::Fenced(reason).into()),
            None => Ok(()),
        }
    }

    /// The offset that the next record will have.
    pub fn end_offset(&self) -> i64 {
        self.log.log_end_offset()
    }

    pub fn epoch(&self) -> i32 {
        self.quorum.epoch()
    }

    /// Becomes the leader of a new epoch. Its first record is appended, not yet committed.
    pub async fn lead(&mut self) -> Result<(), MetadataLogError> {
        let mut step = Some(self.quorum.campaign());
        while let Some(next) = step {
            step = match next {
                Step::Persist(state) => {
                    self.persist(state).await?;
                    self.quorum.on_persisted()
                }
                Step::Lead { state, leader_change } => {
                    self.persist(state).await?;
                    let mut controls = vec![ControlRecord::LeaderChange(leader_change)];
                    if self.end_offset() == 0 {
                        controls.extend(codec::kraft_controls(self.quorum.voters()));
                    }
                    self.append_controls(&controls)?;
                    None
                }
            };
        }
        Ok(())
    }

    async fn persist(&self, state: ElectionState) -> Result<(), MetadataLogError> {
        let path = self.folder.join(QUORUM_STATE);
        let written = disk::write_atomic(&path, state.to_json().as_bytes()).await;
        written.map_err(|source| MetadataLogError::Io {
            action: "write",
            path,
            source,
        })
    }

    fn append_controls(&mut self, controls: &[ControlRecord]) -> Result<(), MetadataLogError> {
        let batch = codec::control_batch(controls, WallMs::now());
        let first = self.append_batch(batch)?;
        let last = first + controls.len() as i64 - 1;
        self.latest.skip(last, self.quorum.epoch());
        Ok(())
    }

    /// Appends the records, all or none, and folds them in. They are not committed yet. Records that are too many
    /// for one batch stand in a transaction (KIP-868).
    ///
    /// # Errors
    /// When a record does not fit the latest image, or the log cannot be written. The latest image is as it was.
    pub fn append(&mut self, records: &[MetadataRecord]) -> Result<(), MetadataLogError> {
        if self.in_transaction() {
            let reason = Some("what began it did not end it".to_string());
            self.append_parts(&[&[MetadataRecord::AbortTransaction(AbortTransactionRecord {
                reason,
            })]])?;
        }
        let parts = codec::split(records, self.batch_bytes_max);
        if parts.len() < 2 {
            return self.append_parts(&parts);
        }
        let begin = [MetadataRecord::BeginTransaction(BeginTransactionRecord {
            name: None,
        })];
        let end = [MetadataRecord::EndTransaction(EndTransactionRecord::default())];
        let parts: Vec<&[MetadataRecord]> = [&begin[..]].into_iter().chain(parts).chain([&end[..]]).collect();
        self.append_parts(&parts)
    }

    /// Appends each part as a batch.
    fn append_parts(&mut self, parts: &[&[MetadataRecord]]) -> Result<(), MetadataLogError> {
        let (mut next, epoch) = (self.latest.clone(), self.quorum.epoch());
        let mut folded = Vec::new();
        let mut offset = self.end_offset();
        for part in parts {
            for record in *part {
                next.replay(offset, epoch, record)
                    .map_err(|source| MetadataLogError::Replay { offset, source })?;
                offset += 1;
            }
            folded.push(next.clone());
        }
        for (part, folded) in parts.iter().zip(folded) {
            let batch = codec::data_batch(part, WallMs::now());
            let bytes = batch.len() as u64;
            self.append_batch(batch)?;
            self.latest = folded;
            self.snapshots.count(bytes);
        }
        Ok(())
    }

    fn append_batch(&mut self, batch: Bytes) -> Result<i64, MetadataLogError> {
        let appended =
            self.log
                .append_as_leader(batch, self.quorum.epoch(), AppendOrigin::Raft, WallMs::now())?;
        self.quorum.on_appended(appended.last_offset + 1);
        Ok(appended.first_offset)
    }

    /// Makes everything appended durable, and so committed. The image holds all of it.
    pub async fn commit(&mut self) -> Result<Arc<Image>, MetadataLogError> {
        let durable = self.log.sync().await?;
        self.quorum.on_durable(self.node.id, durable);
        assert_eq!(
            self.quorum.high_watermark(),
            self.end_offset(),
            "one voter commits what it has made durable"
        );
        runtime::trace!("metadata committed {}", durable);
        Ok(Arc::new(self.latest().clone()))
    }

    /// Writes a snapshot if one is due, and cuts what snapshots have made superfluous. Call it after a commit.
    pub async fn maintain(&mut self) {
        assert_eq!(
            self.quorum.high_watermark(),
            self.end_offset(),
            "only what is committed goes into a snapshot"
        );
        if !self.snapshots.due() {
            return;
        }
        let image = self.latest.image().clone();
        if let Err(error) = self.snapshots.write(&image, self.quorum.voters()).await {
            return tracing::warn!(
                "no snapshot of the metadata at offset {}: {error}",
                image.offset()
            );
        }
        if let Err(error) = self.snapshots.clean(&self.log).await {
            tracing::warn!("the metadata log is not cut: {error}");
        }
    }

    /// How long until a snapshot falls due by time.
    pub fn until_snapshot(&self) -> std::time::Duration {
        self.snapshots.until_due()
    }
}

const QUORUM_STATE: &str = "quorum-state";

/// Where the metadata log lives.
fn folder(settings: &Settings) -> PathBuf {
    Path::new(settings.log_dir()).join(format!("{CLUSTER_METADATA_TOPIC}-0"))
}

fn log_config(settings: &Settings) -> LogConfig {
    let segment_bytes = settings
        .int_or_unset("internal.metadata.log.segment.bytes")
        .unwrap_or_else(|| settings.int("metadata.log.segment.bytes"));
    LogConfig {
        segment_bytes: segment_bytes.max(1) as u64,
        segment_ms: settings.int("metadata.log.segment.ms"),
        max_message_bytes: 2 * BATCH_BYTES_MAX,
        retention_ms: -1,
        retention_bytes: -1,
        file_delete_delay_ms: 0,
        ..LogConfig::default()
    }
}

/// Folds the log behind a snapshot.
struct Replay {
    fold: Fold,
    voters: VoterSet,
}

impl Replay {
    async fn log(&mut self, log: &Log, from: i64) -> Result<(), MetadataLogError> {
        let (mut offset, end) = (from, log.log_end_offset());
        while offset < end {
            let bytes = log.read(offset, REPLAY_BYTES, end, true)?.into_bytes().await?;
            offset = self.batches(bytes, offset)?;
        }
        Ok(())
    }

    /// Folds whole batches; answers the offset after them.
    fn batches(&mut self, bytes: Bytes, from: i64) -> Result<i64, MetadataLogError> {
        let mut next = from;
        for batch in codec::entries(bytes) {
            let (header, entries) = batch.map_err(|error| error.at(next))?;
            for entry in entries {
                let (offset, entry) = entry.map_err(|error| error.at(next))?;
                next = offset + 1;
                if offset >= from {
                    self.entry(offset, header.partition_leader_epoch, entry)?;
                }
            }
            next = next.max(header.last_offset() + 1);
        }
        assert!(next > from, "a read answers at least one batch");
        Ok(next)
    }

    fn entry(&mut self, offset: i64, epoch: i32, entry: Entry) -> Result<(), MetadataLogError> {
        match entry {
            Entry::Record(record) => self
                .fold
                .replay(offset, epoch, &record)
                .map_err(|source| MetadataLogError::Replay { offset, source }),
            Entry::Control(control) => {
                if let Some(ControlRecord::KRaftVoters(voters)) = control {
                    self.voters = VoterSet::from_record(&voters);
                }
                self.fold.skip(offset, epoch);
                Ok(())
            }
        }
    }
}

async fn start_quorum(
    folder: &Path,
    node: ReplicaKey,
    voters: VoterSet,
    settings: &Settings,
    log: &Log,
    fold: &Fold,
) -> Result<Quorum, MetadataLogError> {
    let path = folder.join(QUORUM_STATE);
    let stored = match disk::read(&path).await {
        Ok(text) => {
            Some(
                ElectionState::from_json(&text).map_err(|source| MetadataLogError::QuorumState {
                    path: path.clone(),
                    source,
                })?,
            )
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(source) => {
            return Err(MetadataLogError::Io {
                action: "read",
                path,
                source,
            });
        }
    };
    // a folder formatted for a fixed list of voters names none itself; load checked that the list is this node
    let fixed = !settings.list("controller.quorum.voters").is_empty();
    let voters = match voters == VoterSet::default() && fixed {
        true => VoterSet::sole(node, controller_endpoints(settings)),
        false => voters,
    };
    let last_epoch = log.last_epoch().unwrap_or(0).max(fold.image().epoch());
    Quorum::start(node, voters, stored, last_epoch, log.log_end_offset()).map_err(|source| {
        MetadataLogError::Quorum {
            path: folder.to_path_buf(),
            source,
        }
    })
}

/// (listener, host, port) of this node's controller, as the quorum's records name them.
pub(crate) fn controller_endpoints(settings: &Settings) -> Vec<(String, String, u16)> {
    let host = |host: String| {
        if host.is_empty() {
            "localhost".to_string()
        } else {
            host
        }
    };
    settings
        .controller_endpoints()
        .into_iter()
        .map(|e| (e.name, host(e.host), e.port))
        .collect()
}

#[cfg(test)]
pub(crate) fn data_batch(records: &[MetadataRecord]) -> Bytes {
    codec::data_batch(records, WallMs::now())
}

fn uuid(id: TopicId) -> Uuid {
    Uuid(id.0)
}
