//! A broker with the topics that the cases ask about, and how to ask it.

use crate::support::frame::Raw;
use bytes::{Buf, Bytes};
use records::{BatchBuilder, Compression};
use std::time::{Duration, Instant};
use wire::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use wire::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use wire::metadata::{MetadataRequest, MetadataRequestTopic};
use wire::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use wire::{ErrorCode, Message, Request, Uuid};

/// A time in the past that every test may use.
pub const TIME: i64 = 1_700_000_000_000;

/// Topics of one partition each, and the settings in which they differ.
const TOPICS: [(&str, &[(&str, &str)]); 6] = [
    ("plain", &[]),
    ("scratch", &[]),
    ("small", &[("max.message.bytes", "300")]),
    ("compacted", &[("cleanup.policy", "compact")]),
    ("append-time", &[("message.timestamp.type", "LogAppendTime")]),
    (
        "recent",
        &[
            ("message.timestamp.before.max.ms", "1000"),
            ("message.timestamp.after.max.ms", "1000"),
        ],
    ),
];

pub struct World {
    pub port: u16,
}

impl World {
    /// Makes the topics, and writes three batches of one record each to `plain`.
    pub fn prepare(port: u16) -> World {
        let world = World { port };
        let topics = TOPICS.iter().map(|(name, configs)| CreatableTopic {
            name: name.to_string(),
            num_partitions: 1,
            replication_factor: 1,
            configs: configs
                .iter()
                .map(|(name, value)| CreatableTopicConfig {
                    name: name.to_string(),
                    value: Some(value.to_string()),
                })
                .collect(),
            ..Default::default()
        });
        let request = CreateTopicsRequest {
            topics: topics.collect(),
            timeout_ms: 30_000,
            ..Default::default()
        };
        let made = world.ask(7, &request).expect("topics are made");
        assert!(made.topics.iter().all(|topic| topic.error_code == 0), "{made:?}");
        let started = Instant::now();
        for offset in 0..3 {
            while world.produce("plain", batch(TIME + offset)) != "NONE" {
                assert!(
                    started.elapsed() < Duration::from_secs(20),
                    "the topics are not ready"
                );
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        world
    }

    /// One request on a connection of its own; an error when the broker hangs up.
    pub fn ask<R: Request>(&self, version: i16, request: &R) -> Result<R::Response, String> {
        let frame = wire::frame::request(request, version, 7, Some("doubtful")).expect("it can be written");
        let mut answer = Bytes::from(self.exchange(&frame[4..])?);
        let has_tags = wire::header::response_header_version(R::KEY, version) > 0;
        answer.advance(if has_tags { 5 } else { 4 });
        let response = R::Response::decode(&mut answer, version).map_err(|error| format!("{error}"))?;
        assert!(answer.is_empty(), "{} bytes are left of the answer", answer.len());
        Ok(response)
    }

    /// A frame as it is, without its length.
    pub fn exchange(&self, frame: &[u8]) -> Result<Vec<u8>, String> {
        let mut raw = Raw::connect(self.port).map_err(|error| error.to_string())?;
        raw.exchange(frame).map_err(|error| hung_up(&error))
    }

    pub fn topic_id(&self, name: &str) -> Uuid {
        let topic = MetadataRequestTopic {
            name: Some(name.to_string()),
            ..Default::default()
        };
        let request = MetadataRequest {
            topics: Some(vec![topic]),
            ..Default::default()
        };
        self.ask(12, &request).expect("metadata").topics[0].topic_id
    }

    /// Where partition 0 ends.
    pub fn end(&self, topic: &str) -> i64 {
        let partition = ListOffsetsPartition {
            partition_index: 0,
            timestamp: -1,
            ..Default::default()
        };
        let topic = ListOffsetsTopic {
            name: topic.to_string(),
            partitions: vec![partition],
        };
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![topic],
            ..Default::default()
        };
        self.ask(7, &request).expect("an answer").topics[0].partitions[0].offset
    }

    /// Produces to partition 0 at version 9 and acks=all: the error, and the records that it names.
    pub fn produce(&self, topic: &str, records: impl Into<Option<Bytes>>) -> String {
        self.produce_as(9, topic, 0, -1, records.into())
    }

    pub fn produce_as(
        &self,
        version: i16,
        topic: &str,
        partition: i32,
        acks: i16,
        records: Option<Bytes>,
    ) -> String {
        let topic_id = if version >= 13 && topic != "absent" {
            self.topic_id(topic)
        } else {
            Uuid([7; 16])
        };
        let data = PartitionProduceData {
            index: partition,
            records,
        };
        let data = TopicProduceData {
            name: topic.to_string(),
            topic_id,
            partition_data: vec![data],
        };
        let request = ProduceRequest {
            acks,
            timeout_ms: 5_000,
            topic_data: vec![data],
            ..Default::default()
        };
        self.ask(version, &request)
            .map_or_else(|error| error, |response| produced(&response))
    }
}

pub fn hung_up(error: &std::io::Error) -> String {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof, WouldBlock};
    match error.kind() {
        UnexpectedEof | ConnectionReset | BrokenPipe => "hangs up".to_string(),
        WouldBlock => "does not answer".to_string(),
        _ => error.to_string(),
    }
}

fn produced(response: &ProduceResponse) -> String {
    let partition = &response.responses[0].partition_responses[0];
    let marked: Vec<_> = partition
        .record_errors
        .iter()
        .map(|record| record.batch_index)
        .collect();
    let error = name(partition.error_code);
    if marked.is_empty() {
        error
    } else {
        format!("{error} records {marked:?}")
    }
}

pub fn name(code: i16) -> String {
    ErrorCode::from_code(code).name().to_string()
}

/// A batch of one record with a key.
pub fn batch(timestamp: i64) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    builder
        .append(Some(b"key"), Some(b"value"), &[], timestamp)
        .expect("it fits");
    builder.build().expect("it has a record")
}

/// The same with one byte changed here and there, and the CRC made right again.
pub fn changed(batch: &Bytes, change: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut bytes = batch.to_vec();
    change(&mut bytes);
    let crc = records::compute_crc(&bytes);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes.into()
}
