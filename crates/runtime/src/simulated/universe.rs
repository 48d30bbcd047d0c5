//! The world of one run: everything that a node's code can touch, and the thread-local that leads to it.

use super::clock::{Clock, Nanos};
use super::control::{Lifecycle, NodeId, NodePanic, RunOptions};
use super::dice::Dice;
use super::disk::fs::FileSystem;
use super::driver::Schedule;
use super::net::fabric::Fabric;
use super::tracing_hash::Trace;
use crate::mutant::Mutant;
use madsim::plugin::Simulator;
use madsim::rand::GlobalRng;
use madsim::time::TimeHandle;
use parking_lot::Mutex;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Notify, watch};

thread_local! {
    /// The run that this thread is inside of.
    static CURRENT: RefCell<Option<Arc<World>>> = const { RefCell::new(None) };
    /// The node whose task runs on this thread.
    static NODE: Cell<NodeId> = const { Cell::new(NodeId::HARNESS) };
}

/// Runs a piece of a node's code as that node.
pub fn as_node<T>(node: NodeId, act: impl FnOnce() -> T) -> T {
    struct Back(NodeId);
    impl Drop for Back {
        fn drop(&mut self) {
            NODE.set(self.0);
        }
    }
    let _back = Back(NODE.replace(node));
    act()
}

/// The world around the caller.
pub fn world() -> Arc<World> {
    try_world().expect("in the simulator's build the runtime works only inside `runtime::sim::Run::block_on`")
}

pub fn try_world() -> Option<Arc<World>> {
    CURRENT
        .try_with(|current| current.borrow().clone())
        .ok()
        .flatten()
}

/// Makes a world current until the guard is dropped.
pub fn enter(world: Option<Arc<World>>) -> Entered {
    Entered(CURRENT.with(|current| current.replace(world)))
}

pub struct Entered(Option<Arc<World>>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| *current.borrow_mut() = self.0.take());
    }
}

/// One run's world. Locks are taken in the order nodes, net, disk, schedule, and never held across a poll.
pub struct World {
    pub seed: u64,
    pub mutant: Option<Mutant>,
    pub time: TimeHandle,
    pub schedule: Mutex<Schedule>,
    pub net: Mutex<Fabric>,
    pub nodes: Mutex<Vec<Node>>,
    pub panics: Mutex<Vec<NodePanic>>,
    pub panicked: Notify,
    pub faults_on: AtomicBool,
    trace: Mutex<Trace>,
    buggify: Option<Mutex<Buggify>>,
}

/// A machine: what outlives the process that runs on it.
pub struct Node {
    pub name: String,
    pub madsim: madsim::task::NodeId,
    pub disk: Arc<Mutex<FileSystem>>,
    pub entropy: Dice,
    pub lifecycle: watch::Sender<Lifecycle>,
    pub stop: watch::Sender<bool>,
    pub paused: bool,
    /// What madsim's next reset of this node means.
    pub reset: Reset,
}

/// The ways in which a node's process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reset {
    /// The process is gone; the kernel closes its sockets, and the page cache stays.
    Process,
    /// The machine is gone: nobody says goodbye, and what was not synced is in the hands of the dice.
    Power,
}

struct Buggify {
    dice: Dice,
    sites: BTreeMap<&'static str, bool>,
}

impl World {
    fn new(options: &RunOptions, time: TimeHandle, own: &Weak<World>) -> World {
        let seed = options.seed;
        let buggify = options.buggify.then(|| {
            Mutex::new(Buggify {
                dice: Dice::new(seed, "buggify", 0),
                sites: BTreeMap::new(),
            })
        });
        World {
            seed,
            mutant: options.mutant,
            time,
            schedule: Mutex::new(Schedule::default()),
            net: Mutex::new(Fabric::new(seed, own.clone())),
            nodes: Mutex::new(Vec::new()),
            panics: Mutex::new(Vec::new()),
            panicked: Notify::new(),
            faults_on: AtomicBool::new(true),
            trace: Mutex::new(Trace::new(options.keep_trace)),
            buggify,
        }
    }

    /// Makes the machine: its disk, its clock, its place in the network. Its process comes later.
    pub fn add_machine(&self, name: String, ip: IpAddr, madsim: madsim::task::NodeId) -> NodeId {
        let mut nodes = self.nodes.lock();
        let id = NodeId(nodes.len() as u32); // as `next_node` foretold
        self.net.lock().add_host(id, name.clone(), ip);
        self.schedule.lock().add_node();
        nodes.push(Node {
            name,
            madsim,
            disk: Arc::new(Mutex::new(FileSystem::new(self.seed, id))),
            entropy: Dice::new(self.seed, "entropy", u64::from(id.0)),
            lifecycle: watch::Sender::new(Lifecycle::Running),
            stop: watch::Sender::new(false),
            paused: false,
            reset: Reset::Process,
        });
        id
    }

    /// The number that the next machine will get.
    pub fn next_node(&self) -> NodeId {
        NodeId(self.nodes.lock().len() as u32)
    }

    /// True time since the start of the run.
    pub fn now(&self) -> Nanos {
        super::time::nanos(self.time.elapsed())
    }

    pub fn now_duration(&self) -> Duration {
        self.time.elapsed()
    }

    pub fn local_now(&self, node: NodeId) -> Nanos {
        let now = self.now();
        self.schedule.lock().clock(node).local(now)
    }

    pub fn wall_ms(&self, node: NodeId) -> i64 {
        let now = self.now();
        self.schedule.lock().clock(node).wall_ms(now)
    }

    pub fn bend_clock(&self, node: NodeId, change: impl FnOnce(&mut Clock, Nanos)) {
        let now = self.now();
        self.schedule.lock().bend_clock(node, |clock| change(clock, now));
    }

    /// The node whose task runs now.
    pub fn current_node(&self) -> NodeId {
        NODE.get()
    }

    fn node_of(&self, madsim: madsim::task::NodeId) -> NodeId {
        let nodes = self.nodes.lock();
        // Both number nodes from 0 as they are made, so this finds it at once.
        let index = nodes.iter().position(|node| node.madsim == madsim);
        NodeId(index.expect("every node is made by `Sim::add_node`") as u32)
    }

    pub fn node_name(&self, node: NodeId) -> String {
        self.with_node(node, |node| node.name.clone())
    }

    pub fn disk(&self, node: NodeId) -> Arc<Mutex<FileSystem>> {
        self.with_node(node, |node| node.disk.clone())
    }

    pub fn stop_requests(&self, node: NodeId) -> watch::Receiver<bool> {
        self.with_node(node, |node| node.stop.subscribe())
    }

    pub fn fill_entropy(&self, node: NodeId, buffer: &mut [u8]) {
        self.with_node(node, |node| node.entropy.fill(buffer));
    }

    pub fn with_node<T>(&self, node: NodeId, act: impl FnOnce(&mut Node) -> T) -> T {
        act(&mut self.nodes.lock()[node.index()])
    }

    pub fn trace_event(&self, event: std::fmt::Arguments<'_>) {
        let node = self.current_node();
        let now = self.now();
        self.trace.lock().event(node.0, now, event);
    }

    pub fn trace_sum(&self) -> (u64, u64) {
        self.trace.lock().sum()
    }

    pub fn take_trace(&self) -> Vec<String> {
        self.trace.lock().take_kept()
    }

    pub fn buggify_chance(&self, site: &'static str) -> bool {
        let Some(buggify) = &self.buggify else {
            return false;
        };
        if !self.faults_on.load(Ordering::Relaxed) {
            return false;
        }
        let Buggify { dice, sites } = &mut *buggify.lock();
        let seed = self.seed;
        // Whether a site is active depends on its name alone, not on which sites were passed before.
        let active = *sites
            .entry(site)
            .or_insert_with(|| Dice::new(seed, site, u64::MAX).chance(0.25));
        active && dice.chance(0.25)
    }

    /// What the kernel does when the node's process ends on its own.
    pub fn on_process_exit(&self, node: NodeId) {
        self.net.lock().end_process(node);
        self.disk(node).lock().end_process();
        self.with_node(node, |node| node.lifecycle.send_replace(Lifecycle::Exited));
    }

    /// Lets go of every waker, so that tasks that are left over can be freed with the run.
    pub fn dissolve(&self) {
        let wakers = self.schedule.lock().take_all();
        drop(wakers);
        let wakers = self.net.lock().take_wakers();
        drop(wakers);
    }
}

/// The disks as a plugin of madsim's, made first: it makes the world too.
pub struct DiskPlugin(Arc<World>);

/// The network as a plugin of madsim's.
pub struct NetPlugin(Arc<World>);

thread_local! {
    /// Hands the options to the plugin's constructor, whose signature is madsim's.
    static STAGED: RefCell<Option<RunOptions>> = const { RefCell::new(None) };
}

/// Registers both plugins and answers the world that they share.
pub fn install(runtime: &madsim::runtime::Runtime, options: RunOptions) -> Arc<World> {
    STAGED.with(|staged| *staged.borrow_mut() = Some(options));
    let _entered = enter(None);
    runtime.add_simulator::<DiskPlugin>();
    runtime.add_simulator::<NetPlugin>();
    world()
}

impl Simulator for DiskPlugin {
    fn new(_: &GlobalRng, time: &TimeHandle, _: &madsim::Config) -> Self {
        let options = STAGED
            .with(|staged| staged.borrow_mut().take())
            .expect("`install` stages the options");
        let world = Arc::new_cyclic(|own| World::new(&options, time.clone(), own));
        CURRENT.with(|current| *current.borrow_mut() = Some(world.clone()));
        DiskPlugin(world)
    }

    /// Runs inside madsim's kill, under its locks: nothing here may ask madsim for anything but the time.
    fn reset_node(&self, id: madsim::task::NodeId) {
        let node = self.0.node_of(id);
        let (disk, reset) = self.0.with_node(node, |node| (node.disk.clone(), node.reset));
        match reset {
            Reset::Process => disk.lock().end_process(),
            Reset::Power => disk.lock().lose_power(),
        }
    }
}

impl Simulator for NetPlugin {
    fn new(_: &GlobalRng, _: &TimeHandle, _: &madsim::Config) -> Self {
        NetPlugin(world())
    }

    /// As for the disks: under madsim's locks.
    fn reset_node(&self, id: madsim::task::NodeId) {
        let node = self.0.node_of(id);
        let reset = self.0.with_node(node, |node| node.reset);
        match reset {
            Reset::Process => self.0.net.lock().end_process(node),
            Reset::Power => self.0.net.lock().lose_power(node),
        }
    }
}
