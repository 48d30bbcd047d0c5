//! Topics and settings: what may not be made, changed or deleted.

use super::Case;
use super::world::{World, name};
use wire::Uuid;
use wire::alter_configs::{self, AlterConfigsRequest};
use wire::create_partitions::{CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic};
use wire::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use wire::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use wire::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use wire::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};

pub const CASES: &[Case] = &[
    ("CreateTopics: one that is there", |world| {
        create(world, vec![topic("plain", 1, 1)])
    }),
    ("CreateTopics: a bad name", |world| {
        create(world, vec![topic("bad name", 1, 1)])
    }),
    ("CreateTopics: an empty name", |world| {
        create(world, vec![topic("", 1, 1)])
    }),
    ("CreateTopics: the name .", |world| {
        create(world, vec![topic(".", 1, 1)])
    }),
    ("CreateTopics: a name of 250 characters", |world| {
        create(world, vec![topic(&"x".repeat(250), 1, 1)])
    }),
    ("CreateTopics: a name of 249 characters", |world| {
        create(world, vec![topic(&"x".repeat(249), 1, 1)])
    }),
    ("CreateTopics: names that collide", |world| {
        let first = create(world, vec![topic("colliding.name", 1, 1)]);
        format!(
            "{first}, then {}",
            create(world, vec![topic("colliding_name", 1, 1)])
        )
    }),
    ("CreateTopics: __cluster_metadata", |world| {
        create(world, vec![topic("__cluster_metadata", 1, 1)])
    }),
    ("CreateTopics: no partitions", |world| {
        create(world, vec![topic("t", 0, 1)])
    }),
    ("CreateTopics: -2 partitions", |world| {
        create(world, vec![topic("t", -2, 1)])
    }),
    ("CreateTopics: the default counts", |world| {
        create(world, vec![topic("by-default", -1, -1)])
    }),
    ("CreateTopics: no replicas", |world| {
        create(world, vec![topic("t", 1, 0)])
    }),
    ("CreateTopics: more replicas than brokers", |world| {
        create(world, vec![topic("t", 1, 3)])
    }),
    ("CreateTopics: twice in one request", |world| {
        create(world, vec![topic("twin", 1, 1), topic("twin", 2, 1)])
    }),
    ("CreateTopics: one good and one bad", |world| {
        create(world, vec![topic("half-good", 1, 1), topic("half bad", 1, 1)])
    }),
    ("CreateTopics: an unknown setting", |world| {
        create(world, vec![with(topic("t", 1, 1), "no.such.setting", "1")])
    }),
    ("CreateTopics: a bad value", |world| {
        create(world, vec![with(topic("t", 1, 1), "retention.ms", "soon")])
    }),
    ("CreateTopics: a value out of range", |world| {
        create(world, vec![with(topic("t", 1, 1), "segment.bytes", "5")])
    }),
    ("CreateTopics: a null value", |world| {
        let mut wanted = with(topic("t", 1, 1), "retention.ms", "1");
        wanted.configs[0].value = None;
        create(world, vec![wanted])
    }),
    ("CreateTopics: an assignment", |world| {
        create(world, vec![assigned("by-hand", &[(0, &[1]), (1, &[1])])])
    }),
    ("CreateTopics: an assignment with a count", |world| {
        create(
            world,
            vec![CreatableTopic {
                num_partitions: 1,
                ..assigned("t", &[(0, &[1])])
            }],
        )
    }),
    (
        "CreateTopics: an assignment to a broker that is not there",
        |world| create(world, vec![assigned("t", &[(0, &[9])])]),
    ),
    ("CreateTopics: an assignment with a gap", |world| {
        create(world, vec![assigned("t", &[(0, &[1]), (2, &[1])])])
    }),
    ("CreateTopics: an assignment that repeats a broker", |world| {
        create(world, vec![assigned("t", &[(0, &[1, 1])])])
    }),
    ("CreateTopics: an assignment to nobody", |world| {
        create(world, vec![assigned("t", &[(0, &[])])])
    }),
    ("CreateTopics: only validated", |world| {
        let request = CreateTopicsRequest {
            topics: vec![topic("ghost", 3, 1)],
            timeout_ms: 9_000,
            validate_only: true,
        };
        let answer = world.ask(7, &request).expect("an answer");
        let found = &answer.topics[0];
        format!(
            "{} {} {} id {}",
            name(found.error_code),
            found.num_partitions,
            found.replication_factor,
            !found.topic_id.is_zero()
        )
    }),
    ("CreateTopics: what it says of the settings", |world| {
        let wanted = with(topic("with-settings", 1, 1), "retention.ms", "1000");
        let request = CreateTopicsRequest {
            topics: vec![wanted],
            timeout_ms: 9_000,
            ..Default::default()
        };
        let answer = world.ask(7, &request).expect("an answer");
        let mut configs = answer.topics[0].configs.clone().unwrap_or_default();
        configs.retain(|one| one.name != "write.caching");
        let mut rows: Vec<_> = configs
            .iter()
            .map(|one| {
                format!(
                    "{}={:?} {} {} {}",
                    one.name, one.value, one.read_only, one.config_source, one.is_sensitive
                )
            })
            .collect();
        rows.sort();
        rows.join("\n      ")
    }),
    ("DeleteTopics: one that is not there", |world| {
        delete(world, Some("absent"), Uuid::ZERO)
    }),
    ("DeleteTopics: an id that is not there", |world| {
        delete(world, None, Uuid([7; 16]))
    }),
    ("DeleteTopics: a name and an id", |world| {
        delete(world, Some("plain"), Uuid([7; 16]))
    }),
    ("DeleteTopics: neither", |world| delete(world, None, Uuid::ZERO)),
    ("CreatePartitions: fewer", |world| {
        partitions(world, "plain", 0, None)
    }),
    ("CreatePartitions: as many", |world| {
        partitions(world, "plain", 1, None)
    }),
    ("CreatePartitions: negative", |world| {
        partitions(world, "plain", -1, None)
    }),
    ("CreatePartitions: of a topic that is not there", |world| {
        partitions(world, "absent", 3, None)
    }),
    ("CreatePartitions: too many assignments", |world| {
        partitions(world, "plain", 2, Some(&[&[1], &[1]]))
    }),
    (
        "CreatePartitions: assigned to a broker that is not there",
        |world| partitions(world, "plain", 2, Some(&[&[9]])),
    ),
    ("CreatePartitions: more", |world| {
        partitions(world, "recent", 2, None)
    }),
    ("AlterConfigs: an unknown setting", |world| {
        alter(world, 2, "small", "no.such.setting", 0, Some("1"))
    }),
    ("AlterConfigs: a bad value", |world| {
        alter(world, 2, "small", "retention.ms", 0, Some("soon"))
    }),
    ("AlterConfigs: a value out of range", |world| {
        alter(world, 2, "small", "min.insync.replicas", 0, Some("0"))
    }),
    ("AlterConfigs: null", |world| {
        alter(world, 2, "small", "retention.ms", 0, None)
    }),
    ("AlterConfigs: an unknown operation", |world| {
        alter(world, 2, "small", "retention.ms", 9, Some("1"))
    }),
    ("AlterConfigs: append to what is no list", |world| {
        alter(world, 2, "small", "retention.ms", 2, Some("1"))
    }),
    ("AlterConfigs: append to a list", |world| {
        alter(world, 2, "small", "cleanup.policy", 2, Some("compact"))
    }),
    ("AlterConfigs: subtract from a list", |world| {
        alter(world, 2, "small", "cleanup.policy", 3, Some("compact"))
    }),
    ("AlterConfigs: delete what is not set", |world| {
        alter(world, 2, "small", "retention.ms", 1, None)
    }),
    ("AlterConfigs: a topic that is not there", |world| {
        alter(world, 2, "absent", "retention.ms", 0, Some("1"))
    }),
    ("AlterConfigs: a broker that is not there", |world| {
        alter(world, 4, "99", "log.retention.ms", 0, Some("1"))
    }),
    ("AlterConfigs: a broker with no number", |world| {
        alter(world, 4, "one", "log.retention.ms", 0, Some("1"))
    }),
    ("AlterConfigs: a broker's read-only setting", |world| {
        alter(world, 4, "1", "node.id", 0, Some("2"))
    }),
    ("AlterConfigs: a broker's bad value", |world| {
        alter(world, 4, "", "log.retention.ms", 0, Some("soon"))
    }),
    ("AlterConfigs: an unknown kind of resource", |world| {
        alter(world, 77, "x", "y", 0, Some("1"))
    }),
    ("AlterConfigs: one setting twice", |world| {
        let config = AlterableConfig {
            name: "retention.ms".into(),
            config_operation: 0,
            value: Some("1".into()),
        };
        alter_all(
            world,
            vec![AlterConfigsResource {
                resource_type: 2,
                resource_name: "small".into(),
                configs: vec![config.clone(), config],
            }],
        )
    }),
    ("AlterConfigs, the old way: a bad value", |world| {
        let config = alter_configs::AlterableConfig {
            name: "retention.ms".into(),
            value: Some("soon".into()),
        };
        old_alter(world, "small", config)
    }),
    ("AlterConfigs, the old way: a topic that is not there", |world| {
        let config = alter_configs::AlterableConfig {
            name: "retention.ms".into(),
            value: Some("1".into()),
        };
        old_alter(world, "absent", config)
    }),
    ("DescribeConfigs: a topic that is not there", |world| {
        describe(world, 2, "absent", None)
    }),
    ("DescribeConfigs: a bad topic name", |world| {
        describe(world, 2, "bad name", None)
    }),
    ("DescribeConfigs: a broker that is not there", |world| {
        describe(world, 4, "99", None)
    }),
    ("DescribeConfigs: a broker with no number", |world| {
        describe(world, 4, "one", None)
    }),
    ("DescribeConfigs: an unknown kind", |world| {
        describe(world, 99, "x", None)
    }),
    ("DescribeConfigs: some keys", |world| {
        describe(
            world,
            2,
            "small",
            Some(&["max.message.bytes", "compression.type", "no.such"]),
        )
    }),
    ("DescribeConfigs: the types of all of a topic's", |world| {
        describe(world, 2, "compacted", None)
    }),
];

fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> CreatableTopic {
    CreatableTopic {
        name: name.to_string(),
        num_partitions,
        replication_factor,
        ..Default::default()
    }
}

fn with(mut topic: CreatableTopic, name: &str, value: &str) -> CreatableTopic {
    topic.configs.push(CreatableTopicConfig {
        name: name.to_string(),
        value: Some(value.to_string()),
    });
    topic
}

fn assigned(name: &str, replicas: &[(i32, &[i32])]) -> CreatableTopic {
    let assignments = replicas
        .iter()
        .map(|(partition_index, brokers)| CreatableReplicaAssignment {
            partition_index: *partition_index,
            broker_ids: brokers.to_vec(),
        });
    CreatableTopic {
        assignments: assignments.collect(),
        ..topic(name, -1, -1)
    }
}

fn create(world: &World, topics: Vec<CreatableTopic>) -> String {
    let request = CreateTopicsRequest {
        topics,
        timeout_ms: 9_000,
        validate_only: false,
    };
    world.ask(7, &request).map_or_else(
        |error| error,
        |answer| {
            let mut rows: Vec<_> = answer
                .topics
                .iter()
                .map(|topic| {
                    let has_id = !topic.topic_id.is_zero();
                    format!(
                        "{} {} {} id {has_id}",
                        name(topic.error_code),
                        topic.num_partitions,
                        topic.replication_factor
                    )
                })
                .collect();
            rows.sort();
            rows.join(", ")
        },
    )
}

fn delete(world: &World, topic: Option<&str>, topic_id: Uuid) -> String {
    let state = DeleteTopicState {
        name: topic.map(str::to_string),
        topic_id,
    };
    let request = DeleteTopicsRequest {
        topics: vec![state],
        timeout_ms: 9_000,
        ..Default::default()
    };
    world.ask(6, &request).map_or_else(
        |error| error,
        |answer| {
            let rows: Vec<_> = answer
                .responses
                .iter()
                .map(|one| format!("{} {:?} {}", name(one.error_code), one.name, one.topic_id))
                .collect();
            rows.join(", ")
        },
    )
}

fn partitions(world: &World, topic: &str, count: i32, assignments: Option<&[&[i32]]>) -> String {
    let assignments = assignments.map(|all| {
        all.iter()
            .map(|brokers| CreatePartitionsAssignment {
                broker_ids: brokers.to_vec(),
            })
            .collect()
    });
    let topic = CreatePartitionsTopic {
        name: topic.to_string(),
        count,
        assignments,
    };
    let request = CreatePartitionsRequest {
        topics: vec![topic],
        timeout_ms: 9_000,
        validate_only: false,
    };
    world
        .ask(3, &request)
        .map_or_else(|error| error, |answer| name(answer.results[0].error_code))
}

fn alter(
    world: &World,
    kind: i8,
    resource: &str,
    config: &str,
    operation: i8,
    value: Option<&str>,
) -> String {
    let config = AlterableConfig {
        name: config.to_string(),
        config_operation: operation,
        value: value.map(str::to_string),
    };
    let resource = AlterConfigsResource {
        resource_type: kind,
        resource_name: resource.to_string(),
        configs: vec![config],
    };
    alter_all(world, vec![resource])
}

fn alter_all(world: &World, resources: Vec<AlterConfigsResource>) -> String {
    let request = IncrementalAlterConfigsRequest {
        resources,
        validate_only: false,
    };
    world
        .ask(1, &request)
        .map_or_else(|error| error, |answer| name(answer.responses[0].error_code))
}

fn old_alter(world: &World, topic: &str, config: alter_configs::AlterableConfig) -> String {
    let resource = alter_configs::AlterConfigsResource {
        resource_type: 2,
        resource_name: topic.to_string(),
        configs: vec![config],
    };
    let request = AlterConfigsRequest {
        resources: vec![resource],
        validate_only: false,
    };
    world
        .ask(2, &request)
        .map_or_else(|error| error, |answer| name(answer.responses[0].error_code))
}

fn describe(world: &World, kind: i8, resource: &str, keys: Option<&[&str]>) -> String {
    let resource = DescribeConfigsResource {
        resource_type: kind,
        resource_name: resource.to_string(),
        configuration_keys: keys.map(|keys| keys.iter().map(|key| key.to_string()).collect()),
    };
    let request = DescribeConfigsRequest {
        resources: vec![resource],
        include_synonyms: true,
        include_documentation: false,
    };
    world.ask(4, &request).map_or_else(
        |error| error,
        |answer| {
            let result = &answer.results[0];
            let mut rows: Vec<_> = result
                .configs
                .iter()
                .filter(|one| one.name != "write.caching")
                .map(|one| {
                    let synonyms: Vec<_> = one
                        .synonyms
                        .iter()
                        .map(|synonym| (synonym.name.as_str(), synonym.source))
                        .collect();
                    format!(
                        "{}={:?} {} {} {} {synonyms:?}",
                        one.name, one.value, one.read_only, one.config_source, one.config_type
                    )
                })
                .collect();
            rows.sort();
            format!("{} {}", name(result.error_code), rows.join("\n      "))
        },
    )
}
