//! Produce, Fetch and the offsets around them.

use crate::client::{batch, fetch, produce, values_of};
use crate::fixture::{Fixture, run};
use records::{BatchBuilder, Compression};
use wire::ErrorCode;
use wire::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use wire::fetch::FetchRequest;
use wire::init_producer_id::InitProducerIdRequest;
use wire::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use wire::metadata::{MetadataRequest, MetadataRequestTopic};

#[test]
fn what_was_written_is_read_after_a_restart_too() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        for (index, codec) in [
            Compression::None,
            Compression::Gzip,
            Compression::Snappy,
            Compression::Lz4,
            Compression::Zstd,
        ]
        .into_iter()
        .enumerate()
        {
            let mut builder = BatchBuilder::new(codec);
            builder
                .append(
                    None,
                    Some(format!("value-{index}").as_bytes()),
                    &[],
                    1000 + index as i64,
                )
                .unwrap();
            let answer = client.produce("t", -1, builder.build().unwrap()).await;
            assert_eq!(
                (answer.error_code, answer.base_offset),
                (0, index as i64),
                "{codec:?}"
            );
        }
        let expected: Vec<String> = (0..5).map(|index| format!("value-{index}")).collect();
        assert_eq!(client.values("t", 0).await, expected);
        assert_eq!(client.values("t", 3).await, expected[3..]);
        let fixture = fixture.restart(&[]).await;
        let mut client = fixture.client().await;
        assert_eq!(client.values("t", 0).await, expected);
        assert_eq!(client.produce_ok("t", "next").await, 5);
        fixture.stop().await;
    });
}

#[test]
fn a_topic_is_created_on_demand_and_can_be_used_at_once() {
    run(async {
        let fixture = Fixture::start(&["num.partitions=3"]).await;
        let mut client = fixture.client().await;
        let topics = |name: &str| {
            Some(vec![MetadataRequestTopic {
                name: Some(name.into()),
                ..Default::default()
            }])
        };
        let refuses = MetadataRequest {
            topics: topics("new"),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        let response = client.call(12, &refuses).await;
        assert_eq!(
            ErrorCode::from_code(response.topics[0].error_code),
            ErrorCode::UnknownTopicOrPartition
        );
        let response = client
            .call(
                12,
                &MetadataRequest {
                    topics: topics("new"),
                    ..Default::default()
                },
            )
            .await;
        assert_eq!(
            (response.topics[0].error_code, response.topics[0].partitions.len()),
            (0, 3)
        );
        client.produce_ok("new", "first").await;
        let response = client
            .call(
                12,
                &MetadataRequest {
                    topics: topics("b@d"),
                    ..Default::default()
                },
            )
            .await;
        assert_eq!(
            ErrorCode::from_code(response.topics[0].error_code),
            ErrorCode::InvalidTopicException
        );
        fixture.stop().await;
    });
}

#[test]
fn offsets_outside_and_epochs_amiss_are_refused() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        client.produce_ok("t", "zero").await;
        let error = |response: wire::fetch::FetchResponse| {
            ErrorCode::from_code(response.responses[0].partitions[0].error_code)
        };
        assert_eq!(error(client.fetch("t", 2, 0).await), ErrorCode::OffsetOutOfRange);
        assert_eq!(error(client.fetch("t", -1, 0).await), ErrorCode::OffsetOutOfRange);
        assert_eq!(error(client.fetch("t", 1, 0).await), ErrorCode::None);
        assert_eq!(
            error(client.fetch("nope", 0, 0).await),
            ErrorCode::UnknownTopicOrPartition
        );
        let mut with_epoch = fetch("t", 0, 0);
        with_epoch.topics[0].partitions[0].current_leader_epoch = 99;
        assert_eq!(
            error(client.call(11, &with_epoch).await),
            ErrorCode::UnknownLeaderEpoch
        );
        let fixture = fixture.restart(&[]).await;
        let mut client = fixture.client().await;
        with_epoch.topics[0].partitions[0].current_leader_epoch = 0;
        assert_eq!(
            error(client.call(11, &with_epoch).await),
            ErrorCode::FencedLeaderEpoch,
            "a restart raised it"
        );
        let mut diverging = fetch("t", 1, 0);
        diverging.topics[0].partitions[0].last_fetched_epoch = 0;
        diverging.topics[0].partitions[0].fetch_offset = 1;
        let response = client.call(12, &diverging).await;
        assert_eq!(
            response.responses[0].partitions[0].diverging_epoch.epoch, -1,
            "the end of epoch 0 is 1"
        );
        fixture.stop().await;
    });
}

#[test]
fn the_first_batch_comes_whole_and_the_rest_within_bounds() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 2, &[]).await;
        for partition in 0..2 {
            for _ in 0..3 {
                let request = produce("t", partition, -1, Some(batch(&[&"x".repeat(10_000)])));
                let response = client.call(9, &request).await;
                assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
            }
        }
        let mut request = fetch("t", 0, 0);
        request.max_bytes = 100;
        let mut second = request.topics[0].partitions[0].clone();
        second.partition = 1;
        request.topics[0].partitions.push(second);
        let response = client.call(11, &request).await;
        let sizes = |response: &wire::fetch::FetchResponse| -> Vec<usize> {
            let partitions = response.responses[0].partitions.iter();
            partitions
                .map(|partition| partition.records.as_ref().map_or(0, |records| records.len()))
                .collect()
        };
        let one = sizes(&response)[0];
        assert!(one > 10_000 && one < 11_000, "{:?}", sizes(&response));
        assert_eq!(sizes(&response)[1], 0, "no room was left");
        request.max_bytes = 1 << 20;
        request.topics[0].partitions[0].partition_max_bytes = 1;
        let response = client.call(11, &request).await;
        assert_eq!(sizes(&response), [one, 3 * one]);
        fixture.stop().await;
    });
}

#[test]
fn duplicates_answer_their_first_offset_and_gaps_are_refused() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        let request = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: 1,
            ..Default::default()
        };
        let first = client.call(4, &request).await.producer_id;
        let second = client.call(4, &request).await.producer_id;
        assert_ne!(first, second);
        let batch = |sequence: i32| {
            let mut builder = BatchBuilder::new(Compression::None).producer(first, 0, sequence);
            builder.append(None, Some(b"v"), &[], 1).unwrap();
            builder.build().unwrap()
        };
        for (sequence, error, offset) in [
            (0, ErrorCode::None, 0),
            (1, ErrorCode::None, 1),
            (0, ErrorCode::None, 0),
            (3, ErrorCode::OutOfOrderSequenceNumber, -1),
            (2, ErrorCode::None, 2),
        ] {
            let answer = client.produce("t", -1, batch(sequence)).await;
            assert_eq!(
                (ErrorCode::from_code(answer.error_code), answer.base_offset),
                (error, offset),
                "{sequence}"
            );
        }
        let transactional = InitProducerIdRequest {
            transactional_id: Some("x".into()),
            ..Default::default()
        };
        let response = client.call(4, &transactional).await;
        assert_eq!(
            ErrorCode::from_code(response.error_code),
            ErrorCode::CoordinatorNotAvailable
        );
        fixture.stop().await;
    });
}

#[test]
fn offsets_are_found_by_time() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        for timestamp in [1000, 3000, 2000] {
            let mut builder = BatchBuilder::new(Compression::None);
            builder.append(None, Some(b"v"), &[], timestamp).unwrap();
            assert_eq!(
                client.produce("t", -1, builder.build().unwrap()).await.error_code,
                0
            );
        }
        for (timestamp, version, expected) in [
            (-1, 11, (0, 3, -1)),
            (-2, 11, (0, 0, -1)),
            (-3, 11, (0, 1, 3000)),
            (-4, 11, (0, 0, -1)),
            (-5, 11, (0, -1, -1)),
            (-6, 11, (0, -1, -1)),
            (-6, 10, (35, -1, -1)),
            (-3, 6, (35, -1, -1)),
            (-7, 11, (35, -1, -1)),
            (0, 11, (0, 0, 1000)),
            (1000, 11, (0, 0, 1000)),
            (1001, 11, (0, 1, 3000)),
            (3001, 11, (0, -1, -1)),
        ] {
            let partitions = vec![ListOffsetsPartition {
                timestamp,
                ..Default::default()
            }];
            let topics = vec![ListOffsetsTopic {
                name: "t".into(),
                partitions,
            }];
            let request = ListOffsetsRequest {
                replica_id: -1,
                topics,
                ..Default::default()
            };
            let response = client.call(version, &request).await;
            let answer = &response.topics[0].partitions[0];
            assert_eq!(
                (answer.error_code, answer.offset, answer.timestamp),
                expected,
                "{timestamp} at v{version}"
            );
        }
        fixture.stop().await;
    });
}

#[test]
fn deleted_records_are_gone_for_good() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        for value in ["a", "b", "c"] {
            client.produce_ok("t", value).await;
        }
        let delete = |offset| {
            let partitions = vec![DeleteRecordsPartition {
                partition_index: 0,
                offset,
            }];
            DeleteRecordsRequest {
                topics: vec![DeleteRecordsTopic {
                    name: "t".into(),
                    partitions,
                }],
                timeout_ms: 1000,
            }
        };
        for (offset, error, low) in [
            (4, ErrorCode::OffsetOutOfRange, -1),
            (-2, ErrorCode::OffsetOutOfRange, -1),
            (2, ErrorCode::None, 2),
            (1, ErrorCode::None, 2),
        ] {
            let response = client.call(2, &delete(offset)).await;
            let answer = &response.topics[0].partitions[0];
            assert_eq!(
                (ErrorCode::from_code(answer.error_code), answer.low_watermark),
                (error, low),
                "{offset}"
            );
        }
        let fixture = fixture.restart(&[]).await;
        let mut client = fixture.client().await;
        let response = client.fetch("t", 0, 0).await;
        assert_eq!(
            ErrorCode::from_code(response.responses[0].partitions[0].error_code),
            ErrorCode::OffsetOutOfRange
        );
        assert_eq!(client.values("t", 2).await, ["c"]);
        assert_eq!(
            client.call(2, &delete(-1)).await.topics[0].partitions[0].low_watermark,
            3
        );
        fixture.stop().await;
    });
}

#[test]
fn acks_1_becomes_readable_and_write_caching_works() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client.create_topic("durable", 1, &[]).await;
        client
            .create_topic("caching", 1, &[("write.caching", "true")])
            .await;
        for topic in ["durable", "caching"] {
            assert_eq!(client.produce(topic, 1, batch(&["one"])).await.error_code, 0);
            client.send(9, &produce(topic, 0, 0, Some(batch(&["two"])))).await;
            let mut request = fetch(topic, 0, 5000);
            request.min_bytes = 100;
            let id = client.send(11, &request).await;
            let response = client.receive::<FetchRequest>(11, id).await;
            assert_eq!(values_of(&response, 0), ["one", "two"], "{topic}");
        }
        let answer = client.produce("durable", 2, batch(&["x"])).await;
        assert_eq!(
            ErrorCode::from_code(answer.error_code),
            ErrorCode::InvalidRequiredAcks
        );
        fixture.stop().await;
    });
}
