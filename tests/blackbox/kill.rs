//! kill -9 of the real broker in mid-load: what was acknowledged is there, once, at the offset that was told.

use crate::support::odradek::Odradek;
use client::{Admin, ClientConfig, Compression, NewTopic, Producer, ProducerConfig, ProducerRecord};
use client::{Consumer, ConsumerConfig, TopicPartition};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const KILLS: usize = 50;
const PARTITIONS: i32 = 4;
const TOPIC: &str = "load";
/// How many sends of a producer may wait for their acknowledgement.
const IN_FLIGHT: usize = 64;

/// `(partition, offset)` of each acknowledged value.
type Acknowledged = Arc<Mutex<BTreeMap<String, (i32, i64)>>>;

#[test]
fn fifty_kills_in_mid_load_lose_nothing_that_was_acknowledged() {
    let mut broker = Odradek::start_with(&["log.segment.bytes=1048576", "log.index.interval.bytes=512"]);
    let bootstrap = broker.bootstrap();
    runtime::process::main(async {
        let admin = Admin::new(ClientConfig::new(bootstrap.clone())).expect("a client");
        admin
            .create_topic(NewTopic::new(TOPIC, PARTITIONS))
            .await
            .expect("the topic is made");
        let acknowledged = Acknowledged::default();
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let codecs = [Compression::None, Compression::Gzip, Compression::Lz4];
        let load: Vec<_> = codecs
            .into_iter()
            .enumerate()
            .map(|(number, codec)| {
                let (bootstrap, acknowledged, stop) = (bootstrap.clone(), acknowledged.clone(), stop.clone());
                runtime::task::spawn(write(number, codec, bootstrap, acknowledged, stop))
            })
            .collect();
        let mut topics = Vec::new();
        for round in 0..KILLS {
            let before = acknowledged.lock().expect("no panic").len();
            wait_for_more(&acknowledged, before).await;
            let name = format!("round-{round}");
            if admin.create_topic(NewTopic::new(name.as_str(), 1)).await.is_ok() {
                topics.push(name);
            }
            runtime::time::sleep(Duration::from_millis(runtime::rng::below(60))).await;
            broker.kill();
            broker.restart();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for task in load {
            task.await.expect("the load does not panic");
        }
        let read = read_all(&bootstrap).await;
        let acknowledged = acknowledged.lock().expect("no panic").clone();
        assert!(
            acknowledged.len() > KILLS * 10,
            "there was load: {}",
            acknowledged.len()
        );
        verify(&acknowledged, &read);
        assert!(
            topics.len() > KILLS / 2,
            "most topics were acknowledged: {}",
            topics.len()
        );
        let names: Vec<_> = topics.iter().map(String::as_str).collect();
        for (name, found) in admin.describe_topics(&names).await.expect("metadata") {
            assert!(found.is_ok(), "{name} was acknowledged and is gone: {found:?}");
        }
    });
    assert_eq!(broker.stop().code(), Some(0), "{}", broker.log());
}

/// Sends without a pause until told to stop, then waits for what is under way.
async fn write(
    number: usize,
    codec: Compression,
    bootstrap: String,
    acknowledged: Acknowledged,
    stop: Arc<std::sync::atomic::AtomicBool>,
) {
    let config = ProducerConfig {
        compression: codec,
        linger: Duration::from_millis(2),
        ..ProducerConfig::new(bootstrap)
    };
    let producer = Producer::new(config).expect("a producer");
    let permits = Arc::new(runtime::sync::Semaphore::new(IN_FLIGHT));
    let mut count = 0_i32;
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        let permit = permits.clone().acquire_owned().await.expect("it is never closed");
        let value = format!(
            "{number}/{count:07} {}",
            "x".repeat(usize::try_from(count % 200).expect("small"))
        );
        let record = ProducerRecord::new(TOPIC)
            .partition(count % PARTITIONS)
            .value(value.clone());
        // A send may be refused while the broker is down for long; that one was certainly not acknowledged.
        if let Ok(delivery) = producer.send(record).await {
            let acknowledged = acknowledged.clone();
            runtime::task::spawn(async move {
                if let Ok(landed) = delivery.await {
                    let place = (
                        landed.partition,
                        landed.offset.expect("acks=all tells the offset"),
                    );
                    acknowledged.lock().expect("no panic").insert(value, place);
                }
                drop(permit);
            });
        }
        count += 1;
    }
    producer.flush().await;
    let _all = permits
        .acquire_many(IN_FLIGHT as u32)
        .await
        .expect("it is never closed");
}

async fn wait_for_more(acknowledged: &Acknowledged, before: usize) {
    let started = Instant::now();
    while acknowledged.lock().expect("no panic").len() < before + 20 {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "the load stands still after a restart"
        );
        runtime::time::sleep(Duration::from_millis(2)).await;
    }
}

/// All of each partition: the values in the order of their offsets.
async fn read_all(bootstrap: &str) -> BTreeMap<(i32, i64), String> {
    let mut consumer = Consumer::new(ConsumerConfig::new(bootstrap)).expect("a consumer");
    let partitions: Vec<_> = (0..PARTITIONS)
        .map(|partition| TopicPartition::new(TOPIC, partition))
        .collect();
    consumer.assign(partitions.clone());
    consumer
        .seek_to_beginning(&partitions)
        .expect("they are assigned");
    let ends = consumer.end_offsets(partitions).await.expect("the ends");
    let total: i64 = ends.values().sum();
    let mut read = BTreeMap::new();
    let started = Instant::now();
    while (read.len() as i64) < total {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "read {} of {total} in 60 s",
            read.len()
        );
        for record in consumer
            .poll(Duration::from_millis(500))
            .await
            .expect("it can be read")
        {
            let value = String::from_utf8(record.value.expect("a value").to_vec()).expect("text");
            let twice = read.insert((record.partition, record.offset), value);
            assert!(twice.is_none(), "an offset was read twice");
        }
    }
    read
}

fn verify(acknowledged: &BTreeMap<String, (i32, i64)>, read: &BTreeMap<(i32, i64), String>) {
    let mut places: BTreeMap<&str, (i32, i64)> = BTreeMap::new();
    for (place, value) in read {
        let other = places.insert(value, *place);
        assert!(
            other.is_none(),
            "a duplicate: {} stands at {place:?} and {other:?}",
            &value[..9]
        );
    }
    for (value, place) in acknowledged {
        let found = places.get(value.as_str());
        assert_eq!(
            found,
            Some(place),
            "lost or moved: {} was acknowledged at {place:?}",
            &value[..9]
        );
    }
    let mut last: BTreeMap<(i32, &str), &str> = BTreeMap::new();
    for ((partition, _), value) in read {
        let (writer, count) = value[..9].split_once('/').expect("writer/count");
        if let Some(before) = last.insert((*partition, writer), count) {
            assert!(
                before < count,
                "out of order in partition {partition}: {writer}/{count} after {before}"
            );
        }
    }
}

#[test]
#[should_panic(expected = "lost or moved")]
fn a_lost_record_is_noticed() {
    let acknowledged = BTreeMap::from([("0/0000001 x".to_string(), (0, 1))]);
    verify(
        &acknowledged,
        &BTreeMap::from([((0, 0), "0/0000000 x".to_string())]),
    );
}

#[test]
#[should_panic(expected = "a duplicate")]
fn a_record_that_stands_twice_is_noticed() {
    let value = "0/0000000 x".to_string();
    verify(
        &BTreeMap::new(),
        &BTreeMap::from([((0, 0), value.clone()), ((0, 1), value)]),
    );
}
