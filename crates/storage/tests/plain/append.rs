//! What is appended, what is refused, and what stands in the files then.

use super::*;
use records::TimestampType;
use records::{Batch, BatchHeader};
use storage::{AppendError, CompressionType};

#[test]
fn batches_pass_through_but_for_offset_and_epoch() {
    run(async {
        let bench = Bench::new().await;
        let (log, _) = bench.open(&LogConfig::default()).await;
        let given = build(BatchBuilder::new(Compression::Zstd), &[b"a", b"b"], NOW.0);
        append(&log, batch(&[b"first"], NOW.0));
        let info = log
            .append_as_leader(given.clone(), 5, AppendOrigin::Client, NOW)
            .expect("appends");
        assert_eq!(
            (info.first_offset, info.last_offset, info.log_append_time),
            (1, 2, -1)
        );
        let file = std::fs::read(bench.path("00000000000000000000.log")).expect("the file");
        let stored = &file[file.len() - given.len()..];
        let header = BatchHeader::parse(stored).expect("a header");
        assert_eq!((header.base_offset, header.partition_leader_epoch), (1, 5));
        assert_eq!(stored[16..], given[16..], "all from the magic on");
        assert_eq!(log.epoch_end_offset(0), (0, 1));
        assert_eq!(log.last_epoch(), Some(5));
        let stale = log.append_as_leader(given, 4, AppendOrigin::Client, NOW);
        assert_eq!(stale, Err(AppendError::StaleLeaderEpoch { epoch: 4, last: 5 }));
    });
}

#[test]
fn settings_change_what_is_stored() {
    run(async {
        let bench = Bench::new().await;
        let config = LogConfig {
            compression_type: CompressionType::Codec(Compression::Lz4),
            message_timestamp_type: TimestampType::LogAppendTime,
            ..LogConfig::default()
        };
        let (log, _) = bench.open(&config).await;
        let info = append(&log, batch(&[&[7; 900], b"x"], 5));
        assert_eq!(info.log_append_time, NOW.0);
        let mut bytes = log
            .read(0, 1 << 20, i64::MAX, true)
            .expect("reads")
            .into_bytes()
            .await
            .expect("sound");
        let batch = Batch::parse(&mut bytes).expect("a batch");
        batch.verify_crc().expect("a new crc");
        assert_eq!(batch.header().compression(), Ok(Compression::Lz4));
        assert_eq!(batch.header().max_timestamp, NOW.0);
        assert_eq!(batch.header().timestamp_type(), TimestampType::LogAppendTime);
        assert!(batch.header().size_bytes() < 200);
    });
}

#[test]
fn bad_batches_are_refused_and_leave_no_trace() {
    run(async {
        let bench = Bench::new().await;
        let config = LogConfig {
            max_message_bytes: 500,
            segment_bytes: 5000,
            ..LogConfig::default()
        };
        let (log, _) = bench.open(&config).await;
        let good = batch(&[b"value"], NOW.0);
        let refuse = |bytes: Bytes| {
            let result = log.append_as_leader(bytes, 0, AppendOrigin::Client, NOW);
            result.expect_err("this is refused")
        };
        let patched = |at: usize, byte: u8| {
            let mut bytes = good.to_vec();
            bytes[at] = byte;
            Bytes::from(bytes)
        };
        assert!(matches!(
            refuse(patched(good.len() - 1, 99)),
            AppendError::Corrupt(_)
        ));
        assert!(matches!(refuse(good.slice(..70)), AppendError::Corrupt(_)));
        assert!(matches!(
            refuse(patched(16, 1)),
            AppendError::UnsupportedFormat(_)
        ));
        assert!(matches!(refuse(Bytes::new()), AppendError::InvalidRecord { .. }));
        assert!(matches!(
            refuse(batch(&[&[0; 600]], NOW.0)),
            AppendError::MessageTooLarge { .. }
        ));
        assert!(matches!(
            refuse(batch(&[b"x"], NOW.0 + 3_600_001)),
            AppendError::InvalidTimestamp { .. }
        ));
        let two = [good.as_ref(), good.as_ref()].concat();
        assert!(matches!(refuse(two.into()), AppendError::InvalidRecord { .. }));
        let control = build(BatchBuilder::new(Compression::None).control(true), &[b"x"], NOW.0);
        assert!(matches!(refuse(control), AppendError::InvalidRecord { .. }));
        assert_eq!(log.log_end_offset(), 0);
        assert_eq!(
            bench.names(),
            Vec::<String>::new(),
            "files come with the first append"
        );
        append(&log, good.clone());
        assert_eq!(log.size_bytes(), good.len() as u64);
    });
}

#[test]
fn an_idempotent_producer_is_served_once() {
    run(async {
        let mut bench = Bench::new().await;
        let config = LogConfig::default();
        let (log, _) = bench.open(&config).await;
        let from = |sequence: i32| {
            build(
                BatchBuilder::new(Compression::None).producer(9, 0, sequence),
                &[b"a", b"b"],
                NOW.0,
            )
        };
        for n in 0..6 {
            assert_eq!(append(&log, from(n * 2)).first_offset, i64::from(n) * 2);
        }
        let check = |log: &Log| {
            for n in 1..6 {
                let again = append(log, from(n * 2));
                assert_eq!(
                    (again.first_offset, again.duplicate, again.bytes),
                    (i64::from(n) * 2, true, 0)
                );
            }
            let refused = log.append_as_leader(from(0), 0, AppendOrigin::Client, NOW);
            assert!(
                matches!(refused, Err(AppendError::OutOfOrderSequence(_))),
                "it is the sixth last"
            );
            assert_eq!(log.log_end_offset(), 12);
        };
        check(&log);
        bench.restart().await;
        let (log, report) = bench.open(&config).await;
        assert_eq!((report.was_clean, report.cut_bytes), (true, 0));
        check(&log);
        bench.kill().await;
        check(&bench.open(&config).await.0);
    });
}

#[test]
fn segments_roll_by_size_time_and_offset() {
    run(async {
        let bench = Bench::new().await;
        let (log, _) = bench.open(&small_segments()).await;
        fill(&log, 30, 100);
        let logs = bench.names().iter().filter(|name| name.ends_with(".log")).count();
        assert_eq!(logs, log.segment_count());
        assert!((4..=6).contains(&logs), "{logs} segments");
        for name in bench.names().iter().filter(|name| name.ends_with(".log")) {
            assert!(std::fs::metadata(bench.path(name)).expect("a file").len() <= 1000);
        }
        assert_eq!(read_all(&log).await.len(), 30);

        let by_time = LogConfig {
            segment_ms: 1000,
            ..LogConfig::default()
        };
        let tp = TopicPartition::new("by-time", 0);
        let (log, _) = bench
            .data_dir()
            .open_log(&tp, None, by_time, NOW)
            .await
            .expect("opens");
        for age in [0, 900, 1001, 1500, 2002] {
            append(&log, batch(&[b"x"], NOW.0 + age));
        }
        assert_eq!(log.segment_count(), 3, "0 and 900, 1001 and 1500, 2002");
    });
}

#[test]
fn a_follower_takes_what_a_leader_wrote() {
    run(async {
        let bench = Bench::new().await;
        let (leader, _) = bench.open(&small_segments()).await;
        fill(&leader, 10, 100);
        leader.assign_epoch(3).await.expect("epochs");
        leader
            .append_as_leader(batch(&[b"new"], NOW.0), 3, AppendOrigin::Client, NOW)
            .expect("appends");
        let tp = TopicPartition::new("copy", 0);
        let (follower, _) = bench
            .data_dir()
            .open_log(&tp, None, small_segments(), NOW)
            .await
            .expect("opens");
        while follower.log_end_offset() < leader.log_end_offset() {
            let slice = leader
                .read(follower.log_end_offset(), 400, i64::MAX, true)
                .expect("reads");
            let bytes = slice.into_bytes().await.expect("sound");
            follower.append_as_follower(bytes, NOW).expect("appends");
        }
        assert_eq!(read_all(&follower).await, read_all(&leader).await);
        assert_eq!(follower.epochs(), leader.epochs());
        let old = leader
            .read(0, 400, i64::MAX, true)
            .expect("reads")
            .into_bytes()
            .await
            .expect("sound");
        assert!(matches!(
            follower.append_as_follower(old, NOW),
            Err(AppendError::UnexpectedOffset { .. })
        ));
    });
}

#[test]
fn flush_messages_and_flush_ms_sync_what_nobody_waits_for() {
    run(async {
        let bench = Bench::new().await;
        let caching = LogConfig {
            write_caching: true,
            flush_messages: 3,
            ..LogConfig::default()
        };
        let (log, _) = bench.open(&caching).await;
        let mut durable = log.subscribe_durable();
        fill(&log, 2, 10);
        runtime::time::sleep(runtime::time::Duration::from_millis(20)).await;
        assert_eq!(log.durable_end(), 0, "two wait for a third");
        fill(&log, 1, 10);
        let wanted = |state: &storage::Durable| state.end == 3;
        durable.wait_for(wanted).await.expect("the log is there");

        log.set_config(LogConfig {
            flush_messages: i64::MAX,
            flush_ms: 5,
            ..caching
        });
        fill(&log, 1, 10);
        runtime::time::sleep(runtime::time::Duration::from_millis(10)).await;
        bench.data_dir().flush_due();
        durable
            .wait_for(|state| state.end == 4)
            .await
            .expect("the log is there");
    });
}
