//! Topics that come and go under requests.

use crate::client::{batch, fetch};
use crate::fixture::{Fixture, run};
use runtime::time::{Duration, Monotonic};
use wire::ErrorCode;
use wire::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use wire::describe_topic_partitions::{Cursor, DescribeTopicPartitionsRequest, TopicRequest};
use wire::fetch::FetchRequest;
use wire::metadata::{MetadataRequest, MetadataRequestTopic};

fn delete(name: &str) -> DeleteTopicsRequest {
    let topics = vec![DeleteTopicState {
        name: Some(name.into()),
        ..Default::default()
    }];
    DeleteTopicsRequest {
        topics,
        timeout_ms: 5000,
        ..Default::default()
    }
}

#[test]
fn deleting_a_topic_ends_its_long_polls_and_a_new_one_of_the_name_is_empty() {
    run(async {
        let fixture = Fixture::start(&["auto.create.topics.enable=false"]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        client.produce_ok("t", "old").await;
        let by_name = MetadataRequest {
            topics: Some(vec![MetadataRequestTopic {
                name: Some("t".into()),
                ..Default::default()
            }]),
            ..Default::default()
        };
        let old_id = client.call(12, &by_name).await.topics[0].topic_id;
        let mut reader = fixture.client().await;
        let id = reader.send(11, &fetch("t", 1, 15_000)).await;
        runtime::time::sleep(Duration::from_millis(100)).await;
        let started = Monotonic::now();
        assert_eq!(client.call(6, &delete("t")).await.responses[0].error_code, 0);
        let response = reader.receive::<FetchRequest>(11, id).await;
        assert!(started.elapsed() < Duration::from_secs(10));
        let error = ErrorCode::from_code(response.responses[0].partitions[0].error_code);
        assert_eq!(error, ErrorCode::UnknownTopicOrPartition);
        let answer = client.produce("t", -1, batch(&["x"])).await;
        assert_eq!(
            ErrorCode::from_code(answer.error_code),
            ErrorCode::UnknownTopicOrPartition
        );

        client.create_topic("t", 1, &[]).await;
        let new_id = client.call(12, &by_name).await.topics[0].topic_id;
        assert_ne!(new_id, old_id);
        assert_eq!(client.produce_ok("t", "new").await, 0);
        let mut stale = fetch("", 0, 0);
        stale.topics[0].topic_id = old_id;
        let response = client.call(13, &stale).await;
        let error = ErrorCode::from_code(response.responses[0].partitions[0].error_code);
        assert_eq!(error, ErrorCode::UnknownTopicId);
        let fixture = fixture.restart(&[]).await;
        let mut client = fixture.client().await;
        assert_eq!(client.values("t", 0).await, ["new"]);
        fixture.stop().await;
    });
}

#[test]
fn topics_are_described_page_by_page() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        for name in ["a", "b", "c"] {
            client.create_topic(name, 3, &[]).await;
        }
        let mut seen = Vec::new();
        let mut cursor: Option<Cursor> = None;
        loop {
            let request = DescribeTopicPartitionsRequest {
                response_partition_limit: 2,
                cursor: cursor.take(),
                ..Default::default()
            };
            let response = client.call(0, &request).await;
            for topic in &response.topics {
                let name = topic.name.clone().unwrap();
                seen.extend(
                    topic
                        .partitions
                        .iter()
                        .map(|partition| (name.clone(), partition.partition_index)),
                );
            }
            match response.next_cursor {
                None => break,
                Some(next) => {
                    cursor = Some(Cursor {
                        topic_name: next.topic_name,
                        partition_index: next.partition_index,
                    });
                }
            }
        }
        let expected: Vec<_> = ["a", "b", "c"]
            .iter()
            .flat_map(|name| (0..3).map(|index| (name.to_string(), index)))
            .collect();
        assert_eq!(seen, expected);
        let elsewhere = DescribeTopicPartitionsRequest {
            topics: vec![TopicRequest { name: "b".into() }],
            cursor: Some(Cursor {
                topic_name: "a".into(),
                partition_index: 0,
            }),
            ..Default::default()
        };
        let response = client.call(0, &elsewhere).await;
        assert_eq!(
            ErrorCode::from_code(response.topics[0].error_code),
            ErrorCode::InvalidRequest
        );
        let unknown = DescribeTopicPartitionsRequest {
            topics: vec![TopicRequest { name: "zzz".into() }],
            ..Default::default()
        };
        let response = client.call(0, &unknown).await;
        assert_eq!(
            ErrorCode::from_code(response.topics[0].error_code),
            ErrorCode::UnknownTopicOrPartition
        );
        fixture.stop().await;
    });
}
