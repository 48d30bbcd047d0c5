//! A fresh data folder becomes a cluster of one node, as `kafka-storage format --standalone` makes it; a folder
//! that was formatted is checked.
//!
//! ```text
//!   bootstrap.checkpoint                     features that the first leader writes into the log
//!   __cluster_metadata-0/0…0-0…0.checkpoint  kraft.version 1 and the one voter
//!   meta.properties                          last: with it, the folder counts as formatted
//! ```
//!
//! A crash before `meta.properties` is durable leaves a folder that the next start formats again.

use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use metadata::{CLUSTER_METADATA_TOPIC, features};
use quorum::{ReplicaKey, VoterSet};
use runtime::disk;
use runtime::time::WallMs;
use storage::{DataDir, MetaProperties, StorageError, TopicId, TopicPartition};
use wire::Uuid;
use wire::record::{
    ControlRecord, FeatureLevelRecord, MetadataRecord, SnapshotFooterRecord, SnapshotHeaderRecord,
};

use crate::metadata_log::codec::{self, Entry};
use crate::metadata_log::{controller_endpoints, folder, snapshots, uuid};
use crate::settings::Settings;

/// Which node of which cluster this folder belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub cluster_id: String,
    pub node_id: i32,
    pub directory_id: Uuid,
}

#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    #[error(
        "{path} belongs to node {found} of cluster {cluster_id}, and node.id is {wanted}: \
         set node.id={found}, or choose another folder in log.dirs"
    )]
    OtherNode {
        path: PathBuf,
        cluster_id: String,
        found: i32,
        wanted: i32,
    },
    #[error(
        "{path} belongs to cluster {found}, and odradek.cluster.id is {wanted}: \
         choose another folder in log.dirs"
    )]
    OtherCluster {
        path: PathBuf,
        found: String,
        wanted: String,
    },
    #[error(
        "{path} holds {what} and no meta.properties: restore that file, or choose an empty folder in log.dirs"
    )]
    NotFresh { path: PathBuf, what: String },
    #[error(
        "{path} was formatted for brokers alone: it has no folder id; choose an empty folder in log.dirs"
    )]
    NoDirectoryId { path: PathBuf },
    #[error("cannot {action} {path}: {source}")]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Checks whose the folder is; formats it when it is nobody's.
pub(crate) async fn identify(data: &DataDir, settings: &Settings) -> Result<Identity, FormatError> {
    let path = PathBuf::from(settings.log_dir());
    let wanted_cluster = settings.text_or_unset("odradek.cluster.id");
    let Some(meta) = data.meta() else {
        return format(data, settings, &path, wanted_cluster).await;
    };
    let MetaProperties {
        cluster_id,
        node_id,
        directory_id,
    } = meta;
    if node_id != settings.node_id() {
        let wanted = settings.node_id();
        return Err(FormatError::OtherNode {
            path,
            cluster_id,
            found: node_id,
            wanted,
        });
    }
    if let Some(wanted) = wanted_cluster.filter(|wanted| *wanted != cluster_id) {
        return Err(FormatError::OtherCluster {
            path,
            found: cluster_id,
            wanted: wanted.to_string(),
        });
    }
    if directory_id == TopicId::ZERO {
        return Err(FormatError::NoDirectoryId { path });
    }
    Ok(Identity {
        cluster_id,
        node_id,
        directory_id: uuid(directory_id),
    })
}

async fn format(
    data: &DataDir,
    settings: &Settings,
    path: &Path,
    cluster_id: Option<&str>,
) -> Result<Identity, FormatError> {
    check_fresh(path, &folder(settings)).await?;
    let identity = Identity {
        cluster_id: cluster_id.map_or_else(|| new_id().to_string(), str::to_string),
        node_id: settings.node_id(),
        directory_id: new_id(),
    };
    write(&path.join(BOOTSTRAP), &bootstrap_content()).await?;
    let folder = folder(settings);
    disk::create_dir_all(&folder)
        .await
        .map_err(|e| io("create", &folder, e))?;
    disk::sync_dir(path).await.map_err(|e| io("sync", path, e))?;
    let node = ReplicaKey {
        id: identity.node_id,
        directory_id: identity.directory_id,
    };
    let voters = VoterSet::sole(node, controller_endpoints(settings));
    let empty = snapshots::encode(&metadata::Image::default(), &voters, WallMs::now());
    write(&folder.join("00000000000000000000-0000000000.checkpoint"), &empty).await?;
    data.format(MetaProperties {
        cluster_id: identity.cluster_id.clone(),
        node_id: identity.node_id,
        directory_id: TopicId(identity.directory_id.0),
    })
    .await?;
    tracing::info!(
        "formatted {} as node {} of cluster {}",
        path.display(),
        identity.node_id,
        identity.cluster_id
    );
    Ok(identity)
}

/// A folder without `meta.properties` may hold what an interrupted format leaves, and no logs.
async fn check_fresh(path: &Path, metadata_folder: &Path) -> Result<(), FormatError> {
    for entry in disk::read_dir(path).await.map_err(|e| io("list", path, e))? {
        let is_log = entry.is_dir && TopicPartition::of_folder(&entry.name).is_some();
        if is_log && entry.name != format!("{CLUSTER_METADATA_TOPIC}-0") {
            return Err(FormatError::NotFresh {
                path: path.into(),
                what: format!("the log {}", entry.name),
            });
        }
    }
    if !disk::exists(metadata_folder)
        .await
        .map_err(|e| io("look at", metadata_folder, e))?
    {
        return Ok(());
    }
    let entries = disk::read_dir(metadata_folder)
        .await
        .map_err(|e| io("list", metadata_folder, e))?;
    match entries
        .iter()
        .find(|entry| entry.name.ends_with(".log") || entry.name == super::QUORUM_STATE)
    {
        Some(_) => Err(FormatError::NotFresh {
            path: path.into(),
            what: "the log of a cluster's metadata".into(),
        }),
        None => Ok(()),
    }
}

const BOOTSTRAP: &str = "bootstrap.checkpoint";

/// As Kafka's `bootstrap.checkpoint`: a snapshot of the records that begin the log, without voters.
fn bootstrap_content() -> Bytes {
    let now = WallMs::now();
    let header = ControlRecord::SnapshotHeader(SnapshotHeaderRecord::default());
    let records = bootstrap_records();
    let mut content = BytesMut::new();
    content.extend_from_slice(&codec::at_offset(codec::control_batch(&[header], now), 0));
    content.extend_from_slice(&codec::at_offset(codec::data_batch(&records, now), 1));
    let footer = codec::control_batch(
        &[ControlRecord::SnapshotFooter(SnapshotFooterRecord::default())],
        now,
    );
    content.extend_from_slice(&codec::at_offset(footer, 1 + records.len() as i64));
    content.freeze()
}

/// The features of a new cluster.
fn bootstrap_records() -> Vec<MetadataRecord> {
    let record = |(name, level): &(&str, i16)| {
        MetadataRecord::FeatureLevel(FeatureLevelRecord {
            name: name.to_string(),
            feature_level: *level,
        })
    };
    features::AT_FORMAT.iter().map(record).collect()
}

/// The records that begin the log: those of `bootstrap.checkpoint`, or this version's where there is none.
pub(crate) async fn read_bootstrap(settings: &Settings) -> Result<Vec<MetadataRecord>, FormatError> {
    let path = Path::new(settings.log_dir()).join(BOOTSTRAP);
    let bytes = match disk::read(&path).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(bootstrap_records()),
        Err(error) => return Err(io("read", &path, error)),
    };
    let invalid = |error: codec::CodecError| {
        io(
            "understand",
            &path,
            std::io::Error::new(std::io::ErrorKind::InvalidData, error.at(0)),
        )
    };
    let mut records = Vec::new();
    for batch in codec::entries(bytes) {
        let (_, entries) = batch.map_err(invalid)?;
        for entry in entries {
            if let (_, Entry::Record(record)) = entry.map_err(invalid)? {
                records.push(record);
            }
        }
    }
    Ok(records)
}

async fn write(path: &Path, content: &[u8]) -> Result<(), FormatError> {
    disk::write_atomic(path, content)
        .await
        .map_err(|e| io("write", path, e))
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> FormatError {
    FormatError::Io {
        action,
        path: path.to_path_buf(),
        source,
    }
}

/// A random id as Kafka makes them: neither reserved nor with a dash in front.
pub(crate) fn new_id() -> Uuid {
    loop {
        let mut bytes = [0; 16];
        runtime::rng::fill(&mut bytes);
        let id = Uuid::from_random(bytes);
        if !id.to_string().starts_with('-') {
            return id;
        }
    }
}
