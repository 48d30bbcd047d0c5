//! What the faults do: each entry of the plan strikes at its time, for its length, and is noted in the history.
//!
//! Every fault runs as a task of its own on the harness's node, so they overlap. Those that end or start a broker's
//! process take turns.

mod clocks;
mod crashes;
mod disks;
mod network;

use super::clock;
use super::dice::{Dice, Purpose};
use super::history::FaultEvent;
use super::plan::{Fault, FaultPlan, Plan};
use super::run::Cluster;
use runtime::sim::Lifecycle;
use std::sync::Arc;
use std::time::Duration;

/// A broker that ended by itself is started again after this time, as a supervisor would.
const SUPERVISOR_DELAY: Duration = Duration::from_millis(700);
const SUPERVISOR_EVERY: Duration = Duration::from_millis(100);

/// One fault that is striking.
pub struct Strike {
    pub cluster: Arc<Cluster>,
    pub broker: u32,
    pub length: Duration,
    pub dice: Dice,
}

/// Lets every fault of the plan strike, and returns at the plan's end.
pub async fn drive(cluster: &Arc<Cluster>, plan: &Plan) {
    let began = clock::now();
    let mut tasks = Vec::new();
    for entry in &plan.faults {
        let (cluster, entry, seed) = (cluster.clone(), entry.clone(), plan.seed);
        tasks.push(runtime::task::spawn(async move {
            cluster.sim.sleep(Duration::from_millis(entry.at_ms)).await;
            strike(cluster, entry, seed).await;
        }));
    }
    let supervisor = runtime::task::spawn(supervise(cluster.clone()));
    for task in tasks {
        task.await.expect("a fault does not panic");
    }
    let passed = Duration::from_micros(clock::now().0 - began.0);
    cluster
        .sim
        .sleep(Duration::from_millis(plan.duration_ms).saturating_sub(passed))
        .await;
    supervisor.abort();
}

async fn strike(cluster: Arc<Cluster>, entry: FaultPlan, seed: u64) {
    let at = clock::now();
    let kind = entry.fault.kind().name();
    runtime::trace!("fault {kind} begins");
    let recorder = cluster.recorder.clone();
    let strike = Strike {
        cluster,
        broker: entry.broker,
        length: Duration::from_millis(entry.for_ms),
        dice: Dice::new(seed, Purpose::FaultRun, entry.stream),
    };
    let note = match entry.fault {
        Fault::PowerLoss {} => crashes::power_loss(strike).await,
        Fault::Kill {} => crashes::kill(strike).await,
        Fault::CrashInRecovery { times, within_us } => {
            crashes::crash_in_recovery(strike, times, within_us).await
        }
        Fault::CleanRestart {} => crashes::clean_restart(strike).await,
        Fault::Pause {} => crashes::pause(strike).await,
        Fault::WriteError { per_mille } => disks::write_error(strike, per_mille).await,
        Fault::ReadError { per_mille } => disks::read_error(strike, per_mille).await,
        Fault::SyncFailure { per_mille } => disks::sync_failure(strike, per_mille).await,
        Fault::NoSpace { on_sync } => disks::no_space(strike, on_sync).await,
        Fault::BitRot { bits } => disks::bit_rot(strike, bits).await,
        Fault::MisdirectedWrite {} => disks::misdirected_write(strike).await,
        Fault::SlowDisk { factor } => disks::slow(strike, factor).await,
        Fault::Partition { link, client } => network::partition(strike, link, client).await,
        Fault::Latency { extra_us } => network::latency(strike, extra_us).await,
        Fault::Bandwidth { bytes_per_second } => network::bandwidth(strike, bytes_per_second).await,
        Fault::Reset {} => network::reset(strike).await,
        Fault::SilentVanish {} => network::silent_vanish(strike).await,
        Fault::CutStreams { per_mille } => network::cut_streams(strike, per_mille).await,
        Fault::PacketLoss { per_mille } => network::packet_loss(strike, per_mille).await,
        Fault::ConnectTimeout {} => network::connect_timeout(strike).await,
        Fault::ClockStep { ms } => clocks::step(strike, ms).await,
        Fault::ClockDrift { ppm } => clocks::drift(strike, ppm).await,
    };
    runtime::trace!("fault {kind} ends");
    // One that found nothing to strike (the broker was down already) does not count.
    if let Some(note) = note {
        let event = FaultEvent {
            at,
            until: clock::now(),
            kind,
            broker: entry.broker,
            note,
        };
        tracing::info!(kind, note = event.note, "fault over");
        recorder.with(|h| h.faults.push(event));
    }
}

/// Starts brokers again that ended by themselves: a fatal error is no reason to stay away.
async fn supervise(cluster: Arc<Cluster>) {
    loop {
        cluster.sim.sleep(SUPERVISOR_EVERY).await;
        for index in 0..cluster.broker_count() {
            if cluster.sim.lifecycle(cluster.broker(index)) != Lifecycle::Exited {
                continue;
            }
            let _lifecycle = cluster.lifecycle(index).lock().await;
            if cluster.sim.lifecycle(cluster.broker(index)) == Lifecycle::Exited {
                cluster.sim.sleep(SUPERVISOR_DELAY).await;
                cluster.start(index);
            }
        }
    }
}
