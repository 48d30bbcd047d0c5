//! Apache Kafka's own reader of our files, where scripts/tools has installed it.

use super::*;
use std::process::Command;

#[test]
fn dump_log_segments_reads_our_files() {
    let lib = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/java/lib");
    if !lib.is_dir() {
        println!("skipped: Apache Kafka is not under target/tools (scripts/tools installs it)");
        return;
    }
    run(async {
        let mut bench = Bench::new().await;
        let config = LogConfig {
            segment_bytes: 2000,
            ..small_segments()
        };
        let (log, _) = bench.open(&config).await;
        for n in 0..40 {
            let codec = Compression::ALL[n % 5];
            let builder = BatchBuilder::new(codec).producer(4 + n as i64 % 2, 0, n as i32 / 2 * 2);
            append(
                &log,
                build(builder, &[&[n as u8; 150], b"second"], NOW.0 + n as i64 * 7 % 50),
            );
        }
        bench.restart().await;
        let files: Vec<String> = bench
            .names()
            .into_iter()
            .filter(|name| {
                [".log", "index", ".snapshot"]
                    .iter()
                    .any(|suffix| name.ends_with(suffix))
            })
            .map(|name| bench.path(&name).display().to_string())
            .collect();
        assert!(files.len() >= 10, "logs, indexes and snapshots: {files:?}");
        let output = Command::new("java")
            .arg("-cp")
            .arg(format!("{}/*", lib.display()))
            .args([
                "kafka.tools.DumpLogSegments",
                "--deep-iteration",
                "--verify-index-only",
                "--files",
            ])
            .arg(files.join(","))
            .output()
            .expect("java runs");
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        for word in [
            "mismatch",
            "Found timestamp",
            "out of order",
            "Exception",
            "invalid",
            "corrupt",
        ] {
            let lines: Vec<_> = text
                .lines()
                .filter(|line| line.to_lowercase().contains(&word.to_lowercase()))
                .collect();
            assert!(lines.is_empty(), "{word}: {lines:#?}");
        }
        assert!(
            text.contains("producerId: 4") && text.contains("lastSequence: 39"),
            "{text}"
        );
        assert_eq!(text.matches("isvalid: true").count(), 40, "every batch is sound");
    });
}
