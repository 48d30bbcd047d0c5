//! A node's clocks and its sleeps, which follow the node's own pace.

use super::clock::Nanos;
use super::control::NodeId;
use super::universe::{World, world};
use crate::time::Elapsed;
use std::ops::Add;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// An instant of this node's clock that never goes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Monotonic(Nanos);

impl Monotonic {
    pub fn now() -> Monotonic {
        let world = world();
        Monotonic(world.local_now(world.current_node()))
    }

    /// The time from this instant to now; zero when this lies ahead.
    pub fn elapsed(self) -> Duration {
        Monotonic::now().saturating_since(self)
    }

    /// The time from `earlier` to this instant; zero when `earlier` is the later one.
    pub fn saturating_since(self, earlier: Monotonic) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Monotonic {
    type Output = Monotonic;

    /// Saturates centuries ahead, so that "for ever" may be added.
    fn add(self, duration: Duration) -> Monotonic {
        Monotonic(self.0.saturating_add(nanos(duration)))
    }
}

pub fn wall_ms() -> i64 {
    let world = world();
    world.wall_ms(world.current_node())
}

pub fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub async fn sleep(duration: Duration) {
    let world = world();
    let node = world.current_node();
    let deadline = world.local_now(node).saturating_add(nanos(duration));
    Sleep {
        world,
        node,
        deadline,
        number: None,
    }
    .await;
}

pub async fn sleep_until(deadline: Monotonic) {
    let world = world();
    let node = world.current_node();
    Sleep {
        world,
        node,
        deadline: deadline.0,
        number: None,
    }
    .await;
}

/// Runs the future until it completes, or drops it when the time has passed.
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = sleep(limit) => Err(Elapsed),
    }
}

/// Waits for true time to pass, whatever the node's clock does: what devices take.
pub async fn delay(world: &Arc<World>, duration: Duration) {
    let deadline = world.local_now(NodeId::HARNESS).saturating_add(nanos(duration));
    Sleep {
        world: world.clone(),
        node: NodeId::HARNESS,
        deadline,
        number: None,
    }
    .await;
}

struct Sleep {
    world: Arc<World>,
    node: NodeId,
    deadline: Nanos,
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.world.local_now(self.node) >= self.deadline {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let number = self
            .world
            .schedule
            .lock()
            .sleep(self.node, self.deadline, self.number, waker);
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.world
                .schedule
                .lock()
                .cancel(self.node, self.deadline, number);
        }
    }
}
