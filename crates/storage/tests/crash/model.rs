//! What a log may hold after a crash, and the checks of one that was opened.

use bytes::Bytes;
use records::{Batch, BatchBuilder, BatchHeader, Compression};
use runtime::time::WallMs;
use std::collections::BTreeMap;
use storage::{
    AppendError, AppendInfo, AppendOrigin, DataDir, DataDirOptions, Log, LogConfig, ProducerBatch,
    ProducerState, RecoveryReport, SegmentFile, TopicPartition, decode_offset_index, decode_snapshot,
    decode_time_index, segment_file_of,
};

pub const FOLDER: &str = "/data";

pub fn tp() -> TopicPartition {
    TopicPartition::new("t", 0)
}

pub fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 6000,
        index_interval_bytes: 500,
        file_delete_delay_ms: 10,
        retention_bytes: 20_000,
        retention_ms: -1,
        producer_id_expiration_ms: i64::MAX,
        ..LogConfig::default()
    }
}

/// Kept outside of the machine, so that it outlives its crashes.
#[derive(Clone, Default)]
pub struct Model {
    /// Batches as they stand in the log now: header and all bytes, by base offset.
    pub batches: BTreeMap<i64, Bytes>,
    pub start: i64,
    pub end: i64,
    /// Everything below was reported durable.
    pub durable: i64,
    /// The start that a call under way may have set.
    pub start_pending: i64,
    pub next_sequence: BTreeMap<i64, i32>,
    pub leader_epoch: i32,
    /// Batches that were refused with an error of the disk: they may stand in the log after a crash, or not.
    pub refused: BTreeMap<i64, Vec<Bytes>>,
    pub opened: u64,
    pub cut: u64,
    pub scanned: u64,
}

impl Model {
    /// Takes in what an append wrote: read back from the log's own answer.
    pub fn appended(&mut self, info: &AppendInfo, mut bytes: Vec<u8>, leader_epoch: i32) {
        records::set_base_offset(&mut bytes, info.first_offset);
        records::set_partition_leader_epoch(&mut bytes, leader_epoch);
        assert_eq!(info.first_offset, self.end);
        self.batches.insert(info.first_offset, bytes.into());
        self.end = info.last_offset + 1;
    }

    /// After a crash: the log must be a prefix that holds all that was durable. The model becomes that prefix.
    pub fn recovered(&mut self, log: &Log, report: &RecoveryReport) {
        let (start, end) = (log.log_start_offset(), log.log_end_offset());
        assert!(
            end >= self.durable,
            "durable to {}, recovered to {end}: {report:?}",
            self.durable
        );
        assert!(end <= self.end, "{end} is more than was written: {}", self.end);
        assert!(
            start >= self.start,
            "the start fell from {} to {start}",
            self.start
        );
        assert!(
            start <= i64::max(self.start, self.start_pending),
            "the start rose to {start} by itself"
        );
        assert!(report.rot.is_empty(), "{report:?}");
        assert!(!report.is_below_recovery_point, "{report:?}");
        self.batches.retain(|base, _| *base < end);
        self.end = end;
        self.start = start;
        self.start_pending = start;
        self.durable = end;
        self.opened += 1;
        self.cut += report.cut_bytes;
        self.scanned += report.scanned_bytes;
        self.take_sequences(log);
    }
}

impl Model {
    /// The base offset of the batch that holds this offset.
    pub fn batch_start(&self, offset: i64) -> i64 {
        match self.batches.range(..=offset).next_back() {
            Some((base, _)) if offset < self.end => *base,
            _ => self.end,
        }
    }

    pub fn truncated(&mut self, end: i64, log: &Log) {
        self.batches.retain(|base, _| *base < end);
        self.end = i64::min(self.end, end);
        self.take_sequences(log);
    }

    fn take_sequences(&mut self, log: &Log) {
        self.next_sequence.clear();
        for (producer, entry) in log.producer_state().producers() {
            self.next_sequence
                .insert(*producer, entry.last_sequence().wrapping_add(1) & i32::MAX);
        }
    }
}

/// As [`open`], on a disk that may refuse.
pub async fn try_open() -> Option<(DataDir, Log, RecoveryReport)> {
    let data_dir = DataDir::open(FOLDER, DataDirOptions { open_files_max: 4 })
        .await
        .ok()?;
    let (log, report) = data_dir
        .open_log(&tp(), None, config(), WallMs::now())
        .await
        .ok()?;
    Some((data_dir, log, report))
}

/// Where the recovered log parts from the model, a refused batch may stand, and nothing after it.
pub async fn adopt_refused(log: &Log, model: &mut Model) {
    let (mut offset, end) = (log.log_start_offset(), log.log_end_offset());
    while offset < end {
        let slice = log.read(offset, 1 << 20, end, true).expect("reads");
        for batch in records::batches(slice.into_bytes().await.expect("sound")) {
            let batch = batch.expect("whole");
            let base = batch.header().base_offset;
            offset = batch.header().next_offset();
            if model.batches.get(&base) == Some(batch.bytes()) {
                continue;
            }
            assert!(
                base >= model.durable,
                "another batch at {base}, durable to {}",
                model.durable
            );
            let refused = model.refused.get(&base).cloned().unwrap_or_default();
            assert!(
                refused.contains(batch.bytes()),
                "the batch at {base} is none that was ever given"
            );
            model.batches.retain(|other, _| *other < base);
            model.batches.insert(base, batch.bytes().clone());
            model.end = offset;
        }
    }
    model.refused.clear();
}

pub async fn open() -> (DataDir, Log, RecoveryReport) {
    let data_dir = DataDir::open(FOLDER, DataDirOptions { open_files_max: 4 })
        .await
        .expect("the folder opens");
    let (log, report) = data_dir
        .open_log(&tp(), None, config(), WallMs::now())
        .await
        .expect("the log opens");
    (data_dir, log, report)
}

/// A batch of a producer's next records.
pub fn next_batch(model: &Model, producer: i64) -> Vec<u8> {
    let sequence = model
        .next_sequence
        .get(&producer)
        .copied()
        .unwrap_or(i32::MAX - 30);
    let mut builder = BatchBuilder::new(Compression::None).producer(producer, 0, sequence);
    for _ in 0..=runtime::rng::below(3) {
        let mut value = vec![0; runtime::rng::below(900) as usize];
        runtime::rng::fill(&mut value);
        builder
            .append(None, Some(&value), &[], WallMs::now().0)
            .expect("fits");
    }
    builder.build().expect("builds").to_vec()
}

pub fn append(log: &Log, model: &mut Model) -> Result<AppendInfo, AppendError> {
    let producer = runtime::rng::below(3) as i64;
    let bytes = next_batch(model, producer);
    let epoch = model.leader_epoch;
    let result = log.append_as_leader(bytes.clone().into(), epoch, AppendOrigin::Client, WallMs::now());
    if result.is_err() {
        let mut refused = bytes.clone();
        records::set_base_offset(&mut refused, model.end);
        records::set_partition_leader_epoch(&mut refused, epoch);
        model.refused.entry(model.end).or_default().push(refused.into());
    }
    let info = result?;
    let header = BatchHeader::parse(&bytes).expect("ours");
    model
        .next_sequence
        .insert(producer, (header.last_sequence().wrapping_add(1)) & i32::MAX);
    model.appended(&info, bytes, epoch);
    Ok(info)
}

/// The whole log, byte for byte, and everything that is derived from it.
pub async fn check(log: &Log, model: &Model) {
    let mut offset = model.start;
    let mut producers = ProducerState::default();
    while offset < model.end {
        let slice = log.read(offset, 4000, model.end, true).expect("reads");
        let bytes = slice.into_bytes().await.expect("sound");
        for batch in records::batches(bytes) {
            let batch = batch.expect("whole");
            let base = batch.header().base_offset;
            assert_eq!(
                Some(batch.bytes()),
                model.batches.get(&base),
                "the batch at {base}"
            );
            offset = batch.header().next_offset();
        }
    }
    for bytes in model.batches.values() {
        let batch = Batch::parse(&mut bytes.clone()).expect("ours");
        producers.replay(&producer_batch(batch.header()));
    }
    assert_eq!(
        log.producer_state(),
        producers,
        "producer state is the fold over the log"
    );
    check_epochs(log, model);
    check_files(model).await;
}

fn producer_batch(header: &BatchHeader) -> ProducerBatch {
    ProducerBatch {
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        base_offset: header.base_offset,
        last_offset: header.last_offset(),
        max_timestamp: header.max_timestamp,
        is_transactional: false,
        marker_coordinator_epoch: None,
    }
}

/// Epochs are a function of the log, but for one that began at its end.
fn check_epochs(log: &Log, model: &Model) {
    for (base, bytes) in model.batches.range(model.start..) {
        let header = BatchHeader::parse(bytes).expect("ours");
        assert_eq!(
            log.epochs().epoch_of(*base),
            Some(header.partition_leader_epoch),
            "at {base}"
        );
    }
}

/// Index entries and snapshots say what a walk over the log says.
async fn check_files(model: &Model) {
    let folder = format!("{FOLDER}/t-0");
    for entry in runtime::disk::read_dir(&folder).await.expect("lists") {
        let Some((kind, offset)) = segment_file_of(&entry.name) else {
            continue;
        };
        let bytes = runtime::disk::read(format!("{folder}/{}", entry.name))
            .await
            .expect("reads");
        match kind {
            SegmentFile::Index => {
                for (last, position) in decode_offset_index(&bytes, offset) {
                    assert_eq!(
                        position_of(model, offset, last),
                        Some(position),
                        "{} at {last}",
                        entry.name
                    );
                }
            }
            SegmentFile::TimeIndex => {
                for (time, last) in decode_time_index(&bytes, offset) {
                    let header = header_that_ends_at(model, last);
                    assert_eq!(header.map(|h| h.max_timestamp), Some(time), "{}", entry.name);
                }
            }
            SegmentFile::Snapshot => {
                let entries = decode_snapshot(&bytes).unwrap_or_else(|what| panic!("{}: {what}", entry.name));
                let mut producers = ProducerState::default();
                for bytes in model.batches.range(..offset).map(|(_, bytes)| bytes) {
                    producers.replay(&producer_batch(&BatchHeader::parse(bytes).expect("ours")));
                }
                assert_eq!(&entries, producers.producers(), "{}", entry.name);
            }
            SegmentFile::Log | SegmentFile::TransactionIndex => {}
        }
    }
}

fn header_that_ends_at(model: &Model, last: i64) -> Option<BatchHeader> {
    let (_, bytes) = model.batches.range(..=last).next_back()?;
    BatchHeader::parse(bytes)
        .ok()
        .filter(|header| header.last_offset() == last)
}

fn position_of(model: &Model, base: i64, last: i64) -> Option<u64> {
    let target = header_that_ends_at(model, last)?.base_offset;
    Some(
        model
            .batches
            .range(base..target)
            .map(|(_, bytes)| bytes.len() as u64)
            .sum(),
    )
}
