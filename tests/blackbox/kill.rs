//! kill -9 of the real broker in mid-load: what was acknowledged is there, once, at the offset that was told.

use crate::support::odradek::Odradek;
use client::{Acks, Admin, ClientConfig, Compression, NewTopic, Producer, ProducerConfig, ProducerRecord};
use client::{Consumer, ConsumerConfig, TopicPartition};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const KILLS: usize = 50;
const PARTITIONS: i32 = 4;

/// What writes to one topic. A kill leaves the page cache, so all of these promise the same against it.
struct Load {
    topic: &'static str,
    caching: &'static str,
    acks: Acks,
    codecs: &'static [Compression],
}

const LOADS: [Load; 3] = [
    Load {
        topic: "durable",
        caching: "false",
        acks: Acks::All,
        codecs: &[Compression::None, Compression::Gzip, Compression::Lz4],
    },
    Load {
        topic: "caching",
        caching: "true",
        acks: Acks::All,
        codecs: &[Compression::Snappy],
    },
    Load {
        topic: "leader",
        caching: "false",
        acks: Acks::Leader,
        codecs: &[Compression::Zstd],
    },
];

/// How many sends of a producer may wait for their acknowledgement.
const IN_FLIGHT: usize = 64;

type Place = (String, i32, i64);
/// Where each acknowledged value is said to stand.
type Acknowledged = Arc<Mutex<BTreeMap<String, Place>>>;

#[test]
fn fifty_kills_in_mid_load_lose_nothing_that_was_acknowledged() {
    let mut broker = Odradek::start_with(&["log.segment.bytes=1048576", "log.index.interval.bytes=512"]);
    let bootstrap = broker.bootstrap();
    runtime::process::main(async {
        let admin = Admin::new(ClientConfig::new(bootstrap.clone())).expect("a client");
        let acknowledged = Acknowledged::default();
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let mut writers = Vec::new();
        for load in &LOADS {
            let topic = NewTopic::new(load.topic, PARTITIONS).config("write.caching", load.caching);
            admin.create_topic(topic).await.expect("the topic is made");
            for codec in load.codecs {
                let config = ProducerConfig {
                    compression: *codec,
                    acks: load.acks,
                    enable_idempotence: load.acks == Acks::All,
                    linger: Duration::from_millis(2),
                    ..ProducerConfig::new(bootstrap.clone())
                };
                let writer = write(
                    writers.len(),
                    load.topic,
                    config,
                    acknowledged.clone(),
                    stop.clone(),
                );
                writers.push(runtime::task::spawn(writer));
            }
        }
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
        for task in writers {
            task.await.expect("the load does not panic");
        }
        // What acks=1 acknowledged can be read when it is durable: soon.
        runtime::time::sleep(Duration::from_secs(1)).await;
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
    topic: &'static str,
    config: ProducerConfig,
    acknowledged: Acknowledged,
    stop: Arc<std::sync::atomic::AtomicBool>,
) {
    let producer = Producer::new(config).expect("a producer");
    let permits = Arc::new(runtime::sync::Semaphore::new(IN_FLIGHT));
    let mut count = 0_i32;
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        let permit = permits.clone().acquire_owned().await.expect("it is never closed");
        let value = format!(
            "{number}/{count:07} {}",
            "x".repeat(usize::try_from(count % 200).expect("small"))
        );
        let record = ProducerRecord::new(topic)
            .partition(count % PARTITIONS)
            .value(value.clone());
        // A send may be refused while the broker is down for long; that one was certainly not acknowledged.
        if let Ok(delivery) = producer.send(record).await {
            let acknowledged = acknowledged.clone();
            runtime::task::spawn(async move {
                if let Ok(landed) = delivery.await {
                    let offset = landed.offset.expect("acks=1 and acks=all tell the offset");
                    let place = (topic.to_string(), landed.partition, offset);
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
async fn read_all(bootstrap: &str) -> BTreeMap<Place, String> {
    let mut consumer = Consumer::new(ConsumerConfig::new(bootstrap)).expect("a consumer");
    let partitions: Vec<_> = LOADS
        .iter()
        .flat_map(|load| (0..PARTITIONS).map(|partition| TopicPartition::new(load.topic, partition)))
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
            let twice = read.insert((record.topic.to_string(), record.partition, record.offset), value);
            assert!(twice.is_none(), "an offset was read twice");
        }
    }
    read
}

fn verify(acknowledged: &BTreeMap<String, Place>, read: &BTreeMap<Place, String>) {
    let is_idempotent = |topic: &str| {
        LOADS
            .iter()
            .all(|load| load.topic != topic || load.acks == Acks::All)
    };
    let mut places: BTreeMap<&str, Vec<&Place>> = BTreeMap::new();
    for (place, value) in read {
        let all = places.entry(value).or_default();
        all.push(place);
        let is_once = all.len() == 1 || !is_idempotent(&place.0);
        assert!(is_once, "a duplicate: {} stands at {all:?}", &value[..9]);
    }
    for (value, place) in acknowledged {
        let found = places.get(value.as_str()).is_some_and(|all| all.contains(&place));
        assert!(
            found,
            "lost or moved: {} was acknowledged at {place:?}",
            &value[..9]
        );
    }
    let mut last: BTreeMap<(&str, i32, &str), &str> = BTreeMap::new();
    for ((topic, partition, _), value) in read.iter().filter(|(place, _)| is_idempotent(&place.0)) {
        let (writer, count) = value[..9].split_once('/').expect("writer/count");
        if let Some(before) = last.insert((topic, *partition, writer), count) {
            assert!(
                before < count,
                "out of order in {topic}-{partition}: {writer}/{count} after {before}"
            );
        }
    }
}

fn place(offset: i64) -> Place {
    ("durable".to_string(), 0, offset)
}

#[test]
#[should_panic(expected = "lost or moved")]
fn a_lost_record_is_noticed() {
    let acknowledged = BTreeMap::from([("0/0000001 x".to_string(), place(1))]);
    verify(
        &acknowledged,
        &BTreeMap::from([(place(0), "0/0000000 x".to_string())]),
    );
}

#[test]
#[should_panic(expected = "a duplicate")]
fn a_record_that_stands_twice_is_noticed() {
    let value = "0/0000000 x".to_string();
    verify(
        &BTreeMap::new(),
        &BTreeMap::from([(place(0), value.clone()), (place(1), value)]),
    );
}
