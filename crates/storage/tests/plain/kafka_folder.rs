//! A data folder that Apache Kafka 4.2.1 wrote and stopped cleanly: we read it as it is, and come to the same derived
//! files from its logs alone.

use super::*;
use std::path::Path;
use storage::{decode_offset_index, decode_snapshot, decode_time_index};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("makes");
    for entry in std::fs::read_dir(from).expect("the folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("copies")),
        }
    }
}

async fn open(folder: &Path, partition: i32) -> (DataDir, Log, RecoveryReport) {
    let data_dir = DataDir::open(folder, DataDirOptions::default())
        .await
        .expect("opens");
    let tp = TopicPartition::new("segments", partition);
    let config = LogConfig {
        producer_id_expiration_ms: i64::MAX,
        ..LogConfig::default()
    };
    let (log, report) = data_dir
        .open_log(&tp, None, config, NOW)
        .await
        .expect("the log opens");
    (data_dir, log, report)
}

#[test]
fn kafka_s_own_folder_is_read_and_its_derived_files_are_ours() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/apache-kafka");
    for partition in 0..5 {
        run(async {
            let folder = tempfile::tempdir().expect("a folder");
            copy(&source, folder.path());
            let (data_dir, log, report) = open(folder.path(), partition).await;
            assert!(
                report.was_clean && report.notes.is_empty() && report.rot.is_empty(),
                "{report:?}"
            );
            assert_eq!(
                (report.recovery_point, log.log_end_offset(), report.cut_bytes),
                (36, 36, 0)
            );
            assert!(data_dir.meta().is_some() && log.topic_id().is_some());
            let (records, producers, epochs) = (read_all(&log).await, log.producer_state(), log.epochs());
            assert_eq!(records.len(), 36);
            check_indexes(log.dir());
            let snapshot = std::fs::read(log.dir().join(format!("{:020}.snapshot", 36))).expect("Kafka's");
            assert_eq!(&decode_snapshot(&snapshot).expect("reads"), producers.producers());

            // from the logs alone
            for entry in std::fs::read_dir(log.dir()).expect("lists") {
                let path = entry.expect("an entry").path();
                if path
                    .extension()
                    .is_none_or(|kind| kind != "log" && kind != "metadata")
                {
                    std::fs::remove_file(path).expect("removes");
                }
            }
            drop((data_dir, log));
            let (_data_dir, log, _) = open(folder.path(), partition).await;
            assert_eq!(read_all(&log).await, records);
            assert_eq!(log.epochs(), epochs);
            let last = |state: storage::ProducerState| -> Vec<_> {
                let batches =
                    |(id, entry): (&i64, &storage::ProducerEntry)| (*id, entry.batches.back().copied());
                state.producers().iter().map(batches).collect()
            };
            assert_eq!(last(log.producer_state()), last(producers));
            check_indexes(log.dir());
        });
    }
}

/// Every entry of the index files says what a walk over the log says.
fn check_indexes(dir: &Path) {
    for entry in std::fs::read_dir(dir).expect("lists") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|kind| kind != "log") {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        let base: i64 = name[..20].parse().expect("a number");
        let (mut position, mut ends, mut times) = (0, Vec::new(), Vec::new());
        for batch in records::batches(std::fs::read(&path).expect("reads").into()) {
            let batch = batch.expect("whole");
            ends.push((batch.header().last_offset(), position));
            times.push((batch.header().max_timestamp, batch.header().last_offset()));
            position += batch.header().size_bytes() as u64;
        }
        let read = |kind: &str| std::fs::read(path.with_extension(kind)).expect("the index");
        for entry in decode_offset_index(&read("index"), base) {
            assert!(ends.contains(&entry), "{name}: {entry:?} of {ends:?}");
        }
        for entry in decode_time_index(&read("timeindex"), base) {
            assert!(times.contains(&entry), "{name}: {entry:?} of {times:?}");
        }
    }
}
