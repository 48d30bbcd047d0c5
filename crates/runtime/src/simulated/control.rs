//! The control surface of a simulated run, for the crate `sim` and for tests.
//!
//! One process runs one seed: make a [`Run`], [`Run::block_on`] a scenario, and steer it through [`Sim`].
//!
//! ```ignore
//! let run = Run::new(RunOptions { seed: 42, ..RunOptions::default() });
//! run.block_on(async |sim| {
//!     let node = sim.add_node("broker-1", "10.0.0.1".parse().unwrap(), || broker());
//!     sim.sleep(Duration::from_secs(5)).await;
//!     sim.power_loss(node);
//!     sim.restart(node);
//! });
//! println!("{:016x}", run.sim().trace_hash().0);
//! ```

use super::driver::Driver;
use super::panics::{Guarded, install_hook};
use super::task::JoinHandle;
use super::universe::{Reset, World, enter, install, try_world};
use crate::mutant::Mutant;
use crate::time::WallMs;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use super::dice::Dice;
pub use super::disk::faults::{
    Damage, DamageKind, DiskError, DiskFault, DiskSpeed, DiskStatistics, PowerLoss,
};
pub use super::net::fabric::{NetConfig, NetStatistics};
pub use super::net::links::Link;

/// A node of a run. 0 is the harness itself; the others count from 1 in the order of their making.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The node on which the future given to [`Run::block_on`] runs: a host with an address, never killed.
    pub const HARNESS: NodeId = NodeId(0);

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a run is made from.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Feeds every stream of randomness of the network, the disks, the nodes' entropy and buggify.
    pub seed: u64,
    /// Feeds madsim's choice of the next task; the seed itself when none is given.
    pub schedule_seed: Option<u64>,
    /// The bug that is planted in this run.
    pub mutant: Option<Mutant>,
    /// Whether `runtime::buggify` sites may fire.
    pub buggify: bool,
    /// Whether the events of the trace are kept as text, to find where two runs part.
    pub keep_trace: bool,
}

/// What a node's process is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lifecycle {
    Running,
    /// Its first task ended by itself (or panicked).
    Exited,
    /// Killed; the machine is up.
    Killed,
    /// The machine has no power.
    PoweredOff,
}

/// A panic inside a node.
#[derive(Clone, Debug)]
pub struct NodePanic {
    pub node: NodeId,
    pub name: String,
    /// True time since the start of the run.
    pub at: Duration,
    pub message: String,
    /// `file:line:column`.
    pub location: String,
    /// Empty unless RUST_BACKTRACE is set.
    pub backtrace: String,
}

/// One simulated run.
pub struct Run {
    runtime: madsim::runtime::Runtime,
    sim: Sim,
}

impl Run {
    pub fn new(options: RunOptions) -> Run {
        install_hook();
        let schedule_seed = options.schedule_seed.unwrap_or(options.seed);
        let runtime =
            madsim::runtime::Runtime::with_seed_and_config(schedule_seed, madsim::Config::default());
        let world = install(&runtime, options);
        Run {
            runtime,
            sim: Sim { world },
        }
    }

    /// The run's control surface; it also answers after the run, for reports.
    pub fn sim(&self) -> Sim {
        self.sim.clone()
    }

    /// Runs the scenario on the harness's node to its end. A panic of the scenario itself goes through.
    pub fn block_on<F: Future>(&self, scenario: impl FnOnce(Sim) -> F) -> F::Output {
        let _entered = enter(Some(self.sim.world.clone()));
        let sim = self.sim.clone();
        self.runtime.block_on(async move {
            if sim.world.nodes.lock().is_empty() {
                let ip = IpAddr::V4(Ipv4Addr::new(10, 255, 255, 254));
                sim.world
                    .add_machine("harness".into(), ip, madsim::plugin::node());
            }
            let driver = madsim::task::spawn(Driver::new(sim.world.clone()));
            let output = scenario(sim).await;
            driver.abort();
            output
        })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.sim.world.dissolve();
    }
}

/// Steers a run. Cheap to clone. Whatever makes, kills or restarts nodes works inside [`Run::block_on`] only.
#[derive(Clone)]
pub struct Sim {
    pub(super) world: Arc<World>,
}

impl Sim {
    /// The control surface of the run that the caller is inside of.
    pub fn current() -> Sim {
        Sim {
            world: super::universe::world(),
        }
    }

    // --- nodes ---

    /// Makes a machine and starts its process: the future that `init` makes, again at every restart. Other nodes
    /// reach it by its address or its name. The process ends when the future ends.
    pub fn add_node<F>(&self, name: &str, ip: IpAddr, init: impl Fn() -> F + Send + Sync + 'static) -> NodeId
    where
        F: Future<Output = ()> + 'static,
    {
        let world = self.world.clone();
        let id = world.next_node();
        let init = Arc::new(init);
        let handle = madsim::runtime::Handle::current();
        let builder = handle.create_node().name(name).init(move || {
            let (world, init) = (world.clone(), init.clone());
            async move {
                // A panic is noted by the guard; the process ends either way.
                let _ = Guarded::new(world.clone(), id, async move { init().await }).await;
                world.on_process_exit(id);
            }
        });
        let madsim = builder.build().id();
        self.world.add_machine(name.into(), ip, madsim)
    }

    /// Runs a future on a node that is running, as one more task of its process.
    pub fn spawn_on<F>(&self, node: NodeId, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let madsim = self.world.with_node(node, |node| node.madsim);
        let handle = madsim::runtime::Handle::current()
            .get_node(madsim)
            .expect("nodes are never removed");
        JoinHandle::new(handle.spawn(Guarded::new(self.world.clone(), node, future)))
    }

    /// All nodes but the harness.
    pub fn nodes(&self) -> Vec<NodeId> {
        (1..self.world.nodes.lock().len() as u32).map(NodeId).collect()
    }

    pub fn node_name(&self, node: NodeId) -> String {
        self.world.node_name(node)
    }

    pub fn lifecycle(&self, node: NodeId) -> Lifecycle {
        self.world.with_node(node, |node| *node.lifecycle.borrow())
    }

    pub fn is_running(&self, node: NodeId) -> bool {
        self.lifecycle(node) == Lifecycle::Running
    }

    /// Waits until the node's process is no longer running.
    pub async fn wait_exit(&self, node: NodeId) -> Lifecycle {
        let mut changes = self.world.with_node(node, |node| node.lifecycle.subscribe());
        let ended = changes
            .wait_for(|lifecycle| *lifecycle != Lifecycle::Running)
            .await;
        ended.map_or(Lifecycle::Killed, |lifecycle| *lifecycle)
    }

    /// `kill -9`: the kernel closes the process's sockets with FIN or RST, and its writes stay in the page cache.
    pub fn kill(&self, node: NodeId) {
        self.reset(node, Reset::Process, Lifecycle::Killed);
    }

    /// Pulls the plug: peers hear nothing, and of what was not synced each sector is kept, lost or torn.
    pub fn power_loss(&self, node: NodeId) {
        self.reset(node, Reset::Power, Lifecycle::PoweredOff);
    }

    /// SIGTERM: `process::shutdown_signal` completes on the node. Waits for the process to end by itself; false when
    /// it did not within the time, and then it still runs.
    pub async fn stop(&self, node: NodeId, within: Duration) -> bool {
        crate::trace!("stop node {node}");
        self.world.with_node(node, |node| node.stop.send_replace(true));
        crate::time::timeout(within, self.wait_exit(node)).await.is_ok()
    }

    /// Shuts the machine of an ended process down in good order: everything written reaches the disk.
    pub fn shut_down_machine(&self, node: NodeId) {
        if self.is_running(node) {
            self.kill(node);
        }
        self.world.disk(node).lock().sync_everything();
    }

    /// Starts the node's process again, after powering the machine up if need be; one that still runs is killed.
    pub fn restart(&self, node: NodeId) {
        if self.is_running(node) {
            self.kill(node);
        }
        crate::trace!("restart node {node}");
        self.world.net.lock().power_up(node);
        let madsim = self.world.with_node(node, |node| {
            node.stop.send_replace(false);
            node.lifecycle.send_replace(Lifecycle::Running);
            node.paused = false;
            node.madsim
        });
        madsim::runtime::Handle::current().restart(madsim);
    }

    /// Stops running the node's tasks (SIGSTOP): its kernel still answers, its timers come late.
    pub fn pause(&self, node: NodeId) {
        crate::trace!("pause node {node}");
        let madsim = self.world.with_node(node, |node| {
            node.paused = true;
            node.madsim
        });
        madsim::runtime::Handle::current().pause(madsim);
    }

    pub fn resume(&self, node: NodeId) {
        crate::trace!("resume node {node}");
        let madsim = self.world.with_node(node, |node| {
            node.paused = false;
            node.madsim
        });
        madsim::runtime::Handle::current().resume(madsim);
    }

    pub fn is_paused(&self, node: NodeId) -> bool {
        self.world.with_node(node, |node| node.paused)
    }

    fn reset(&self, node: NodeId, reset: Reset, after: Lifecycle) {
        assert_ne!(node, NodeId::HARNESS, "the harness's own node cannot be killed");
        crate::trace!("{reset:?} ends node {node}");
        if self.is_paused(node) {
            // madsim drops a paused node's tasks before it resets the node; resumed ones wait until after.
            self.resume(node);
        }
        let madsim = self.world.with_node(node, |node| {
            node.reset = reset;
            node.madsim
        });
        madsim::runtime::Handle::current().kill(madsim);
        self.world.with_node(node, |node| {
            node.reset = Reset::Process;
            node.lifecycle.send_replace(after);
        });
    }

    // --- time and clocks ---

    /// True time since the start of the run.
    pub fn now(&self) -> Duration {
        self.world.now_duration()
    }

    /// Sleeps by true time.
    pub async fn sleep(&self, duration: Duration) {
        super::time::delay(&self.world, duration).await;
    }

    /// The node's calendar.
    pub fn wall(&self, node: NodeId) -> WallMs {
        WallMs(self.world.wall_ms(node))
    }

    /// Lets the node's clocks run fast (positive) or slow by parts per million.
    pub fn set_clock_drift(&self, node: NodeId, ppm: i32) {
        self.world
            .bend_clock(node, |clock, now| clock.set_drift(now, ppm));
    }

    /// Lets the node's clocks stand still, as in a suspended virtual machine, or run again. Its sleeps wait.
    pub fn set_clock_frozen(&self, node: NodeId, frozen: bool) {
        self.world
            .bend_clock(node, |clock, now| clock.set_frozen(now, frozen));
    }

    /// Moves the node's calendar by so much; the monotonic clock does not notice.
    pub fn jump_wall_clock(&self, node: NodeId, ms: i64) {
        self.world.bend_clock(node, |clock, _| clock.wall_offset_ms += ms);
    }

    /// Sets how far the node's calendar is from the true one.
    pub fn set_wall_offset(&self, node: NodeId, ms: i64) {
        self.world.bend_clock(node, |clock, _| clock.wall_offset_ms = ms);
    }

    // --- faults as a whole, panics, trace ---

    /// Whether buggify sites may fire; on at the start. Switch it off for the healed act.
    pub fn set_faults_on(&self, on: bool) {
        self.world.faults_on.store(on, Ordering::Relaxed);
    }

    pub fn panics(&self) -> Vec<NodePanic> {
        self.world.panics.lock().clone()
    }

    /// Completes when a node has panicked.
    pub async fn panicked(&self) {
        loop {
            let notified = self.world.panicked.notified();
            if !self.world.panics.lock().is_empty() {
                return;
            }
            notified.await;
        }
    }

    /// The trace's hash so far, and the number of events in it.
    pub fn trace_hash(&self) -> (u64, u64) {
        self.world.trace_sum()
    }

    /// The events since the last call, if [`RunOptions::keep_trace`] asked for them.
    pub fn take_trace(&self) -> Vec<String> {
        self.world.take_trace()
    }

    // --- network ---

    /// How all connections behave.
    pub fn set_net(&self, config: NetConfig) {
        self.world.net.lock().config = config;
    }

    /// How a link behaves that was not set on its own.
    pub fn set_default_link(&self, link: Link) {
        self.world.net.lock().links.default = link;
    }

    /// How the link behaves from one node to another, in this direction.
    pub fn set_link(&self, from: NodeId, to: NodeId, link: Link) {
        self.world.net.lock().links.set(from, to, Some(link));
    }

    /// Lets the link follow the default again.
    pub fn reset_link(&self, from: NodeId, to: NodeId) {
        self.world.net.lock().links.set(from, to, None);
    }

    /// Drops everything from one node to another, in this direction alone.
    pub fn block(&self, from: NodeId, to: NodeId) {
        self.world.net.lock().links.set_blocked(from, to, true);
    }

    pub fn unblock(&self, from: NodeId, to: NodeId) {
        self.world.net.lock().links.set_blocked(from, to, false);
    }

    /// Cuts two groups of nodes off from each other, in both directions.
    pub fn partition(&self, one: &[NodeId], other: &[NodeId]) {
        for (a, b) in one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b))) {
            self.block(a, b);
            self.block(b, a);
        }
    }

    /// Cuts a node off from all others.
    pub fn isolate(&self, node: NodeId) {
        let others: Vec<_> = self.nodes().into_iter().filter(|other| *other != node).collect();
        self.partition(&[node], &others);
    }

    /// Ends every partition.
    pub fn heal_net(&self) {
        self.world.net.lock().links.unblock_all();
    }

    /// Breaks every open connection between two nodes with RST on both sides; answers how many.
    pub fn reset_connections(&self, one: NodeId, other: NodeId) -> usize {
        self.world.net.lock().reset_between(one, other)
    }

    /// Connections of which at least one end still exists; a server that leaks them shows here.
    pub fn open_connections(&self) -> usize {
        self.world.net.lock().open_connections()
    }

    pub fn net_statistics(&self) -> NetStatistics {
        self.world.net.lock().statistics.clone()
    }

    // --- disks ---

    /// Sets how likely each operation of the node's disk meets this fault.
    pub fn set_disk_fault(&self, node: NodeId, fault: DiskFault, probability: f64) {
        self.world.disk(node).lock().faults.set(fault, probability);
    }

    /// Limits disk faults, misdirections and rot of the node to paths that contain this text; none for all paths.
    pub fn set_disk_fault_paths(&self, node: NodeId, containing: Option<&str>) {
        self.world.disk(node).lock().faults.only = containing.map(str::to_string);
    }

    /// Makes the next fitting operation on a path that contains this text meet the fault.
    pub fn fail_next(&self, node: NodeId, fault: DiskFault, containing: &str) {
        self.world.disk(node).lock().faults.once(fault, containing);
    }

    /// Removes all probabilities and pending faults of the node's disk; damage that was done stays.
    pub fn heal_disk(&self, node: NodeId) {
        self.world.disk(node).lock().faults.clear();
    }

    /// What power losses of this node do to unsynced sectors.
    pub fn set_power_loss(&self, node: NodeId, odds: PowerLoss) {
        self.world.disk(node).lock().power_loss = odds;
    }

    pub fn set_disk_speed(&self, node: NodeId, speed: DiskSpeed) {
        let now = self.world.now();
        self.world.disk(node).lock().set_speed(speed, now);
    }

    /// Lets every operation that waits for the device wait until this much true time has passed from now.
    pub fn stall_disk(&self, node: NodeId, duration: Duration) {
        let until = self.world.now().saturating_add(super::time::nanos(duration));
        self.world.disk(node).lock().stall_until(until);
    }

    /// The disk's size. Smaller than what is in use: nothing can grow.
    pub fn set_disk_capacity(&self, node: NodeId, bytes: u64) {
        self.world.disk(node).lock().capacity = bytes;
    }

    pub fn disk_used(&self, node: NodeId) -> u64 {
        self.world.disk(node).lock().used()
    }

    /// Rots one durable sector of a file whose path contains the text, chosen by the dice; none when nothing fits.
    pub fn rot(&self, node: NodeId, containing: &str) -> Option<Damage> {
        let now = self.now();
        self.world.disk(node).lock().rot(containing, None, now)
    }

    /// Rots the sector that holds this offset of this file.
    pub fn rot_at(&self, node: NodeId, path: &str, offset: u64) -> Option<Damage> {
        let now = self.now();
        self.world.disk(node).lock().rot(path, Some(offset), now)
    }

    /// The rot and misdirected writes that the node's disk has suffered, with those that still stand marked live.
    pub fn damages(&self, node: NodeId) -> Vec<Damage> {
        self.world.disk(node).lock().damages()
    }

    /// The errors that the node's programs were given by its disk so far, oldest first.
    pub fn disk_errors(&self, node: NodeId) -> Vec<DiskError> {
        self.world.disk(node).lock().errors().to_vec()
    }

    pub fn disk_statistics(&self, node: NodeId) -> DiskStatistics {
        self.world.disk(node).lock().statistics.clone()
    }

    /// All files of the node with what a program would read now, for the checker. Folders are left out.
    pub fn files(&self, node: NodeId) -> Vec<(String, u64)> {
        self.world.disk(node).lock().files()
    }

    /// A file's content: as programs see it, or as it would be if the power went now and nothing unsynced were kept.
    pub fn file(&self, node: NodeId, path: &str, durable: bool) -> Option<Vec<u8>> {
        self.world.disk(node).lock().content(path, durable)
    }
}

/// True time since the start of the run that the caller is inside of; zero outside of one.
pub fn now() -> Duration {
    try_world().map_or(Duration::ZERO, |world| world.now_duration())
}

/// The name of the node whose task runs now; none outside of a run.
pub fn current_node_name() -> Option<String> {
    try_world().map(|world| world.node_name(world.current_node()))
}

/// The node whose task runs now; none outside of a run.
pub fn current_node() -> Option<NodeId> {
    try_world().map(|world| world.current_node())
}
