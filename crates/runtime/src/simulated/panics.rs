//! Panics inside a node: noted with place and time, never allowed to take the harness down.

use super::control::{NodeId, NodePanic};
use super::universe::{World, as_node, try_world};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll};

thread_local! {
    /// What the hook saw of the panic that is unwinding on this thread.
    static LAST: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// Installs, once per process, a hook that remembers where a node's panic happened instead of printing it.
pub fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !note(info) {
                before(info);
            }
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) -> bool {
    let in_node = try_world().is_some_and(|world| world.current_node() != NodeId::HARNESS);
    if in_node {
        let location = info
            .location()
            .map_or_else(String::new, |location| location.to_string());
        let backtrace = std::backtrace::Backtrace::capture();
        let backtrace = match backtrace.status() {
            std::backtrace::BacktraceStatus::Captured => backtrace.to_string(),
            _ => String::new(),
        };
        LAST.with(|last| *last.borrow_mut() = Some((location, backtrace)));
    }
    in_node
}

/// A node's future: it runs and is dropped as that node, and its panic, on any node but the harness's, becomes a note
/// and an error.
pub struct Guarded<F> {
    world: Arc<World>,
    node: NodeId,
    /// Taken only when dropped.
    future: Option<Pin<Box<F>>>,
}

/// The guarded future panicked.
pub struct Panicked;

impl<F> Guarded<F> {
    pub fn new(world: Arc<World>, node: NodeId, future: F) -> Guarded<F> {
        Guarded {
            world,
            node,
            future: Some(Box::pin(future)),
        }
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let node = self.node;
        let future = self.future.as_mut().expect("taken only when dropped").as_mut();
        if node == NodeId::HARNESS {
            return as_node(node, || future.poll(cx)).map(Ok);
        }
        // After a panic the future is never polled again, only dropped.
        match catch_unwind(AssertUnwindSafe(|| as_node(node, || future.poll(cx)))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => {
                as_node(node, || self.world.on_panic(describe(payload.as_ref())));
                Poll::Ready(Err(Panicked))
            }
        }
    }
}

impl<F> Drop for Guarded<F> {
    fn drop(&mut self) {
        as_node(self.node, || drop(self.future.take()));
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}

fn describe(payload: &(dyn Any + Send)) -> (String, String, String) {
    let (location, backtrace) = LAST.with(|last| last.borrow_mut().take()).unwrap_or_default();
    (message(payload), location, backtrace)
}

impl World {
    fn on_panic(&self, (message, location, backtrace): (String, String, String)) {
        let node = self.current_node();
        self.trace_event(format_args!("panic: {message}"));
        let panic = NodePanic {
            node,
            name: self.node_name(node),
            at: self.now_duration(),
            message,
            location,
            backtrace,
        };
        self.panics.lock().push(panic);
        self.panicked.notify_waiters();
    }
}
