//! Listeners: sockets that accept connections, within limits.

mod budget;
mod connection;
mod frame;
mod limits;

pub use budget::Budget;
pub use limits::ConnectionLimits;

use crate::api;
use crate::metrics::Metrics;
use connection::Connection;
use runtime::net::TcpListener;
use runtime::sync::{mpsc, watch};
use runtime::time::{self, Duration};
use std::sync::Arc;
use tracing::warn;

/// After a failed accept: descriptors run out for a moment, and a busy loop would not free any.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Running,
    /// Read no more requests; answer those in hand.
    Draining,
    /// Let go at once.
    Aborted,
}

/// All that the connections of one listener share.
#[derive(Clone)]
pub struct Acceptor {
    pub origin: api::Origin,
    pub metrics: Arc<Metrics>,
    pub limits: ConnectionLimits,
    pub budget: Budget,
    pub frame_bytes_max: usize,
    pub idle: Duration,
    pub phase: watch::Receiver<Phase>,
    /// Held by every connection; when all are dropped, the receiver sees the end.
    pub alive: mpsc::Sender<()>,
}

impl Acceptor {
    /// Accepts until the phase leaves `Running`.
    pub async fn run(self, listener: TcpListener) {
        let mut phase = self.phase.clone();
        let counters = self.metrics.listener(&self.origin.listener.name);
        loop {
            let accepted = runtime::select! {
                biased;
                _ = phase.wait_for(|phase| *phase != Phase::Running) => return,
                accepted = async {
                    let slot = self.limits.slot().await;
                    (listener.accept().await, slot)
                } => accepted,
            };
            let (stream, peer, slot) = match accepted {
                (Ok((stream, peer)), slot) => (stream, peer, slot),
                (Err(error), _) => {
                    warn!(listener = %self.origin.listener.name, %error, "cannot accept a connection");
                    time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            counters.created.add(1);
            let Some(place) = self.limits.place(peer.ip(), slot) else {
                counters.refused.add(1);
                warn!(listener = %self.origin.listener.name, %peer, "connection refused: max.connections.per.ip is reached");
                continue;
            };
            let connection = Connection {
                peer,
                call: self.origin.clone(),
                counters: counters.clone(),
                budget: self.budget.clone(),
                frame_bytes_max: self.frame_bytes_max,
                idle: self.idle,
                phase: self.phase.clone(),
            };
            let (alive, counters, mut phase) = (self.alive.clone(), counters.clone(), self.phase.clone());
            counters.open.add(1);
            runtime::task::spawn(async move {
                runtime::select! {
                    biased;
                    _ = phase.wait_for(|phase| *phase == Phase::Aborted) => {}
                    () = connection.serve(stream) => {}
                }
                counters.open.add(-1);
                counters.closed.add(1);
                drop((place, alive));
            });
        }
    }
}
