//! The log on the real file system.
#![cfg(not(madsim))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // looks at the files from outside

mod append;
mod data_dir;
mod kafka_folder;
mod kafka_tools;
mod properties;
mod read;
mod recovery;
mod retention;

use bytes::Bytes;
use records::{BatchBuilder, Compression};
use runtime::time::WallMs;
use std::path::PathBuf;
use storage::{
    AppendInfo, AppendOrigin, DataDir, DataDirOptions, Log, LogConfig, RecoveryReport, TopicPartition,
};

const NOW: WallMs = WallMs(1_700_000_000_000);

/// Runs a test's future.
fn run<F: Future>(future: F) -> F::Output {
    runtime::process::main(future)
}

fn tp() -> TopicPartition {
    TopicPartition::new("t", 0)
}

/// A data folder that goes with the test.
struct Bench {
    folder: tempfile::TempDir,
    data_dir: Option<DataDir>,
}

impl Bench {
    async fn new() -> Bench {
        let folder = tempfile::tempdir().expect("a folder");
        let mut bench = Bench {
            folder,
            data_dir: None,
        };
        bench.start().await;
        bench
    }

    async fn start(&mut self) {
        let options = DataDirOptions { open_files_max: 16 };
        self.data_dir = Some(DataDir::open(self.folder.path(), options).await.expect("opens"));
    }

    fn data_dir(&self) -> &DataDir {
        self.data_dir.as_ref().expect("started")
    }

    async fn open(&self, config: &LogConfig) -> (Log, RecoveryReport) {
        self.data_dir()
            .open_log(&tp(), None, config.clone(), NOW)
            .await
            .expect("the log opens")
    }

    /// The process ends without a word; what it wrote stays in the page cache.
    async fn kill(&mut self) {
        // readers and tasks of the old process hold nothing here
        self.data_dir = None;
        self.start().await;
    }

    async fn restart(&mut self) {
        assert!(self.data_dir().shutdown(7).await.expect("stops"));
        self.kill().await;
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("t-0").join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder.path().join("t-0"))
            .expect("the partition's folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        names
    }
}

/// A batch of records with these values, all of one timestamp.
fn batch(values: &[&[u8]], timestamp: i64) -> Bytes {
    build(BatchBuilder::new(Compression::None), values, timestamp)
}

fn build(mut builder: BatchBuilder, values: &[&[u8]], timestamp: i64) -> Bytes {
    for value in values {
        builder
            .append(Some(b"key"), Some(value), &[], timestamp)
            .expect("fits");
    }
    builder.build().expect("builds")
}

fn append(log: &Log, bytes: Bytes) -> AppendInfo {
    log.append_as_leader(bytes, 0, AppendOrigin::Client, NOW)
        .expect("appends")
}

/// `count` batches of one record of `bytes` each.
fn fill(log: &Log, count: usize, bytes: usize) {
    for n in 0..count {
        append(log, batch(&[&vec![n as u8; bytes]], NOW.0 + n as i64));
    }
}

/// Offsets and values of the whole log, read in pieces.
async fn read_all(log: &Log) -> Vec<(i64, Vec<u8>)> {
    let mut found = Vec::new();
    let mut offset = log.log_start_offset();
    while offset < log.log_end_offset() {
        let slice = log.read(offset, 700, i64::MAX, true).expect("reads");
        let bytes = slice.into_bytes().await.expect("sound");
        for batch in records::batches(bytes) {
            let batch = batch.expect("whole");
            for record in batch.records().expect("decodes") {
                let record = record.expect("decodes");
                if record.offset >= offset {
                    found.push((record.offset, record.value.unwrap_or_default().to_vec()));
                }
            }
            offset = batch.header().next_offset();
        }
    }
    found
}

fn small_segments() -> LogConfig {
    LogConfig {
        segment_bytes: 1000,
        index_interval_bytes: 200,
        file_delete_delay_ms: 0,
        ..LogConfig::default()
    }
}
