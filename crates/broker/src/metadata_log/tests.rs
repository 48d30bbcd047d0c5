//! The files' formats, held against bytes that Apache Kafka 4.2.1 wrote.

use bytes::Bytes;
use metadata::Image;
use quorum::{ReplicaKey, VoterSet};
use runtime::time::WallMs;
use wire::Uuid;
use wire::record::{ControlRecord, FeatureLevelRecord, MetadataRecord, TopicRecord};

use super::codec::{self, Entry};
use super::snapshots::{self, SnapshotId};

/// `__cluster_metadata-0/00000000000000000000-0000000000.checkpoint` of `kafka-storage format --standalone`.
const KAFKA_SNAPSHOT: &str = "00000000000000000000009a0000000002be599ffc002000000002000001a1fbe517a3000001a1fbe517a3ff\
ffffffffffffffffffffffffff000000032a0000000800000003160000000001a1fbe5179300001e00000208000000050a00000001000082010000\
0408000000066e000002000000015f76283353e44b7499ddc222a3e7656a020b434f4e54524f4c4c45520a3132372e302e302e3171a5000000000100\
00000000000000000000030000003f0000000002c625a7f2002000000000000001a1fbe517b1000001a1fbe517b1ffffffffffffffffffffffffff\
ff000000011a00000008000000040600000000";

/// `bootstrap.checkpoint` of the same command, which names features that this version does not have.
const KAFKA_BOOTSTRAP: &str = "0000000000000000000000470000000002cb6065c9002000000000000001a1fbe51762000001a1fbe51762ff\
ffffffffffffffffffffffffff000000012a0000000800000003160000000000000000000000000000000000000001000000f10000000002c45f21b0\
000000000005000001a1fbe51781000001a1fbe51781ffffffffffffffffffffffffffff000000063a000000012e010c00116d657461646174612e76\
657273696f6e001d00005a000002014e010c0021656c696769626c652e6c65616465722e7265706c696361732e76657273696f6e0001000034000004\
0128010c000e67726f75702e76657273696f6e00010000340000060128010c000e73686172652e76657273696f6e0001000038000008012c010c0010\
73747265616d732e76657273696f6e000100004000000a0134010c00147472616e73616374696f6e2e76657273696f6e000200000000000000000007\
0000003f0000000002f5b23680002000000000000001a1fbe51782000001a1fbe51782ffffffffffffffffffffffffffff000000011a000000080000\
00040600000000";

fn hex(text: &str) -> Bytes {
    let digit = |byte: u8| (byte as char).to_digit(16).expect("hexadecimal") as u8;
    text.as_bytes()
        .chunks(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

fn all(bytes: Bytes) -> Vec<Entry> {
    let batches = codec::entries(bytes).map(|batch| batch.expect("a whole batch").1);
    batches
        .flatten()
        .map(|entry| entry.expect("a known record").1)
        .collect()
}

#[test]
fn kafkas_snapshot_is_read_and_ours_is_laid_out_as_it() {
    let id = SnapshotId {
        end_offset: 0,
        epoch: 0,
    };
    let snapshot = snapshots::decode(id, hex(KAFKA_SNAPSHOT)).expect("Kafka's snapshot");
    let directory_id = "X3YoM1PkS3SZ3cIio-dlag".parse().expect("an id");
    let voter = ReplicaKey { id: 1, directory_id };
    let voters = VoterSet::sole(voter, vec![("CONTROLLER".into(), "127.0.0.1".into(), 29093)]);
    assert_eq!(snapshot.voters, voters);
    assert_eq!(snapshot.image, Image::default());

    let ours = snapshots::encode(&Image::default(), &voters, WallMs(0x1a1_fbe5_17a3));
    let kafkas = hex(KAFKA_SNAPSHOT);
    assert_eq!(ours.len(), kafkas.len());
    let headers = |bytes: &Bytes| -> Vec<_> {
        let batches = records::batches(bytes.clone()).map(|batch| *batch.expect("whole").header());
        batches
            .map(|h| {
                (
                    h.base_offset,
                    h.length,
                    h.partition_leader_epoch,
                    h.attributes,
                    h.record_count,
                )
            })
            .collect()
    };
    assert_eq!(headers(&ours), headers(&kafkas));
    let without_times = |bytes: Bytes| {
        let mut entries = all(bytes);
        if let Entry::Control(Some(ControlRecord::SnapshotHeader(header))) = &mut entries[0] {
            header.last_contained_log_timestamp = 0;
        }
        format!("{entries:?}")
    };
    assert_eq!(without_times(ours), without_times(kafkas));
}

#[test]
fn kafkas_bootstrap_file_is_read() {
    let levels = all(hex(KAFKA_BOOTSTRAP))
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Record(MetadataRecord::FeatureLevel(record)) => Some((record.name, record.feature_level)),
            _ => None,
        });
    let levels: Vec<_> = levels.collect();
    assert_eq!(levels.len(), 6);
    assert_eq!(levels[0], ("metadata.version".to_string(), 29));
    assert_eq!(levels[5], ("transaction.version".to_string(), 2));
}

#[test]
fn a_snapshot_without_a_footer_or_with_a_flipped_bit_is_none() {
    let id = SnapshotId {
        end_offset: 0,
        epoch: 0,
    };
    let whole = hex(KAFKA_SNAPSHOT);
    let cut = whole.slice(..whole.len() - 75);
    assert_eq!(
        snapshots::decode(id, cut).err().as_deref(),
        Some("it has no footer")
    );
    for at in [70, 120, whole.len() - 3] {
        let mut flipped = whole.to_vec();
        flipped[at] ^= 1;
        assert!(snapshots::decode(id, flipped.into()).is_err(), "byte {at}");
    }
}

#[test]
fn an_image_comes_back_from_its_snapshot() {
    let mut image = Image::default();
    let mut replay = |record: MetadataRecord| image.replay(&record).expect("it fits");
    replay(
        FeatureLevelRecord {
            name: "metadata.version".into(),
            feature_level: 29,
        }
        .into(),
    );
    for n in 0..2500u16 {
        let mut id = [1; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        replay(
            TopicRecord {
                name: format!("topic-{n}"),
                topic_id: Uuid(id),
            }
            .into(),
        );
    }
    image.set_end(2501, 3);
    let node = ReplicaKey {
        id: 1,
        directory_id: Uuid([5; 16]),
    };
    let voters = VoterSet::sole(node, Vec::new());
    let content = snapshots::encode(&image, &voters, WallMs(1));
    let read = snapshots::decode(
        SnapshotId {
            end_offset: 2501,
            epoch: 3,
        },
        content,
    )
    .expect("our own");
    assert_eq!(read.image, image);
    assert_eq!(read.voters, voters);
}

/// A log in a fresh folder, opened as a start does.
async fn open(path: &std::path::Path) -> (storage::DataDir, super::MetadataLog) {
    let overrides = [
        format!("log.dirs={}", path.display()),
        "internal.metadata.log.segment.bytes=1000".into(),
    ];
    let settings = crate::settings::load(None, &overrides)
        .expect("valid settings")
        .settings;
    let options = storage::DataDirOptions { open_files_max: 10 };
    let data = storage::DataDir::open(path, options).await.expect("it opens");
    let identity = super::identify(&data, &settings).await.expect("ours");
    let mut log = super::MetadataLog::open(&data, &settings, &identity)
        .await
        .expect("it is read");
    log.lead().await.expect("it leads");
    (data, log)
}

fn topics(names: std::ops::Range<u8>) -> Vec<MetadataRecord> {
    let topic = |n: u8| {
        TopicRecord {
            name: format!("topic-{n}"),
            topic_id: Uuid([n; 16]),
        }
        .into()
    };
    names.map(topic).collect()
}

#[test]
fn a_large_decision_is_whole_or_absent() {
    runtime::process::main(async {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("data");
        let (data, mut log) = open(&path).await;
        log.append(&topics(1..101))
            .expect("more than a batch of 1000 bytes holds");
        assert_eq!(log.commit().await.expect("durable").topic_count(), 100);
        // what a crash leaves of another one: its beginning
        let begin = [wire::record::BeginTransactionRecord::default().into()];
        log.append_parts(&[&begin, &topics(101..111)]).expect("appended");
        log.commit().await.expect("durable");
        drop((data, log));

        let (data, mut log) = open(&path).await;
        assert!(log.in_transaction());
        assert_eq!(log.latest().topic_count(), 100);
        log.append(&topics(101..103)).expect("after an abort");
        assert_eq!(log.commit().await.expect("durable").topic_count(), 102);
        drop((data, log));

        let (_data, log) = open(&path).await;
        assert!(!log.in_transaction());
        assert_eq!(log.latest().topic_count(), 102);
    });
}

/// Copies a folder of files, and of folders of files.
async fn copy(from: &std::path::Path, to: &std::path::Path) {
    use runtime::disk;
    disk::create_dir_all(to).await.expect("a new folder");
    for entry in disk::read_dir(from).await.expect("the folder is there") {
        let (from, to) = (from.join(&entry.name), to.join(&entry.name));
        if entry.is_dir {
            Box::pin(copy(&from, &to)).await;
        } else {
            disk::write_atomic(&to, &disk::read(&from).await.expect("read"))
                .await
                .expect("written");
        }
    }
}

#[test]
fn a_data_folder_of_apache_kafka_is_read() {
    let kafkas = concat!(env!("CARGO_MANIFEST_DIR"), "/../storage/testdata/apache-kafka");
    runtime::process::main(async {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("data");
        copy(std::path::Path::new(kafkas), &path).await;
        let (_data, log) = open(&path).await;
        let image = log.latest();
        assert_eq!(
            image.topic("segments").expect("Kafka's topic").partitions.len(),
            5
        );
        assert_eq!(image.feature("metadata.version"), 29);
        assert_eq!(image.feature("transaction.version"), 2);
        let (broker, partition) = (
            image.broker(1).expect("registered"),
            image.partition("segments", 0),
        );
        assert_eq!(broker.endpoints[0].name, "PLAINTEXT");
        let partition = partition.expect("it is there");
        assert_eq!(
            (partition.replicas.as_slice(), partition.directories.as_slice()),
            (&[1][..], &broker.log_dirs[..])
        );
        assert!(
            broker.fenced && partition.leader == metadata::NO_LEADER,
            "it was stopped cleanly"
        );
        assert_eq!(partition.elr, [1], "and waits to be elected again");
    });
}
