//! Properties of the controller: whatever is asked in whatever order, a replay of the records gives the live
//! image, a snapshot gives the same image, and nothing that must be unique is used twice. And single cases.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use wire::alter_configs::{AlterConfigsRequest, AlterConfigsResource, AlterableConfig as PlainConfig};
use wire::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use wire::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreatableTopicConfigs,
    CreateTopicsRequest,
};
use wire::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use wire::incremental_alter_configs::{
    AlterConfigsResource as IncrementalResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use wire::record::{FeatureLevelRecord, MetadataRecord};
use wire::{ErrorCode, Uuid};

use crate::controller::*;
use crate::{Broker, Fold, Image, NO_LEADER, ResourceKind, VersionRange, features};

struct TestRules;

impl ConfigRules for TestRules {
    fn is_list(&self, _: ResourceKind, name: &str) -> Option<bool> {
        ["cleanup.policy", "retention.ms", "min.insync.replicas"]
            .contains(&name)
            .then_some(name == "cleanup.policy")
    }
    fn inherited(&self, _: ResourceKind, name: &str) -> Option<String> {
        (name == "cleanup.policy").then(|| "delete".to_string())
    }
    fn check(&self, kind: ResourceKind, configs: &BTreeMap<String, String>) -> Result<(), String> {
        match configs
            .iter()
            .find(|(name, value)| self.is_list(kind, name).is_none() || *value == "bad")
        {
            Some((name, value)) => Err(format!("{name}={value}")),
            None => Ok(()),
        }
    }
    fn describe_topic(&self, _: &BTreeMap<String, String>) -> Vec<CreatableTopicConfigs> {
        Vec::new()
    }
}

const DEFAULTS: Defaults = Defaults {
    num_partitions: 2,
    replication_factor: 1,
    delete_topic_enable: true,
};
const CLUSTER: &str = "cluster";

/// A controller whose log is a list.
#[derive(Default)]
struct Cluster {
    log: Vec<MetadataRecord>,
    fold: Fold,
    ids: u8,
    topic_ids: BTreeSet<Uuid>,
    producer_ids: BTreeSet<i64>,
}

impl Cluster {
    /// With brokers 1..=n registered and active.
    fn of(brokers: i32) -> Cluster {
        let mut cluster = Cluster::default();
        let level = |(name, level): &(&str, i16)| {
            MetadataRecord::FeatureLevel(FeatureLevelRecord {
                name: name.to_string(),
                feature_level: *level,
            })
        };
        cluster.append(features::AT_FORMAT.iter().map(level).collect());
        for id in 1..=brokers {
            cluster.restart(id, id as u8);
        }
        cluster
    }

    fn image(&self) -> &Image {
        self.fold.image()
    }

    fn append(&mut self, records: Vec<MetadataRecord>) {
        for record in records {
            self.fold
                .replay(self.log.len() as i64, 1, &record)
                .expect("decisions replay");
            if let MetadataRecord::Topic(topic) = &record {
                assert!(
                    self.topic_ids.insert(topic.topic_id),
                    "topic id {} used twice",
                    topic.topic_id
                );
            }
            self.log.push(record);
        }
    }

    fn restart(&mut self, id: i32, incarnation: u8) -> i64 {
        let range =
            |(name, min, max): &(&str, i16, i16)| (name.to_string(), VersionRange { min: *min, max: *max });
        let broker = Broker {
            id,
            epoch: -1,
            incarnation_id: Uuid([incarnation; 16]),
            endpoints: Vec::new(),
            features: features::SUPPORTED.iter().map(range).collect(),
            rack: None,
            fenced: true,
            in_controlled_shutdown: false,
            log_dirs: vec![Uuid([id as u8; 16])],
        };
        let before = self.image().broker(id).map_or(-1, |broker| broker.epoch);
        let registration = Registration {
            broker,
            cluster_id: CLUSTER.into(),
        };
        let next_offset = self.log.len() as i64;
        let decision = register_broker(self.image(), registration, CLUSTER, next_offset);
        let epoch = decision.reply.expect("it may register");
        assert!(epoch >= before, "broker epochs rise");
        self.append(decision.records);
        self.check_fenced();
        let decision = unfence_broker(self.image(), id, epoch);
        decision.reply.expect("it may be unfenced");
        self.append(decision.records);
        epoch
    }

    fn create(&mut self, request: &CreateTopicsRequest) -> Vec<ErrorCode> {
        let mut ids = self.ids;
        let mut new_id = || {
            ids = ids.wrapping_add(1);
            Uuid([ids; 16])
        };
        let decision = create_topics(self.image(), request, &DEFAULTS, &TestRules, &mut new_id);
        self.ids = ids;
        self.append(decision.records);
        decision
            .reply
            .topics
            .iter()
            .map(|t| ErrorCode::from_code(t.error_code))
            .collect()
    }

    fn delete(&mut self, name: &str) -> ErrorCode {
        let topics = vec![DeleteTopicState {
            name: Some(name.into()),
            ..Default::default()
        }];
        let request = DeleteTopicsRequest {
            topics,
            ..Default::default()
        };
        let decision = delete_topics(self.image(), &request, 6, &DEFAULTS);
        self.append(decision.records);
        ErrorCode::from_code(decision.reply.responses[0].error_code)
    }

    fn grow(&mut self, name: &str, count: i32) -> ErrorCode {
        let topics = vec![CreatePartitionsTopic {
            name: name.into(),
            count,
            assignments: None,
        }];
        let request = CreatePartitionsRequest {
            topics,
            ..Default::default()
        };
        let decision = create_partitions(self.image(), &request);
        self.append(decision.records);
        ErrorCode::from_code(decision.reply.results[0].error_code)
    }

    fn alter(&mut self, topic: &str, operation: i8, name: &str, value: Option<&str>) -> ErrorCode {
        let config = AlterableConfig {
            name: name.into(),
            config_operation: operation,
            value: value.map(Into::into),
        };
        let resource = IncrementalResource {
            resource_type: 2,
            resource_name: topic.into(),
            configs: vec![config],
        };
        let request = IncrementalAlterConfigsRequest {
            resources: vec![resource],
            validate_only: false,
        };
        let decision = incremental_alter_configs(self.image(), &request, &TestRules);
        self.append(decision.records);
        ErrorCode::from_code(decision.reply.responses[0].error_code)
    }

    fn producer_ids(&mut self, broker: i32) {
        let epoch = self.image().broker(broker).map_or(-1, |broker| broker.epoch);
        let decision = allocate_producer_ids(self.image(), broker, epoch);
        self.append(decision.records);
        for id in decision.reply.expect("it may have producer ids") {
            assert!(self.producer_ids.insert(id), "producer id {id} given twice");
        }
    }

    /// fenced ∉ ISR, ELR ∩ ISR = ∅, and a leader is in sync (R9).
    fn check_fenced(&self) {
        let partitions = self.image().topics().flat_map(|topic| topic.partitions.values());
        for partition in partitions {
            assert!(partition.isr.iter().all(|id| self.image().is_active(*id)));
            assert!(partition.elr.iter().all(|id| !partition.isr.contains(id)));
            assert!(partition.leader == NO_LEADER || partition.isr.contains(&partition.leader));
            assert!(
                partition.isr.len() + partition.elr.len() > 0,
                "somebody holds the data"
            );
        }
    }
}

fn topic(name: &str, partitions: i32, replication_factor: i16) -> CreatableTopic {
    CreatableTopic {
        name: name.into(),
        num_partitions: partitions,
        replication_factor,
        ..Default::default()
    }
}

fn one(topic: CreatableTopic) -> CreateTopicsRequest {
    CreateTopicsRequest {
        topics: vec![topic],
        ..Default::default()
    }
}

#[derive(Clone, Debug)]
enum Action {
    Create(String, i32, i16),
    Delete(String),
    Grow(String, i32),
    Alter(String, i8, String),
    Restart(i32, u8),
    Fence(i32),
    ProducerIds(i32),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let name = || "[abc][._]?[ab]?".prop_map(|name| name.to_string());
    let action = prop_oneof![
        (name(), -1..4i32, -1..4i16).prop_map(|(n, p, r)| Action::Create(n, p, r)),
        name().prop_map(Action::Delete),
        (name(), 0..6i32).prop_map(|(n, c)| Action::Grow(n, c)),
        (name(), 0..4i8, "(compact|delete|bad)").prop_map(|(n, o, v)| Action::Alter(n, o, v)),
        (1..=3i32, 0..200u8).prop_map(|(b, i)| Action::Restart(b, i)),
        (1..=3i32).prop_map(Action::Fence),
        (1..=3i32).prop_map(Action::ProducerIds),
    ];
    prop::collection::vec(action, 0..40)
}

fn run(cluster: &mut Cluster, action: Action) {
    let epochs = |image: &Image| -> BTreeMap<(Uuid, i32), (i32, i32)> {
        let partitions = image
            .topics()
            .flat_map(|t| t.partitions.iter().map(|(i, p)| ((t.id, *i), p)));
        partitions
            .map(|(key, p)| (key, (p.leader_epoch, p.partition_epoch)))
            .collect()
    };
    let before = epochs(cluster.image());
    match action {
        Action::Create(name, partitions, factor) => {
            cluster.create(&one(topic(&name, partitions, factor)));
        }
        Action::Delete(name) => {
            cluster.delete(&name);
        }
        Action::Grow(name, count) => {
            cluster.grow(&name, count);
        }
        Action::Alter(name, operation, value) => {
            cluster.alter(&name, operation, "cleanup.policy", Some(&value));
        }
        Action::Restart(broker, incarnation) => {
            cluster.restart(broker, incarnation);
        }
        Action::Fence(broker) => {
            let epoch = cluster.image().broker(broker).expect("registered").epoch;
            let decision = fence_broker(cluster.image(), broker, epoch);
            cluster.append(decision.records);
        }
        Action::ProducerIds(broker) => cluster.producer_ids(broker),
    }
    cluster.check_fenced();
    for (key, after) in epochs(cluster.image()) {
        let rose = before
            .get(&key)
            .is_none_or(|before| before.0 <= after.0 && before.1 <= after.1);
        assert!(rose, "epochs only rise");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn replaying_gives_the_live_image_and_so_does_a_snapshot(actions in actions(), cut in 0..100usize) {
        let mut cluster = Cluster::of(3);
        let mut images = BTreeMap::new();
        for action in actions {
            run(&mut cluster, action);
            images.insert(cluster.log.len(), cluster.image().clone());
        }
        let cut = cut.min(cluster.log.len());
        let mut replayed = Fold::default();
        for (offset, record) in cluster.log.iter().enumerate() {
            if offset == cut {
                replayed = from_snapshot(replayed.image());
            }
            replayed.replay(offset as i64, 1, record).unwrap();
            if let Some(image) = images.get(&(offset + 1)) {
                prop_assert_eq!(replayed.image(), image);
            }
        }
    }
}

fn from_snapshot(image: &Image) -> Fold {
    let mut copy = Image::default();
    for record in image.to_records() {
        copy.replay(&record).expect("a snapshot replays");
    }
    copy.set_end(image.offset(), image.epoch());
    assert_eq!(&copy, image);
    Fold::new(copy)
}

#[test]
fn a_new_incarnation_leads_under_a_new_leader_epoch() {
    let mut cluster = Cluster::of(1);
    cluster.create(&one(topic("a", 2, 1)));
    let epoch = |cluster: &Cluster| cluster.image().partition("a", 1).unwrap().leader_epoch;
    assert_eq!(epoch(&cluster), 0);
    cluster.restart(1, 77);
    let partition = cluster.image().partition("a", 1).unwrap().clone();
    assert_eq!(
        (
            partition.leader,
            partition.isr.as_slice(),
            partition.elr.as_slice()
        ),
        (1, &[1][..], &[][..])
    );
    assert_eq!(epoch(&cluster), 2);
    cluster.restart(1, 77);
    assert_eq!(epoch(&cluster), 2, "the same incarnation stays");
}

#[test]
fn a_registration_must_fit_the_cluster() {
    let cluster = Cluster::of(1);
    let broker = cluster.image().broker(1).unwrap().clone();
    let register = |broker: Broker, cluster_id: &str| {
        let registration = Registration {
            broker,
            cluster_id: cluster_id.into(),
        };
        register_broker(cluster.image(), registration, CLUSTER, 9)
            .reply
            .unwrap_err()
            .code
    };
    assert_eq!(
        register(broker.clone(), "other"),
        ErrorCode::InconsistentClusterId
    );
    assert_eq!(
        register(
            Broker {
                log_dirs: vec![],
                ..broker.clone()
            },
            CLUSTER
        ),
        ErrorCode::InvalidRegistration
    );
    assert_eq!(
        register(
            Broker {
                id: 2,
                ..broker.clone()
            },
            CLUSTER
        ),
        ErrorCode::InvalidRegistration
    );
    let mut older = broker;
    older.features.insert(
        features::METADATA_VERSION.into(),
        VersionRange { min: 7, max: 25 },
    );
    assert_eq!(register(older, CLUSTER), ErrorCode::UnsupportedVersion);
}

#[test]
fn topics_are_refused_for_their_reasons() {
    let mut cluster = Cluster::of(2);
    cluster.create(&one(topic("a.b", 1, 1)));
    let long = "x".repeat(250);
    for (name, code) in [
        ("", ErrorCode::InvalidTopicException),
        ("..", ErrorCode::InvalidTopicException),
        (&long, ErrorCode::InvalidTopicException),
        ("é", ErrorCode::InvalidTopicException),
        ("a_b", ErrorCode::InvalidTopicException),
        ("a.b", ErrorCode::TopicAlreadyExists),
        ("__cluster_metadata", ErrorCode::InvalidRequest),
    ] {
        assert_eq!(cluster.create(&one(topic(name, 1, 1))), [code], "{name}");
    }
    for (partitions, factor, code) in [
        (0, 1, ErrorCode::InvalidPartitions),
        (1, 0, ErrorCode::InvalidReplicationFactor),
        (1, 3, ErrorCode::InvalidReplicationFactor),
        (10_001, 1, ErrorCode::PolicyViolation),
    ] {
        assert_eq!(cluster.create(&one(topic("n", partitions, factor))), [code]);
    }
    let mut configured = topic("n", 1, 1);
    configured.configs = vec![CreatableTopicConfig {
        name: "what".into(),
        value: Some("1".into()),
    }];
    assert_eq!(
        cluster.create(&one(configured.clone())),
        [ErrorCode::InvalidConfig]
    );
    configured.configs = vec![CreatableTopicConfig {
        name: "retention.ms".into(),
        value: None,
    }];
    assert_eq!(cluster.create(&one(configured)), [ErrorCode::InvalidConfig]);
    let twice = CreateTopicsRequest {
        topics: vec![topic("n", 1, 1), topic("n", 1, 1)],
        ..Default::default()
    };
    assert_eq!(cluster.create(&twice), [ErrorCode::InvalidRequest]);
}

#[test]
fn replicas_may_be_assigned_by_hand() {
    let mut cluster = Cluster::of(2);
    let assigned = |replicas: &[(i32, &[i32])]| {
        let mut topic = topic("n", -1, -1);
        let assignment = |(index, ids): &(i32, &[i32])| CreatableReplicaAssignment {
            partition_index: *index,
            broker_ids: ids.to_vec(),
        };
        topic.assignments = replicas.iter().map(assignment).collect();
        one(topic)
    };
    for bad in [
        &[(0, &[3][..])][..],
        &[(0, &[1, 1])],
        &[(0, &[])],
        &[(1, &[1])],
        &[(0, &[1]), (1, &[1, 2])],
    ] {
        assert_eq!(
            cluster.create(&assigned(bad)),
            [ErrorCode::InvalidReplicaAssignment],
            "{bad:?}"
        );
    }
    assert_eq!(
        cluster.create(&assigned(&[(1, &[1, 2]), (0, &[2, 1])])),
        [ErrorCode::None]
    );
    assert_eq!(cluster.image().partition("n", 0).unwrap().replicas, [2, 1]);
    assert_eq!(cluster.image().partition("n", 1).unwrap().leader, 1);
}

#[test]
fn validate_only_changes_nothing() {
    let mut cluster = Cluster::of(1);
    let request = CreateTopicsRequest {
        validate_only: true,
        ..one(topic("a", 1, 1))
    };
    assert_eq!(cluster.create(&request), [ErrorCode::None]);
    assert_eq!(cluster.image().topic_count(), 0);
}

#[test]
fn topics_are_deleted_by_name_or_id() {
    let mut cluster = Cluster::of(1);
    cluster.create(&one(topic("a", 1, 1)));
    assert_eq!(cluster.delete("b"), ErrorCode::UnknownTopicOrPartition);
    let topic_id = cluster.image().topic("a").unwrap().id;
    let state = |name: Option<&str>, topic_id| DeleteTopicState {
        name: name.map(Into::into),
        topic_id,
    };
    let codes = |topics: Vec<DeleteTopicState>, delete_topic_enable| {
        let request = DeleteTopicsRequest {
            topics,
            ..Default::default()
        };
        let defaults = Defaults {
            delete_topic_enable,
            ..DEFAULTS
        };
        let decision = delete_topics(cluster.image(), &request, 6, &defaults);
        let codes = decision
            .reply
            .responses
            .iter()
            .map(|r| ErrorCode::from_code(r.error_code));
        (codes.collect::<Vec<_>>(), decision.records.len())
    };
    assert_eq!(
        codes(vec![state(None, topic_id)], true),
        (vec![ErrorCode::None], 1)
    );
    assert_eq!(
        codes(vec![state(None, topic_id)], false),
        (vec![ErrorCode::TopicDeletionDisabled], 0)
    );
    assert_eq!(
        codes(vec![state(Some("a"), topic_id)], true),
        (vec![ErrorCode::InvalidRequest], 0)
    );
    assert_eq!(
        codes(vec![state(None, Uuid::ZERO)], true),
        (vec![ErrorCode::InvalidRequest], 0)
    );
    assert_eq!(
        codes(vec![state(None, Uuid([99; 16]))], true),
        (vec![ErrorCode::UnknownTopicId], 0)
    );
    let both = vec![state(Some("a"), Uuid::ZERO), state(None, topic_id)];
    assert_eq!(
        codes(both, true),
        (vec![ErrorCode::None, ErrorCode::InvalidRequest], 1)
    );
}

#[test]
fn partitions_only_grow() {
    let mut cluster = Cluster::of(2);
    cluster.create(&one(topic("a", 2, 2)));
    assert_eq!(cluster.grow("a", 2), ErrorCode::InvalidPartitions);
    assert_eq!(cluster.grow("b", 2), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(cluster.grow("a", 20_000), ErrorCode::PolicyViolation);
    assert_eq!(cluster.grow("a", 4), ErrorCode::None);
    assert_eq!(cluster.image().topic("a").unwrap().partitions.len(), 4);
    assert_eq!(cluster.image().partition("a", 3).unwrap().replicas, [2, 1]);
}

#[test]
fn lists_are_appended_to_and_subtracted_from() {
    let mut cluster = Cluster::of(1);
    cluster.create(&one(topic("a", 1, 1)));
    let value = |cluster: &Cluster| cluster.image().topic_configs("a").get("cleanup.policy").cloned();
    assert_eq!(
        cluster.alter("a", 2, "cleanup.policy", Some("compact")),
        ErrorCode::None
    );
    assert_eq!(value(&cluster).as_deref(), Some("delete,compact"));
    assert_eq!(
        cluster.alter("a", 3, "cleanup.policy", Some("delete")),
        ErrorCode::None
    );
    assert_eq!(value(&cluster).as_deref(), Some("compact"));
    assert_eq!(cluster.alter("a", 1, "cleanup.policy", None), ErrorCode::None);
    assert_eq!(value(&cluster), None);
    assert_eq!(
        cluster.alter("a", 2, "retention.ms", Some("1")),
        ErrorCode::InvalidConfig
    );
    assert_eq!(
        cluster.alter("a", 0, "retention.ms", None),
        ErrorCode::InvalidRequest
    );
    assert_eq!(
        cluster.alter("a", 9, "retention.ms", Some("1")),
        ErrorCode::InvalidRequest
    );
    assert_eq!(
        cluster.alter("a", 0, "retention.ms", Some("bad")),
        ErrorCode::InvalidConfig
    );
    assert_eq!(
        cluster.alter("b", 0, "retention.ms", Some("1")),
        ErrorCode::UnknownTopicOrPartition
    );
}

#[test]
fn altering_replaces_everything_and_deleting_a_topic_forgets_it() {
    let mut cluster = Cluster::of(1);
    cluster.create(&one(topic("a", 1, 1)));
    cluster.alter("a", 0, "cleanup.policy", Some("compact"));
    let config = PlainConfig {
        name: "retention.ms".into(),
        value: Some("5".into()),
    };
    let resource = AlterConfigsResource {
        resource_type: 2,
        resource_name: "a".into(),
        configs: vec![config],
    };
    let request = AlterConfigsRequest {
        resources: vec![resource],
        validate_only: false,
    };
    let decision = alter_configs(cluster.image(), &request, &TestRules);
    cluster.append(decision.records);
    assert_eq!(
        cluster.image().topic_configs("a"),
        &[("retention.ms".to_string(), "5".to_string())].into()
    );
    cluster.delete("a");
    cluster.create(&one(topic("a", 1, 1)));
    assert!(cluster.image().topic_configs("a").is_empty());
}

#[test]
fn min_insync_replicas_is_the_clusters_while_elr_is_on() {
    let cluster = Cluster::of(1);
    let alter = |name: &str, operation: i8| {
        let value = (operation == 0).then(|| "2".to_string());
        let config = AlterableConfig {
            name: "min.insync.replicas".into(),
            config_operation: operation,
            value,
        };
        let resource = IncrementalResource {
            resource_type: 4,
            resource_name: name.into(),
            configs: vec![config],
        };
        let request = IncrementalAlterConfigsRequest {
            resources: vec![resource],
            validate_only: false,
        };
        let decision = incremental_alter_configs(cluster.image(), &request, &TestRules);
        (
            ErrorCode::from_code(decision.reply.responses[0].error_code),
            decision.records.len(),
        )
    };
    assert_eq!(alter("1", 0), (ErrorCode::InvalidConfig, 0));
    assert_eq!(alter("", 1), (ErrorCode::InvalidConfig, 0));
    assert_eq!(
        alter("", 0),
        (ErrorCode::None, 2),
        "the value, and a ClearElrRecord"
    );
    assert_eq!(alter("2", 0), (ErrorCode::InvalidRequest, 0));
    assert_eq!(alter("x", 0), (ErrorCode::InvalidRequest, 0));
}
