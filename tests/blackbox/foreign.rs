//! Clients of other languages against our broker: each creates a topic, writes with every codec, and reads what every
//! other one wrote. The same against Apache Kafka, which shows that the comparison itself is right.

use crate::native;
use crate::support::kafka::ApacheKafka;
use crate::support::odradek::Odradek;
use crate::support::process::run;
use crate::support::tools;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);
/// Partition 0 is written uncompressed, 1 with gzip, and so on.
const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// One record, as JSON: `{"key","value","headers"}` and, where the writer sets it, `"timestamp"`.
type Row = Value;
/// What stands in each partition of each topic, in the order of offsets.
type Topics = BTreeMap<(String, u64), Vec<Row>>;

struct Judge {
    name: &'static str,
    command: fn() -> Command,
    writes: Option<fn() -> Vec<Row>>,
    reads: bool,
}

const JUDGES: [Judge; 6] = [
    Judge {
        name: "confluent",
        command: || tools::python("judge_confluent.py"),
        writes: Some(rows),
        reads: true,
    },
    Judge {
        name: "kafka-python",
        command: || tools::python("judge_kafka_python.py"),
        writes: Some(rows_without_null_headers),
        reads: true,
    },
    Judge {
        name: "aiokafka",
        command: || tools::python("judge_aiokafka.py"),
        writes: Some(rows),
        reads: true,
    },
    Judge {
        name: "kafkajs",
        command: || tools::node("judge.js"),
        writes: Some(rows_of_kafkajs),
        reads: false,
    },
    Judge {
        name: "franz-go",
        command: tools::franz,
        writes: Some(rows),
        reads: true,
    },
    Judge {
        name: "java",
        command: || tools::java("Judge", "-Xmx256m"),
        writes: Some(rows),
        reads: true,
    },
];

#[test]
fn each_client_reads_what_every_other_wrote_to_our_broker() {
    let broker = Odradek::start_with(&["num.partitions=5"]);
    judge(&broker.bootstrap());
}

#[test]
fn each_client_reads_what_every_other_wrote_to_apache_kafka() {
    let kafka = ApacheKafka::start_with(&[("num.partitions", "5")]);
    judge(&kafka.bootstrap());
}

fn judge(bootstrap: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut expected = Topics::new();
    for judge in JUDGES {
        if let Some(rows) = judge.writes {
            let topic = format!("written-by-{}", judge.name);
            let rows = write(&judge, bootstrap, &topic, rows(), folder.path());
            expect(&mut expected, &topic, &rows);
        }
    }
    native::write(bootstrap, "written-by-native", &rows());
    expect(&mut expected, "written-by-native", &rows());
    kcat_writes(bootstrap, folder.path());
    expect(&mut expected, "written-by-kcat", &rows_of_kcat());
    let topics: Vec<_> = expected
        .keys()
        .map(|(topic, _)| topic.clone())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    for judge in JUDGES.iter().filter(|judge| judge.reads) {
        let mut command = (judge.command)();
        command.arg("read").arg(bootstrap).args(&topics);
        compare(judge.name, &expected, read_back(&run(command, LIMIT), judge.name));
    }
    compare(
        "native",
        &expected,
        read_back(&native::read(bootstrap, &topics), "native"),
    );
    let mut by_kcat = Topics::new();
    for topic in &topics {
        let mut command = tools::system("kcat");
        command.args([
            "-b",
            bootstrap,
            "-C",
            "-t",
            topic,
            "-o",
            "beginning",
            "-e",
            "-q",
            "-J",
        ]);
        by_kcat.extend(read_back(&run(command, LIMIT), "kcat"));
    }
    compare("kcat", &expected, by_kcat);
}

fn rows() -> Vec<Row> {
    let start = 1_700_000_000_000_i64;
    vec![
        json!({"key": "k1", "value": "plain", "timestamp": start, "headers": []}),
        json!({"key": null, "value": "no key", "timestamp": start + 1,
               "headers": [["a", "1"], ["b", "2"], ["a", "3"], ["none", null], ["empty", ""]]}),
        json!({"key": "gone", "value": null, "timestamp": start + 2, "headers": [["h", "x"]]}),
        json!({"key": "ключ", "value": "žluťoučký kůň", "timestamp": start - 500, "headers": [["ü", "ß"]]}),
        json!({"key": "big", "value": "0123456789".repeat(3_000), "timestamp": start + 3, "headers": []}),
    ]
}

/// kafka-python's producer refuses null header values.
fn rows_without_null_headers() -> Vec<Row> {
    with_headers(|headers| headers.retain(|header| !header[1].is_null()))
}

/// kafkajs knows no null header values either, and takes headers as an object: a repeated name's values stand together.
fn rows_of_kafkajs() -> Vec<Row> {
    with_headers(|headers| {
        headers.retain(|header| !header[1].is_null());
        let names: Vec<_> = headers.iter().map(|header| header[0].clone()).collect();
        headers.sort_by_key(|header| names.iter().position(|name| *name == header[0]));
    })
}

fn with_headers(change: fn(&mut Vec<Value>)) -> Vec<Row> {
    let mut rows = rows();
    for row in &mut rows {
        change(row["headers"].as_array_mut().expect("a list"));
    }
    rows
}

/// kcat gives all records of a call the same headers, and the broker's time of writing.
fn rows_of_kcat() -> Vec<Row> {
    let headers = json!([["a", "1"], ["b", "2"], ["a", "3"], ["none", null]]);
    [
        (json!("k1"), json!("plain")),
        (json!(null), json!("no key")),
        (json!("gone"), json!(null)),
    ]
    .map(|(key, value)| json!({"key": key, "value": value, "headers": headers}))
    .to_vec()
}

/// Has a judge write, checks the offsets it was told, and gives the rows back.
fn write(judge: &Judge, bootstrap: &str, topic: &str, rows: Vec<Row>, folder: &Path) -> Vec<Row> {
    let path = folder.join(format!("{topic}.json"));
    // Null headers go to the judge as they are: those that cannot send them leave them out.
    std::fs::write(&path, Value::from(self::rows()).to_string()).expect("the folder is writable");
    let mut command = (judge.command)();
    command.args(["write", bootstrap, topic]).arg(&path);
    let acks = run(command, LIMIT);
    let mut offsets: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for ack in acks
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a judge prints JSON"))
    {
        offsets
            .entry(number(&ack["partition"]))
            .or_default()
            .push(number(&ack["offset"]));
    }
    assert_eq!(
        offsets.len(),
        CODECS.len(),
        "{}: acknowledged partitions",
        judge.name
    );
    for (partition, offsets) in offsets {
        let wanted: Vec<_> = (0..rows.len() as u64).collect();
        assert_eq!(
            offsets, wanted,
            "{}: offsets acknowledged in partition {partition}",
            judge.name
        );
    }
    rows
}

fn kcat_writes(bootstrap: &str, folder: &Path) {
    let lines = folder.join("kcat.txt");
    std::fs::write(&lines, "k1|plain\n|no key\ngone|\n").expect("the folder is writable");
    for (partition, codec) in CODECS.iter().enumerate() {
        let mut command = tools::system("kcat");
        command.args([
            "-b",
            bootstrap,
            "-P",
            "-t",
            "written-by-kcat",
            "-p",
            &partition.to_string(),
        ]);
        command.args([
            "-z", codec, "-K", "|", "-Z", "-H", "a=1", "-H", "b=2", "-H", "a=3", "-H", "none",
        ]);
        command.args(["-X", "enable.idempotence=true", "-l"]).arg(&lines);
        run(command, LIMIT);
    }
}

fn expect(expected: &mut Topics, topic: &str, rows: &[Row]) {
    for partition in 0..CODECS.len() as u64 {
        expected.insert((topic.to_string(), partition), rows.to_vec());
    }
}

/// Groups what a reader printed; offsets must run from 0 without a gap.
fn read_back(output: &str, reader: &str) -> Topics {
    let mut topics = Topics::new();
    for line in output.lines().filter(|line| !line.is_empty()) {
        let row: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{reader}: {error}: {line}"));
        let row = if row.get("tstype").is_some() {
            of_kcat(&row)
        } else {
            row
        };
        let topic = row["topic"].as_str().expect("a topic").to_string();
        let rows = topics.entry((topic, number(&row["partition"]))).or_default();
        assert_eq!(
            number(&row["offset"]),
            rows.len() as u64,
            "{reader}: offsets run on: {row}"
        );
        rows.push(row);
    }
    topics
}

/// kcat's own JSON, whose headers are a flat list of names and values, in our shape.
fn of_kcat(row: &Value) -> Value {
    let none = Vec::new();
    let flat = row.get("headers").and_then(Value::as_array).unwrap_or(&none);
    let headers: Vec<_> = flat.chunks(2).map(|pair| json!([pair[0], pair[1]])).collect();
    json!({"topic": row["topic"], "partition": row["partition"], "offset": row["offset"], "timestamp": row["ts"],
           "key": row["key"], "value": row["payload"], "headers": headers})
}

#[track_caller]
fn compare(reader: &str, expected: &Topics, read: Topics) {
    for (place, rows) in expected {
        let found = read
            .get(place)
            .unwrap_or_else(|| panic!("{reader} read nothing of {place:?}"));
        assert_eq!(found.len(), rows.len(), "{reader}: records of {place:?}");
        for (found, wanted) in found.iter().zip(rows) {
            for field in ["key", "value", "headers", "timestamp"] {
                let is_set = wanted.get(field).is_some();
                assert!(
                    !is_set || found[field] == wanted[field],
                    "{reader}: {field} in {place:?}\n  read {found}\n  wrote {wanted}"
                );
            }
        }
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is a number"))
}
