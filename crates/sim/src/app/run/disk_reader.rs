//! Looks at a broker's disk from outside: what a program would read there now, without the broker's help.
//!
//! The formats are Kafka's, read here independently of the crate that writes them, so that a mistake there is not
//! repeated here. Only the batches' records are decoded by the crate `records`.

use crate::app::clock;
use crate::app::history::{
    BatchView, DiskView, LogView, Partition, Recorder, SegmentView, SnapshotEntry, SnapshotView, TopicFacts,
    TopicRef, ViewMoment,
};
use crate::app::value;
use bytes::Bytes;
use records::{Batch, BatchHeader};
use runtime::sim::{NodeId, Sim};
use std::collections::BTreeMap;

/// Adds a look at a disk to the history. Nothing awaits, so that it is the state of one moment.
pub fn look(sim: &Sim, node: NodeId, broker: u32, moment: ViewMoment, recorder: &Recorder) {
    let topics = recorder.with(|h| h.topics.clone());
    let logs = logs(sim, node, &topics);
    let view = DiskView {
        at: clock::now(),
        broker,
        moment,
        logs,
    };
    recorder.with(|h| h.views.push(view));
}

fn logs(sim: &Sim, node: NodeId, topics: &[TopicFacts]) -> Vec<LogView> {
    let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, _) in sim.files(node) {
        if let Some((folder, name)) = split(&path) {
            folders
                .entry(folder.to_owned())
                .or_default()
                .push(name.to_owned());
        }
    }
    let log_starts = log_starts(sim, node);
    let mut logs = Vec::new();
    for (folder, names) in &folders {
        let Some(partition) = partition_of(sim, node, folder, topics) else {
            continue;
        };
        let short = folder.rsplit('/').next().unwrap_or(folder);
        logs.push(log_view(
            sim,
            node,
            folder,
            names,
            partition,
            log_starts.get(short).copied().unwrap_or(0),
        ));
    }
    logs
}

fn split(path: &str) -> Option<(&str, &str)> {
    path.rsplit_once('/')
}

/// Which partition a folder is: by its name and the topic id in its partition.metadata.
pub fn partition_of(sim: &Sim, node: NodeId, folder: &str, topics: &[TopicFacts]) -> Option<Partition> {
    let short = folder.rsplit('/').next()?;
    let (name, index) = short.rsplit_once('-')?;
    let index: i32 = index.parse().ok()?;
    let metadata = sim
        .file(node, &format!("{folder}/partition.metadata"), false)
        .unwrap_or_default();
    let metadata = String::from_utf8_lossy(&metadata).into_owned();
    let id = metadata
        .lines()
        .find_map(|l| l.strip_prefix("topic_id:"))
        .map(str::trim)
        .unwrap_or("");
    let by_id = topics
        .iter()
        .position(|t| t.name == name && t.id.as_deref() == Some(id));
    // A folder whose metadata was damaged can still be told where its name had one incarnation.
    let only = || {
        let mut of_name = topics.iter().enumerate().filter(|(_, t)| t.name == name);
        let first = of_name.next().map(|(i, _)| i);
        first.filter(|_| id.is_empty() && of_name.next().is_none())
    };
    by_id.or_else(only).map(|i| Partition {
        topic: TopicRef(i as u32),
        index,
    })
}

/// The checkpointed log starts: a text of version, count, then `topic partition offset` lines.
fn log_starts(sim: &Sim, node: NodeId) -> BTreeMap<String, i64> {
    let path = format!("{}/log-start-offset-checkpoint", super::cluster::DATA);
    let text = sim.file(node, &path, false).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let rows = text.lines().skip(2).filter_map(|line| {
        let mut words = line.split(' ');
        let (topic, partition, offset) = (words.next()?, words.next()?, words.next()?);
        Some((format!("{topic}-{partition}"), offset.parse().ok()?))
    });
    rows.collect()
}

fn log_view(
    sim: &Sim,
    node: NodeId,
    folder: &str,
    names: &[String],
    partition: Partition,
    log_start: i64,
) -> LogView {
    let content = |name: &str| {
        sim.file(node, &format!("{folder}/{name}"), false)
            .unwrap_or_default()
    };
    let mut segments = Vec::new();
    let mut snapshots = Vec::new();
    for name in names {
        if let Some(base_offset) = number(name, ".log") {
            let stem = &name[..name.len() - ".log".len()];
            let mut segment = segment(base_offset, content(name).into());
            segment.file = format!("{folder}/{name}");
            segment.offset_index = offset_index(base_offset, &content(&format!("{stem}.index")));
            segment.time_index = time_index(base_offset, &content(&format!("{stem}.timeindex")));
            segments.push(segment);
        } else if let Some(offset) = number(name, ".snapshot") {
            snapshots.push(SnapshotView {
                offset,
                file: format!("{folder}/{name}"),
                entries: snapshot(&content(name)),
            });
        }
    }
    segments.sort_by_key(|s| s.base_offset);
    let first = segments.first().map_or(0, |s| s.base_offset);
    LogView {
        partition,
        segments,
        snapshots,
        log_start: log_start.max(first),
    }
}

fn number(name: &str, suffix: &str) -> Option<i64> {
    name.strip_suffix(suffix)
        .filter(|stem| stem.len() == 20)?
        .parse()
        .ok()
}

/// The batches of a segment up to the first bytes that are none.
pub fn segment(base_offset: i64, bytes: Bytes) -> SegmentView {
    let mut view = SegmentView {
        base_offset,
        ..SegmentView::default()
    };
    let mut position = 0;
    let mut expected = base_offset;
    while position < bytes.len() {
        let rest = bytes.slice(position..);
        match batch(&rest) {
            Ok((batch, len)) if batch.base_offset >= expected && batch.last_offset >= batch.base_offset => {
                expected = batch.last_offset + 1;
                view.batches.push(BatchView {
                    position: position as u64,
                    ..batch
                });
                position += len;
            }
            Ok((batch, _)) => {
                let why = format!(
                    "offsets {} to {} where {expected} is next",
                    batch.base_offset, batch.last_offset
                );
                view.torn = Some((position as u64, why));
                return view;
            }
            Err(why) => {
                view.torn = Some((position as u64, format!("{why}, {} bytes to the end", rest.len())));
                return view;
            }
        }
    }
    view
}

/// The batch at the start of these bytes, and its length. A wrong checksum is no error here.
pub fn batch(bytes: &Bytes) -> Result<(BatchView, usize), String> {
    let header = BatchHeader::parse(bytes).map_err(|e| e.to_string())?;
    let len = header.length as usize + 12;
    if len > bytes.len() {
        return Err(format!("a batch of {len} bytes"));
    }
    let mut whole = bytes.slice(..len);
    let bytes_hash = value::fnv1a(&whole);
    let parsed = Batch::parse(&mut whole).map_err(|e| e.to_string())?;
    let crc_valid = parsed.verify_crc().is_ok();
    let values = if crc_valid { values(&parsed) } else { Vec::new() };
    let view = BatchView {
        base_offset: header.base_offset,
        last_offset: header.base_offset + i64::from(header.last_offset_delta),
        leader_epoch: header.partition_leader_epoch,
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        max_timestamp: header.max_timestamp,
        position: 0,
        crc_valid,
        bytes_hash,
        values,
    };
    Ok((view, len))
}

fn values(batch: &Batch) -> Vec<Option<u64>> {
    let Ok(records) = batch.records() else {
        return vec![None];
    };
    records
        .map(|r| {
            r.ok()
                .and_then(|r| value::decode(r.value.as_deref().unwrap_or_default()))
        })
        .collect()
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes.get(at + i).copied().unwrap_or(0))
}

/// Entries of 8 bytes: offset relative to the base, position. Zeros after the last are preallocation.
fn offset_index(base_offset: i64, bytes: &[u8]) -> Vec<(i64, u64)> {
    let entry = |at: usize| {
        (
            i32::from_be_bytes(array(bytes, at)),
            i32::from_be_bytes(array(bytes, at + 4)),
        )
    };
    let entries = (0..bytes.len() / 8).map(|i| (i, entry(i * 8)));
    let used = entries.take_while(|(i, (relative, position))| *i == 0 || *relative != 0 || *position != 0);
    used.map(|(_, (relative, position))| (base_offset + i64::from(relative), position as u64))
        .collect()
}

/// Entries of 12 bytes: timestamp, offset relative to the base.
fn time_index(base_offset: i64, bytes: &[u8]) -> Vec<(i64, i64)> {
    let entry = |at: usize| {
        (
            i64::from_be_bytes(array(bytes, at)),
            i32::from_be_bytes(array(bytes, at + 8)),
        )
    };
    let entries = (0..bytes.len() / 12).map(|i| entry(i * 12));
    let used = entries.take_while(|(timestamp, relative)| *timestamp != 0 || *relative != 0);
    used.map(|(timestamp, relative)| (timestamp, base_offset + i64::from(relative)))
        .collect()
}

/// Kafka's producer snapshot: version 1, a checksum of what follows it, a count, entries of 46 bytes. Bytes after the
/// entries are ignored, but for the checksum.
fn snapshot(bytes: &[u8]) -> Option<Vec<SnapshotEntry>> {
    const HEADER: usize = 2 + 4 + 4;
    const ENTRY: usize = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8;
    let count = usize::try_from(i32::from_be_bytes(array(bytes, 6))).ok()?;
    let whole =
        i16::from_be_bytes(array(bytes, 0)) == 1 && bytes.len() >= HEADER + count.checked_mul(ENTRY)?;
    if !whole || u32::from_be_bytes(array(bytes, 2)) != crc32c::crc32c(&bytes[6..]) {
        return None;
    }
    let entry = |at: usize| SnapshotEntry {
        producer_id: i64::from_be_bytes(array(bytes, at)),
        producer_epoch: i16::from_be_bytes(array(bytes, at + 8)),
        last_sequence: i32::from_be_bytes(array(bytes, at + 10)),
        last_offset: i64::from_be_bytes(array(bytes, at + 14)),
    };
    Some((0..count).map(|i| entry(HEADER + i * ENTRY)).collect())
}
