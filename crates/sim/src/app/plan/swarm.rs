//! The default swarm: what a seed's plan holds.
//!
//! Swarm testing (Groce et al., ISSTA 2012): each seed enables a random subset of faults and features, since rare
//! combinations hide behind plans in which everything happens at once.

use super::*;
use crate::app::dice::{Dice, Purpose};

/// Faults begin once the topics exist and the first writes are in.
const FIRST_FAULT_MS: u64 = 1500;
/// The last fault ends this long before the plan's end, so that the heal finds a world in motion.
const LAST_FAULT_BEFORE_END_MS: u64 = 500;

pub(super) fn plan(seed: u64) -> Plan {
    let dice = |purpose| Dice::new(seed, purpose, 0);
    let duration_ms = dice(Purpose::Duration).between(25_000, 45_000);
    let clients = dice(Purpose::Clients).between(2, 4) as u32;
    let topics = topics(seed);
    Plan {
        format: PLAN_FORMAT,
        note: None,
        seed,
        scenario: "swarm".to_owned(),
        schedule_seed: dice(Purpose::Schedule).u64(),
        duration_ms,
        // A slow disk recovers hundreds of tiny segments in half a minute.
        progress_ms: 90_000,
        cluster: cluster(&mut dice(Purpose::Cluster)),
        clients,
        disk: disk(&mut dice(Purpose::Disk)),
        network: network(&mut dice(Purpose::Network)),
        buggify: dice(Purpose::Buggify).chance(700),
        workloads: workloads(seed, clients, &topics),
        faults: faults(seed, duration_ms, clients),
        topics,
    }
}

fn cluster(dice: &mut Dice) -> Cluster {
    let mut settings = BTreeMap::new();
    let mut set = |key: &str, value: u64| settings.insert(key.to_owned(), value.to_string());
    set("log.retention.check.interval.ms", dice.pick(&[100, 300, 1000]));
    set(
        "log.flush.offset.checkpoint.interval.ms",
        dice.pick(&[500, 2000, 10_000]),
    );
    set(
        "log.flush.start.offset.checkpoint.interval.ms",
        dice.pick(&[500, 2000, 10_000]),
    );
    set("file.delete.delay.ms", dice.pick(&[0, 500, 3000]));
    Cluster {
        settings,
        brokers: vec![BrokerPlan { id: 1 }],
    }
}

fn disk(dice: &mut Dice) -> DiskCharacter {
    let sync_us = dice.pick(&[[100, 400], [500, 5000], [5000, 60_000]]);
    DiskCharacter {
        sync_us,
        operation_us: dice.pick(&[[20, 200], [500, 3000]]),
        keep_per_mille: dice.pick(&[None, None, Some(0), Some(500), Some(900)]),
        torn_per_mille: dice.pick(&[0, 100, 500]),
    }
}

fn network(dice: &mut Dice) -> NetworkCharacter {
    NetworkCharacter {
        latency_us: dice.pick(&[[50, 300], [200, 2000], [1000, 20_000]]),
        bytes_per_second: dice.chance(250).then(|| dice.pick(&[200_000, 2_000_000])),
        cut_per_mille: dice.pick(&[0, 50, 300]),
        loss_per_mille: dice.pick(&[0, 0, 0, 2]),
    }
}

fn topics(seed: u64) -> Vec<TopicPlan> {
    let count = Dice::new(seed, Purpose::Topics, 0).between(2, 4) as u32;
    (0..count)
        .map(|i| {
            let mut dice = Dice::new(seed, Purpose::Topics, i + 1);
            let mut topic = TopicPlan::draw(format!("topic-{i}"), &mut dice);
            if i == 0 {
                // One topic of each plan keeps every promise, so that P1 always has something to hold.
                topic.config.remove("write.caching");
                topic.config.remove("retention.bytes");
                topic.config.insert("retention.ms".to_owned(), "-1".to_owned());
                topic.delete_records = false;
            }
            topic
        })
        .collect()
}

fn workloads(seed: u64, clients: u32, topics: &[TopicPlan]) -> Vec<WorkloadPlan> {
    let mut all = Vec::new();
    let mut add = |workload: Workload, dice: &mut Dice| {
        let stream = all.len() as u32;
        all.push(WorkloadPlan {
            client: dice.below(u64::from(clients)) as u32,
            stream,
            workload,
        });
    };
    for (i, topic) in topics.iter().enumerate() {
        let mut dice = Dice::new(seed, Purpose::Workloads, i as u32 + 1);
        for _ in 0..dice.between(1, 2) {
            add(produce(topic, &mut dice), &mut dice);
        }
        let name = || topic.name.clone();
        if dice.chance(600) {
            add(raw_produce(topic, &mut dice), &mut dice);
        }
        add(
            Workload::Read {
                topic: name(),
                seek_per_mille: dice.pick(&[0, 20, 200]),
                max_bytes: dice.pick(&[1, 2000, 65_536]),
                wait_ms: dice.between(0, 200),
            },
            &mut dice,
        );
        if topic.retention() || dice.chance(600) {
            add(
                Workload::RawFetch {
                    topic: name(),
                    sessions: dice.chance(500),
                    wait_ms: if topic.retention() {
                        dice.between(20, 100)
                    } else {
                        dice.between(50, 400)
                    },
                },
                &mut dice,
            );
        }
        if dice.chance(500) {
            let partition = dice.below(topic.partitions as u64) as i32;
            let start_before_wrap = dice.between(0, 40) as i32;
            add(
                Workload::Sequences {
                    topic: name(),
                    partition,
                    start_before_wrap,
                    wait_ms: dice.between(40, 300),
                },
                &mut dice,
            );
        }
        if dice.chance(300) {
            add(
                Workload::Garbage {
                    topic: name(),
                    wait_ms: dice.between(100, 1500),
                },
                &mut dice,
            );
        }
        if dice.chance(300) {
            add(
                Workload::TimeQuery {
                    topic: name(),
                    wait_ms: dice.between(100, 1000),
                },
                &mut dice,
            );
        }
        if topic.delete_records {
            add(
                Workload::DeleteRecords {
                    topic: name(),
                    wait_ms: dice.between(500, 4000),
                },
                &mut dice,
            );
        }
    }
    let mut dice = Dice::new(seed, Purpose::Workloads, 0);
    if dice.chance(500) {
        add(
            Workload::TopicChurn {
                name: "churn-0".to_owned(),
                wait_ms: dice.between(50, 1500),
            },
            &mut dice,
        );
    }
    if dice.chance(400) {
        add(
            Workload::ProducerIds {
                wait_ms: dice.between(20, 500),
            },
            &mut dice,
        );
    }
    all
}

fn raw_produce(topic: &TopicPlan, dice: &mut Dice) -> Workload {
    Workload::RawProduce {
        topic: topic.name.clone(),
        acks: dice.pick(&[-1, -1, 1]),
        codec: dice.pick(&[
            Codec::None,
            Codec::None,
            Codec::Gzip,
            Codec::Snappy,
            Codec::Lz4,
            Codec::Zstd,
        ]),
        records_max: dice.between(1, 8) as u32,
        value_bytes: dice.pick(&[40, 100, 600]),
        wait_ms: dice.between(40, 300),
    }
}

fn produce(topic: &TopicPlan, dice: &mut Dice) -> Workload {
    let idempotent = dice.chance(450);
    Workload::Produce {
        topic: topic.name.clone(),
        idempotent,
        acks: if idempotent {
            -1
        } else {
            dice.pick(&[-1, -1, 1, 0])
        },
        codec: dice.pick(&[
            Codec::None,
            Codec::None,
            Codec::Gzip,
            Codec::Snappy,
            Codec::Lz4,
            Codec::Zstd,
        ]),
        keys: match dice.below(3) {
            0 => Keys::Null,
            1 => Keys::Some(dice.between(1, 20) as u32),
            _ => Keys::Explicit,
        },
        linger_ms: dice.pick(&[0, 5, 50]),
        batch_bytes: dice.pick(&[200, 1000, 16_384]),
        value_bytes: dice.pick(&[40, 100, 600]),
        in_flight: dice.pick(&[1, 2, 5]),
        burst: dice.between(1, 6),
        wait_ms: dice.between(40, 400),
    }
}

fn faults(seed: u64, duration_ms: u64, clients: u32) -> Vec<FaultPlan> {
    let mut dice = Dice::new(seed, Purpose::Faults, 0);
    // One seed in sixteen sees no fault at all: what fails there is no matter of faults.
    if dice.chance(60) {
        return Vec::new();
    }
    // Slow disks bring out what lies between the high watermark and the log's end, so they are in most plans.
    let odds = |kind: FaultKind| if kind == FaultKind::SlowDisk { 700 } else { 330 };
    let mut enabled: Vec<FaultKind> = FaultKind::ALL
        .into_iter()
        .filter(|kind| dice.chance(odds(*kind)))
        .collect();
    if enabled.is_empty() {
        enabled.push(FaultKind::PowerLoss);
    }
    let count = dice.between(3, 14) as u32;
    let mut faults: Vec<FaultPlan> = (0..count)
        .map(|i| {
            let mut dice = Dice::new(seed, Purpose::Faults, i + 1);
            let kind = dice.pick(&enabled);
            let last = duration_ms - LAST_FAULT_BEFORE_END_MS;
            let at_ms = dice.between(FIRST_FAULT_MS, last - 1);
            let for_ms = dice.between(1, 4000).min(last - at_ms);
            FaultPlan {
                at_ms,
                for_ms,
                broker: 0,
                stream: i,
                fault: fault(kind, clients, &mut dice),
            }
        })
        .collect();
    faults.sort_by_key(|f| (f.at_ms, f.stream));
    faults
}

fn fault(kind: FaultKind, clients: u32, dice: &mut Dice) -> Fault {
    let odds = |dice: &mut Dice| dice.pick(&[20, 200, 1000]);
    match kind {
        FaultKind::PowerLoss => Fault::PowerLoss {},
        FaultKind::Kill => Fault::Kill {},
        FaultKind::CrashInRecovery => Fault::CrashInRecovery {
            times: dice.between(1, 3) as u32,
            within_us: dice.pick(&[500, 5000, 100_000]),
        },
        FaultKind::CleanRestart => Fault::CleanRestart {},
        FaultKind::Pause => Fault::Pause {},
        FaultKind::WriteError => Fault::WriteError {
            per_mille: odds(dice),
        },
        FaultKind::ReadError => Fault::ReadError {
            per_mille: odds(dice),
        },
        FaultKind::SyncFailure => Fault::SyncFailure {
            per_mille: odds(dice),
        },
        FaultKind::NoSpace => Fault::NoSpace {
            on_sync: dice.chance(200),
        },
        FaultKind::BitRot => Fault::BitRot {
            bits: dice.pick(&[1, 1, 8, 64]),
        },
        FaultKind::MisdirectedWrite => Fault::MisdirectedWrite {},
        FaultKind::SlowDisk => Fault::SlowDisk {
            factor: dice.pick(&[10, 100]),
        },
        FaultKind::Partition => Fault::Partition {
            link: dice.pick(&[Link::Both, Link::Both, Link::ToBroker, Link::FromBroker]),
            client: dice.chance(400).then(|| dice.below(u64::from(clients)) as u32),
        },
        FaultKind::Latency => Fault::Latency {
            extra_us: dice.pick(&[5000, 50_000, 400_000]),
        },
        FaultKind::Bandwidth => Fault::Bandwidth {
            bytes_per_second: dice.pick(&[10_000, 100_000]),
        },
        FaultKind::Reset => Fault::Reset {},
        FaultKind::SilentVanish => Fault::SilentVanish {},
        FaultKind::CutStreams => Fault::CutStreams {
            per_mille: dice.pick(&[500, 1000]),
        },
        FaultKind::PacketLoss => Fault::PacketLoss {
            per_mille: dice.pick(&[10, 100]),
        },
        FaultKind::ConnectTimeout => Fault::ConnectTimeout {},
        FaultKind::ClockStep => {
            let ms = dice.pick(&[10, 1000, 60_000, 3_600_000]) as i64;
            Fault::ClockStep {
                ms: if dice.chance(500) { ms } else { -ms },
            }
        }
        FaultKind::ClockDrift => Fault::ClockDrift {
            ppm: dice.pick(&[-200_000, -500, 500, 200_000]),
        },
    }
}
