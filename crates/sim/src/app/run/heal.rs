//! The second act: everything is repaired, and then progress is demanded.

use super::cluster::Cluster;
use super::connection::Caller;
use super::producing::{self, Header};
use super::{Context, admin};
use crate::app::clock;
use crate::app::history::{At, Call, Liveness, Outcome, Partition, Producer, Recorder, Send};
use crate::app::plan::{Plan, TopicPlan, WorkloadPlan};
use crate::app::value;
use records::Compression;
use runtime::sim::Lifecycle;
use runtime::task::JoinHandle;
use std::collections::BTreeMap;
use std::time::Duration;

/// The stream number of the values that the healed cluster is sent.
const STREAM: u32 = 0x7fff_fff0;
const _: () = assert!(STREAM < 1 << 31, "a value's top bit is taken");
const RETRY_MS: u64 = 250;

/// Ends every fault and brings every broker up; a broker that was given I/O errors is restarted, since only that opens
/// a fenced log again.
pub async fn heal(cluster: &Cluster, plan: &Plan) {
    let sim = &cluster.sim;
    sim.set_faults_on(false);
    sim.heal_net();
    cluster.set_plain_network();
    for index in 0..cluster.broker_count() {
        let node = cluster.broker(index);
        for client in cluster.clients() {
            sim.reset_link(*client, node);
            sim.reset_link(node, *client);
        }
        sim.heal_disk(node);
        sim.set_disk_capacity(node, u64::MAX);
        cluster.set_plain_disk(index);
        sim.set_clock_drift(node, 0);
        sim.set_wall_offset(node, 0);
        if sim.is_paused(node) {
            sim.resume(node);
        }
        let _lifecycle = cluster.lifecycle(index).lock().await;
        if sim.lifecycle(node) == Lifecycle::Running {
            let fenced = cluster.recorder.with(|h| {
                let started = h
                    .node_starts
                    .iter()
                    .filter(|s| s.broker == index)
                    .map(|s| s.at)
                    .max()
                    .unwrap_or(At(0));
                h.io_errors.iter().any(|e| e.broker == index && e.at >= started)
            });
            if fenced {
                cluster.stop(index).await;
                cluster.start(index);
            }
        } else {
            cluster.start(index);
        }
        let asked = clock::now();
        let up = cluster
            .wait_serving(index, Duration::from_millis(plan.progress_ms))
            .await;
        let damaged = cluster.recorder.with(|h| !h.damages.is_empty());
        cluster.recorder.with(|h| {
            h.liveness.push(Liveness {
                demand: format!("starting broker {index}"),
                asked,
                met: up.then(clock::now),
                excuse: None,
                last_error: cluster
                    .start_error(index)
                    .or_else(|| damaged.then(|| "its disk was damaged".to_owned())),
            });
        });
    }
}

/// Workloads end by themselves once they are told to.
pub async fn join_workloads(cluster: &Cluster, plan: &Plan, tasks: Vec<(WorkloadPlan, JoinHandle<()>)>) {
    let asked = clock::now();
    for (entry, task) in tasks {
        let limit = Duration::from_millis(plan.progress_ms);
        let ended = runtime::time::timeout(limit, task).await;
        let last_error = match &ended {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some("its task panicked".to_owned()),
            Err(_) => Some("it waits for an answer still".to_owned()),
        };
        cluster.recorder.with(|h| {
            h.liveness.push(Liveness {
                demand: format!(
                    "the end of workload {} ({})",
                    entry.stream,
                    entry.workload.kind().name()
                ),
                asked,
                met: last_error.is_none().then(clock::now),
                excuse: None,
                last_error,
            });
        });
    }
}

/// Every partition takes a durable record, and a topic can be created.
pub async fn demand_progress(cluster: &Cluster, plan: &Plan, context: &Context) {
    let mut counter = 0;
    for (name, topic) in context.topics.iter() {
        for index in 0..plan.topic(name).map_or(0, |t| t.partitions) {
            counter += 1;
            let partition = Partition { topic: *topic, index };
            let sending = send_surely(
                cluster.address(),
                name.clone(),
                partition,
                value::id(STREAM, counter),
                cluster.recorder.clone(),
                plan.progress_ms,
            );
            demand(
                cluster,
                format!("a record with acks=all to {name}/{index}"),
                Some(partition),
                sending,
            )
            .await;
        }
    }
    let creating = create_surely(cluster.address(), cluster.recorder.clone(), plan.progress_ms);
    demand(cluster, "creating a topic".to_owned(), None, creating).await;
}

async fn demand(
    cluster: &Cluster,
    what: String,
    partition: Option<Partition>,
    task: impl Future<Output = Result<(), String>> + std::marker::Send + 'static,
) {
    let asked = clock::now();
    let result = cluster.sim.spawn_on(cluster.client(0), task).await;
    let last_error = match result {
        Ok(Ok(())) => None,
        Ok(Err(why)) => Some(why),
        Err(_) => Some("the task panicked".to_owned()),
    };
    cluster.recorder.with(|h| {
        let damaged = partition.is_some_and(|p| h.any_damage(p, At::END));
        h.liveness.push(Liveness {
            demand: what,
            asked,
            met: last_error.is_none().then(clock::now),
            excuse: damaged.then(|| "its files were damaged".to_owned()),
            last_error,
        });
    });
}

async fn send_surely(
    address: String,
    topic: String,
    partition: Partition,
    value: u64,
    recorder: Recorder,
    limit_ms: u64,
) -> Result<(), String> {
    let mut caller = Caller::new(&address);
    let give_up = clock::now().0 + limit_ms * 1000;
    let timestamp = runtime::time::WallMs::now().0;
    let send = Send {
        value,
        topic: partition.topic,
        partition: Some(partition.index),
        offset: None,
        acks: -1,
        producer: Producer {
            instance: STREAM,
            idempotent: false,
            ordered: false,
        },
        order: value,
        bytes: 40,
        by_hand: None,
    };
    let op = recorder.invoke(STREAM, Call::Send(send));
    let mut last = Outcome::Failed("the time was up".to_owned());
    let mut ever_unknown = false;
    while clock::now().0 < give_up {
        let batch = producing::batch(Header::PLAIN, Compression::None, &[value], 40, timestamp);
        let limit = Duration::from_secs(5);
        let (outcome, offset) =
            producing::produce(&mut caller, &topic, partition.index, -1, batch, limit).await;
        if outcome.is_ok() {
            recorder.complete(op, outcome, |call| set_offset(call, offset));
            return Ok(());
        }
        ever_unknown |= outcome.is_unknown();
        last = outcome;
        runtime::time::sleep(Duration::from_millis(RETRY_MS)).await;
    }
    let why = last.error().unwrap_or_default().to_owned();
    let outcome = if ever_unknown {
        Outcome::Unknown(why.clone())
    } else {
        last
    };
    recorder.complete(op, outcome, |_| {});
    Err(why)
}

fn set_offset(call: &mut Call, offset: Option<i64>) {
    if let Call::Send(send) = call {
        send.offset = offset;
    }
}

async fn create_surely(address: String, recorder: Recorder, limit_ms: u64) -> Result<(), String> {
    let topic = TopicPlan {
        name: "healed".to_owned(),
        partitions: 1,
        config: BTreeMap::new(),
        delete_records: false,
    };
    let mut caller = Caller::new(&address);
    let give_up = clock::now().0 + limit_ms * 1000;
    let mut last = "the time was up".to_owned();
    while clock::now().0 < give_up {
        let op = recorder.invoke(
            STREAM,
            Call::CreateTopic {
                name: topic.name.clone(),
            },
        );
        let created = admin::create(&mut caller, &topic).await;
        let (outcome, done) = match created {
            Ok((code, _)) => {
                let done = matches!(code, wire::ErrorCode::None | wire::ErrorCode::TopicAlreadyExists);
                (Outcome::of_admin(code), done)
            }
            Err(error) => (Outcome::of_call(&error), false),
        };
        last = outcome.error().unwrap_or_default().to_owned();
        recorder.complete(op, outcome, |_| {});
        if done {
            return Ok(());
        }
        runtime::time::sleep(Duration::from_millis(RETRY_MS)).await;
    }
    Err(last)
}
