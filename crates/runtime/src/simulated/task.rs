//! Tasks of madsim's executor, on the node of their creator.

use super::panics::{Guarded, Panicked};
use super::universe::world;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

pub use madsim::task::AbortHandle;

/// Lets other tasks run first.
pub async fn yield_now() {
    madsim::task::yield_now().await;
}

/// Awaits a task's end. Dropping it detaches the task.
#[derive(Debug)]
pub struct JoinHandle<T>(madsim::task::JoinHandle<Result<T, Panicked>>);

impl<T> JoinHandle<T> {
    pub(super) fn new(inner: madsim::task::JoinHandle<Result<T, Panicked>>) -> JoinHandle<T> {
        JoinHandle(inner)
    }

    /// Stops the task at its next await.
    pub fn abort(&self) {
        self.0.abort();
    }

    pub fn abort_handle(&self) -> AbortHandle {
        self.0.abort_handle()
    }

    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|joined| match joined {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Panicked)) => Err(JoinError { panicked: true }),
            Err(_) => Err(JoinError { panicked: false }),
        })
    }
}

/// The task ended without a value.
#[derive(Debug)]
pub struct JoinError {
    panicked: bool,
}

impl JoinError {
    pub fn is_panic(&self) -> bool {
        self.panicked
    }

    pub fn is_cancelled(&self) -> bool {
        !self.panicked
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.panicked {
            "the task panicked"
        } else {
            "the task was cancelled"
        })
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> io::Error {
        io::Error::other(error)
    }
}

/// Runs the future beside the caller, on the same node.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let world = world();
    let node = world.current_node();
    JoinHandle(madsim::task::spawn(Guarded::new(world, node, future)))
}

/// Runs the work at once; other tasks get a turn before and after.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    yield_now().await;
    let value = work();
    yield_now().await;
    value
}
