//! Apache Kafka's own command-line tools, against our broker and on our segments. They run one after another in one
//! JVM (tests/clients/java/src/Tools.java), since a JVM takes longer to start than a tool to run.

use crate::support::odradek::Odradek;
use crate::support::process::run_with_input;
use crate::support::tools;
use std::path::{Path, PathBuf};
use std::time::Duration;

const TOPIC: &str = "org.apache.kafka.tools.TopicCommand";
const PERFORMANCE: &str = "org.apache.kafka.tools.ProducerPerformance";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const OFFSETS: &str = "org.apache.kafka.tools.GetOffsetShell";
const CONFIG: &str = "kafka.admin.ConfigCommand";
const DUMP: &str = "kafka.tools.DumpLogSegments";

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// One tool's call: its main class, its arguments, and words that its output must have.
struct Call {
    words: Vec<String>,
    expected: Vec<String>,
}

/// Calls to be made in one JVM.
#[derive(Default)]
struct Calls {
    calls: Vec<Call>,
}

impl Calls {
    /// Arguments are split at blanks; `~` stands for a blank inside one.
    fn add(&mut self, tool: &str, arguments: &str, expected: &[&str]) -> &mut Call {
        let words = arguments.split_whitespace().map(|word| word.replace('~', " "));
        let words = std::iter::once(tool.to_string()).chain(words).collect();
        let expected = expected.iter().map(|word| word.to_string()).collect();
        self.calls.push(Call { words, expected });
        self.calls.last_mut().expect("just pushed")
    }

    /// Runs them all; each must exit with 0 and print what is expected of it. Gives the outputs.
    fn run(self) -> Vec<String> {
        let lines: Vec<_> = self.calls.iter().map(|call| call.words.join("\t")).collect();
        let output = run_with_input(
            tools::java("Tools", "-Xmx384m"),
            &(lines.join("\n") + "\n"),
            Duration::from_secs(180),
        );
        let outputs: Vec<_> = output.split("### begin ").skip(1).map(str::to_string).collect();
        assert_eq!(outputs.len(), self.calls.len(), "every tool ran:\n{output}");
        for (call, output) in self.calls.iter().zip(&outputs) {
            let shown = call.words.join(" ");
            assert!(output.contains("### exit 0"), "{shown}\nfailed:\n{output}");
            for word in &call.expected {
                assert!(
                    output.contains(word),
                    "{shown}\ndid not print {word:?}:\n{output}"
                );
            }
        }
        outputs
    }
}

#[test]
fn topics_are_made_described_altered_and_deleted() {
    let broker = Odradek::start();
    let at = format!("--bootstrap-server {}", broker.bootstrap());
    let mut calls = Calls::default();
    calls.add(
        TOPIC,
        &format!("{at} --create --topic made --partitions 2 --config retention.ms=3600000"),
        &["Created topic made"],
    );
    calls.add(
        TOPIC,
        &format!("{at} --describe --topic made"),
        &[
            "PartitionCount: 2",
            "ReplicationFactor: 1",
            "retention.ms=3600000",
            "Leader: 1",
            "Isr: 1",
        ],
    );
    calls.add(TOPIC, &format!("{at} --alter --topic made --partitions 4"), &[]);
    calls.add(
        TOPIC,
        &format!("{at} --describe --topic made"),
        &["PartitionCount: 4", "Partition: 3"],
    );
    calls.add(TOPIC, &format!("{at} --create --topic made --if-not-exists"), &[]);
    calls.add(TOPIC, &format!("{at} --list"), &["made"]);
    calls.add(CONFIG, &format!("{at} --alter --entity-type topics --entity-name made --add-config max.message.bytes=2048,cleanup.policy=[compact,delete]"), &["Completed updating config for topic made"]);
    calls.add(
        CONFIG,
        &format!("{at} --describe --entity-type topics --entity-name made"),
        &[
            "max.message.bytes=2048",
            "retention.ms=3600000",
            "cleanup.policy=compact,delete",
        ],
    );
    calls.add(
        CONFIG,
        &format!("{at} --alter --entity-type topics --entity-name made --delete-config max.message.bytes"),
        &[],
    );
    calls.add(
        CONFIG,
        &format!("{at} --describe --entity-type topics --entity-name made --all"),
        &[
            "max.message.bytes=1048588",
            "DEFAULT_CONFIG:message.max.bytes=1048588",
        ],
    );
    calls.add(
        CONFIG,
        &format!("{at} --describe --entity-type brokers --entity-name 1 --all"),
        &["log.segment.bytes=1073741824", "node.id=1"],
    );
    calls.add(
        CONFIG,
        &format!("{at} --alter --entity-type brokers --entity-default --add-config log.retention.ms=7200000"),
        &["Completed updating default config for brokers"],
    );
    calls.add(
        CONFIG,
        &format!("{at} --describe --entity-type brokers --entity-default"),
        &["log.retention.ms=7200000"],
    );
    calls.add(TOPIC, &format!("{at} --delete --topic made"), &[]);
    let outputs = calls.run();
    let described = &outputs[7];
    assert_eq!(
        described.matches("retention.ms=3600000").count(),
        2,
        "as a value and as its synonym: {described}"
    );
}

#[test]
fn console_tools_write_and_read_every_codec() {
    let broker = Odradek::start();
    let at = format!("--bootstrap-server {}", broker.bootstrap());
    let mut calls = Calls::default();
    for codec in CODECS {
        let topic = format!("console-{codec}");
        let reading = "--reader-property parse.key=true --reader-property parse.headers=true --reader-property null.marker=NULL";
        let input = r"stdin=a:1,b:2,a:3,n:NULL\tk1\tone\na:4\tNULL\tno key\na:5\tgone\tNULL\n";
        calls.add(
            TOPIC,
            &format!("{at} --create --topic {topic} --partitions 1"),
            &[],
        );
        let call = calls.add(
            PRODUCER,
            &format!("{at} --topic {topic} --compression-codec {codec} {reading}"),
            &[],
        );
        call.words.push(input.to_string());
    }
    for codec in CODECS {
        let shown = ["key", "headers", "offset", "partition"]
            .map(|what| format!("--formatter-property print.{what}=true"));
        let arguments = format!(
            "{at} --topic console-{codec} --partition 0 --offset earliest --max-messages 3 --timeout-ms 20000 {}",
            shown.join(" ")
        );
        let lines = [
            "Partition:0\tOffset:0\ta:1,b:2,a:3,n:null\tk1\tone",
            "Offset:1\ta:4\tnull\tno key",
            "Offset:2\ta:5\tgone\tnull",
        ];
        calls.add(CONSUMER, &arguments, &lines);
        calls.add(
            OFFSETS,
            &format!("{at} --topic console-{codec} --time -1"),
            &[&format!("console-{codec}:0:3")],
        );
        calls.add(
            OFFSETS,
            &format!("{at} --topic console-{codec} --time -2"),
            &[&format!("console-{codec}:0:0")],
        );
        calls.add(
            OFFSETS,
            &format!("{at} --topic console-{codec} --time max-timestamp"),
            &[&format!("console-{codec}:0:")],
        );
    }
    calls.run();
}

/// Whatever our broker wrote, at every codec, over several segments: Kafka's tool finds it valid to the last byte.
#[test]
fn dump_log_segments_finds_our_files_valid() {
    let mut broker = Odradek::start_with(&["num.partitions=1"]);
    let at = broker.bootstrap();
    let mut calls = Calls::default();
    for codec in CODECS {
        calls.add(
            TOPIC,
            &format!("--bootstrap-server {at} --create --topic dump-{codec} --config segment.bytes=1048576"),
            &[],
        );
        let properties = format!(
            "bootstrap.servers={at} compression.type={codec} batch.size=32768 enable.idempotence=true"
        );
        calls.add(PERFORMANCE, &format!("--topic dump-{codec} --num-records 4000 --record-size 600 --throughput -1 --command-property {properties}"), &["4000 records sent"]);
    }
    calls.run();
    assert_eq!(broker.stop().code(), Some(0));
    let mut calls = Calls::default();
    let mut segments = Vec::new();
    for codec in CODECS {
        let folder = broker.data().join(format!("dump-{codec}-0"));
        let [logs, offsets, times, snapshots] =
            ["log", "index", "timeindex", "snapshot"].map(|kind| files(&folder, kind));
        assert!(
            codec != "none" || logs.len() >= 2,
            "2.4 MB roll a segment of 1 MiB: {logs:?}"
        );
        assert_eq!(
            (offsets.len(), times.len()),
            (logs.len(), logs.len()),
            "each segment has its indexes"
        );
        assert!(!snapshots.is_empty(), "a clean stop leaves a producer snapshot");
        segments.push((calls.calls.len(), codec));
        calls.add(
            DUMP,
            &format!("--deep-iteration --files {}", logs.join(",")),
            &["isvalid: true", "producerId: "],
        );
        let indexes = [offsets, times].concat().join(",");
        calls.add(
            DUMP,
            &format!("--index-sanity-check --files {indexes}"),
            &["passed sanity check"],
        );
        calls.add(DUMP, &format!("--verify-index-only --files {indexes}"), &[]);
        calls.add(DUMP, &format!("--files {indexes}"), &["offset: "]);
        calls.add(
            DUMP,
            &format!("--files {}", snapshots.join(",")),
            &["producerId: "],
        );
    }
    let metadata = files(&broker.data().join("__cluster_metadata-0"), "log").join(",");
    calls.add(
        DUMP,
        &format!("--cluster-metadata-decoder --files {metadata}"),
        &[
            "TOPIC_RECORD",
            "PARTITION_RECORD",
            "REGISTER_BROKER_RECORD",
            "FEATURE_LEVEL_RECORD",
            "PRODUCER_IDS_RECORD",
            "LeaderChange",
            "isvalid: true",
        ],
    );
    let snapshots = [
        files(&broker.data(), "checkpoint"),
        files(&broker.data().join("__cluster_metadata-0"), "checkpoint"),
    ];
    for snapshot in snapshots.concat() {
        let arguments = format!("--cluster-metadata-decoder --files {snapshot}");
        calls.add(DUMP, &arguments, &["SnapshotHeader", "isvalid: true"]);
    }
    let outputs = calls.run();
    for output in &outputs {
        for bad in [
            "isvalid: false",
            "Mismatches",
            "mismatch",
            "Found ",
            "corrupt",
            "Could not",
            "Non-consecutive",
        ] {
            assert!(
                !output.contains(bad),
                "DumpLogSegments says {bad:?}:\n{}",
                &output[..output.len().min(3_000)]
            );
        }
    }
    for (index, codec) in segments {
        let records = outputs[index].matches("| offset: ").count();
        assert_eq!(records, 4_000, "dump-{codec}: every record is iterated");
    }
}

/// The files of a kind that are not empty, in the order of their names.
fn files(folder: &Path, kind: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == kind));
    paths.sort();
    paths.iter().map(|path| path.display().to_string()).collect()
}
