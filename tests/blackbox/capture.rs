//! Not a test: captures golden bytes and real files from Apache Kafka into the crates' `testdata`.
//!
//! ```sh
//! ODRADEK_CAPTURE=1 cargo test -p tests --test blackbox -- --ignored capture
//! ```

use crate::support::kafka::ApacheKafka;
use crate::support::process::run;
use crate::support::tools;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

#[test]
#[ignore = "rewrites testdata from Apache Kafka; set ODRADEK_CAPTURE=1 and ask for it by name"]
fn capture_golden_bytes() {
    if std::env::var_os("ODRADEK_CAPTURE").is_none() {
        return;
    }
    let mut kafka = ApacheKafka::start();
    let golden = tools::root().join("crates/wire/testdata/golden");
    let _ = std::fs::remove_dir_all(&golden);
    let (host, port) = kafka
        .bootstrap()
        .split_once(':')
        .map(|(host, port)| (host.to_string(), port.to_string()))
        .expect("host:port");
    let java = |main: &str, arguments: &[&str]| {
        let mut command = tools::java(main, "-Xmx256m");
        command.args(arguments);
        run(command, LIMIT)
    };
    let folder = golden.to_str().expect("a UTF-8 path");
    java("Capture", &[&host, &port, folder]);
    java("Segments", &["write", &kafka.bootstrap()]);
    kafka.stop();
    let data = kafka.data();
    java(
        "Segments",
        &["records", data.to_str().expect("a UTF-8 path"), folder],
    );
    keep_files(&data);
}

/// The files of the topic `segments` and of the metadata log, as a clean stop left them.
fn keep_files(data: &Path) {
    let storage = tools::root().join("crates/storage/testdata/apache-kafka");
    let _ = std::fs::remove_dir_all(&storage);
    for (partition, codec) in ["none", "gzip", "snappy", "lz4", "zstd"].iter().enumerate() {
        let from = data.join(format!("segments-{partition}"));
        copy_folder(&from, &storage.join(format!("segments-{partition}")));
        let batches = tools::root().join("crates/records/testdata/apache-kafka");
        std::fs::create_dir_all(&batches).expect("the work tree is writable");
        std::fs::copy(
            from.join("00000000000000000000.log"),
            batches.join(format!("{codec}.log")),
        )
        .expect("a segment");
    }
    copy_folder(
        &data.join("__cluster_metadata-0"),
        &storage.join("__cluster_metadata-0"),
    );
    for entry in std::fs::read_dir(data).expect("the data folder").flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_file()) && entry.file_name() != ".lock" {
            std::fs::copy(entry.path(), storage.join(entry.file_name())).expect("the work tree is writable");
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the work tree is writable");
    for entry in std::fs::read_dir(from).expect("a partition's folder").flatten() {
        let content = std::fs::read(entry.path()).expect("a file of Apache Kafka's");
        std::fs::write(to.join(entry.file_name()), content).expect("the work tree is writable");
    }
}
