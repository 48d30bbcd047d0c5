//! The schedule of everything that happens at a time, and the task that makes it happen.
//!
//! madsim's own timers cannot be cancelled and are added anew at each poll; here a dropped sleep is gone, and a
//! node's sleeps follow its own clock, even when that clock changes its pace while they wait.

use super::clock::{Clock, Nanos};
use super::control::NodeId;
use super::net::fabric::NetEvent;
use super::universe::World;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How often the driver lets madsim free what finished tasks left behind.
const RECLAIM_EVERY: Nanos = 1_000_000_000;

/// What is due when.
///
/// Invariant: `armed` is at or before the earliest due time, or the driver has been woken.
#[derive(Default)]
pub struct Schedule {
    events: BTreeMap<(Nanos, u64), NetEvent>,
    nodes: Vec<NodeTimers>,
    next: u64,
    armed: Option<Nanos>,
    driver: Option<Waker>,
}

/// One node's clock and the sleeps that wait on it, by local time.
struct NodeTimers {
    clock: Clock,
    sleeps: BTreeMap<(Nanos, u64), Waker>,
}

impl Schedule {
    pub fn add_node(&mut self) {
        self.nodes.push(NodeTimers {
            clock: Clock::perfect(),
            sleeps: BTreeMap::new(),
        });
    }

    pub fn clock(&self, node: NodeId) -> &Clock {
        &self.nodes[node.index()].clock
    }

    /// Changes a node's clock; its sleeps move with it.
    pub fn bend_clock(&mut self, node: NodeId, change: impl FnOnce(&mut Clock)) {
        change(&mut self.nodes[node.index()].clock);
        self.armed = None;
        self.wake_driver();
    }

    pub fn at(&mut self, due: Nanos, event: NetEvent) {
        let number = self.number();
        self.events.insert((due, number), event);
        self.on_added(due);
    }

    /// Sets (or, with the same number, renews) a sleep until the node's local time; answers its number.
    pub fn sleep(&mut self, node: NodeId, deadline: Nanos, number: Option<u64>, waker: Waker) -> u64 {
        let number = number.unwrap_or_else(|| self.number());
        let timers = &mut self.nodes[node.index()];
        timers.sleeps.insert((deadline, number), waker);
        if let Some(due) = timers.clock.when(deadline) {
            self.on_added(due);
        }
        number
    }

    pub fn cancel(&mut self, node: NodeId, deadline: Nanos, number: u64) {
        self.nodes[node.index()].sleeps.remove(&(deadline, number));
    }

    /// Forgets everything that waits, so that the tasks behind the wakers can be freed.
    pub fn take_all(&mut self) -> Vec<Waker> {
        self.events.clear();
        let sleeps = self
            .nodes
            .iter_mut()
            .flat_map(|node| std::mem::take(&mut node.sleeps).into_values());
        sleeps.chain(self.driver.take()).collect()
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn on_added(&mut self, due: Nanos) {
        if self.armed.is_none_or(|armed| due < armed) {
            self.armed = Some(due);
            self.wake_driver();
        }
    }

    fn wake_driver(&mut self) {
        if let Some(driver) = &self.driver {
            driver.wake_by_ref();
        }
    }

    fn take_due_event(&mut self, now: Nanos) -> Option<NetEvent> {
        let entry = self.events.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    fn take_due_sleeps(&mut self, now: Nanos) -> Vec<Waker> {
        let mut due = Vec::new();
        for node in &mut self.nodes {
            let local = node.clock.local(now);
            while let Some(entry) = node.sleeps.first_entry() {
                if entry.key().0 > local {
                    break;
                }
                due.push(entry.remove());
            }
        }
        due
    }

    fn next_due(&self) -> Option<Nanos> {
        let event = self.events.first_key_value().map(|((due, _), _)| *due);
        let sleeps = self.nodes.iter().filter_map(|node| {
            let ((deadline, _), _) = node.sleeps.first_key_value()?;
            node.clock.when(*deadline)
        });
        event.into_iter().chain(sleeps).min()
    }
}

/// The driver's task: fires what is due, then waits on madsim's clock for the next.
pub struct Driver {
    world: Arc<World>,
    sleeping: Option<(Nanos, Pin<Box<madsim::time::Sleep>>)>,
    reclaim_at: Nanos,
}

impl Driver {
    pub fn new(world: Arc<World>) -> Driver {
        Driver {
            world,
            sleeping: None,
            reclaim_at: RECLAIM_EVERY,
        }
    }

    fn fire(&mut self, now: Nanos) {
        loop {
            let event = self.world.schedule.lock().take_due_event(now);
            let Some(event) = event else { break };
            self.world.net.lock().on_event(event);
        }
        let due = self.world.schedule.lock().take_due_sleeps(now);
        due.into_iter().for_each(Waker::wake);
        if now >= self.reclaim_at {
            self.reclaim_at = now + RECLAIM_EVERY;
            madsim::runtime::Handle::current().metrics().num_tasks();
        }
    }

    fn sleep_until(&mut self, due: Nanos, cx: &mut Context<'_>) -> Poll<()> {
        let time = &self.world.time;
        let deadline = time.now_instant() + Duration::from_nanos(due.saturating_sub(self.world.now()));
        // `sleep_until` rounds up to a millisecond, `reset` does not.
        let mut sleep = Box::pin(time.sleep_until(deadline));
        sleep.as_mut().reset(deadline);
        let poll = sleep.as_mut().poll(cx);
        self.sleeping = Some((due, sleep));
        poll
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = self.world.now();
            self.fire(now);
            let due = {
                let mut schedule = self.world.schedule.lock();
                let due = schedule.next_due();
                schedule.armed = due;
                schedule.driver = Some(cx.waker().clone());
                due
            };
            let Some(due) = due else { return Poll::Pending };
            if due <= self.world.now() {
                continue;
            }
            // A timer of madsim's cannot be taken back, so one that is already set for this time is kept.
            if self.sleeping.as_ref().is_some_and(|(set, _)| *set == due) {
                return Poll::Pending;
            }
            if self.sleep_until(due, cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
