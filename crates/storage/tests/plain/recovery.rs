//! Opening what a stop left, clean or not, and what was damaged since.

use super::*;
use storage::{ReadError, RecoveryReport};

fn flip(path: &std::path::Path, at: u64) {
    let mut bytes = std::fs::read(path).expect("the file");
    bytes[at as usize] ^= 0x20;
    std::fs::write(path, bytes).expect("writes");
}

#[test]
fn only_what_is_not_checkpointed_is_read() {
    run(async {
        let mut bench = Bench::new().await;
        let config = LogConfig {
            segment_bytes: 100_000,
            ..small_segments()
        };
        let (log, _) = bench.open(&config).await;
        fill(&log, 500, 100);
        bench.data_dir().checkpoint().await.expect("checkpoints");
        fill(&log, 3, 100);
        log.sync().await.expect("syncs");
        let wanted = read_all(&log).await;
        let tail = log.size_bytes() / 503 * 3;
        bench.kill().await;
        let (log, report) = bench.open(&config).await;
        assert!(!report.was_clean);
        assert_eq!((report.recovery_point, report.log_end_offset), (500, 503));
        assert!(
            report.scanned_bytes < tail + 1000,
            "{} bytes read for a tail of {tail}",
            report.scanned_bytes
        );
        assert_eq!(report.cut_bytes, 0);
        assert_eq!(read_all(&log).await, wanted);
    });
}

#[test]
fn a_torn_tail_is_cut_at_the_first_bad_batch() {
    run(async {
        for (damage, left) in [("cut", 29), ("flip", 20), ("zeros", 30)] {
            let mut bench = Bench::new().await;
            let (log, _) = bench.open(&LogConfig::default()).await;
            fill(&log, 30, 100);
            let one = log.size_bytes() / 30;
            bench.kill().await;
            let path = bench.path("00000000000000000000.log");
            let file = std::fs::OpenOptions::new()
                .write(true)
                .open(&path)
                .expect("the file");
            match damage {
                "cut" => file.set_len(one * 30 - 1).expect("cuts"),
                "flip" => flip(&path, one * 20 + 90),
                _ => file.set_len(one * 30 + 4096).expect("grows"),
            }
            let (log, report) = bench.open(&LogConfig::default()).await;
            assert_eq!(log.log_end_offset(), left, "{damage}: {report:?}");
            assert!(report.cut_bytes > 0 && report.rot.is_empty() && !report.notes.is_empty());
            assert_eq!(
                std::fs::metadata(&path).expect("the file").len(),
                one * left as u64
            );
            append(&log, batch(&[b"goes on"], NOW.0));
            assert_eq!(read_all(&log).await.len() as i64, left + 1);
        }
    });
}

#[test]
fn segments_behind_a_torn_one_go() {
    run(async {
        let mut bench = Bench::new().await;
        let (log, _) = bench.open(&small_segments()).await;
        fill(&log, 30, 100);
        bench.kill().await;
        let name = bench
            .names()
            .iter()
            .filter(|name| name.ends_with(".log"))
            .nth(1)
            .expect("a second")
            .clone();
        flip(&bench.path(&name), 100);
        let base: i64 = name[..20].parse().expect("a number");
        let (log, report) = bench.open(&small_segments()).await;
        assert_eq!(log.log_end_offset(), base, "{report:?}");
        assert_eq!(log.segment_count(), 2);
        fill(&log, 30, 100);
        assert_eq!(read_all(&log).await.len() as i64, base + 30);
    });
}

#[test]
fn rot_below_the_recovery_point_is_told_and_not_served() {
    run(async {
        for at in [3, 17, 90] {
            let mut bench = Bench::new().await;
            let config = LogConfig {
                index_interval_bytes: 100_000,
                ..LogConfig::default()
            };
            let (log, _) = bench.open(&config).await;
            fill(&log, 30, 100);
            let one = log.size_bytes() / 30;
            bench.data_dir().checkpoint().await.expect("checkpoints");
            bench.kill().await;
            // without an index entry before it, recovery passes here on its way
            flip(&bench.path("00000000000000000000.log"), one * 20 + at);
            let (log, report) = bench.open(&config).await;
            assert_eq!(
                (log.log_end_offset(), report.cut_bytes),
                (30, 0),
                "at {at}: {report:?}"
            );
            assert_eq!(report.rot.len(), 1, "at {at}: {report:?}");
            assert_eq!(report.rot[0].position, one * 20);
            let slice = log.read(0, 1 << 20, 30, true).expect("what is before can be had");
            assert_eq!(slice.len_bytes(), one * 20);
            assert!(matches!(
                log.read(20, 1 << 20, 30, true),
                Err(ReadError::Corrupt { .. })
            ));
            assert!(matches!(
                log.read(25, 1 << 20, 30, true),
                Err(ReadError::Corrupt { .. })
            ));
            append(&log, batch(&[b"x"], NOW.0));
        }
    });
}

#[test]
fn rot_is_found_by_readers_and_by_the_scrubber() {
    run(async {
        let bench = Bench::new().await;
        let (log, _) = bench.open(&small_segments()).await;
        fill(&log, 30, 100);
        log.sync().await.expect("syncs");
        let scrubber = bench
            .data_dir()
            .scrubber(runtime::time::Duration::from_millis(10));
        assert_eq!(scrubber.pass().await, []);
        flip(&bench.path("00000000000000000000.log"), 300);
        let found = scrubber.pass().await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file, bench.path("00000000000000000000.log"));
        let first = log.read(0, 1 << 20, 30, true).expect("the first is sound");
        assert_eq!(found[0].position, first.len_bytes());
        assert!(matches!(
            log.read(1, 1 << 20, 30, true),
            Err(ReadError::Corrupt { .. })
        ));
        assert_eq!(scrubber.pass().await, [], "it is known");

        let last = bench
            .names()
            .iter()
            .rfind(|name| name.ends_with(".log"))
            .expect("one")
            .clone();
        let base: i64 = last[..20].parse().expect("a number");
        flip(&bench.path(&last), 100);
        let slice = log.read(base, 1 << 20, 30, true).expect("headers are sound");
        assert!(matches!(
            slice.into_bytes().await,
            Err(ReadError::Corrupt { position: 0, .. })
        ));
        assert!(matches!(
            log.read(base, 1 << 20, 30, true),
            Err(ReadError::Corrupt { .. })
        ));
    });
}

#[test]
fn derived_files_are_made_again() {
    run(async {
        for suffix in [".index", ".timeindex", ".snapshot", "leader-epoch-checkpoint"] {
            for is_removed in [true, false] {
                let mut bench = Bench::new().await;
                let (log, _) = bench.open(&small_segments()).await;
                let from = |n: i32| {
                    build(
                        BatchBuilder::new(Compression::None).producer(9, 0, n),
                        &[&[n as u8; 100]],
                        NOW.0 + i64::from(n),
                    )
                };
                for n in 0..30 {
                    log.append_as_leader(from(n), n / 7, AppendOrigin::Client, NOW)
                        .expect("appends");
                }
                let (wanted, producers, epochs) = (read_all(&log).await, log.producer_state(), log.epochs());
                bench.restart().await;
                for name in bench.names().iter().filter(|name| name.ends_with(suffix)) {
                    let path = bench.path(name);
                    match is_removed {
                        true => std::fs::remove_file(path).expect("removes"),
                        false => std::fs::write(path, b"garbage").expect("writes"),
                    }
                }
                let (log, report) = bench.open(&small_segments()).await;
                assert_eq!(read_all(&log).await, wanted, "{suffix}: {report:?}");
                assert_eq!(log.producer_state(), producers, "{suffix}");
                assert_eq!(log.epochs(), epochs, "{suffix}");
                let found = log
                    .offset_for_timestamp(NOW.0 + 12, 30)
                    .await
                    .expect("reads")
                    .expect("found");
                assert_eq!(found.offset, 12);
            }
        }
    });
}

#[test]
fn a_log_cut_below_its_recovery_point_says_so() {
    run(async {
        let mut bench = Bench::new().await;
        let (log, _) = bench.open(&LogConfig::default()).await;
        fill(&log, 30, 100);
        let one = log.size_bytes() / 30;
        bench.restart().await;
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(bench.path("00000000000000000000.log"))
            .expect("the file");
        file.set_len(one * 10).expect("cuts");
        let (log, report) = bench.open(&LogConfig::default()).await;
        assert!(report.is_below_recovery_point, "{report:?}");
        assert_eq!((log.log_end_offset(), log.recovery_point()), (10, 10));
        append(&log, batch(&[b"x"], NOW.0));
        bench.kill().await;
        let (log, report): (Log, RecoveryReport) = bench.open(&LogConfig::default()).await;
        assert_eq!(
            (log.log_end_offset(), report.is_below_recovery_point),
            (11, false)
        );
    });
}
