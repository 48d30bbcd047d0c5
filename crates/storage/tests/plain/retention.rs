//! What retention and truncation take, and what they leave.

use super::*;

#[test]
fn old_and_surplus_segments_go_below_the_high_watermark() {
    run(async {
        let mut bench = Bench::new().await;
        let config = LogConfig {
            retention_ms: 1000,
            ..small_segments()
        };
        let (log, _) = bench.open(&config).await;
        fill(&log, 30, 100);
        log.sync().await.expect("syncs");
        let none = log
            .apply_retention(WallMs(NOW.0 + 900), 30)
            .await
            .expect("retains");
        assert_eq!(none.segments, 0);
        let late = WallMs(NOW.0 + 60_000);
        let some = log.apply_retention(late, 12).await.expect("retains");
        assert!(some.segments > 0 && some.log_start_offset <= 12, "{some:?}");
        let all = log.apply_retention(late, 30).await.expect("retains");
        assert_eq!(
            (all.log_start_offset, log.log_end_offset(), log.size_bytes()),
            (30, 30, 0)
        );
        append(&log, batch(&[b"next"], NOW.0));
        assert_eq!(read_all(&log).await, [(30, b"next".to_vec())]);
        bench.kill().await;
        let (log, _) = bench.open(&config).await;
        assert_eq!((log.log_start_offset(), log.log_end_offset()), (30, 31));
        assert!(
            !bench.names().iter().any(|name| name.ends_with(".deleted")),
            "{:?}",
            bench.names()
        );
    });
}

#[test]
fn an_emptied_log_goes_on_where_it_was() {
    run(async {
        let mut bench = Bench::new().await;
        let config = LogConfig {
            retention_ms: 1000,
            ..small_segments()
        };
        let (log, _) = bench.open(&config).await;
        fill(&log, 30, 100);
        log.sync().await.expect("syncs");
        log.apply_retention(WallMs(NOW.0 + 60_000), 30)
            .await
            .expect("retains");
        bench.kill().await;
        let (log, _) = bench.open(&config).await;
        assert_eq!((log.log_start_offset(), log.log_end_offset()), (30, 30));
    });
}

#[test]
fn retention_by_size_keeps_at_least_so_much() {
    run(async {
        let bench = Bench::new().await;
        let config = LogConfig {
            retention_bytes: 2500,
            ..small_segments()
        };
        let (log, _) = bench.open(&config).await;
        fill(&log, 60, 100);
        log.apply_retention(NOW, 60).await.expect("retains");
        assert!((2500..3500).contains(&log.size_bytes()), "{}", log.size_bytes());
        assert_eq!(read_all(&log).await.last().map(|(offset, _)| *offset), Some(59));
    });
}

#[test]
fn a_raised_start_lasts_and_frees_segments() {
    run(async {
        let mut bench = Bench::new().await;
        let config = LogConfig {
            retention_ms: -1,
            ..small_segments()
        };
        let (log, _) = bench.open(&config).await;
        fill(&log, 30, 100);
        log.sync().await.expect("syncs");
        assert_eq!(log.raise_log_start_offset(17).await.expect("raises"), 17);
        assert_eq!(log.raise_log_start_offset(5).await.expect("stays"), 17);
        let report = log.apply_retention(NOW, 30).await.expect("retains");
        assert!(report.segments > 0);
        assert_eq!(report.log_start_offset, 17);
        bench.kill().await;
        let (log, _) = bench.open(&config).await;
        assert_eq!((log.log_start_offset(), log.log_end_offset()), (17, 30));
        assert_eq!(read_all(&log).await.first().map(|(offset, _)| *offset), Some(17));
    });
}

#[test]
fn truncation_takes_records_epochs_and_producers_back() {
    run(async {
        let mut bench = Bench::new().await;
        let config = small_segments();
        let (log, _) = bench.open(&config).await;
        let from = |n: i32| {
            build(
                BatchBuilder::new(Compression::None).producer(9, 0, n),
                &[&[n as u8; 100]],
                NOW.0,
            )
        };
        for n in 0..30 {
            log.append_as_leader(from(n), n / 10, AppendOrigin::Client, NOW)
                .expect("appends");
        }
        bench.data_dir().checkpoint().await.expect("checkpoints");
        assert_eq!(log.recovery_point(), 30);
        log.truncate_to(14).await.expect("truncates");
        let check = |log: &Log| {
            assert_eq!(
                (log.log_end_offset(), log.durable_end(), log.recovery_point()),
                (14, 14, 14)
            );
            assert_eq!(log.last_epoch(), Some(1));
            assert_eq!(log.producers()[0].last_sequence, 13);
        };
        check(&log);
        bench.kill().await;
        let (log, report) = bench.open(&config).await;
        assert!(!report.is_below_recovery_point, "{report:?}");
        check(&log);
        log.append_as_leader(from(14), 2, AppendOrigin::Client, NOW)
            .expect("the next in sequence");
        assert_eq!(read_all(&log).await.len(), 15);

        log.truncate_fully_and_start_at(100).await.expect("starts anew");
        assert_eq!((log.log_start_offset(), log.log_end_offset()), (100, 100));
        assert!(log.producers().is_empty() && log.last_epoch().is_none());
        append(&log, batch(&[b"x"], NOW.0));
        bench.kill().await;
        let (log, _) = bench.open(&config).await;
        assert_eq!((log.log_start_offset(), log.log_end_offset()), (100, 101));
    });
}
