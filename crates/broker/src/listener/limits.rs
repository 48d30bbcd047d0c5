//! How many connections there may be: in all, and from one address.

use crate::node::Node;
use runtime::sync::{Mutex, Notify};
use runtime::time::{self, Duration};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Each connection may cost this many file descriptors: its socket, and segments that it reads.
const FILES_PER_CONNECTION: u64 = 2;
/// A full broker looks this often whether max.connections was raised meanwhile.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct ConnectionLimits {
    node: Arc<Node>,
    /// What the process's descriptors allow, where `max.connections` allows more.
    affordable: usize,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    open: Mutex<Open>,
    freed: Notify,
}

/// Invariant: the counts by address add up to at most `total`.
#[derive(Default)]
struct Open {
    total: usize,
    by_ip: BTreeMap<IpAddr, usize>,
}

/// One of all connections; given back when dropped.
pub struct Slot {
    shared: Arc<Shared>,
}

/// One of an address's connections; given back when dropped.
pub struct Place {
    ip: IpAddr,
    slot: Slot,
}

impl ConnectionLimits {
    /// `open_files` is the process's limit.
    pub fn new(node: Arc<Node>, open_files: u64) -> Self {
        let affordable = usize::try_from(open_files / FILES_PER_CONNECTION)
            .unwrap_or(usize::MAX)
            .max(1);
        ConnectionLimits {
            node,
            affordable,
            shared: Arc::default(),
        }
    }

    /// Waits for a free slot: as Kafka does, a full broker leaves new connections in the backlog.
    pub async fn slot(&self) -> Slot {
        loop {
            let max = self.node.settings_now().max_connections().min(self.affordable);
            {
                let mut open = self.shared.open.lock();
                if open.total < max {
                    open.total += 1;
                    return Slot {
                        shared: self.shared.clone(),
                    };
                }
            }
            // Late is no harm: the loop looks again.
            let _ = time::timeout(RECHECK_INTERVAL, self.shared.freed.notified()).await;
        }
    }

    /// `None` when the address has its share already: the connection is closed at once.
    pub fn place(&self, ip: IpAddr, slot: Slot) -> Option<Place> {
        let max = self.node.settings_now().max_connections_per_ip(&ip.to_string());
        let mut open = self.shared.open.lock();
        let count = open.by_ip.get(&ip).copied().unwrap_or(0);
        if count >= max {
            return None;
        }
        open.by_ip.insert(ip, count + 1);
        drop(open);
        Some(Place { ip, slot })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.open.lock().total -= 1;
        self.shared.freed.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.slot.shared.open.lock();
        if let Some(count) = open.by_ip.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                open.by_ip.remove(&self.ip);
            }
        }
    }
}
