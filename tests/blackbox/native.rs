//! Our own client, by the same scenarios against our broker and Apache Kafka's, and as a judge among the foreign ones.

use crate::scenarios;
use crate::support::kafka::ApacheKafka;
use crate::support::odradek::Odradek;
use bytes::Bytes;
use client::{
    Admin, ClientConfig, Compression, Consumer, ConsumerConfig, ConsumerRecord, Header, NewTopic, Producer,
    ProducerConfig, ProducerRecord, TopicPartition,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

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
    runtime::process::main(scenarios::all(&broker.bootstrap()));
}

#[test]
fn our_client_against_apache_kafka() {
    let kafka = ApacheKafka::start();
    runtime::process::main(scenarios::all(&kafka.bootstrap()));
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
