//! Every API at every version that is served, and the rules of ApiVersions.

use crate::client::{Client, batch, fetch, produce};
use crate::fixture::{Fixture, run};
use bytes::{BufMut, BytesMut};
use std::collections::BTreeSet;
use wire::api_versions::ApiVersionsRequest;
use wire::header::ResponseHeader;
use wire::metadata::{MetadataRequest, MetadataRequestTopic};
use wire::{ApiKey, ErrorCode, Message, Request, Uuid};

/// Sends what `make` makes at every version served, and has the answer checked.
async fn at_every_version<R: Request>(
    client: &mut Client,
    seen: &mut BTreeSet<ApiKey>,
    make: impl Fn(i16) -> R,
    check: impl Fn(i16, R::Response),
) {
    for version in R::KEY.served().expect("served") {
        let response = client.call(version, &make(version)).await;
        check(version, response);
    }
    seen.insert(R::KEY);
}

fn ok(code: i16, version: i16) {
    assert_eq!(ErrorCode::from_code(code), ErrorCode::None, "version {version}");
}

async fn topic_id(client: &mut Client, name: &str) -> Uuid {
    let topics = Some(vec![MetadataRequestTopic {
        name: Some(name.into()),
        ..Default::default()
    }]);
    let response = client
        .call(
            12,
            &MetadataRequest {
                topics,
                ..Default::default()
            },
        )
        .await;
    response.topics[0].topic_id
}

#[test]
fn every_api_answers_at_every_version() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        let mut seen = BTreeSet::new();
        client.create_topic("t", 2, &[]).await;
        client.produce_ok("t", "zero").await;
        let id = topic_id(&mut client, "t").await;
        data_apis(&mut client, &mut seen, id).await;
        offset_apis(&mut client, &mut seen).await;
        producer_apis(&mut client, &mut seen).await;
        topic_apis(&mut client, &mut seen).await;
        topic_change_apis(&mut client, &mut seen).await;
        config_apis(&mut client, &mut seen).await;
        describing_apis(&mut client, &mut seen).await;
        let advertised = client.call(4, &api_versions()).await;
        let keys: BTreeSet<i16> = advertised.api_keys.iter().map(|row| row.api_key).collect();
        let tested: BTreeSet<i16> = seen.iter().map(|key| key.code()).collect();
        assert_eq!(
            keys, tested,
            "what is advertised is tested, and the other way round"
        );
        for row in &advertised.api_keys {
            let key = ApiKey::from_code(row.api_key).expect("known");
            assert_eq!(Some(row.min_version..=row.max_version), key.advertised(), "{key}");
        }
        fixture.stop().await;
    });
}

fn api_versions() -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: "test".into(),
        client_software_version: "1.0".into(),
    }
}

async fn data_apis(client: &mut Client, seen: &mut BTreeSet<ApiKey>, id: Uuid) {
    let make = |version| {
        let mut request = produce("t", 0, -1, Some(batch(&["value"])));
        if version >= 13 {
            request.topic_data[0].name.clear();
            request.topic_data[0].topic_id = id;
        }
        request
    };
    at_every_version(client, seen, make, |version, response| {
        ok(response.responses[0].partition_responses[0].error_code, version);
        assert!(response.responses[0].partition_responses[0].base_offset > 0);
    })
    .await;
    let make = |version| {
        let mut request = fetch("t", 0, 0);
        if version >= 13 {
            request.topics[0].topic.clear();
            request.topics[0].topic_id = id;
        }
        request
    };
    at_every_version(client, seen, make, |version, response| {
        ok(response.error_code, version);
        let partition = &response.responses[0].partitions[0];
        ok(partition.error_code, version);
        assert!(partition.high_watermark > 1 && partition.records.as_ref().is_some_and(|r| r.len() > 61));
        assert_eq!(
            response.responses[0].topic_id,
            if version >= 13 { id } else { Uuid::ZERO }
        );
    })
    .await;
}

async fn offset_apis(client: &mut Client, seen: &mut BTreeSet<ApiKey>) {
    use wire::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
    let make = |_| {
        let partitions = vec![ListOffsetsPartition {
            timestamp: -2,
            ..Default::default()
        }];
        let topics = vec![ListOffsetsTopic {
            name: "t".into(),
            partitions,
        }];
        ListOffsetsRequest {
            replica_id: -1,
            topics,
            ..Default::default()
        }
    };
    at_every_version(client, seen, make, |version, response| {
        ok(response.topics[0].partitions[0].error_code, version);
        assert_eq!(response.topics[0].partitions[0].offset, 0);
    })
    .await;
    use wire::offset_for_leader_epoch::{
        OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
    };
    let make = |_| {
        let partitions = vec![OffsetForLeaderPartition {
            leader_epoch: 0,
            ..Default::default()
        }];
        let topics = vec![OffsetForLeaderTopic {
            topic: "t".into(),
            partitions,
        }];
        OffsetForLeaderEpochRequest {
            topics,
            ..Default::default()
        }
    };
    at_every_version(client, seen, make, |version, response| {
        let partition = &response.topics[0].partitions[0];
        ok(partition.error_code, version);
        assert!(
            partition.leader_epoch == 0 && partition.end_offset > 1,
            "{partition:?}"
        );
    })
    .await;
}

async fn producer_apis(client: &mut Client, seen: &mut BTreeSet<ApiKey>) {
    use wire::init_producer_id::InitProducerIdRequest;
    let make = |_| InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: 1000,
        ..Default::default()
    };
    at_every_version(client, seen, make, |version, response| {
        ok(response.error_code, version);
        assert!(response.producer_id >= 0 && response.producer_epoch == 0);
    })
    .await;
    use wire::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
    let make = |_| {
        let partitions = vec![DeleteRecordsPartition {
            partition_index: 0,
            offset: 1,
        }];
        DeleteRecordsRequest {
            topics: vec![DeleteRecordsTopic {
                name: "t".into(),
                partitions,
            }],
            timeout_ms: 1000,
        }
    };
    at_every_version(client, seen, make, |version, response| {
        ok(response.topics[0].partitions[0].error_code, version);
        assert_eq!(response.topics[0].partitions[0].low_watermark, 1);
    })
    .await;
}

async fn topic_apis(client: &mut Client, seen: &mut BTreeSet<ApiKey>) {
    let make = |version: i16| {
        let topics = vec![MetadataRequestTopic {
            name: Some("t".into()),
            ..Default::default()
        }];
        let topics = if version == 0 { Vec::new() } else { topics };
        MetadataRequest {
            topics: Some(topics),
            ..Default::default()
        }
    };
    at_every_version(client, seen, make, |version, response| {
        ok(response.topics[0].error_code, version);
        assert_eq!(response.topics[0].partitions.len(), 2);
        assert_eq!(response.brokers.len(), 1);
        assert_eq!(
            response.topics[0].partitions[0].leader_id,
            response.brokers[0].node_id
        );
    })
    .await;
    use wire::create_topics::{CreatableTopic, CreateTopicsRequest};
    let make = |version| {
        let name = format!("created-{version}");
        let topic = CreatableTopic {
            name,
            num_partitions: 1,
            replication_factor: 1,
            ..Default::default()
        };
        CreateTopicsRequest {
            topics: vec![topic],
            timeout_ms: 5000,
            ..Default::default()
        }
    };
    at_every_version(client, seen, make, |version, response| {
        ok(response.topics[0].error_code, version)
    })
    .await;
}

async fn topic_change_apis(client: &mut Client, seen: &mut BTreeSet<ApiKey>) {
    use wire::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
    let make = |version: i16| {
        let count = 3 + i32::from(version);
        let topics = vec![CreatePartitionsTopic {
            name: "t".into(),
            count,
            assignments: None,
        }];
        CreatePartitionsRequest {
            topics,
            timeout_ms: 5000,
            ..Default::default()
        }
    };
    at_every_version(client, seen, make, |version, response| {
        ok(response.results[0].error_code, version)
    })
    .await;
    use wire::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
    let make = |version: i16| {
        let name = format!("created-{}", version + 1);
        let mut request = DeleteTopicsRequest {
            timeout_ms: 5000,
            ..Default::default()
        };
        if version < 6 {
            request.topic_names.push(name);
        } else {
            request.topics.push(DeleteTopicState {
                name: Some(name),
                ..Default::default()
            });
        }
        request
    };
    at_every_version(client, seen, make, |version, response| {
        ok(response.responses[0].error_code, version)
    })
    .await;
}

async fn config_apis(client: &mut Client, seen: &mut BTreeSet<ApiKey>) {
    use wire::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
    let make = |_| {
        let topic = DescribeConfigsResource {
            resource_type: 2,
            resource_name: "t".into(),
            ..Default::default()
        };
        let broker = DescribeConfigsResource {
            resource_type: 4,
            resource_name: "1".into(),
            ..Default::default()
        };
        DescribeConfigsRequest {
            resources: vec![topic, broker],
            ..Default::default()
        }
    };
    at_every_version(client, seen, make, |version, response| {
        for result in &response.results {
            ok(result.error_code, version);
            assert!(result.configs.len() > 10);
        }
    })
    .await;
    use wire::{alter_configs, incremental_alter_configs};
    let make = |_| {
        let config = incremental_alter_configs::AlterableConfig {
            name: "retention.ms".into(),
            config_operation: 0,
            value: Some("123456789".into()),
        };
        let resource = incremental_alter_configs::AlterConfigsResource {
            resource_type: 2,
            resource_name: "t".into(),
            configs: vec![config],
        };
        incremental_alter_configs::IncrementalAlterConfigsRequest {
            resources: vec![resource],
            ..Default::default()
        }
    };
    at_every_version(client, seen, make, |version, response| {
        ok(response.responses[0].error_code, version)
    })
    .await;
    let make = |_| {
        let config = alter_configs::AlterableConfig {
            name: "retention.ms".into(),
            value: Some("-1".into()),
        };
        let resource = alter_configs::AlterConfigsResource {
            resource_type: 2,
            resource_name: "t".into(),
            configs: vec![config],
        };
        alter_configs::AlterConfigsRequest {
            resources: vec![resource],
            ..Default::default()
        }
    };
    at_every_version(client, seen, make, |version, response| {
        ok(response.responses[0].error_code, version)
    })
    .await;
}

async fn describing_apis(client: &mut Client, seen: &mut BTreeSet<ApiKey>) {
    at_every_version(
        client,
        seen,
        |_| api_versions(),
        |version, response| ok(response.error_code, version),
    )
    .await;
    use wire::describe_cluster::DescribeClusterRequest;
    at_every_version(
        client,
        seen,
        |_| DescribeClusterRequest::default(),
        |version, response| {
            ok(response.error_code, version);
            assert_eq!((response.brokers.len(), response.cluster_id.len()), (1, 22));
        },
    )
    .await;
    use wire::describe_log_dirs::DescribeLogDirsRequest;
    at_every_version(
        client,
        seen,
        |_| DescribeLogDirsRequest { topics: None },
        |version, response| {
            ok(response.error_code, version);
            ok(response.results[0].error_code, version);
            assert!(response.results[0].topics.iter().any(|topic| topic.name == "t"));
            assert_eq!(response.results[0].total_bytes > 0, version >= 4);
        },
    )
    .await;
    use wire::describe_producers::{DescribeProducersRequest, TopicRequest};
    let make = |_| {
        let topics = vec![TopicRequest {
            name: "t".into(),
            partition_indexes: vec![0],
        }];
        DescribeProducersRequest { topics }
    };
    at_every_version(client, seen, make, |version, response| {
        ok(response.topics[0].partitions[0].error_code, version)
    })
    .await;
    use wire::describe_topic_partitions::DescribeTopicPartitionsRequest;
    at_every_version(
        client,
        seen,
        |_| DescribeTopicPartitionsRequest::default(),
        |version, response| {
            response
                .topics
                .iter()
                .for_each(|topic| ok(topic.error_code, version));
            assert!(
                response
                    .topics
                    .iter()
                    .any(|topic| topic.name.as_deref() == Some("t"))
            );
        },
    )
    .await;
}

#[test]
fn api_versions_above_ours_are_answered_in_version_0() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        let mut frame = BytesMut::new();
        frame.put_i32(16);
        frame.put_i16(18);
        frame.put_i16(99);
        frame.put_i32(7);
        frame.put_i16(1);
        frame.put_slice(b"x\0 what follows is not ours to read");
        let length = frame.len() as i32 - 4;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        client.send_bytes(&frame).await;
        let mut answer = client.receive_frame().await.expect("an answer");
        assert_eq!(ResponseHeader::decode(&mut answer, 0).unwrap().correlation_id, 7);
        let response = wire::api_versions::ApiVersionsResponse::decode_exact(answer, 0).unwrap();
        assert_eq!(
            ErrorCode::from_code(response.error_code),
            ErrorCode::UnsupportedVersion
        );
        assert_eq!(response.api_keys.len(), 1);
        assert_eq!(
            (
                response.api_keys[0].api_key,
                response.api_keys[0].min_version,
                response.api_keys[0].max_version
            ),
            (18, 0, 4)
        );
        let response = client.call(4, &api_versions()).await;
        ok(response.error_code, 4);
        assert!(
            response
                .finalized_features
                .iter()
                .any(|feature| feature.name == "metadata.version")
        );
        fixture.stop().await;
    });
}

#[test]
fn a_client_must_name_itself_properly_from_version_3_on() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        let bad = ApiVersionsRequest {
            client_software_name: "no spaces".into(),
            ..api_versions()
        };
        let response = client.call(3, &bad).await;
        assert_eq!(
            ErrorCode::from_code(response.error_code),
            ErrorCode::InvalidRequest
        );
        let response = client.call(3, &api_versions()).await;
        ok(response.error_code, 3);
        assert!(
            response
                .supported_features
                .iter()
                .all(|feature| feature.min_version > 0),
            "KIP-1022"
        );
        fixture.stop().await;
    });
}

#[test]
fn other_apis_at_unknown_versions_and_unknown_apis_close_the_connection() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        for (key, version) in [(3i16, 99i16), (0, 2), (1, 3), (22, 6), (999, 0), (-1, 0), (10, 0)] {
            let mut client = fixture.client().await;
            let mut frame = BytesMut::new();
            frame.put_i32(12);
            frame.put_i16(key);
            frame.put_i16(version);
            frame.put_i32(1);
            frame.put_i16(-1);
            frame.put_i16(0);
            client.send_bytes(&frame).await;
            client.expect_closed().await;
        }
        let mut client = fixture.client().await;
        ok(client.call(4, &api_versions()).await.error_code, 4);
        fixture.stop().await;
    });
}
