//! The folder around the logs: identity, lock, marks, checkpoints, deletion.

use super::*;
use storage::{MetaProperties, StorageError, TopicId};

#[test]
fn a_folder_is_formatted_once_and_locked() {
    run(async {
        let mut bench = Bench::new().await;
        assert_eq!(bench.data_dir().meta(), None);
        let meta = MetaProperties {
            cluster_id: "c".into(),
            node_id: 1,
            directory_id: TopicId::random(),
        };
        bench.data_dir().format(meta.clone()).await.expect("formats");
        let second = DataDir::open(bench.folder.path(), DataDirOptions::default()).await;
        assert!(matches!(second.err(), Some(StorageError::Locked { .. })));
        bench.kill().await;
        assert_eq!(bench.data_dir().meta(), Some(meta));
    });
}

#[test]
fn a_clean_stop_is_known_once() {
    run(async {
        let mut bench = Bench::new().await;
        assert!(!bench.data_dir().previous_shutdown().is_clean);
        bench.restart().await;
        let previous = bench.data_dir().previous_shutdown();
        assert_eq!((previous.is_clean, previous.broker_epoch), (true, Some(7)));
        bench.kill().await;
        assert!(!bench.data_dir().previous_shutdown().is_clean);
    });
}

#[test]
fn checkpoints_are_kafka_s_text() {
    run(async {
        let mut bench = Bench::new().await;
        let (log, _) = bench.open(&LogConfig::default()).await;
        fill(&log, 5, 10);
        bench.data_dir().checkpoint().await.expect("checkpoints");
        log.raise_log_start_offset(2).await.expect("raises");
        bench
            .data_dir()
            .write_high_watermarks([(tp(), 4)].into())
            .await
            .expect("writes");
        let text = |name: &str| std::fs::read_to_string(bench.folder.path().join(name)).expect("the file");
        assert_eq!(text("recovery-point-offset-checkpoint"), "0\n1\nt 0 5\n");
        assert_eq!(text("log-start-offset-checkpoint"), "0\n1\nt 0 2\n");
        assert_eq!(text("replication-offset-checkpoint"), "0\n1\nt 0 4\n");
        bench.kill().await;
        assert_eq!(bench.data_dir().high_watermark(&tp()), Some(4));
    });
}

#[test]
fn a_topic_made_again_has_nothing_of_the_old_one() {
    run(async {
        let mut bench = Bench::new().await;
        let (old, new) = (TopicId([1; 16]), TopicId([2; 16]));
        let config = LogConfig::default();
        let (log, _) = bench
            .data_dir()
            .open_log(&tp(), Some(old), config.clone(), NOW)
            .await
            .expect("opens");
        fill(&log, 5, 10);
        log.raise_log_start_offset(2).await.expect("raises");
        bench.restart().await;
        let other = bench
            .data_dir()
            .open_log(&tp(), Some(new), config.clone(), NOW)
            .await;
        assert!(matches!(other.err(), Some(StorageError::WrongTopicId { .. })));
        let folders = bench.data_dir().partitions().await.expect("lists");
        assert_eq!((folders.len(), folders[0].topic_id), (1, Some(old)));
        bench.data_dir().delete_log(&tp()).await.expect("deletes");
        assert!(!bench.folder.path().join("t-0").exists());
        let (log, report) = bench
            .data_dir()
            .open_log(&tp(), Some(new), config, NOW)
            .await
            .expect("opens");
        assert_eq!(
            (
                log.log_start_offset(),
                log.log_end_offset(),
                report.recovery_point
            ),
            (0, 0, 0)
        );
        assert_eq!(log.topic_id(), Some(new));
    });
}

#[test]
fn a_deletion_that_was_interrupted_is_finished() {
    run(async {
        let mut bench = Bench::new().await;
        let left = bench
            .folder
            .path()
            .join("gone-0.0123456789abcdef0123456789abcdef-delete");
        std::fs::create_dir(&left).expect("makes");
        bench.kill().await;
        assert!(!left.exists());
    });
}

#[test]
fn more_logs_than_files() {
    run(async {
        let bench = Bench::new().await;
        let mut logs = Vec::new();
        for n in 0..40 {
            let tp = TopicPartition::new("many", n);
            logs.push(
                bench
                    .data_dir()
                    .open_log(&tp, None, small_segments(), NOW)
                    .await
                    .expect("opens")
                    .0,
            );
        }
        for round in 0..12 {
            for log in &logs {
                assert_eq!(append(log, batch(&[&[1; 100]], NOW.0)).first_offset, round);
            }
        }
        for log in &logs {
            log.sync().await.expect("syncs");
            assert_eq!(read_all(log).await.len(), 12);
        }
    });
}
