//! One run of a plan: boots the world, lets workloads and faults at it, heals it, demands progress, reads everything
//! once more, and stops it.

pub mod admin;
mod cluster;
pub mod connection;
pub mod disk_reader;
pub mod fetching;
mod heal;
pub mod last_read;
pub mod producing;
mod watcher;

use super::history::{History, Partition, Poll, Recorder, TopicRef};
use super::invariants::Heed;
use super::plan::Plan;
use super::report::{Frame, Report};
use super::stopwatch::Stopwatch;
use super::{faults, workloads};
use runtime::mutant::Mutant;
use runtime::sim::{Run, RunOptions, Sim};
use runtime::sync::watch;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use cluster::{Bent, Cluster};
pub use watcher::Watcher;

pub struct Options {
    pub mutant: Option<Mutant>,
    pub heed: Heed,
}

/// What every workload is given.
#[derive(Clone)]
pub struct Context {
    pub plan: Arc<Plan>,
    pub recorder: Recorder,
    /// Where the broker listens.
    pub address: Arc<str>,
    pub topics: Arc<BTreeMap<String, TopicRef>>,
    running: watch::Receiver<bool>,
}

impl Context {
    /// Until the heal begins.
    pub fn running(&self) -> bool {
        *self.running.borrow()
    }

    /// Sleeps, but not past the heal.
    pub async fn pause(&self, ms: u64) {
        let mut running = self.running.clone();
        runtime::select! {
            biased;
            _ = running.wait_for(|running| !*running) => {}
            () = runtime::time::sleep(Duration::from_millis(ms)) => {}
        }
    }
}

pub fn run(plan: &Plan, options: &Options) -> Report {
    let stopwatch = Stopwatch::start();
    let run = Run::new(RunOptions {
        seed: plan.seed,
        schedule_seed: Some(plan.schedule_seed),
        mutant: options.mutant,
        buggify: plan.buggify,
        keep_trace: false,
    });
    let plan_for_run = Arc::new(plan.clone());
    let (history, virtual_time) = run.block_on(async move |sim: Sim| {
        let history = scenario(&sim, plan_for_run).await;
        (history, sim.now())
    });
    let frame = Frame {
        plan,
        heed: &options.heed,
        trace_hash: run.sim().trace_hash().0,
        virtual_seconds: virtual_time.as_secs_f64(),
        wall_seconds: stopwatch.seconds(),
        mutant: options.mutant.map(Mutant::name),
    };
    Report::of(&frame, &history)
}

async fn scenario(sim: &Sim, plan: Arc<Plan>) -> History {
    let recorder = Recorder::default();
    let cluster = Cluster::boot(sim, &plan, &recorder).await;
    let topics = Arc::new(admin::create_planned_topics(&cluster, &plan, &recorder).await);
    let (stop, running) = watch::channel(true);
    let context = Context {
        plan: plan.clone(),
        recorder: recorder.clone(),
        address: cluster.address().into(),
        topics,
        running,
    };
    let watcher = Watcher::start(&cluster);
    let mut tasks = Vec::new();
    for entry in &plan.workloads {
        let work = workloads::run(context.clone(), entry.clone());
        tasks.push((entry.clone(), sim.spawn_on(cluster.client(entry.client), work)));
    }
    faults::drive(&cluster, &plan).await;
    heal::heal(&cluster, &plan).await;
    recorder.with(|h| h.healed = Some(super::clock::now()));
    stop.send_replace(false);
    heal::join_workloads(&cluster, &plan, tasks).await;
    heal::demand_progress(&cluster, &plan, &context).await;
    last_read::read_everything(&cluster, &plan).await;
    cluster.stop_and_look().await;
    watcher.look();
    cluster.note_panics();
    recorder.take()
}

/// A poll that is under way.
pub fn empty_poll(partition: Partition, reader: u32, position: i64) -> Poll {
    Poll {
        partition,
        reader,
        position,
        moved: true,
        records: Vec::new(),
        batches: Vec::new(),
        high_watermark: None,
        log_start: None,
        out_of_range: false,
        last_read: false,
        buffered: false,
    }
}
