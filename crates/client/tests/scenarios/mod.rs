//! What the client promises, asked of a real broker. Each function is one scenario on topics of its own; it panics
//! where a promise breaks.

use std::collections::BTreeMap;

use bytes::Bytes;
use client::{
    Acks, Admin, AutoOffsetReset, ClientConfig, Compression, ConfigChange, ConfigResource, Consumer,
    ConsumerConfig, ConsumerRecord, Error, Header, NewTopic, OffsetSpec, Outcome, Producer, ProducerConfig,
    ProducerRecord, TopicPartition, producer,
};
use runtime::time::{Duration, Monotonic, WallMs};

const PATIENCE: Duration = Duration::from_secs(30);

/// Every scenario, one after the other.
pub async fn all(bootstrap: &str) {
    every_codec_key_header_and_time(bootstrap).await;
    keys_and_explicit_partitions(bootstrap).await;
    keyless_records_are_spread(bootstrap).await;
    every_level_of_acks(bootstrap).await;
    idempotent_load_keeps_its_order(bootstrap).await;
    memory_is_bounded(bootstrap).await;
    what_is_refused(bootstrap).await;
    positions_and_times(bootstrap).await;
    pausing(bootstrap).await;
    out_of_range(bootstrap).await;
    fetch_sessions_over_many_partitions(bootstrap).await;
    large_records(bootstrap).await;
    partitions_that_come_later(bootstrap).await;
    administration(bootstrap).await;
    settings_partitions_and_producers(bootstrap).await;
    topics_that_are_made_again(bootstrap).await;
}

fn unique(name: &str) -> String {
    format!("{name}-{}-{}", WallMs::now().0, runtime::rng::below(1_000_000))
}

fn admin(bootstrap: &str) -> Admin {
    Admin::new(ClientConfig::new(bootstrap)).expect("the configuration is good")
}

async fn topic(bootstrap: &str, name: &str, partitions: i32) -> String {
    let name = unique(name);
    admin(bootstrap)
        .create_topic(NewTopic::new(name.clone(), partitions))
        .await
        .expect("the topic is created");
    name
}

fn producer(bootstrap: &str) -> Producer {
    Producer::new(ProducerConfig::new(bootstrap)).expect("the configuration is good")
}

fn consumer_config(bootstrap: &str) -> ConsumerConfig {
    let mut config = ConsumerConfig::new(bootstrap);
    config.auto_offset_reset = AutoOffsetReset::Earliest;
    config
}

fn consumer(bootstrap: &str) -> Consumer {
    Consumer::new(consumer_config(bootstrap)).expect("the configuration is good")
}

/// Polls until `count` records came.
async fn read(consumer: &mut Consumer, count: usize) -> Vec<ConsumerRecord> {
    let started = Monotonic::now();
    let mut records = Vec::new();
    while records.len() < count {
        assert!(
            started.elapsed() < PATIENCE,
            "{} of {count} records came in time",
            records.len()
        );
        records.extend(
            consumer
                .poll(Duration::from_millis(500))
                .await
                .expect("the poll goes well"),
        );
    }
    assert_eq!(records.len(), count, "no more than that");
    records
}

async fn read_all(bootstrap: &str, topic: &str, partitions: i32, count: usize) -> Vec<ConsumerRecord> {
    let mut consumer = consumer(bootstrap);
    consumer.assign((0..partitions).map(|partition| TopicPartition::new(topic, partition)));
    read(&mut consumer, count).await
}

pub async fn every_codec_key_header_and_time(bootstrap: &str) {
    for compression in Compression::ALL {
        let topic = topic(bootstrap, &format!("codec-{compression}"), 1).await;
        let mut config = ProducerConfig::new(bootstrap);
        config.compression = compression;
        let producer = Producer::new(config).expect("the configuration is good");
        let mut plain = ProducerRecord::new(topic.as_str())
            .key("k")
            .value("v".repeat(500))
            .timestamp(1_000_000);
        plain.headers = vec![
            Header {
                key: "twice".into(),
                value: Some(Bytes::from_static(b"1")),
            },
            Header {
                key: "null".into(),
                value: None,
            },
            Header {
                key: "twice".into(),
                value: Some(Bytes::from_static(b"")),
            },
        ];
        let nulls = ProducerRecord::new(topic.as_str()).timestamp(1_000_001);
        let empty = ProducerRecord::new(topic.as_str())
            .key("")
            .value("")
            .timestamp(999_999);
        let sent = [plain, nulls, empty];
        let mut reports = Vec::new();
        for record in &sent {
            reports.push(producer.send(record.clone()).await.expect("taken"));
        }
        for (index, report) in reports.into_iter().enumerate() {
            let landed = report.await.expect("acknowledged");
            assert_eq!(landed.offset, Some(index as i64), "{compression}");
            assert_eq!(Some(landed.timestamp), sent[index].timestamp);
        }
        let read = read_all(bootstrap, &topic, 1, sent.len()).await;
        for (record, sent) in read.iter().zip(&sent) {
            assert_eq!(
                (&record.key, &record.value),
                (&sent.key, &sent.value),
                "{compression}"
            );
            assert_eq!(record.headers, sent.headers, "{compression}");
            assert_eq!(Some(record.timestamp), sent.timestamp);
        }
        producer.close(PATIENCE).await.expect("nothing is left");
    }
}

pub async fn keys_and_explicit_partitions(bootstrap: &str) {
    let topic = topic(bootstrap, "keys", 5).await;
    let producer = producer(bootstrap);
    for number in 0..50 {
        let key = format!("key-{number}");
        let record = ProducerRecord::new(topic.as_str()).key(key.clone()).value("v");
        let landed = producer.send_and_wait(record).await.expect("acknowledged");
        assert_eq!(landed.partition, producer::partition_for_key(key.as_bytes(), 5));
        if number > 5 {
            continue;
        }
        let explicit = ProducerRecord::new(topic.as_str())
            .key(key)
            .value("v")
            .partition(3);
        assert_eq!(
            producer
                .send_and_wait(explicit)
                .await
                .expect("acknowledged")
                .partition,
            3
        );
    }
    let error = producer
        .send(ProducerRecord::new(topic.as_str()).partition(5))
        .await
        .expect_err("there are 5");
    assert_eq!(error.outcome(), Outcome::Failed);
}

pub async fn keyless_records_are_spread(bootstrap: &str) {
    let topic = topic(bootstrap, "keyless", 3).await;
    let producer = producer(bootstrap);
    let mut partitions = BTreeMap::new();
    let mut reports = Vec::new();
    for _ in 0..200 {
        reports.push(
            producer
                .send(ProducerRecord::new(topic.as_str()).value(vec![7; 1000]))
                .await
                .expect("taken"),
        );
    }
    for report in reports {
        *partitions
            .entry(report.await.expect("acknowledged").partition)
            .or_insert(0) += 1;
    }
    assert!(
        partitions.len() > 1,
        "200 kB in batches of 16 kB go to several partitions: {partitions:?}"
    );
    assert_eq!(read_all(bootstrap, &topic, 3, 200).await.len(), 200);
}

pub async fn every_level_of_acks(bootstrap: &str) {
    let topic = topic(bootstrap, "acks", 1).await;
    for acks in [Acks::None, Acks::Leader, Acks::All] {
        let mut config = ProducerConfig::new(bootstrap);
        config.acks = acks;
        config.enable_idempotence = false;
        let producer = Producer::new(config).expect("the configuration is good");
        let landed = producer
            .send_and_wait(ProducerRecord::new(topic.as_str()).value("v"))
            .await;
        let offset = landed.expect("acknowledged").offset;
        assert_eq!(offset.is_some(), acks != Acks::None);
        producer.close(PATIENCE).await.expect("nothing is left");
        // acks=0 says nothing of when it was appended.
        runtime::time::sleep(Duration::from_millis(200)).await;
    }
    let read = read_all(bootstrap, &topic, 1, 3).await;
    assert_eq!(
        read.iter().map(|record| record.offset).collect::<Vec<_>>(),
        [0, 1, 2]
    );
}

pub async fn idempotent_load_keeps_its_order(bootstrap: &str) {
    let (partitions, count) = (3, 20_000u32);
    let topic = topic(bootstrap, "load", partitions).await;
    let mut config = ProducerConfig::new(bootstrap);
    config.linger = Duration::from_millis(1);
    config.compression = Compression::Lz4;
    let producer = Producer::new(config).expect("the configuration is good");
    let mut reports = Vec::new();
    for number in 0..count {
        let partition = (number % partitions as u32) as i32;
        let record = ProducerRecord::new(topic.as_str())
            .partition(partition)
            .value(number.to_be_bytes().to_vec());
        reports.push(producer.send(record).await.expect("taken"));
    }
    producer.flush().await;
    assert!(producer.identity().is_some());
    for report in reports {
        report.await.expect("acknowledged");
    }
    let read = read_all(bootstrap, &topic, partitions, count as usize).await;
    let mut next = BTreeMap::new();
    for record in read {
        let value = record.value.expect("not null");
        let number = u32::from_be_bytes(value[..].try_into().expect("4 bytes"));
        let expected = next.entry(record.partition).or_insert(record.partition as u32);
        assert_eq!(number, *expected, "in the order of the sends");
        *expected += partitions as u32;
    }
}

pub async fn memory_is_bounded(bootstrap: &str) {
    let topic = topic(bootstrap, "memory", 1).await;
    let mut config = ProducerConfig::new(bootstrap);
    config.buffer_memory = 50_000;
    config.linger = Duration::from_secs(10);
    config.batch_size = 1 << 20;
    let producer = Producer::new(config.clone()).expect("the configuration is good");
    // Ten times the memory passes through, for a sender that waits for memory ends the linger.
    for _ in 0..100 {
        producer
            .send(ProducerRecord::new(topic.as_str()).value(vec![1; 5000]))
            .await
            .expect("taken");
    }
    producer.flush().await;
    assert_eq!(read_all(bootstrap, &topic, 1, 100).await.len(), 100);
    config.max_block = Duration::from_millis(100);
    config.client.bootstrap_servers = vec!["127.0.0.1:1".into()];
    let unreachable = Producer::on(producer.cluster().clone(), config).expect("the configuration is good");
    let too_large = ProducerRecord::new(topic.as_str()).value(vec![1; 50_001]);
    assert!(matches!(
        unreachable.send(too_large).await,
        Err(Error::Invalid(_))
    ));
}

pub async fn what_is_refused(bootstrap: &str) {
    let compacted = unique("compacted");
    let compact = NewTopic::new(compacted.clone(), 1).config("cleanup.policy", "compact");
    admin(bootstrap).create_topic(compact).await.expect("created");
    let producer = producer(bootstrap);
    let keyless = ProducerRecord::new(compacted.as_str()).value("v");
    let error = producer
        .send_and_wait(keyless)
        .await
        .expect_err("a compacted topic wants keys");
    assert_eq!(error.outcome(), Outcome::Failed, "{error}");
    // The producer goes on: a refused batch leaves no gap.
    let keyed = ProducerRecord::new(compacted.as_str()).key("k").value("v");
    assert_eq!(
        producer.send_and_wait(keyed).await.expect("acknowledged").offset,
        Some(0)
    );

    let mut config = ProducerConfig::new("127.0.0.1:1");
    config.max_block = Duration::from_millis(300);
    let nobody = Producer::new(config).expect("the configuration is good");
    let error = nobody
        .send(ProducerRecord::new("t"))
        .await
        .expect_err("nobody is there");
    assert_eq!(error.outcome(), Outcome::Failed, "{error}");
}

pub async fn positions_and_times(bootstrap: &str) {
    let topic = topic(bootstrap, "times", 1).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    let producer = producer(bootstrap);
    for number in 0..10i64 {
        let record = ProducerRecord::new(topic.as_str())
            .value(number.to_string())
            .timestamp(1000 + number * 10);
        producer.send_and_wait(record).await.expect("acknowledged");
    }
    let mut consumer = consumer(bootstrap);
    let ends = consumer.end_offsets([partition.clone()]).await.expect("answered");
    assert_eq!(ends[&partition], 10);
    assert_eq!(
        consumer
            .beginning_offsets([partition.clone()])
            .await
            .expect("answered")[&partition],
        0
    );
    for (time, offset) in [
        (0, Some(0)),
        (1000, Some(0)),
        (1001, Some(1)),
        (1090, Some(9)),
        (1091, None),
    ] {
        let found = consumer
            .offsets_for_times([(partition.clone(), time)])
            .await
            .expect("answered");
        assert_eq!(found[&partition].map(|at| at.offset), offset, "at {time}");
    }
    consumer.assign([partition.clone()]);
    assert_eq!(consumer.position(&partition).await.expect("known"), 0);
    consumer.seek(&partition, 7).expect("assigned");
    let seen = read(&mut consumer, 3).await;
    assert_eq!(seen[0].offset, 7);
    assert_eq!(consumer.position(&partition).await.expect("known"), 10);
    assert_eq!(consumer.lag(&partition), Some(0));
    consumer.seek_to_beginning([&partition]).expect("assigned");
    assert_eq!(read(&mut consumer, 10).await[0].offset, 0);
    consumer.seek_to_end([&partition]).expect("assigned");
    assert!(
        consumer
            .poll(Duration::from_millis(300))
            .await
            .expect("nothing")
            .is_empty()
    );
    assert_eq!(consumer.position(&partition).await.expect("known"), 10);
    consumer.close(Duration::from_secs(5)).await;
}

pub async fn pausing(bootstrap: &str) {
    let topic = topic(bootstrap, "pause", 2).await;
    let producer = producer(bootstrap);
    for number in 0..20 {
        let record = ProducerRecord::new(topic.as_str())
            .partition(number % 2)
            .value("v");
        producer.send_and_wait(record).await.expect("acknowledged");
    }
    let [first, second] = [0, 1].map(|partition| TopicPartition::new(topic.as_str(), partition));
    let mut consumer = consumer(bootstrap);
    consumer.assign([first.clone(), second.clone()]);
    consumer.pause([&first]).expect("assigned");
    assert_eq!(consumer.paused().collect::<Vec<_>>(), [&first]);
    assert!(
        read(&mut consumer, 10)
            .await
            .iter()
            .all(|record| record.partition == 1)
    );
    assert!(
        consumer
            .poll(Duration::from_millis(300))
            .await
            .expect("nothing")
            .is_empty()
    );
    consumer.resume([&first]).expect("assigned");
    assert!(
        read(&mut consumer, 10)
            .await
            .iter()
            .all(|record| record.partition == 0)
    );
}

pub async fn out_of_range(bootstrap: &str) {
    let topic = topic(bootstrap, "range", 1).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    let producer = producer(bootstrap);
    for _ in 0..5 {
        producer
            .send_and_wait(ProducerRecord::new(topic.as_str()).value("v"))
            .await
            .expect("acknowledged");
    }
    let mut earliest = consumer(bootstrap);
    earliest.assign([partition.clone()]);
    earliest.seek(&partition, 1000).expect("assigned");
    assert_eq!(
        read(&mut earliest, 5).await[0].offset,
        0,
        "goes back to the earliest"
    );
    let mut config = consumer_config(bootstrap);
    config.auto_offset_reset = AutoOffsetReset::None;
    let mut none = Consumer::new(config).expect("the configuration is good");
    none.assign([partition.clone()]);
    assert!(none.poll(Duration::from_secs(5)).await.is_err(), "no position");
    none.seek(&partition, 1000).expect("assigned");
    let error = none.poll(Duration::from_secs(5)).await.expect_err("out of range");
    assert_eq!(error.code(), Some(wire::ErrorCode::OffsetOutOfRange), "{error}");
    none.seek(&partition, 4).expect("assigned");
    assert_eq!(read(&mut none, 1).await[0].offset, 4);
    admin(bootstrap)
        .delete_records(&topic, 0, Some(3))
        .await
        .expect("deleted");
    assert_eq!(
        none.beginning_offsets([partition.clone()])
            .await
            .expect("answered")[&partition],
        3
    );
    earliest.seek(&partition, 0).expect("assigned");
    assert_eq!(read(&mut earliest, 2).await[0].offset, 3, "the start has moved");
}

pub async fn fetch_sessions_over_many_partitions(bootstrap: &str) {
    let partitions = 30;
    let topic = topic(bootstrap, "sessions", partitions).await;
    let mut consumer = consumer(bootstrap);
    consumer.assign((0..partitions).map(|partition| TopicPartition::new(topic.as_str(), partition)));
    let producer = producer(bootstrap);
    for round in 0..5 {
        // Few of many partitions have news: the session must not lose the others.
        for partition in [round, round + 7, partitions - 1] {
            let record = ProducerRecord::new(topic.as_str())
                .partition(partition)
                .value(round.to_string());
            producer.send_and_wait(record).await.expect("acknowledged");
        }
        let records = read(&mut consumer, 3).await;
        assert!(
            records
                .iter()
                .all(|r| r.value.as_deref() == Some(round.to_string().as_bytes())),
            "{records:?}"
        );
    }
    consumer.close(Duration::from_secs(5)).await;
}

pub async fn large_records(bootstrap: &str) {
    let topic = topic(bootstrap, "large", 1).await;
    let producer = producer(bootstrap);
    let large = vec![b'x'; 900_000];
    for _ in 0..3 {
        let record = ProducerRecord::new(topic.as_str()).value(large.clone());
        producer.send_and_wait(record).await.expect("acknowledged");
    }
    let mut config = consumer_config(bootstrap);
    config.max_partition_fetch_bytes = 1000;
    config.fetch_max_bytes = 1000;
    let mut consumer = Consumer::new(config).expect("the configuration is good");
    consumer.assign([TopicPartition::new(topic.as_str(), 0)]);
    let read = read(&mut consumer, 3).await;
    assert!(
        read.iter()
            .all(|record| record.value.as_deref() == Some(&large[..]))
    );
}

pub async fn partitions_that_come_later(bootstrap: &str) {
    let topic = topic(bootstrap, "later", 1).await;
    let mut consumer = consumer(bootstrap);
    consumer.assign([TopicPartition::new(topic.as_str(), 2)]);
    assert!(
        consumer
            .poll(Duration::from_millis(500))
            .await
            .expect("nothing")
            .is_empty()
    );
    admin(bootstrap)
        .create_partitions(&topic, 3, None, false)
        .await
        .expect("created");
    let producer = producer(bootstrap);
    let started = Monotonic::now();
    // The producer too learns of it when its metadata is asked for anew.
    while producer
        .partitions_for(&topic)
        .await
        .expect("known")
        .partitions
        .len()
        < 3
    {
        assert!(started.elapsed() < PATIENCE);
        producer.cluster().forget_topic(&topic);
    }
    producer
        .send_and_wait(ProducerRecord::new(topic.as_str()).partition(2).value("v"))
        .await
        .expect("acknowledged");
    assert_eq!(read(&mut consumer, 1).await[0].partition, 2);
}

pub async fn administration(bootstrap: &str) {
    let admin = admin(bootstrap);
    let name = topic(bootstrap, "admin", 2).await;
    let again = admin
        .create_topic(NewTopic::new(name.clone(), 2))
        .await
        .expect_err("it is there");
    assert_eq!(again.code(), Some(wire::ErrorCode::TopicAlreadyExists), "{again}");
    producer(bootstrap)
        .send_and_wait(
            ProducerRecord::new(name.as_str())
                .partition(1)
                .value("v")
                .timestamp(77),
        )
        .await
        .expect("acknowledged");
    let at = |spec| admin.list_offset(&name, 1, spec);
    assert_eq!(
        at(OffsetSpec::Latest)
            .await
            .expect("answered")
            .expect("there")
            .offset,
        1
    );
    assert_eq!(
        at(OffsetSpec::Earliest)
            .await
            .expect("answered")
            .expect("there")
            .offset,
        0
    );
    assert_eq!(
        at(OffsetSpec::MaxTimestamp)
            .await
            .expect("answered")
            .expect("there")
            .timestamp,
        77
    );
    assert!(at(OffsetSpec::At(78)).await.expect("answered").is_none());
    admin.delete_topic(name).await.expect("answered");
    assert!(admin.delete_topic(unique("missing")).await.is_err());
}

pub async fn settings_partitions_and_producers(bootstrap: &str) {
    let admin = admin(bootstrap);
    let name = topic(bootstrap, "settings", 2).await;
    producer(bootstrap)
        .send_and_wait(ProducerRecord::new(name.as_str()).partition(1).value("v"))
        .await
        .expect("acknowledged");
    let cluster = admin.describe_cluster().await.expect("answered");
    assert_eq!(cluster.brokers.len(), 1);
    let resource = ConfigResource::Topic(name.clone());
    let change = ConfigChange::set("retention.ms", "123456");
    admin
        .incremental_alter_configs(&resource, &[change], false)
        .await
        .expect("answered");
    let configs = admin
        .describe_configs(&resource, Some(&["retention.ms"]))
        .await
        .expect("answered");
    assert_eq!(configs.len(), 1);
    assert_eq!(configs[0].value.as_deref(), Some("123456"));
    admin
        .alter_configs(&resource, &[("segment.bytes", "2000000")], false)
        .await
        .expect("answered");
    let configs = admin.describe_configs(&resource, None).await.expect("answered");
    let value = |name: &str| {
        configs
            .iter()
            .find(|config| config.name == name)
            .and_then(|c| c.value.clone())
    };
    assert_eq!(value("segment.bytes").as_deref(), Some("2000000"));
    assert_eq!(
        value("retention.ms").as_deref(),
        Some("604800000"),
        "what is not named is the default again"
    );

    admin
        .create_partitions(&name, 4, None, false)
        .await
        .expect("answered");
    let described = admin.describe_topics(&[&name]).await.expect("answered");
    let described = described[&name].as_ref().expect("it is there");
    assert_eq!(described.partitions.len(), 4);
    let broker = cluster.brokers[0].id;
    let dirs = admin
        .describe_log_dirs(broker, Some(&[(&name, &[1])]))
        .await
        .expect("answered");
    let sizes: Vec<_> = dirs
        .iter()
        .flat_map(|dir| &dir.partitions)
        .map(|partition| partition.size_bytes)
        .collect();
    assert!(sizes.len() == 1 && sizes[0] > 0, "{dirs:?}");
    let producers = admin.describe_producers(&name, 1).await.expect("answered");
    assert_eq!(producers.len(), 1, "one idempotent producer wrote");
    assert_eq!(admin.delete_records(&name, 1, None).await.expect("answered"), 1);
    admin.delete_topic(name.clone()).await.expect("answered");
    assert!(admin.delete_topic(unique("missing")).await.is_err());
}

pub async fn topics_that_are_made_again(bootstrap: &str) {
    let admin = admin(bootstrap);
    let name = topic(bootstrap, "again", 1).await;
    let (producer, mut consumer) = (producer(bootstrap), consumer(bootstrap));
    consumer.assign([TopicPartition::new(name.as_str(), 0)]);
    producer
        .send_and_wait(ProducerRecord::new(name.as_str()).value("old"))
        .await
        .expect("acknowledged");
    assert_eq!(
        read(&mut consumer, 1).await[0].value.as_deref(),
        Some(&b"old"[..])
    );
    admin.delete_topic(name.clone()).await.expect("deleted");
    runtime::time::sleep(Duration::from_secs(1)).await;
    admin
        .create_topic(NewTopic::new(name.clone(), 1))
        .await
        .expect("created");
    let landed = producer
        .send_and_wait(ProducerRecord::new(name.as_str()).value("new"))
        .await;
    assert_eq!(
        landed.expect("acknowledged").offset,
        Some(0),
        "another topic, though of the same name"
    );
    let mut fresh = self::consumer(bootstrap);
    fresh.assign([TopicPartition::new(name.as_str(), 0)]);
    assert_eq!(read(&mut fresh, 1).await[0].value.as_deref(), Some(&b"new"[..]));
}
