//! Snapshots of the metadata: `<20 digits of offset>-<10 digits of epoch>.checkpoint`, in Kafka's format.
//!
//! A snapshot is a header (control batch with SnapshotHeader, KRaftVersion, Voters), the image's records, and a
//! footer; one without a footer is no snapshot. Its name is the offset after the last record that it covers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use metadata::Image;
use quorum::VoterSet;
use runtime::disk;
use runtime::time::{Monotonic, WallMs};
use storage::Log;
use wire::record::{ControlRecord, SnapshotFooterRecord, SnapshotHeaderRecord};

use crate::metadata_log::MetadataLogError;
use crate::metadata_log::codec::{self, Entry};
use crate::settings::Settings;

/// Records in one batch of a snapshot.
const BATCH_RECORDS: usize = 1000;

/// Which part of the log a snapshot covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
}

/// A snapshot that was read.
pub struct Snapshot {
    pub id: SnapshotId,
    pub image: Image,
    pub voters: VoterSet,
}

/// The snapshots on the disk, and when the next is due.
pub struct Snapshots {
    folder: PathBuf,
    /// From the oldest to the newest, with their sizes and ages.
    files: Vec<File>,
    bytes_since: u64,
    since: Monotonic,
    bytes_max: u64,
    interval: Option<Duration>,
    retention_bytes: u64,
    retention_ms: i64,
}

struct File {
    id: SnapshotId,
    bytes: u64,
    written: WallMs,
}

impl SnapshotId {
    fn file_name(self) -> String {
        format!("{:020}-{:010}.checkpoint", self.end_offset, self.epoch)
    }

    fn parse(name: &str) -> Option<SnapshotId> {
        let (offset, epoch) = name.strip_suffix(".checkpoint")?.split_once('-')?;
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(offset, 20) || !digits(epoch, 10) {
            return None;
        }
        Some(SnapshotId {
            end_offset: offset.parse().ok()?,
            epoch: epoch.parse().ok()?,
        })
    }
}

impl Snapshots {
    /// Lists the snapshots and reads the newest that is whole.
    pub async fn open(
        folder: &Path,
        settings: &Settings,
    ) -> Result<(Snapshots, Option<Snapshot>), MetadataLogError> {
        let mut files = Vec::new();
        for entry in disk::read_dir(folder).await.map_err(|e| io("list", folder, e))? {
            let path = folder.join(&entry.name);
            if entry.name.ends_with(".checkpoint.tmp") {
                disk::remove_file(&path)
                    .await
                    .map_err(|e| io("remove", &path, e))?;
            } else if let Some(id) = SnapshotId::parse(&entry.name) {
                let written = disk::metadata(&path)
                    .await
                    .map_err(|e| io("look at", &path, e))?
                    .modified;
                files.push(File {
                    id,
                    bytes: entry.len,
                    written,
                });
            }
        }
        files.sort_by_key(|file| file.id);
        let newest = newest_whole(folder, &files).await;
        let snapshots = Snapshots {
            folder: folder.to_path_buf(),
            files,
            bytes_since: 0,
            since: Monotonic::now(),
            bytes_max: settings.int("metadata.log.max.record.bytes.between.snapshots") as u64,
            interval: settings
                .ms("metadata.log.max.snapshot.interval.ms")
                .filter(|i| !i.is_zero()),
            retention_bytes: settings.int("metadata.max.retention.bytes").max(0) as u64,
            retention_ms: settings.int("metadata.max.retention.ms"),
        };
        Ok((snapshots, newest))
    }

    /// So many bytes were appended to the log.
    pub fn count(&mut self, bytes: u64) {
        self.bytes_since += bytes;
    }

    pub fn due(&self) -> bool {
        let by_time = self
            .interval
            .is_some_and(|interval| self.since.elapsed() >= interval);
        self.bytes_since >= self.bytes_max || (self.bytes_since > 0 && by_time)
    }

    pub fn until_due(&self) -> Duration {
        let day = Duration::from_secs(24 * 3600);
        let interval = self.interval.unwrap_or(day);
        // a snapshot that is overdue because it failed waits for the next commit, or a minute
        interval
            .saturating_sub(self.since.elapsed())
            .max(Duration::from_secs(60))
    }

    /// Writes a snapshot of an image whose records are all committed.
    pub async fn write(&mut self, image: &Image, voters: &VoterSet) -> Result<(), MetadataLogError> {
        self.bytes_since = 0;
        self.since = Monotonic::now();
        let id = SnapshotId {
            end_offset: image.offset(),
            epoch: image.epoch(),
        };
        if self.files.last().is_some_and(|newest| newest.id >= id) {
            return Ok(());
        }
        let (path, now) = (self.folder.join(id.file_name()), WallMs::now());
        let content = encode(image, voters, now);
        disk::write_atomic(&path, &content)
            .await
            .map_err(|e| io("write", &path, e))?;
        self.files.push(File {
            id,
            bytes: content.len() as u64,
            written: now,
        });
        runtime::trace!("metadata snapshot {}", id.end_offset);
        tracing::info!(
            "snapshot of the metadata up to offset {}: {} bytes",
            id.end_offset,
            content.len()
        );
        Ok(())
    }

    /// While log and snapshots are too large or too old, drops the oldest snapshot and the log before the next.
    pub async fn clean(&mut self, log: &Log) -> Result<(), MetadataLogError> {
        let now = WallMs::now();
        while self.files.len() > 1 {
            let bytes = log.size_bytes() + self.files.iter().map(|file| file.bytes).sum::<u64>();
            let age = now.0.saturating_sub(self.files[0].written.0);
            if bytes <= self.retention_bytes && (self.retention_ms < 0 || age <= self.retention_ms) {
                break;
            }
            // first the log's start, which the next snapshot covers; then the file that covered the old start
            log.raise_log_start_offset(self.files[1].id.end_offset).await?;
            let path = self.folder.join(self.files[0].id.file_name());
            disk::remove_file(&path)
                .await
                .map_err(|e| io("remove", &path, e))?;
            self.files.remove(0);
        }
        let newest = self.files.last().map_or(0, |file| file.id.end_offset);
        log.apply_retention(now, newest).await?;
        log.purge_deleted().await;
        Ok(())
    }
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> MetadataLogError {
    MetadataLogError::Io {
        action,
        path: path.to_path_buf(),
        source,
    }
}

async fn newest_whole(folder: &Path, files: &[File]) -> Option<Snapshot> {
    for file in files.iter().rev() {
        let path = folder.join(file.id.file_name());
        let read = match disk::read(&path).await {
            Ok(bytes) => decode(file.id, bytes),
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok(snapshot) => return Some(snapshot),
            Err(error) => tracing::warn!("{} is passed over: {error}", path.display()),
        }
    }
    None
}

/// The content of a snapshot file.
pub fn encode(image: &Image, voters: &VoterSet, now: WallMs) -> Bytes {
    let header = SnapshotHeaderRecord {
        last_contained_log_timestamp: now.0,
        ..Default::default()
    };
    let [version, voters] = codec::kraft_controls(voters);
    let mut content = BytesMut::new();
    let mut offset = 0;
    let mut put = |batch: Bytes, count: usize| {
        content.extend_from_slice(&codec::at_offset(batch, offset));
        offset += count as i64;
    };
    put(
        codec::control_batch(&[ControlRecord::SnapshotHeader(header), version, voters], now),
        3,
    );
    for records in image.to_records().chunks(BATCH_RECORDS) {
        put(codec::data_batch(records, now), records.len());
    }
    put(
        codec::control_batch(
            &[ControlRecord::SnapshotFooter(SnapshotFooterRecord::default())],
            now,
        ),
        1,
    );
    content.freeze()
}

pub fn decode(id: SnapshotId, bytes: Bytes) -> Result<Snapshot, String> {
    let mut image = Image::default();
    let (mut voters, mut whole) = (VoterSet::default(), false);
    for batch in codec::entries(bytes) {
        let (_, entries) = batch.map_err(|error| error.at(0).to_string())?;
        for entry in entries {
            let (offset, entry) = entry.map_err(|error| error.at(0).to_string())?;
            match entry {
                Entry::Record(record) => {
                    image
                        .replay(&record)
                        .map_err(|error| format!("its record {offset}: {error}"))?;
                }
                Entry::Control(Some(ControlRecord::KRaftVoters(record))) => {
                    voters = VoterSet::from_record(&record)
                }
                Entry::Control(Some(ControlRecord::SnapshotFooter(_))) => whole = true,
                Entry::Control(_) => {}
            }
        }
    }
    if !whole {
        return Err("it has no footer".to_string());
    }
    image.set_end(id.end_offset, id.epoch);
    Ok(Snapshot { id, image, voters })
}
