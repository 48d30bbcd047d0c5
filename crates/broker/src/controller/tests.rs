//! The controller on a real folder: formatting, restarts, refusals, snapshots.

use std::path::{Path, PathBuf};

use runtime::time::WallMs;
use runtime::{disk, process, task};
use storage::{DataDir, DataDirOptions, MetaProperties, TopicId, TopicPartition};
use wire::ErrorCode;
use wire::create_topics::{CreatableTopic, CreateTopicsRequest};
use wire::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use wire::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};

use crate::controller::Controller;
use crate::settings::{Protocol, Settings, load};

struct Folder {
    _keep: tempfile::TempDir,
    path: PathBuf,
}

impl Folder {
    fn new() -> Folder {
        let keep = tempfile::tempdir().expect("a folder for the test");
        let path = keep.path().join("data");
        Folder { _keep: keep, path }
    }

    fn settings(&self, overrides: &[&str]) -> Settings {
        let mut all = vec![format!("log.dirs={}", self.path.display())];
        all.extend(overrides.iter().map(|text| text.to_string()));
        load(None, &all).expect("valid settings").settings
    }

    async fn open(&self) -> DataDir {
        DataDir::open(&self.path, DataDirOptions { open_files_max: 100 })
            .await
            .expect("the folder opens")
    }

    async fn try_start(&self, overrides: &[&str]) -> Result<(Controller, DataDir), String> {
        let data = self.open().await;
        let started = Controller::start(data.clone(), self.settings(overrides)).await;
        started
            .map(|controller| (controller, data))
            .map_err(|error| error.to_string())
    }

    async fn start(&self, overrides: &[&str]) -> (Controller, DataDir) {
        let (controller, data) = self.try_start(overrides).await.expect("it starts");
        let listener = (
            "PLAINTEXT".to_string(),
            "localhost".to_string(),
            9092,
            Protocol::Plaintext,
        );
        controller
            .register_broker(vec![listener], None)
            .await
            .expect("it registers");
        (controller, data)
    }

    fn metadata(&self) -> PathBuf {
        self.path.join("__cluster_metadata-0")
    }
}

async fn stop((controller, data): (Controller, DataDir)) {
    controller.shutdown().await;
    data.shutdown(controller.broker_epoch())
        .await
        .expect("it stops cleanly");
}

async fn create(controller: &Controller, name: &str) -> ErrorCode {
    let topic = CreatableTopic {
        name: name.into(),
        num_partitions: 2,
        replication_factor: 1,
        ..Default::default()
    };
    let request = CreateTopicsRequest {
        topics: vec![topic],
        ..Default::default()
    };
    ErrorCode::from_code(controller.create_topics(request).await.topics[0].error_code)
}

async fn set(controller: &Controller, topic: &str, name: &str, value: String) -> ErrorCode {
    let config = AlterableConfig {
        name: name.into(),
        config_operation: 0,
        value: Some(value),
    };
    let resource = AlterConfigsResource {
        resource_type: 2,
        resource_name: topic.into(),
        configs: vec![config],
    };
    let request = IncrementalAlterConfigsRequest {
        resources: vec![resource],
        validate_only: false,
    };
    ErrorCode::from_code(controller.incremental_alter_configs(request).await.responses[0].error_code)
}

#[test]
fn a_fresh_folder_is_formatted_and_remembers() {
    process::main(async {
        let folder = Folder::new();
        let first = folder.start(&[]).await;
        for file in [
            "meta.properties",
            "bootstrap.checkpoint",
            "__cluster_metadata-0/quorum-state",
        ] {
            assert!(disk::exists(folder.path.join(file)).await.unwrap(), "{file}");
        }
        let cluster_id = first.0.cluster_id().to_string();
        assert_eq!(cluster_id.len(), 22);
        assert_eq!(create(&first.0, "a").await, ErrorCode::None);
        assert_eq!(create(&first.0, "a").await, ErrorCode::TopicAlreadyExists);
        let image = first.0.image();
        let broker = image.broker(1).expect("registered");
        assert!(!broker.fenced);
        assert_eq!(image.feature("metadata.version"), 29);
        assert_eq!(image.partition("a", 1).unwrap().leader_epoch, 0);
        assert_eq!(
            image.partition("a", 1).unwrap().directories,
            [first.0.directory_id()]
        );
        let (topic_id, epoch) = (image.topic("a").unwrap().id, image.epoch());
        stop(first).await;

        let again = folder.start(&[]).await;
        assert_eq!(again.0.cluster_id(), cluster_id);
        let image = again.0.image();
        assert_eq!(image.topic("a").unwrap().id, topic_id);
        assert!(image.epoch() > epoch, "every start is a new epoch");
        let partition = image.partition("a", 0).unwrap();
        assert_eq!(
            (partition.leader, partition.leader_epoch),
            (1, 2),
            "a new incarnation, a new leader epoch"
        );
        stop(again).await;
    });
}

#[test]
fn a_crash_before_the_last_file_of_a_format_is_made_good() {
    process::main(async {
        let folder = Folder::new();
        stop(folder.start(&[]).await).await;
        // what a crash leaves: some of the files, in the order in which they are written
        disk::remove_dir_all(folder.metadata()).await.unwrap();
        for later in ["meta.properties", "recovery-point-offset-checkpoint"] {
            disk::remove_file(folder.path.join(later)).await.unwrap();
        }
        stop(folder.start(&[]).await).await;

        let bare = Folder::new();
        disk::create_dir_all(bare.metadata()).await.unwrap();
        disk::write_atomic(
            bare.metadata()
                .join("00000000000000000000-0000000000.checkpoint.tmp"),
            b"torn",
        )
        .await
        .unwrap();
        let node = bare.start(&[]).await;
        assert_eq!(create(&node.0, "a").await, ErrorCode::None);
        stop(node).await;
        stop(bare.start(&[]).await).await;
    });
}

#[test]
fn foreign_folders_are_refused_with_the_reason() {
    process::main(async {
        let folder = Folder::new();
        stop(folder.start(&["odradek.cluster.id=MkU3OEVBNTcwNTJENDM2Qg"]).await).await;
        let error = folder
            .try_start(&["node.id=7"])
            .await
            .err()
            .expect("another node's");
        assert!(
            error.contains("belongs to node 1 of cluster MkU3OEVBNTcwNTJENDM2Qg"),
            "{error}"
        );
        let error = folder
            .try_start(&["odradek.cluster.id=other"])
            .await
            .err()
            .expect("another cluster's");
        assert!(error.contains("odradek.cluster.id is other"), "{error}");

        // a folder id that the quorum does not know: the file was taken from elsewhere
        disk::remove_file(folder.path.join("meta.properties"))
            .await
            .unwrap();
        let error = folder.try_start(&[]).await.err().expect("it holds metadata");
        assert!(
            error.contains("the log of a cluster's metadata and no meta.properties"),
            "{error}"
        );
        let meta = MetaProperties {
            cluster_id: "x".into(),
            node_id: 1,
            directory_id: TopicId([9; 16]),
        };
        let data = folder.open().await;
        data.format(meta).await.unwrap();
        drop(data);
        let error = folder.try_start(&[]).await.err().expect("another folder's voter");
        assert!(
            error.contains("it belongs to another node, or was formatted again"),
            "{error}"
        );

        let logs = Folder::new();
        disk::create_dir_all(logs.path.join("orders-3")).await.unwrap();
        let error = logs.try_start(&[]).await.err().expect("it holds a log");
        assert!(
            error.contains("the log orders-3 and no meta.properties"),
            "{error}"
        );
    });
}

#[test]
fn a_metadata_log_that_lost_what_was_committed_is_not_led_unasked() {
    process::main(async {
        let folder = Folder::new();
        let (controller, data) = folder.start(&[]).await;
        let path = folder.metadata().join("00000000000000000000.log");
        let log = disk::File::open(&path, disk::OpenOptions::write())
            .await
            .expect("the log");
        let before = log.len().expect("its length");
        assert_eq!(create(&controller, "forgotten").await, ErrorCode::None);
        stop((controller, data)).await;
        log.set_len(before).expect("cuts between two batches");
        drop(log);
        let error = folder.try_start(&[]).await.err().expect("topics are lost");
        assert!(
            error.contains("but was committed up to") && error.contains("start the broker once more"),
            "{error}"
        );
        stop(folder.start(&[]).await).await;
    });
}

#[test]
fn many_ask_at_once_and_each_is_answered_after_its_commit() {
    process::main(async {
        let folder = Folder::new();
        let node = folder.start(&[]).await;
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let controller = node.0.clone();
                task::spawn(async move {
                    let name = format!("t{}", n / 2);
                    let code = create(&controller, &name).await;
                    assert!(
                        controller.image().topic(&name).is_some(),
                        "published before the answer"
                    );
                    code
                })
            })
            .collect();
        let mut created = 0;
        for task in tasks {
            match task.await.expect("no panic") {
                ErrorCode::None => created += 1,
                code => assert_eq!(code, ErrorCode::TopicAlreadyExists),
            }
        }
        assert_eq!(created, 25);
        let topics = vec![DeleteTopicState {
            name: Some("t0".into()),
            ..Default::default()
        }];
        let request = DeleteTopicsRequest {
            topics,
            ..Default::default()
        };
        assert_eq!(node.0.delete_topics(request, 6).await.responses[0].error_code, 0);
        assert_eq!(node.0.image().topic_count(), 24);
        stop(node).await;
    });
}

#[test]
fn producer_ids_are_never_given_twice() {
    process::main(async {
        let folder = Folder::new();
        let mut next = 0;
        for _ in 0..3 {
            let node = folder.start(&[]).await;
            for _ in 0..3 {
                let block = node.0.allocate_producer_ids().await.expect("a block");
                assert!(block.start >= next && block.end == block.start + 1000);
                next = block.end;
            }
            stop(node).await;
        }
    });
}

#[test]
fn snapshots_are_written_the_log_is_cut_and_nothing_is_lost() {
    let small = [
        "metadata.log.max.record.bytes.between.snapshots=2000",
        "metadata.max.retention.bytes=6000",
        "internal.metadata.log.segment.bytes=3000",
    ];
    process::main(async {
        let folder = Folder::new();
        let node = folder.start(&small).await;
        create(&node.0, "a").await;
        for n in 0..200 {
            assert_eq!(
                set(&node.0, "a", "retention.ms", n.to_string()).await,
                ErrorCode::None
            );
        }
        let image = node.0.image();
        stop(node).await;
        let snapshots = snapshots(&folder.metadata()).await;
        assert!(!snapshots.is_empty() && snapshots[0] != "00000000000000000000-0000000000.checkpoint");
        let data = folder.open().await;
        let partition = TopicPartition::new("__cluster_metadata", 0);
        let log = data
            .open_log(&partition, None, Default::default(), WallMs::now())
            .await
            .unwrap()
            .0;
        let start = log.log_start_offset();
        assert!(start > 0, "the log was cut");
        data.shutdown(1).await.unwrap();
        drop(data);

        let again = folder.start(&small).await;
        assert_eq!(again.0.image().topic_configs("a"), image.topic_configs("a"));
        assert_eq!(
            again.0.image().topic("a").unwrap().id,
            image.topic("a").unwrap().id
        );
        stop(again).await;

        // without the snapshots, what was cut is gone, and the node says so
        for name in snapshots {
            disk::remove_file(folder.metadata().join(name)).await.unwrap();
        }
        let error = folder.try_start(&small).await.err().expect("a gap");
        assert!(
            error.contains("no readable snapshot covers what came before"),
            "{error}"
        );
    });
}

async fn snapshots(folder: &Path) -> Vec<String> {
    let entries = disk::read_dir(folder).await.expect("it is there");
    entries
        .into_iter()
        .map(|entry| entry.name)
        .filter(|name| name.ends_with(".checkpoint"))
        .collect()
}

#[test]
fn features_of_another_version_are_refused() {
    process::main(async {
        let folder = Folder::new();
        let path = folder.path.join("bootstrap.checkpoint");
        let records = vec![
            wire::record::FeatureLevelRecord {
                name: "metadata.version".into(),
                feature_level: 29,
            }
            .into(),
            wire::record::FeatureLevelRecord {
                name: "share.version".into(),
                feature_level: 1,
            }
            .into(),
        ];
        let data = folder.open().await;
        data.format(MetaProperties {
            cluster_id: "x".into(),
            node_id: 1,
            directory_id: TopicId([9; 16]),
        })
        .await
        .unwrap();
        drop(data);
        disk::write_atomic(&path, &crate::metadata_log::data_batch(&records))
            .await
            .unwrap();
        let voters = "controller.quorum.voters=1@localhost:9093";
        let error = folder
            .try_start(&[voters])
            .await
            .err()
            .expect("a feature that is not built");
        assert!(
            error.contains("share.version 1, and this version knows no such feature"),
            "{error}"
        );
    });
}
