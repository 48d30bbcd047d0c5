//! The nodes of a run: brokers that are started through `broker::Broker::start`, and client machines.

use super::disk_reader;
use crate::app::clock;
use crate::app::history::{At, Cause, Loss, NodePanic, NodeStart, Recorder, Stop, ViewMoment};
use crate::app::plan::Plan;
use runtime::sim::{DiskSpeed, Link, NetConfig, NodeId, PowerLoss, Sim};
use runtime::sync::{AsyncMutex, Mutex, watch};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// Where a broker keeps its data.
pub const DATA: &str = "/data";
const PORT: u16 = 9092;
/// A broker that has nothing to recover is up within this.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
/// A graceful stop takes at most this.
pub const STOP_LIMIT: Duration = Duration::from_secs(60);

pub struct Cluster {
    pub sim: Sim,
    pub plan: Arc<Plan>,
    pub recorder: Recorder,
    brokers: Vec<BrokerNode>,
    clients: Vec<NodeId>,
    bent: Mutex<Bent>,
}

/// How the network differs from the plan's while faults stand.
#[derive(Clone, Debug, Default)]
pub struct Bent {
    pub extra_us: u64,
    pub bytes_per_second: Option<u64>,
    pub cut_per_mille: Option<u64>,
    pub loss_per_mille: Option<u64>,
    pub connects_hang: bool,
}

/// A broker's machine, over all its processes.
struct BrokerNode {
    node: NodeId,
    state: Arc<BrokerState>,
}

struct BrokerState {
    index: u32,
    /// How the process before the next one ended.
    ended: Mutex<Stop>,
    serving: watch::Sender<bool>,
    /// Why the last start failed, if it did.
    error: Mutex<Option<String>>,
    /// Held by whoever is ending or starting the process.
    lifecycle: AsyncMutex<()>,
}

impl Cluster {
    /// Boots everything and waits until the brokers serve.
    pub async fn boot(sim: &Sim, plan: &Arc<Plan>, recorder: &Recorder) -> Arc<Cluster> {
        let mut cluster = Cluster {
            sim: sim.clone(),
            plan: plan.clone(),
            recorder: recorder.clone(),
            brokers: Vec::new(),
            clients: Vec::new(),
            bent: Mutex::default(),
        };
        cluster.set_plain_network();
        for index in 0..plan.cluster.brokers.len() as u32 {
            cluster.add_broker(index);
        }
        for index in 0..plan.clients {
            let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 1, 1 + index as u8));
            let node = sim.add_node(&format!("client-{index}"), ip, std::future::pending);
            cluster.clients.push(node);
        }
        for index in 0..cluster.brokers.len() as u32 {
            cluster.set_plain_disk(index);
            let up = cluster.wait_serving(index, BOOT_LIMIT).await;
            let why = cluster
                .start_error(index)
                .unwrap_or_else(|| "no error was given".to_owned());
            assert!(
                up || !sim.panics().is_empty(),
                "broker {index} did not start on an empty disk: {why}"
            );
        }
        Arc::new(cluster)
    }

    fn add_broker(&mut self, index: u32) {
        let state = Arc::new(BrokerState {
            index,
            ended: Mutex::new(Stop::First),
            serving: watch::Sender::new(false),
            error: Mutex::new(None),
            lifecycle: AsyncMutex::new(()),
        });
        let ip = broker_ip(index);
        let (sim, plan, recorder) = (self.sim.clone(), self.plan.clone(), self.recorder.clone());
        let of_node = state.clone();
        let node = self.sim.add_node(
            &format!("broker-{}", plan.cluster.brokers[index as usize].id),
            ip,
            move || process(sim.clone(), plan.clone(), recorder.clone(), of_node.clone()),
        );
        self.brokers.push(BrokerNode { node, state });
    }

    pub fn address(&self) -> String {
        format!("{}:{PORT}", broker_ip(0))
    }

    pub fn broker(&self, index: u32) -> NodeId {
        self.brokers[index as usize].node
    }

    pub fn broker_count(&self) -> u32 {
        self.brokers.len() as u32
    }

    pub fn client(&self, index: u32) -> NodeId {
        self.clients[index as usize]
    }

    pub fn clients(&self) -> &[NodeId] {
        &self.clients
    }

    /// Whoever ends or starts a broker's process holds this meanwhile.
    pub fn lifecycle(&self, index: u32) -> &AsyncMutex<()> {
        &self.brokers[index as usize].state.lifecycle
    }

    pub fn start_error(&self, index: u32) -> Option<String> {
        self.brokers[index as usize].state.error.lock().clone()
    }

    pub fn is_serving(&self, index: u32) -> bool {
        *self.brokers[index as usize].state.serving.borrow() && self.sim.is_running(self.broker(index))
    }

    /// False when the broker does not serve within the time.
    pub async fn wait_serving(&self, index: u32, limit: Duration) -> bool {
        let mut serving = self.brokers[index as usize].state.serving.subscribe();
        let up = async { serving.wait_for(|up| *up).await.is_ok() };
        let node = self.broker(index);
        runtime::select! {
            biased;
            up = up => up,
            _ = self.sim.wait_exit(node) => false,
            () = self.sim.sleep(limit) => false,
        }
    }

    /// Ends the broker's process in this way.
    pub fn end(&self, index: u32, how: Stop) {
        let state = &self.brokers[index as usize].state;
        let was_serving = state.serving.send_replace(false);
        let node = self.broker(index);
        match how {
            Stop::PowerLoss | Stop::PowerLossInRecovery => {
                let in_recovery = !was_serving && self.sim.is_running(node);
                self.sim.power_loss(node);
                self.note_power_loss();
                let mut ended = state.ended.lock();
                let again = in_recovery || *ended == Stop::PowerLossInRecovery && !was_serving;
                *ended = if again {
                    Stop::PowerLossInRecovery
                } else {
                    Stop::PowerLoss
                };
            }
            Stop::Kill => {
                self.sim.kill(node);
                *state.ended.lock() = Stop::Kill;
            }
            Stop::First | Stop::Clean | Stop::Exit => {
                unreachable!("these are not done to a broker from outside")
            }
        }
    }

    /// Asks the broker to stop and waits; false when it had to be killed.
    pub async fn stop(&self, index: u32) -> bool {
        let state = &self.brokers[index as usize].state;
        let stopped = self.sim.stop(self.broker(index), STOP_LIMIT).await;
        state.serving.send_replace(false);
        if !stopped {
            self.sim.kill(self.broker(index));
        }
        *state.ended.lock() = if stopped { Stop::Clean } else { Stop::Kill };
        stopped
    }

    pub fn start(&self, index: u32) {
        let state = &self.brokers[index as usize].state;
        state.serving.send_replace(false);
        *state.error.lock() = None;
        self.sim.restart(self.broker(index));
    }

    fn note_power_loss(&self) {
        let loss = Loss {
            at: clock::now(),
            partition: None,
            cause: Cause::PowerLoss,
        };
        self.recorder.with(|h| h.losses.push(loss));
    }

    pub fn note_panics(&self) {
        let panics = self.sim.panics();
        self.recorder.with(|h| {
            h.panics = panics
                .iter()
                .map(|p| NodePanic {
                    at: At(p.at.as_micros() as u64),
                    node: p.name.clone(),
                    message: format!("{} ({})", p.message, p.location),
                })
                .collect();
        });
    }

    /// Stops every broker for good and looks at its disk.
    pub async fn stop_and_look(&self) {
        for index in 0..self.broker_count() {
            let asked = clock::now();
            let stopped = !self.sim.is_running(self.broker(index)) || self.stop(index).await;
            let met = stopped.then(clock::now);
            self.recorder.with(|h| {
                h.liveness.push(crate::app::history::Liveness {
                    demand: format!("a clean stop of broker {index}"),
                    asked,
                    met,
                    excuse: None,
                    last_error: Some(format!("it did not end within {} s", STOP_LIMIT.as_secs())),
                });
            });
            if stopped {
                disk_reader::look(
                    &self.sim,
                    self.broker(index),
                    index,
                    ViewMoment::Stopped,
                    &self.recorder,
                );
            }
        }
    }

    /// The network as the plan has it without faults.
    pub fn set_plain_network(&self) {
        self.bend_network(|bent| *bent = Bent::default());
    }

    /// Changes how the network differs from the plan's.
    pub fn bend_network(&self, change: impl FnOnce(&mut Bent)) {
        let bent = {
            let mut bent = self.bent.lock();
            change(&mut bent);
            bent.clone()
        };
        let plain = &self.plan.network;
        let [low, high] = plain
            .latency_us
            .map(|us| Duration::from_micros(us + bent.extra_us));
        let default = NetConfig::default();
        self.sim.set_net(NetConfig {
            cut: bent.cut_per_mille.unwrap_or(plain.cut_per_mille) as f64 / 1000.0,
            backlog: if bent.connects_hang { 0 } else { default.backlog },
            ..default
        });
        self.sim.set_default_link(Link {
            latency: (low, high),
            bytes_per_second: bent.bytes_per_second.or(plain.bytes_per_second).unwrap_or(0),
            loss: bent.loss_per_mille.unwrap_or(plain.loss_per_mille) as f64 / 1000.0,
        });
    }

    /// A broker's disk as the plan has it without faults.
    pub fn set_plain_disk(&self, index: u32) {
        let disk = &self.plan.disk;
        let share = |per_mille: u64| per_mille as f64 / 1000.0;
        let odds = PowerLoss {
            keep: disk.keep_per_mille.map(share),
            torn: share(disk.torn_per_mille),
        };
        self.sim.set_power_loss(self.broker(index), odds);
        self.set_disk_speed(index, 1);
    }

    pub fn set_disk_speed(&self, index: u32, factor: u64) {
        let range = |[low, high]: [u64; 2]| {
            (
                Duration::from_micros(low * factor),
                Duration::from_micros(high * factor),
            )
        };
        let disk = &self.plan.disk;
        let speed = DiskSpeed {
            operation: range(disk.operation_us),
            sync: range(disk.sync_us),
            ..DiskSpeed::default()
        };
        self.sim.set_disk_speed(self.broker(index), speed);
    }
}

fn broker_ip(index: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1 + index as u8))
}

/// The settings of a broker, as its server.properties would say them.
fn settings(plan: &Plan, index: u32) -> broker::settings::Settings {
    let ip = broker_ip(index);
    let mut text = format!(
        "node.id={}\nlog.dirs={DATA}\nlisteners=PLAINTEXT://{ip}:{PORT}\nadvertised.listeners=PLAINTEXT://{ip}:{PORT}\nodradek.metrics.listener=\n",
        plan.cluster.brokers[index as usize].id
    );
    for (key, value) in &plan.cluster.settings {
        text.push_str(&format!("{key}={value}\n"));
    }
    match broker::settings::load(Some(("plan", &text)), &[]) {
        Ok(loaded) => loaded.settings,
        Err(error) => panic!("the plan's settings are refused: {error}"),
    }
}

/// One process of a broker, from start to end.
async fn process(sim: Sim, plan: Arc<Plan>, recorder: Recorder, state: Arc<BrokerState>) {
    let index = state.index;
    let after = *state.ended.lock();
    let start = recorder.with(|h| {
        h.node_starts.push(NodeStart {
            broker: index,
            at: clock::now(),
            ready: None,
            after,
        });
        h.node_starts.len() - 1
    });
    let handle = match broker::Broker::start(settings(&plan, index)).await {
        Ok(handle) => handle,
        Err(error) => {
            tracing::warn!("the broker did not start: {error}");
            runtime::trace!("broker {index} did not start: {error}");
            *state.error.lock() = Some(error.to_string());
            *state.ended.lock() = Stop::Exit;
            return;
        }
    };
    recorder.with(|h| h.node_starts[start].ready = Some(clock::now()));
    let moment = ViewMoment::Recovered {
        after_crash_in_recovery: after == Stop::PowerLossInRecovery,
    };
    if let Some(node) = runtime::sim::current_node() {
        disk_reader::look(&sim, node, index, moment, &recorder);
    }
    state.serving.send_replace(true);
    runtime::select! {
        biased;
        () = runtime::process::shutdown_signal() => {
            handle.shutdown().await;
            *state.ended.lock() = Stop::Clean;
        }
        _ = handle.wait() => *state.ended.lock() = Stop::Exit,
    }
    state.serving.send_replace(false);
}
