//! Our own client, by the same program against our broker and Apache Kafka's.

use crate::support::kafka::ApacheKafka;
use crate::support::odradek::Odradek;
use bytes::Bytes;
use client::{
    Acks, Admin, ClientConfig, Compression, ConfigChange, ConfigResource, Consumer, ConsumerConfig,
    ConsumerRecord, Header, NewTopic, OffsetSpec, Producer, ProducerConfig, ProducerRecord, TopicPartition,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use wire::ErrorCode;

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn our_client_against_our_broker() {
    let broker = Odradek::start();
    runtime::process::main(everything(&broker.bootstrap()));
}

#[test]
fn our_client_against_apache_kafka() {
    let kafka = ApacheKafka::start();
    runtime::process::main(everything(&kafka.bootstrap()));
}

async fn everything(bootstrap: &str) {
    let admin = Admin::new(ClientConfig::new(bootstrap)).expect("a client");
    cluster(&admin).await;
    topics(&admin).await;
    configs(&admin).await;
    for acks in [Acks::All, Acks::Leader] {
        writes_and_reads(bootstrap, &admin, acks).await;
    }
    positions(bootstrap, &admin).await;
    deletes(bootstrap, &admin).await;
}

/// Apache Kafka's controller answers before its broker has heard.
async fn eventually<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found().await {
            return found;
        }
        assert!(started.elapsed() < LIMIT, "waited in vain until {what}");
        runtime::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn cluster(admin: &Admin) {
    let cluster = admin.describe_cluster().await.expect("the cluster");
    assert_eq!(cluster.cluster_id.len(), 22);
    assert_eq!(cluster.brokers.len(), 1);
    assert_eq!(cluster.controller_id, Some(1));
}

async fn topics(admin: &Admin) {
    admin
        .create_topic(NewTopic::new("made", 2))
        .await
        .expect("the topic is made");
    let again = admin
        .create_topic(NewTopic::new("made", 2))
        .await
        .expect_err("it is there");
    assert_eq!(again.code(), Some(ErrorCode::TopicAlreadyExists));
    admin
        .create_partitions("made", 5, None, false)
        .await
        .expect("it grows");
    let described = eventually("the new partitions are known", async || {
        let described = admin
            .describe_topics(&["made", "absent"])
            .await
            .expect("metadata");
        let is_known = described["made"]
            .as_ref()
            .is_ok_and(|topic| topic.partitions.len() == 5);
        is_known.then_some(described)
    })
    .await;
    let absent = described["absent"].as_ref().expect_err("it is not there");
    assert_eq!(absent.code(), Some(ErrorCode::UnknownTopicOrPartition));
    admin.delete_topic("made").await.expect("it is deleted");
    let gone = admin.delete_topic("made").await.expect_err("it is gone");
    assert_eq!(gone.code(), Some(ErrorCode::UnknownTopicOrPartition));
}

async fn configs(admin: &Admin) {
    admin
        .create_topic(NewTopic::new("set", 1).config("retention.ms", "5000"))
        .await
        .expect("the topic is made");
    let topic = ConfigResource::Topic("set".into());
    let is = async |key: &str, wanted: &str| {
        eventually("the setting is known", async || {
            let rows = admin.describe_configs(&topic, Some(&[key])).await.ok()?;
            (rows.first()?.value.as_deref() == Some(wanted)).then_some(())
        })
        .await;
    };
    is("retention.ms", "5000").await;
    let changes = [
        ConfigChange::set("max.message.bytes", "4096"),
        ConfigChange::delete("retention.ms"),
    ];
    admin
        .incremental_alter_configs(&topic, &changes, false)
        .await
        .expect("they are taken");
    is("max.message.bytes", "4096").await;
    is("retention.ms", "604800000").await;
    let bad = [ConfigChange::set("retention.ms", "soon")];
    let refused = admin
        .incremental_alter_configs(&topic, &bad, false)
        .await
        .expect_err("it is no number");
    assert_eq!(refused.code(), Some(ErrorCode::InvalidConfig));
}

/// Every codec, keys, headers, nulls and times; then the same back.
async fn writes_and_reads(bootstrap: &str, admin: &Admin, acks: Acks) {
    let topic = format!("native-{acks:?}").to_lowercase();
    let is_idempotent = acks == Acks::All;
    for (partition, codec) in CODECS.into_iter().enumerate() {
        if partition == 0 {
            admin
                .create_topic(NewTopic::new(topic.as_str(), CODECS.len() as i32))
                .await
                .expect("the topic is made");
        }
        let config = ProducerConfig {
            acks,
            enable_idempotence: is_idempotent,
            compression: codec,
            linger: Duration::from_millis(20),
            ..ProducerConfig::new(bootstrap)
        };
        let producer = Producer::new(config).expect("a producer");
        let mut deliveries = Vec::new();
        for record in records(&topic, partition as i32) {
            deliveries.push(producer.send(record).await.expect("it is taken"));
        }
        for (offset, delivery) in deliveries.into_iter().enumerate() {
            let landed = delivery.await.expect("it is acknowledged");
            assert_eq!(
                (landed.partition, landed.offset),
                (partition as i32, Some(offset as i64)),
                "{codec:?}"
            );
        }
        if is_idempotent {
            let identity = producer.identity().expect("it has an id");
            let known = admin
                .describe_producers(&topic, partition as i32)
                .await
                .expect("the producers");
            assert_eq!(known[0].producer_id, identity.id);
            assert_eq!(known[0].last_sequence, 99);
        }
        producer.close(LIMIT).await.expect("nothing is left");
    }
    // What acks=1 acknowledged becomes readable when it is durable: soon, but later than the answer.
    eventually("all can be read", async || {
        let ends = (0..CODECS.len() as i32)
            .map(|partition| admin.list_offset(&topic, partition, OffsetSpec::Latest));
        for end in ends {
            let end = end.await.expect("an answer").expect("there is an end");
            if end.offset < 100 {
                return None;
            }
        }
        Some(())
    })
    .await;
    let read = read_to_the_ends(bootstrap, &[&topic]).await;
    for partition in 0..CODECS.len() as i32 {
        let found: Vec<_> = read
            .iter()
            .filter(|record| record.partition == partition)
            .collect();
        let wrote = records(&topic, partition);
        assert_eq!(found.len(), wrote.len());
        for (found, wrote) in found.iter().zip(&wrote) {
            assert_eq!(
                (&found.key, &found.value, &found.headers),
                (&wrote.key, &wrote.value, &wrote.headers)
            );
            assert_eq!(Some(found.timestamp), wrote.timestamp);
        }
    }
}

fn records(topic: &str, partition: i32) -> Vec<ProducerRecord> {
    let record = |number: i64| {
        let value = format!(
            "value {number} {}",
            "abc".repeat(usize::try_from(number).expect("small"))
        );
        let mut record = ProducerRecord::new(topic)
            .partition(partition)
            .timestamp(1_700_000_000_000 + number * 10);
        record.key = (number % 3 != 0).then(|| Bytes::from(format!("key {number}")));
        record.value = (number % 4 != 3).then(|| Bytes::from(value));
        for (key, value) in [("a", Some("1")), ("b", None), ("a", Some("2")), ("", Some(""))] {
            let value = value.map(|value| Bytes::from_static(value.as_bytes()));
            record.headers.push(Header {
                key: key.to_string(),
                value,
            });
        }
        record
    };
    (0..100).map(record).collect()
}

async fn read_to_the_ends(bootstrap: &str, topics: &[&str]) -> Vec<ConsumerRecord> {
    let mut consumer = Consumer::new(ConsumerConfig::new(bootstrap)).expect("a consumer");
    let partitions: Vec<_> = topics
        .iter()
        .flat_map(|topic| (0..CODECS.len() as i32).map(|partition| TopicPartition::new(*topic, partition)))
        .collect();
    consumer.assign(partitions.clone());
    consumer
        .seek_to_beginning(&partitions)
        .expect("they are assigned");
    let ends = consumer.end_offsets(partitions.clone()).await.expect("the ends");
    let total: i64 = ends.values().sum();
    let mut read = Vec::new();
    let started = Instant::now();
    while (read.len() as i64) < total {
        assert!(started.elapsed() < LIMIT, "read {} of {total}", read.len());
        read.extend(
            consumer
                .poll(Duration::from_millis(500))
                .await
                .expect("it can be read"),
        );
    }
    consumer.close(LIMIT).await;
    read
}

/// Seeking, pausing, positions, offsets for times, and a fetch that goes on in its session.
async fn positions(bootstrap: &str, admin: &Admin) {
    let first = TopicPartition::new("native-all", 0);
    let second = TopicPartition::new("native-all", 1);
    let mut consumer = Consumer::new(ConsumerConfig::new(bootstrap)).expect("a consumer");
    consumer.assign([first.clone(), second.clone()]);
    consumer.seek(&first, 90).expect("it is assigned");
    consumer.seek_to_end([&second]).expect("it is assigned");
    let mut offsets = Vec::new();
    let started = Instant::now();
    while offsets.len() < 10 {
        assert!(started.elapsed() < LIMIT, "read only {offsets:?}");
        let records = consumer
            .poll(Duration::from_millis(200))
            .await
            .expect("it can be read");
        offsets.extend(records.iter().map(|record| (record.partition, record.offset)));
    }
    assert_eq!(offsets, (90..100).map(|offset| (0, offset)).collect::<Vec<_>>());
    assert_eq!(consumer.position(&first).await.expect("known"), 100);
    assert_eq!(consumer.position(&second).await.expect("known"), 100);

    consumer.pause([&first]).expect("it is assigned");
    let producer = Producer::new(ProducerConfig::new(bootstrap)).expect("a producer");
    for partition in [0, 1] {
        let record = ProducerRecord::new("native-all")
            .partition(partition)
            .value("late");
        producer.send_and_wait(record).await.expect("it is acknowledged");
    }
    let mut seen = Vec::new();
    let started = Instant::now();
    while seen.is_empty() {
        assert!(started.elapsed() < LIMIT, "nothing came");
        seen.extend(
            consumer
                .poll(Duration::from_millis(200))
                .await
                .expect("it can be read"),
        );
    }
    assert_eq!(
        (seen[0].partition, seen[0].offset),
        (1, 100),
        "the paused one rests"
    );
    consumer.resume([&first]).expect("it is assigned");
    let started = Instant::now();
    while seen.len() < 2 {
        assert!(started.elapsed() < LIMIT, "the resumed one does not go on");
        seen.extend(
            consumer
                .poll(Duration::from_millis(200))
                .await
                .expect("it can be read"),
        );
    }
    assert_eq!((seen[1].partition, seen[1].offset), (0, 100));

    let times = consumer
        .offsets_for_times([(first.clone(), 1_700_000_000_505)])
        .await
        .expect("times");
    let at = times[&first].as_ref().expect("there is one");
    assert_eq!((at.offset, at.timestamp), (51, 1_700_000_000_510));
    let newest = admin
        .list_offset("native-all", 0, OffsetSpec::MaxTimestamp)
        .await
        .expect("an answer");
    assert_eq!(
        newest.expect("there is one").offset,
        100,
        "written last, with the time of now"
    );
    let never = admin
        .list_offset("native-all", 0, OffsetSpec::At(i64::MAX))
        .await
        .expect("an answer");
    assert_eq!(never, None);
}

async fn deletes(bootstrap: &str, admin: &Admin) {
    assert_eq!(
        admin
            .delete_records("native-all", 2, Some(40))
            .await
            .expect("they are deleted"),
        40
    );
    let earliest = admin
        .list_offset("native-all", 2, OffsetSpec::Earliest)
        .await
        .expect("an answer");
    assert_eq!(earliest.expect("there is one").offset, 40);
    let beyond = admin
        .delete_records("native-all", 2, Some(4_000))
        .await
        .expect_err("it is above the end");
    assert_eq!(beyond.code(), Some(ErrorCode::OffsetOutOfRange));
    let place = TopicPartition::new("native-all", 2);
    let mut consumer = Consumer::new(ConsumerConfig::new(bootstrap)).expect("a consumer");
    consumer.assign([place.clone()]);
    consumer.seek_to_beginning([&place]).expect("it is assigned");
    let started = Instant::now();
    let record = loop {
        assert!(started.elapsed() < LIMIT, "nothing came");
        let records = consumer
            .poll(Duration::from_millis(200))
            .await
            .expect("it can be read");
        if let Some(record) = records.into_iter().next() {
            break record;
        }
    };
    assert_eq!(record.offset, 40);
    let dirs = admin.describe_log_dirs(1, None).await.expect("the folders");
    assert_eq!(dirs.len(), 1);
}

/// As a judge among the foreign clients: writes each row to each partition, by a codec each.
pub fn write(bootstrap: &str, topic: &str, rows: &[Value]) {
    runtime::process::main(async {
        let admin = Admin::new(ClientConfig::new(bootstrap)).expect("a client");
        admin
            .create_topic(NewTopic::new(topic, CODECS.len() as i32))
            .await
            .expect("the topic is made");
        for (partition, codec) in CODECS.into_iter().enumerate() {
            let config = ProducerConfig {
                compression: codec,
                ..ProducerConfig::new(bootstrap)
            };
            let producer = Producer::new(config).expect("a producer");
            for row in rows {
                let mut record = ProducerRecord::new(topic).partition(partition as i32);
                record.timestamp = row["timestamp"].as_i64();
                (record.key, record.value) = (bytes_of(&row["key"]), bytes_of(&row["value"]));
                for header in row["headers"].as_array().expect("a list") {
                    let key = header[0].as_str().expect("a name").to_string();
                    record.headers.push(Header {
                        key,
                        value: bytes_of(&header[1]),
                    });
                }
                producer.send_and_wait(record).await.expect("it is acknowledged");
            }
        }
    });
}

/// As a judge: a line of JSON for each record of the topics.
pub fn read(bootstrap: &str, topics: &[String]) -> String {
    let topics: Vec<_> = topics.iter().map(String::as_str).collect();
    let read = runtime::process::main(read_to_the_ends(bootstrap, &topics));
    let mut by_place: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in read {
        by_place
            .entry((record.topic.clone(), record.partition))
            .or_default()
            .push(record);
    }
    let lines = by_place.into_values().flatten().map(|record| {
        let headers: Vec<_> = record
            .headers
            .iter()
            .map(|header| json!([header.key, text_of(&header.value)]))
            .collect();
        let row = json!({"topic": &*record.topic, "partition": record.partition, "offset": record.offset,
            "timestamp": record.timestamp, "key": text_of(&record.key), "value": text_of(&record.value),
            "headers": headers});
        row.to_string() + "\n"
    });
    lines.collect()
}

fn bytes_of(value: &Value) -> Option<Bytes> {
    value.as_str().map(|text| Bytes::copy_from_slice(text.as_bytes()))
}

fn text_of(bytes: &Option<Bytes>) -> Option<String> {
    bytes
        .as_ref()
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
