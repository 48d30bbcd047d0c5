//! Reads by offset and by time, their bounds, and what holds them valid.

use super::*;
use storage::ReadError;

#[test]
fn bounds_hold() {
    run(async {
        let bench = Bench::new().await;
        let (log, _) = bench.open(&small_segments()).await;
        for n in 0..10 {
            append(&log, batch(&[&[n; 90], &[n; 90]], NOW.0));
        }
        let one = log.size_bytes() / 10;
        let read = |offset, max, upper, min_one| log.read(offset, max, upper, min_one).expect("in range");
        assert_eq!(
            read(3, 1, 20, true).len_bytes(),
            one,
            "the first batch comes whole"
        );
        assert_eq!(read(3, 1, 20, true).first_offset, 2, "from its own start");
        assert!(read(3, 1, 20, false).is_empty());
        assert_eq!(
            read(0, 1 << 20, 4, true).len_bytes(),
            2 * one,
            "not past the upper bound"
        );
        assert_eq!(read(0, one + 5, 20, true).len_bytes(), one + 5);
        assert_eq!(
            read(0, one + 5, 20, true)
                .into_bytes()
                .await
                .expect("sound")
                .len() as u64,
            one
        );
        assert!(read(4, 1000, 4, true).is_empty(), "the high watermark itself");
        assert!(read(20, 1000, 20, true).is_empty(), "the log's end");
        for offset in [-1, 21] {
            assert!(matches!(
                log.read(offset, 10, 20, true),
                Err(ReadError::OutOfRange { .. })
            ));
        }
        log.raise_log_start_offset(5).await.expect("raises");
        assert!(matches!(
            log.read(4, 10, 20, true),
            Err(ReadError::OutOfRange {
                log_start_offset: 5,
                ..
            })
        ));
        assert_eq!(read(5, 1, 20, true).first_offset, 4);
    });
}

#[test]
fn times_lead_to_offsets() {
    run(async {
        let bench = Bench::new().await;
        let (log, _) = bench.open(&small_segments()).await;
        // rising, with a dent: 0 10 20 ... and a late record in between
        for n in 0..40 {
            let time = if n == 17 { 5 } else { n * 10 };
            append(&log, batch(&[&[1; 60]], NOW.0 + time));
        }
        for target in 0..=390 {
            let wanted = (0..40).find(|n| *n != 17 && n * 10 >= target);
            let found = log.offset_for_timestamp(NOW.0 + target, 40).await.expect("reads");
            assert_eq!(found.map(|f| f.offset), wanted, "at {target}");
        }
        assert_eq!(log.offset_for_timestamp(NOW.0 + 391, 40).await, Ok(None));
        assert_eq!(
            log.offset_for_timestamp(NOW.0 + 390, 39).await,
            Ok(None),
            "beyond the bound"
        );
        let max = log.max_timestamp(40).await.expect("reads").expect("there is one");
        assert_eq!((max.offset, max.timestamp), (39, NOW.0 + 390));
        let max = log.max_timestamp(18).await.expect("reads").expect("there is one");
        assert_eq!((max.offset, max.timestamp), (16, NOW.0 + 160));
    });
}

#[test]
fn a_truncation_voids_reads_and_a_deletion_waits_for_them() {
    run(async {
        let bench = Bench::new().await;
        let config = LogConfig {
            retention_bytes: 0,
            ..small_segments()
        };
        let (log, _) = bench.open(&config).await;
        fill(&log, 30, 100);
        let slice = log.read(0, 1 << 20, 30, true).expect("reads");
        log.sync().await.expect("syncs");
        log.apply_retention(NOW, 20).await.expect("retains");
        assert!(log.log_start_offset() > 0);
        let deleted = || {
            bench
                .names()
                .iter()
                .filter(|name| name.ends_with(".deleted"))
                .count()
        };
        assert_eq!(
            deleted(),
            3,
            "log and indexes of the segment that is read: {:?}",
            bench.names()
        );
        assert!(slice.is_valid());
        slice.into_bytes().await.expect("the files are there");
        log.purge_deleted().await;
        assert_eq!(deleted(), 0);

        let slice = log.read(25, 1 << 20, 30, true).expect("reads");
        log.truncate_to(26).await.expect("truncates");
        assert!(!slice.is_valid());
        assert!(matches!(slice.into_bytes().await, Err(ReadError::Gone(_))));
        assert_eq!(log.log_end_offset(), 26);
    });
}
