//! The controller on a simulated machine that loses its power at any instant: while it formats, while it appends,
//! while it writes snapshots, while it recovers; and whose
//! disk may fail.
#![cfg(madsim)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::Arc;

use broker::controller::Controller;
use broker::settings::{Protocol, Settings, load};
use runtime::sim::{DiskFault, NodeId, Run, RunOptions, Sim};
use runtime::sync::Mutex;
use runtime::time::{self, Duration};
use runtime::{process, rng};
use storage::{DataDir, DataDirOptions};
use wire::create_topics::{CreatableTopic, CreateTopicsRequest};
use wire::{ErrorCode, Uuid};

const SEEDS: u64 = 20;
const CRASHES: u64 = 12;

/// What clients were told, and what starts showed.
#[derive(Default)]
struct Told {
    /// Topics whose creation was acknowledged.
    topics: BTreeMap<String, Uuid>,
    producer_ids: Vec<Range<i64>>,
    cluster_id: Option<String>,
    last_epoch: i32,
    last_broker_epoch: i64,
    /// (leader epoch, partition epoch) of topics' first partitions, as last seen.
    epochs: BTreeMap<String, (i32, i32)>,
    attempts: u64,
    /// Creations that the disk refused.
    refused: u64,
    starts: u64,
    /// Once nothing crashes any more: stop after the next start.
    healed: bool,
}

fn settings() -> Settings {
    let overrides = [
        "log.dirs=/data",
        "metadata.log.max.record.bytes.between.snapshots=1500",
        "metadata.max.retention.bytes=4000",
        "internal.metadata.log.segment.bytes=2000",
    ];
    load(None, &overrides.map(str::to_string))
        .expect("valid settings")
        .settings
}

/// The node's process: starts, checks what the log remembers, creates topics until it dies, or until its disk
/// fails it.
async fn node(told: Arc<Mutex<Told>>) {
    let ended = run_node(&told).await;
    let healed = told.lock().healed;
    assert!(!healed, "a healed node goes on: {ended}");
}

/// Answers why the process ended.
async fn run_node(told: &Mutex<Told>) -> String {
    let data = match DataDir::open("/data", DataDirOptions { open_files_max: 100 }).await {
        Ok(data) => data,
        Err(error) => return error.to_string(),
    };
    let controller = match Controller::start(data, settings()).await {
        Ok(controller) => controller,
        Err(error) => return error.to_string(),
    };
    check(&controller, &mut told.lock());
    let listener = (
        "PLAINTEXT".to_string(),
        "localhost".to_string(),
        9092,
        Protocol::Plaintext,
    );
    if let Err(refusal) = controller.register_broker(vec![listener], None).await {
        return refusal.message;
    }
    check_registered(&controller, &mut told.lock());
    loop {
        runtime::select! {
            biased;
            reason = controller.failed() => return reason,
            () = process::shutdown_signal() => return "asked to stop".to_string(),
            () = work(&controller, told) => {}
        }
    }
}

async fn work(controller: &Controller, told: &Mutex<Told>) {
    let name = {
        let mut told = told.lock();
        told.attempts += 1;
        format!("t{}", told.attempts)
    };
    create(controller, &name, told).await;
    if rng::below(4) == 0
        && let Ok(block) = controller.allocate_producer_ids().await
    {
        told.lock().producer_ids.push(block);
    }
    if told.lock().healed {
        time::sleep(Duration::from_secs(1)).await;
    }
}

async fn create(controller: &Controller, name: &str, told: &Mutex<Told>) {
    let topic = CreatableTopic {
        name: name.into(),
        num_partitions: 1,
        replication_factor: 1,
        ..Default::default()
    };
    let request = CreateTopicsRequest {
        topics: vec![topic],
        ..Default::default()
    };
    let reply = controller.create_topics(request).await;
    match ErrorCode::from_code(reply.topics[0].error_code) {
        ErrorCode::None => {}
        ErrorCode::KafkaStorageError => {
            told.lock().refused += 1;
            return time::sleep(Duration::from_millis(1)).await;
        }
        other => panic!("{other:?}: {:?}", reply.topics[0].error_message),
    }
    let mut told = told.lock();
    told.topics.insert(name.to_string(), reply.topics[0].topic_id);
    told.cluster_id.get_or_insert(controller.cluster_id().to_string());
}

/// What was acknowledged is there, and epochs have risen.
fn check(controller: &Controller, told: &mut Told) {
    let image = controller.image();
    for (name, id) in &told.topics {
        assert_eq!(
            image.topic(name).map(|topic| topic.id),
            Some(*id),
            "{name} was acknowledged"
        );
    }
    if let Some(cluster_id) = &told.cluster_id {
        assert_eq!(controller.cluster_id(), cluster_id, "formatted once");
        assert!(
            image.epoch() > told.last_epoch,
            "a new quorum epoch at every start"
        );
    }
    let spent = told.producer_ids.iter().map(|block| block.end).max().unwrap_or(0);
    assert!(
        image.next_producer_id() >= spent,
        "producer ids are not given again"
    );
    told.last_epoch = image.epoch();
    told.starts += 1;
}

fn check_registered(controller: &Controller, told: &mut Told) {
    let image = controller.image();
    if told.cluster_id.is_some() {
        assert!(
            controller.broker_epoch() > told.last_broker_epoch,
            "broker epochs rise"
        );
        told.last_broker_epoch = controller.broker_epoch();
    }
    for topic in image.topics() {
        let partition = &topic.partitions[&0];
        assert_eq!((partition.leader, partition.isr.as_slice()), (1, &[1][..]));
        let now = (partition.leader_epoch, partition.partition_epoch);
        if let Some(before) = told.epochs.insert(topic.name.clone(), now) {
            assert!(
                now.0 > before.0 && now.1 > before.1,
                "a new incarnation, a new leader epoch"
            );
        }
    }
}

/// Answers how many requests the disk made fail.
async fn scenario(sim: Sim, faulty: bool) -> u64 {
    let told = Arc::new(Mutex::new(Told::default()));
    let of_node = told.clone();
    let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let id = sim.add_node("n1", ip, move || node(of_node.clone()));
    for _ in 0..CRASHES {
        nap().await;
        if faulty && rng::below(2) == 0 {
            let faults = [
                DiskFault::WriteError,
                DiskFault::SyncError,
                DiskFault::NoSpace,
                DiskFault::MetadataError,
            ];
            sim.fail_next(id, faults[rng::below(4) as usize], "/data");
        }
        nap().await;
        crash(&sim, id);
        sim.restart(id);
    }
    sim.heal_disk(id);
    crash(&sim, id);
    told.lock().healed = true;
    let starts = told.lock().starts;
    sim.restart(id);
    time::sleep(Duration::from_secs(20)).await;
    let panics = sim.panics();
    assert!(
        panics.is_empty(),
        "{} at {}",
        panics[0].message,
        panics[0].location
    );
    assert!(told.lock().starts > starts, "a healed node starts");
    assert!(!told.lock().topics.is_empty(), "some work was done");
    told.lock().refused
}

async fn nap() {
    let micros = match rng::below(3) {
        0 => rng::below(3_000),
        1 => rng::below(20_000),
        _ => rng::below(150_000),
    };
    time::sleep(Duration::from_micros(micros)).await;
}

fn crash(sim: &Sim, id: NodeId) {
    if rng::below(5) == 0 {
        sim.kill(id)
    } else {
        sim.power_loss(id)
    }
}

/// Runs seeds, from CRASH_SEED on if it is set; answers how many requests failed.
fn seeds(faulty: bool) -> u64 {
    let first = std::env::var("CRASH_SEED")
        .ok()
        .and_then(|text| text.parse::<u64>().ok());
    let count = std::env::var("CRASH_SEEDS")
        .ok()
        .and_then(|text| text.parse::<u64>().ok());
    let first = first.unwrap_or(0);
    let mut refused = 0;
    for seed in first..first + count.unwrap_or(SEEDS) {
        let run = Run::new(RunOptions {
            seed,
            ..Default::default()
        });
        let scenario = |sim| scenario(sim, faulty);
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.block_on(scenario))) {
            Ok(count) => refused += count,
            Err(panic) => {
                eprintln!(
                    "again: CRASH_SEED={seed} CRASH_SEEDS=1 scripts/sim-cargo test -p broker --test crash"
                );
                std::panic::resume_unwind(panic);
            }
        }
    }
    refused
}

#[test]
fn nothing_acknowledged_is_lost_at_any_instant() {
    assert_eq!(seeds(false), 0, "a sound disk refuses nothing");
}

#[test]
fn nothing_acknowledged_is_lost_by_a_disk_that_says_that_it_fails() {
    let refused = seeds(true);
    assert!(
        refused > 0 || std::env::var_os("CRASH_SEED").is_some(),
        "the disk's faults were met"
    );
}

#[test]
fn a_failed_append_ends_the_node_and_not_only_the_decision() {
    let run = Run::new(RunOptions::default());
    run.block_on(async |sim: Sim| {
        let told = Arc::new(Mutex::new(Told::default()));
        let ended = Arc::new(Mutex::new(None));
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        let (node_told, node_ended) = (told.clone(), ended.clone());
        let id = sim.add_node("controller", address, move || {
            let (told, ended) = (node_told.clone(), node_ended.clone());
            async move {
                let reason = run_node(&told).await;
                *ended.lock() = Some(reason);
            }
        });
        sim.sleep(Duration::from_secs(1)).await;
        assert!(!told.lock().topics.is_empty(), "it creates topics");
        sim.set_faults_on(true);
        sim.fail_next(id, DiskFault::WriteError, "__cluster_metadata-0/");
        sim.sleep(Duration::from_secs(1)).await;
        let reason = ended.lock().take().expect("the node stopped");
        assert!(reason.contains("__cluster_metadata"), "{reason}");
    });
}
