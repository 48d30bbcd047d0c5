//! Fetch, ListOffsets, OffsetForLeaderEpoch, DeleteRecords, Metadata and what else only looks.

use super::Case;
use super::world::{TIME, World, name};
use wire::Uuid;
use wire::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use wire::describe_cluster::DescribeClusterRequest;
use wire::describe_producers::{DescribeProducersRequest, TopicRequest};
use wire::describe_topic_partitions as partitions;
use wire::fetch::{FetchPartition, FetchRequest, FetchTopic};
use wire::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use wire::metadata::{MetadataRequest, MetadataRequestTopic};
use wire::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};

pub const CASES: &[Case] = &[
    ("Metadata of a topic that is not there", |world| {
        metadata(world, Some("absent"), Uuid::ZERO)
    }),
    ("Metadata of an invalid name", |world| {
        metadata(world, Some("bad name"), Uuid::ZERO)
    }),
    ("Metadata of an empty name", |world| {
        metadata(world, Some(""), Uuid::ZERO)
    }),
    ("Metadata of an id that is not there", |world| {
        metadata(world, None, Uuid([7; 16]))
    }),
    ("Metadata of no topics", |world| {
        let answer = world
            .ask(
                9,
                &MetadataRequest {
                    topics: Some(vec![]),
                    ..Default::default()
                },
            )
            .expect("an answer");
        format!(
            "{} topics, {} brokers, controller {}",
            answer.topics.len(),
            answer.brokers.len(),
            answer.controller_id
        )
    }),
    ("Metadata of one topic twice", |world| {
        let topic = MetadataRequestTopic {
            name: Some("plain".into()),
            ..Default::default()
        };
        let answer = world.ask(
            9,
            &MetadataRequest {
                topics: Some(vec![topic.clone(), topic]),
                ..Default::default()
            },
        );
        answer.map_or_else(|error| error, |answer| format!("{} topics", answer.topics.len()))
    }),
    ("Metadata with authorized operations", |world| {
        let topic = MetadataRequestTopic {
            name: Some("plain".into()),
            ..Default::default()
        };
        let request = MetadataRequest {
            topics: Some(vec![topic]),
            include_topic_authorized_operations: true,
            include_cluster_authorized_operations: true,
            ..Default::default()
        };
        let answer = world.ask(9, &request).expect("an answer");
        format!(
            "{} {}",
            answer.topics[0].topic_authorized_operations, answer.cluster_authorized_operations
        )
    }),
    ("Fetch from a topic that is not there", |world| {
        fetch(
            world,
            12,
            Fetch {
                topic: "absent",
                ..PLAIN
            },
        )
    }),
    ("Fetch from an id that is not there", |world| {
        fetch(
            world,
            13,
            Fetch {
                topic: "absent",
                ..PLAIN
            },
        )
    }),
    ("Fetch from an id of zeros", |world| {
        fetch(
            world,
            13,
            Fetch {
                topic: "zero",
                ..PLAIN
            },
        )
    }),
    ("Fetch from a partition that is not there", |world| {
        fetch(
            world,
            12,
            Fetch {
                partition: 7,
                ..PLAIN
            },
        )
    }),
    ("Fetch from the start", |world| {
        fetch(world, 12, Fetch { offset: 0, ..PLAIN })
    }),
    ("Fetch by topic id", |world| {
        fetch(world, 17, Fetch { offset: 0, ..PLAIN })
    }),
    ("Fetch of one byte", |world| {
        fetch(
            world,
            12,
            Fetch {
                offset: 0,
                max_bytes: 1,
                ..PLAIN
            },
        )
    }),
    ("Fetch of no bytes", |world| {
        fetch(
            world,
            12,
            Fetch {
                offset: 0,
                max_bytes: 0,
                ..PLAIN
            },
        )
    }),
    ("Fetch at the end", |world| {
        fetch(world, 12, Fetch { offset: 3, ..PLAIN })
    }),
    ("Fetch above the end", |world| {
        fetch(world, 12, Fetch { offset: 4, ..PLAIN })
    }),
    ("Fetch below the start", |world| {
        fetch(world, 12, Fetch { offset: -1, ..PLAIN })
    }),
    ("Fetch with the leader epoch", |world| {
        fetch(world, 12, Fetch { epoch: 0, ..PLAIN })
    }),
    ("Fetch with a leader epoch to come", |world| {
        fetch(world, 12, Fetch { epoch: 99, ..PLAIN })
    }),
    ("Fetch with a last fetched epoch to come", |world| {
        fetch(
            world,
            12,
            Fetch {
                last_fetched: 7,
                ..PLAIN
            },
        )
    }),
    ("Fetch with a last fetched epoch of 0", |world| {
        fetch(
            world,
            12,
            Fetch {
                last_fetched: 0,
                ..PLAIN
            },
        )
    }),
    ("Fetch read committed", |world| {
        fetch(
            world,
            12,
            Fetch {
                isolation: 1,
                ..PLAIN
            },
        )
    }),
    ("Fetch in a session that is not there", |world| {
        fetch(
            world,
            12,
            Fetch {
                session: (4_711, 3),
                ..PLAIN
            },
        )
    }),
    ("Fetch that ends a session that is not there", |world| {
        fetch(
            world,
            12,
            Fetch {
                session: (4_711, -1),
                ..PLAIN
            },
        )
    }),
    ("Fetch with an epoch but no session", |world| {
        fetch(
            world,
            12,
            Fetch {
                session: (0, 5),
                ..PLAIN
            },
        )
    }),
    ("Fetch in a session", |world| {
        let opened = world.ask(12, &PLAIN.request(world, 12)).expect("an answer");
        let next = Fetch {
            session: (opened.session_id, 1),
            ..PLAIN
        };
        let answer = world
            .ask(
                12,
                &FetchRequest {
                    topics: vec![],
                    ..next.request(world, 12)
                },
            )
            .expect("an answer");
        let wrong = Fetch {
            session: (opened.session_id, 9),
            ..PLAIN
        };
        let wrong = world
            .ask(
                12,
                &FetchRequest {
                    topics: vec![],
                    ..wrong.request(world, 12)
                },
            )
            .expect("an answer");
        format!(
            "granted {}, then {} {} topics, then {}",
            opened.session_id != 0,
            name(answer.error_code),
            answer.responses.len(),
            name(wrong.error_code)
        )
    }),
    ("ListOffsets: latest", |world| offsets(world, "plain", 0, -1, -1)),
    ("ListOffsets: earliest", |world| {
        offsets(world, "plain", 0, -2, -1)
    }),
    ("ListOffsets: the largest timestamp", |world| {
        offsets(world, "plain", 0, -3, -1)
    }),
    ("ListOffsets: earliest local", |world| {
        offsets(world, "plain", 0, -4, -1)
    }),
    ("ListOffsets: latest tiered", |world| {
        offsets(world, "plain", 0, -5, -1)
    }),
    ("ListOffsets: earliest pending upload", |world| {
        offsets(world, "plain", 0, -6, -1)
    }),
    ("ListOffsets: an unknown special time", |world| {
        offsets(world, "plain", 0, -9, -1)
    }),
    ("ListOffsets: a time between", |world| {
        offsets(world, "plain", 0, TIME + 1, -1)
    }),
    ("ListOffsets: a time before all", |world| {
        offsets(world, "plain", 0, 0, -1)
    }),
    ("ListOffsets: a time after all", |world| {
        offsets(world, "plain", 0, TIME + 99_999, -1)
    }),
    ("ListOffsets: a topic that is not there", |world| {
        offsets(world, "absent", 0, -1, -1)
    }),
    ("ListOffsets: a partition that is not there", |world| {
        offsets(world, "plain", 9, -1, -1)
    }),
    ("ListOffsets: the leader epoch", |world| {
        offsets(world, "plain", 0, -1, 0)
    }),
    ("ListOffsets: a leader epoch to come", |world| {
        offsets(world, "plain", 0, -1, 99)
    }),
    ("ListOffsets: an empty log", |world| {
        offsets(world, "recent", 0, -3, -1)
    }),
    ("ListOffsets: a partition twice", |world| {
        let partition = ListOffsetsPartition {
            partition_index: 0,
            timestamp: -1,
            ..Default::default()
        };
        let topic = ListOffsetsTopic {
            name: "plain".into(),
            partitions: vec![partition.clone(), partition],
        };
        let answer = world.ask(
            7,
            &ListOffsetsRequest {
                replica_id: -1,
                topics: vec![topic],
                ..Default::default()
            },
        );
        answer.map_or_else(
            |error| error,
            |answer| {
                answer
                    .topics
                    .iter()
                    .flat_map(|topic| &topic.partitions)
                    .map(|one| name(one.error_code))
                    .collect::<Vec<_>>()
                    .join(" ")
            },
        )
    }),
    ("OffsetForLeaderEpoch of the epoch", |world| {
        epoch_end(world, "plain", -1, 0)
    }),
    ("OffsetForLeaderEpoch of an epoch to come", |world| {
        epoch_end(world, "plain", -1, 9)
    }),
    ("OffsetForLeaderEpoch of epoch -1", |world| {
        epoch_end(world, "plain", -1, -1)
    }),
    ("OffsetForLeaderEpoch at an epoch to come", |world| {
        epoch_end(world, "plain", 9, 0)
    }),
    ("OffsetForLeaderEpoch of a topic that is not there", |world| {
        epoch_end(world, "absent", -1, 0)
    }),
    ("DeleteRecords above the end", |world| {
        delete_records(world, "plain", 0, 99)
    }),
    ("DeleteRecords below -1", |world| {
        delete_records(world, "plain", 0, -2)
    }),
    ("DeleteRecords of a topic that is not there", |world| {
        delete_records(world, "absent", 0, 0)
    }),
    ("DeleteRecords of a partition that is not there", |world| {
        delete_records(world, "plain", 9, 0)
    }),
    ("DeleteRecords of a compacted topic", |world| {
        delete_records(world, "compacted", 0, 0)
    }),
    ("DeleteRecords to an offset", |world| {
        let deleted = delete_records(world, "plain", 0, 2);
        let below = delete_records(world, "plain", 0, 1);
        let start = offsets(world, "plain", 0, -2, -1);
        let gone = fetch(world, 12, Fetch { offset: 0, ..PLAIN });
        format!("{deleted}, {below}, {start}, {gone}")
    }),
    ("DeleteRecords to the high watermark", |world| {
        delete_records(world, "append-time", 0, -1).replace(char::is_numeric, "n")
    }),
    ("DescribeProducers of a partition that is not there", |world| {
        let topic = TopicRequest {
            name: "plain".into(),
            partition_indexes: vec![9],
        };
        let answer = world
            .ask(0, &DescribeProducersRequest { topics: vec![topic] })
            .expect("an answer");
        name(answer.topics[0].partitions[0].error_code)
    }),
    ("DescribeCluster of controllers", |world| {
        let request = DescribeClusterRequest {
            endpoint_type: 2,
            ..Default::default()
        };
        world
            .ask(1, &request)
            .map_or_else(|error| error, |answer| name(answer.error_code))
    }),
    ("DescribeCluster of an unknown kind", |world| {
        let request = DescribeClusterRequest {
            endpoint_type: 9,
            ..Default::default()
        };
        world
            .ask(1, &request)
            .map_or_else(|error| error, |answer| name(answer.error_code))
    }),
    ("DescribeTopicPartitions of a topic that is not there", |world| {
        describe(world, &["absent"], None)
    }),
    ("DescribeTopicPartitions from a cursor", |world| {
        describe(world, &["plain", "small"], Some(("small", 0)))
    }),
    ("DescribeTopicPartitions from a cursor beyond", |world| {
        describe(world, &["plain"], Some(("zzz", 0)))
    }),
    ("DescribeTopicPartitions from a negative cursor", |world| {
        describe(world, &["plain"], Some(("plain", -1)))
    }),
    ("DescribeTopicPartitions out of order", |world| {
        describe(world, &["small", "plain"], None)
    }),
];

fn metadata(world: &World, topic: Option<&str>, topic_id: Uuid) -> String {
    let topic = MetadataRequestTopic {
        name: topic.map(str::to_string),
        topic_id,
    };
    let request = MetadataRequest {
        topics: Some(vec![topic]),
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    world.ask(12, &request).map_or_else(
        |error| error,
        |answer| {
            let topic = &answer.topics[0];
            format!("{} {:?} {}", name(topic.error_code), topic.name, topic.topic_id)
        },
    )
}

#[derive(Clone, Copy)]
struct Fetch {
    topic: &'static str,
    partition: i32,
    offset: i64,
    max_bytes: i32,
    epoch: i32,
    last_fetched: i32,
    isolation: i8,
    session: (i32, i32),
}

const PLAIN: Fetch = Fetch {
    topic: "plain",
    partition: 0,
    offset: 2,
    max_bytes: 1_000,
    epoch: -1,
    last_fetched: -1,
    isolation: 0,
    session: (0, 0),
};

impl Fetch {
    fn request(&self, world: &World, version: i16) -> FetchRequest {
        let partition = FetchPartition {
            partition: self.partition,
            current_leader_epoch: self.epoch,
            fetch_offset: self.offset,
            last_fetched_epoch: self.last_fetched,
            partition_max_bytes: self.max_bytes,
            ..Default::default()
        };
        let topic_id = match self.topic {
            "zero" => Uuid::ZERO,
            "absent" => Uuid([7; 16]),
            name if version >= 13 => world.topic_id(name),
            _ => Uuid::ZERO,
        };
        let topic = FetchTopic {
            topic: self.topic.into(),
            topic_id,
            partitions: vec![partition],
        };
        FetchRequest {
            max_wait_ms: 50,
            min_bytes: 1,
            max_bytes: 10_000,
            isolation_level: self.isolation,
            session_id: self.session.0,
            session_epoch: self.session.1,
            topics: vec![topic],
            ..Default::default()
        }
    }
}

fn fetch(world: &World, version: i16, fetch: Fetch) -> String {
    let answer = match world.ask(version, &fetch.request(world, version)) {
        Ok(answer) => answer,
        Err(error) => return error,
    };
    let mut text = name(answer.error_code);
    for one in answer.responses.iter().flat_map(|topic| &topic.partitions) {
        let bytes = one.records.as_ref().map_or(-1, |records| records.len() as i64);
        let numbers = (
            one.high_watermark,
            one.last_stable_offset,
            one.log_start_offset,
            one.preferred_read_replica,
        );
        let aborted = one.aborted_transactions.as_ref().map(Vec::len);
        let diverging = (one.diverging_epoch.epoch, one.diverging_epoch.end_offset);
        text.push_str(&format!(
            ": {} {numbers:?} {bytes} bytes, aborted {aborted:?}, diverging {diverging:?}",
            name(one.error_code)
        ));
    }
    text
}

fn offsets(world: &World, topic: &str, partition: i32, timestamp: i64, epoch: i32) -> String {
    let partition = ListOffsetsPartition {
        partition_index: partition,
        current_leader_epoch: epoch,
        timestamp,
    };
    let topic = ListOffsetsTopic {
        name: topic.to_string(),
        partitions: vec![partition],
    };
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![topic],
        timeout_ms: 5_000,
        ..Default::default()
    };
    world.ask(11, &request).map_or_else(
        |error| error,
        |answer| {
            let one = &answer.topics[0].partitions[0];
            format!(
                "{} {} {} {}",
                name(one.error_code),
                one.timestamp,
                one.offset,
                one.leader_epoch
            )
        },
    )
}

fn epoch_end(world: &World, topic: &str, current: i32, epoch: i32) -> String {
    let partition = OffsetForLeaderPartition {
        partition: 0,
        current_leader_epoch: current,
        leader_epoch: epoch,
    };
    let topic = OffsetForLeaderTopic {
        topic: topic.to_string(),
        partitions: vec![partition],
    };
    world
        .ask(
            4,
            &OffsetForLeaderEpochRequest {
                replica_id: -1,
                topics: vec![topic],
            },
        )
        .map_or_else(
            |error| error,
            |answer| {
                let one = &answer.topics[0].partitions[0];
                format!("{} {} {}", name(one.error_code), one.leader_epoch, one.end_offset)
            },
        )
}

fn delete_records(world: &World, topic: &str, partition: i32, offset: i64) -> String {
    let partition = DeleteRecordsPartition {
        partition_index: partition,
        offset,
    };
    let topic = DeleteRecordsTopic {
        name: topic.to_string(),
        partitions: vec![partition],
    };
    world
        .ask(
            2,
            &DeleteRecordsRequest {
                topics: vec![topic],
                timeout_ms: 5_000,
            },
        )
        .map_or_else(
            |error| error,
            |answer| {
                let one = &answer.topics[0].partitions[0];
                format!("{} {}", name(one.error_code), one.low_watermark)
            },
        )
}

fn describe(world: &World, topics: &[&str], cursor: Option<(&str, i32)>) -> String {
    let request = partitions::DescribeTopicPartitionsRequest {
        topics: topics
            .iter()
            .map(|name| partitions::TopicRequest {
                name: name.to_string(),
            })
            .collect(),
        response_partition_limit: 2_000,
        cursor: cursor.map(|(name, index)| partitions::Cursor {
            topic_name: name.to_string(),
            partition_index: index,
        }),
    };
    world.ask(0, &request).map_or_else(
        |error| error,
        |answer| {
            let topics: Vec<_> = answer
                .topics
                .iter()
                .map(|topic| {
                    let epochs: Vec<_> = topic
                        .partitions
                        .iter()
                        .map(|one| (one.leader_id, one.leader_epoch, one.isr_nodes.clone()))
                        .collect();
                    format!("{:?} {} {epochs:?}", topic.name, name(topic.error_code))
                })
                .collect();
            format!("{topics:?} next {:?}", answer.next_cursor)
        },
    )
}
