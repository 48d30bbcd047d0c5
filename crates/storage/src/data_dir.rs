//! A data folder: its identity, its lock, its checkpoints, the partitions in it.

use crate::checkpoint::{Offsets, format_offsets, parse_offsets};
use crate::config::LogConfig;
use crate::error::StorageError;
use crate::files::Files;
use crate::log::{Log, Place, RecoveryHint, RecoveryReport};
use crate::meta_properties::MetaProperties;
use crate::names::{DELETE_FOLDER_SUFFIX, PARTITION_METADATA, TopicPartition};
use crate::scrub::Scrubber;
use crate::topic_id::TopicId;
use runtime::disk;
use runtime::io;
use runtime::sync::{AsyncMutex, Mutex};
use runtime::time::{Duration, WallMs};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const META_PROPERTIES: &str = "meta.properties";
const LOCK: &str = ".lock";
const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
const LOG_STARTS: &str = "log-start-offset-checkpoint";
const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";

/// Logs that are brought to the disk side by side.
const CHECKPOINTS_AT_ONCE: usize = 64;

/// How a data folder is opened.
#[derive(Clone, Copy, Debug)]
pub struct DataDirOptions {
    /// Files that its logs keep open at once, beside those in use.
    pub open_files_max: usize,
}

impl Default for DataDirOptions {
    fn default() -> DataDirOptions {
        DataDirOptions {
            open_files_max: 10_000,
        }
    }
}

/// How the process before this one left the folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PreviousShutdown {
    pub is_clean: bool,
    pub broker_epoch: Option<i64>,
}

/// A partition's folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionFolder {
    pub tp: TopicPartition,
    /// As `partition.metadata` tells.
    pub topic_id: Option<TopicId>,
}

/// A locked data folder; clones share it. The lock goes with the last clone.
#[derive(Clone)]
pub struct DataDir(Arc<Shared>);

struct Shared {
    path: PathBuf,
    files: Files,
    checkpoints: Arc<Checkpoints>,
    previous: PreviousShutdown,
    meta: Mutex<Option<MetaProperties>>,
    high_watermarks: Mutex<Offsets>,
    logs: Mutex<BTreeMap<TopicPartition, Log>>,
    /// Held while logs are opened or deleted, so that no two do so with one folder.
    opening: AsyncMutex<()>,
    /// Until the shutdown.
    lock: Mutex<Option<disk::LockGuard>>,
}

impl DataDir {
    /// Opens the folder, making it when it is missing. From here on an unclean stop counts as one.
    pub async fn open(path: impl AsRef<Path>, options: DataDirOptions) -> Result<DataDir, StorageError> {
        let path = path.as_ref().to_path_buf();
        disk::create_dir_all(&path)
            .await
            .map_err(StorageError::io("create", &path))?;
        sync_ancestors(&path).await?;
        let lock = match disk::lock(path.join(LOCK)).await {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(StorageError::Locked { path });
            }
            Err(error) => return Err(StorageError::io("lock", &path.join(LOCK))(error)),
        };
        let meta = match read_if_there(&path.join(META_PROPERTIES)).await? {
            Some(text) => Some(
                MetaProperties::parse(&text).map_err(|what| StorageError::Malformed {
                    path: path.join(META_PROPERTIES),
                    what,
                })?,
            ),
            None => None,
        };
        let previous = take_clean_shutdown(&path).await?;
        remove_deleted(&path).await?;
        let checkpoints = Checkpoints {
            recovery_points_path: path.join(RECOVERY_POINTS),
            log_starts_path: path.join(LOG_STARTS),
            maps: AsyncMutex::new(Maps {
                recovery_points: read_offsets(&path.join(RECOVERY_POINTS)).await?,
                log_starts: read_offsets(&path.join(LOG_STARTS)).await?,
            }),
        };
        let high_watermarks = read_offsets(&path.join(HIGH_WATERMARKS)).await?;
        Ok(DataDir(Arc::new(Shared {
            path,
            files: Files::new(options.open_files_max),
            checkpoints: Arc::new(checkpoints),
            previous,
            meta: Mutex::new(meta),
            high_watermarks: Mutex::new(high_watermarks),
            logs: Mutex::default(),
            opening: AsyncMutex::new(()),
            lock: Mutex::new(Some(lock)),
        })))
    }

    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// `None` until the folder is formatted.
    pub fn meta(&self) -> Option<MetaProperties> {
        self.0.meta.lock().clone()
    }

    /// Writes `meta.properties`.
    pub async fn format(&self, meta: MetaProperties) -> Result<(), StorageError> {
        self.write(META_PROPERTIES, &meta.format()).await?;
        *self.0.meta.lock() = Some(meta);
        Ok(())
    }

    pub fn previous_shutdown(&self) -> PreviousShutdown {
        self.0.previous
    }

    pub async fn space(&self) -> Result<disk::Space, StorageError> {
        disk::space(&self.0.path)
            .await
            .map_err(StorageError::io("measure the space of", &self.0.path))
    }

    /// Opens a partition's log: recovers the one that is there, or makes one. The log that is open already is returned
    /// as it is, with an empty report.
    pub async fn open_log(
        &self,
        tp: &TopicPartition,
        topic_id: Option<TopicId>,
        config: LogConfig,
        now: WallMs,
    ) -> Result<(Log, RecoveryReport), StorageError> {
        let _opening = self.0.opening.lock().await;
        if let Some(log) = self.log(tp) {
            return Ok((log, RecoveryReport::default()));
        }
        let dir = self.0.path.join(tp.to_string());
        let topic_id = self.prepare_folder(tp, &dir, topic_id).await?;
        let mut hint = self.0.checkpoints.hint(tp).await;
        hint.is_clean = self.0.previous.is_clean;
        let place = Place {
            tp: tp.clone(),
            topic_id,
            dir: dir.into(),
            files: self.0.files.clone(),
            checkpoints: self.0.checkpoints.clone(),
        };
        let (log, report) = Log::open(place, config, hint, now).await?;
        self.0.logs.lock().insert(tp.clone(), log.clone());
        Ok((log, report))
    }

    /// Sees that the folder is there, durably, and belongs to the topic id.
    async fn prepare_folder(
        &self,
        tp: &TopicPartition,
        dir: &Path,
        topic_id: Option<TopicId>,
    ) -> Result<Option<TopicId>, StorageError> {
        if !disk::exists(dir)
            .await
            .map_err(StorageError::io("look for", dir))?
        {
            // checkpoints of an earlier partition of this name must not speak for the new one
            self.0.checkpoints.forget(tp).await?;
            disk::create_dir_all(dir)
                .await
                .map_err(StorageError::io("create", dir))?;
        }
        let found = read_topic_id(dir).await?;
        if let (Some(found), Some(wanted)) = (found, topic_id)
            && found != wanted
        {
            return Err(StorageError::WrongTopicId {
                path: dir.into(),
                found: found.to_string(),
                wanted: wanted.to_string(),
            });
        }
        if let (None, Some(id)) = (found, topic_id) {
            let path = dir.join(PARTITION_METADATA);
            let text = format!("version: 0\ntopic_id: {id}");
            disk::write_atomic(&path, text.as_bytes())
                .await
                .map_err(StorageError::io("write", &path))?;
        }
        disk::sync_dir(&self.0.path)
            .await
            .map_err(StorageError::io("sync", &self.0.path))?;
        Ok(topic_id.or(found))
    }

    pub fn log(&self, tp: &TopicPartition) -> Option<Log> {
        self.0.logs.lock().get(tp).cloned()
    }

    /// All open logs.
    pub fn logs(&self) -> Vec<Log> {
        self.0.logs.lock().values().cloned().collect()
    }

    /// All partition folders, open or not.
    pub async fn partitions(&self) -> Result<Vec<PartitionFolder>, StorageError> {
        let path = &self.0.path;
        let mut folders = Vec::new();
        for entry in disk::read_dir(path)
            .await
            .map_err(StorageError::io("list", path))?
        {
            if let Some(tp) = TopicPartition::of_folder(&entry.name).filter(|_| entry.is_dir) {
                let topic_id = read_topic_id(&path.join(&entry.name)).await?;
                folders.push(PartitionFolder { tp, topic_id });
            }
        }
        Ok(folders)
    }

    /// Deletes a partition, its log open or not: the folder is renamed, durably, then removed.
    pub async fn delete_log(&self, tp: &TopicPartition) -> Result<(), StorageError> {
        let _opening = self.0.opening.lock().await;
        let log = self.0.logs.lock().remove(tp);
        if let Some(log) = log {
            log.abandon_folder().await;
        }
        let dir = self.0.path.join(tp.to_string());
        let unique = u128::from(runtime::rng::u64()) << 64 | u128::from(runtime::rng::u64());
        let deleted = self.0.path.join(tp.delete_folder(unique));
        match disk::rename(&dir, &deleted).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            result => result.map_err(StorageError::io("rename", &dir))?,
        }
        disk::sync_dir(&self.0.path)
            .await
            .map_err(StorageError::io("sync", &self.0.path))?;
        self.0.checkpoints.forget(tp).await?;
        self.0.high_watermarks.lock().remove(tp);
        disk::remove_dir_all(&deleted)
            .await
            .map_err(StorageError::io("remove", &deleted))
    }

    /// Brings all logs to the disk, and moves their recovery points to their ends. A log that fails keeps its own.
    pub async fn checkpoint(&self) -> Result<(), StorageError> {
        self.checkpoint_logs().await.map(drop)
    }

    /// The logs that could not be checkpointed are told by their errors.
    async fn checkpoint_logs(&self) -> Result<Vec<StorageError>, StorageError> {
        let mut errors = Vec::new();
        for logs in self.logs().chunks(CHECKPOINTS_AT_ONCE) {
            let start = |log: &Log| {
                let log = log.clone();
                runtime::task::spawn(async move { (log.prepare_checkpoint().await, log) })
            };
            let tasks: Vec<_> = logs.iter().map(start).collect();
            let (mut done, mut points) = (Vec::new(), Offsets::new());
            for task in tasks {
                match task.await {
                    Ok((Ok(Some(prepared)), log)) => {
                        points.insert(log.topic_partition().clone(), prepared.recovery_point);
                        done.push((log, prepared));
                    }
                    Ok((Ok(None), _)) => {}
                    Ok((Err(error), log)) => {
                        tracing::warn!("no checkpoint of {}: {error}", log.topic_partition());
                        errors.push(error);
                    }
                    Err(error) => errors.push(StorageError::Closed(error.to_string())),
                }
            }
            if !points.is_empty() {
                self.0.checkpoints.raise_recovery_points(points).await?;
            }
            for (log, prepared) in done {
                log.checkpointed(prepared).await;
            }
        }
        Ok(errors)
    }

    /// As in the checkpoint file that this process found or wrote last.
    pub fn high_watermark(&self, tp: &TopicPartition) -> Option<i64> {
        self.0.high_watermarks.lock().get(tp).copied()
    }

    /// Writes `replication-offset-checkpoint`.
    pub async fn write_high_watermarks(&self, offsets: Offsets) -> Result<(), StorageError> {
        if *self.0.high_watermarks.lock() == offsets {
            return Ok(());
        }
        self.write(HIGH_WATERMARKS, &format_offsets(&offsets)).await?;
        *self.0.high_watermarks.lock() = offsets;
        Ok(())
    }

    /// Starts a sync of logs whose flush.ms has passed.
    pub fn flush_due(&self) {
        self.logs().iter().for_each(Log::flush_due);
    }

    /// Ends all logs, and leaves the mark of a clean shutdown if all of them are on the disk. True when it was left.
    /// Whoever still holds a clone holds a closed folder: it may be opened again from here on.
    pub async fn shutdown(&self, broker_epoch: i64) -> Result<bool, StorageError> {
        let is_clean = self.end_logs(broker_epoch).await;
        self.0.lock.lock().take();
        is_clean
    }

    async fn end_logs(&self, broker_epoch: i64) -> Result<bool, StorageError> {
        self.logs().iter().for_each(Log::stop_appends);
        let errors = self.checkpoint_logs().await;
        self.logs().iter().for_each(Log::abandon);
        if !errors?.is_empty() {
            return Ok(false);
        }
        self.write(
            CLEAN_SHUTDOWN,
            &format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}"),
        )
        .await?;
        Ok(true)
    }

    /// A scrubber that visits every batch of every log once in each interval.
    pub fn scrubber(&self, interval: Duration) -> Scrubber {
        Scrubber::new(self.clone(), interval)
    }

    async fn write(&self, name: &str, text: &str) -> Result<(), StorageError> {
        write_text(&self.0.path.join(name), text).await
    }
}

/// The recovery points and log starts of all logs in a folder, in memory as in the files.
///
/// A log holds its turn before it comes here, never the other way round.
pub(crate) struct Checkpoints {
    recovery_points_path: PathBuf,
    log_starts_path: PathBuf,
    maps: AsyncMutex<Maps>,
}

struct Maps {
    recovery_points: Offsets,
    log_starts: Offsets,
}

impl Checkpoints {
    pub async fn hint(&self, tp: &TopicPartition) -> RecoveryHint {
        let maps = self.maps.lock().await;
        RecoveryHint {
            recovery_point: maps.recovery_points.get(tp).copied(),
            log_start_offset: maps.log_starts.get(tp).copied(),
            is_clean: false,
        }
    }

    pub async fn raise_recovery_points(&self, points: Offsets) -> Result<(), StorageError> {
        let mut maps = self.maps.lock().await;
        let mut wanted = maps.recovery_points.clone();
        wanted.extend(points);
        write_text(&self.recovery_points_path, &format_offsets(&wanted)).await?;
        maps.recovery_points = wanted;
        Ok(())
    }

    pub async fn lower_recovery_point(&self, tp: &TopicPartition, offset: i64) -> Result<(), StorageError> {
        self.raise_recovery_points(Offsets::from([(tp.clone(), offset)]))
            .await
    }

    pub async fn set_log_start(&self, tp: &TopicPartition, offset: i64) -> Result<(), StorageError> {
        let mut maps = self.maps.lock().await;
        let mut wanted = maps.log_starts.clone();
        wanted.insert(tp.clone(), offset);
        write_text(&self.log_starts_path, &format_offsets(&wanted)).await?;
        maps.log_starts = wanted;
        Ok(())
    }

    /// For a log that is emptied and goes on at `offset`.
    pub async fn restart_at(&self, tp: &TopicPartition, offset: i64) -> Result<(), StorageError> {
        self.lower_recovery_point(tp, 0).await?;
        self.set_log_start(tp, offset).await
    }

    pub async fn forget(&self, tp: &TopicPartition) -> Result<(), StorageError> {
        let mut maps = self.maps.lock().await;
        if maps.recovery_points.contains_key(tp) {
            let mut wanted = maps.recovery_points.clone();
            wanted.remove(tp);
            write_text(&self.recovery_points_path, &format_offsets(&wanted)).await?;
            maps.recovery_points = wanted;
        }
        if maps.log_starts.contains_key(tp) {
            let mut wanted = maps.log_starts.clone();
            wanted.remove(tp);
            write_text(&self.log_starts_path, &format_offsets(&wanted)).await?;
            maps.log_starts = wanted;
        }
        Ok(())
    }
}

/// Makes the data folder's own entry durable, and those of the folders made on the way to it, which an earlier
/// process may have made just before it was killed. A folder that may not be read was not made by us.
async fn sync_ancestors(path: &Path) -> Result<(), StorageError> {
    for folder in path.ancestors().skip(1) {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        match disk::sync_dir(folder).await {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {
                return Err(StorageError::io("sync", folder)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

async fn write_text(path: &Path, text: &str) -> Result<(), StorageError> {
    disk::write_atomic(path, text.as_bytes())
        .await
        .map_err(StorageError::io("write", path))
}

async fn read_if_there(path: &Path) -> Result<Option<String>, StorageError> {
    match disk::read(path).await {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::io("read", path)(error)),
    }
}

/// A checkpoint that cannot be understood counts as none: recovery then reads more, and loses nothing.
async fn read_offsets(path: &Path) -> Result<Offsets, StorageError> {
    let Some(text) = read_if_there(path).await? else {
        return Ok(Offsets::new());
    };
    Ok(parse_offsets(&text).unwrap_or_else(|what| {
        tracing::warn!(
            "{} cannot be understood ({what}) and counts as empty",
            path.display()
        );
        Offsets::new()
    }))
}

/// Reads the mark of a clean shutdown, and takes it away for good: a crash from here on is one.
async fn take_clean_shutdown(folder: &Path) -> Result<PreviousShutdown, StorageError> {
    let path = folder.join(CLEAN_SHUTDOWN);
    let Some(text) = read_if_there(&path).await? else {
        return Ok(PreviousShutdown::default());
    };
    disk::remove_file(&path)
        .await
        .map_err(StorageError::io("remove", &path))?;
    disk::sync_dir(folder)
        .await
        .map_err(StorageError::io("sync", folder))?;
    let number = text.split_once("\"brokerEpoch\"").map(|(_, rest)| {
        let digits = rest.trim_start_matches([':', ' ']);
        let end = digits
            .find(|c: char| !c.is_ascii_digit() && c != '-')
            .unwrap_or(digits.len());
        digits[..end].parse::<i64>()
    });
    let broker_epoch = number.and_then(Result::ok);
    Ok(PreviousShutdown {
        is_clean: true,
        broker_epoch,
    })
}

/// Removes folders whose deletion a stop interrupted.
async fn remove_deleted(folder: &Path) -> Result<(), StorageError> {
    for entry in disk::read_dir(folder)
        .await
        .map_err(StorageError::io("list", folder))?
    {
        let path = folder.join(&entry.name);
        if entry.is_dir && entry.name.ends_with(DELETE_FOLDER_SUFFIX) {
            disk::remove_dir_all(&path)
                .await
                .map_err(StorageError::io("remove", &path))?;
        } else if !entry.is_dir && entry.name.ends_with(".tmp") {
            disk::remove_file(&path)
                .await
                .map_err(StorageError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// The topic id in `partition.metadata`.
async fn read_topic_id(dir: &Path) -> Result<Option<TopicId>, StorageError> {
    let path = dir.join(PARTITION_METADATA);
    let Some(text) = read_if_there(&path).await? else {
        return Ok(None);
    };
    let id = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("topic_id:"));
    let malformed = |what: String| StorageError::Malformed {
        path: path.clone(),
        what,
    };
    match id {
        Some(id) => id.trim().parse().map(Some).map_err(malformed),
        None => Err(malformed("it has no topic_id".into())),
    }
}
