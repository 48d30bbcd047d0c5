//! How many connections there may be: in all, and from one address.

use crate::settings::Settings;
use runtime::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Each connection may cost this many file descriptors: its socket, and segments that it reads.
const FILES_PER_CONNECTION: u64 = 2;

#[derive(Clone)]
pub struct ConnectionLimits {
    slots: Arc<Semaphore>,
    settings: Settings,
    by_ip: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// A connection's place; given back when dropped.
pub struct Place {
    ip: IpAddr,
    by_ip: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    _slot: OwnedSemaphorePermit,
}

impl ConnectionLimits {
    /// `open_files` is the process's limit, which bounds connections where `max.connections` does not.
    pub fn new(settings: Settings, open_files: u64) -> Self {
        let affordable = usize::try_from(open_files / FILES_PER_CONNECTION)
            .unwrap_or(usize::MAX)
            .max(1);
        let slots = Arc::new(Semaphore::new(
            settings
                .max_connections()
                .min(affordable)
                .min(Semaphore::MAX_PERMITS),
        ));
        ConnectionLimits {
            slots,
            settings,
            by_ip: Arc::default(),
        }
    }

    /// Waits for a free slot: as Kafka does, a full broker leaves new connections in the backlog.
    pub async fn slot(&self) -> OwnedSemaphorePermit {
        self.slots
            .clone()
            .acquire_owned()
            .await
            .expect("the semaphore is never closed")
    }

    /// `None` when the address has its share already: the connection is closed at once.
    pub fn place(&self, ip: IpAddr, slot: OwnedSemaphorePermit) -> Option<Place> {
        let max = self.settings.max_connections_per_ip(&ip.to_string());
        let mut by_ip = self.by_ip.lock();
        let count = by_ip.get(&ip).copied().unwrap_or(0);
        if count >= max {
            return None;
        }
        by_ip.insert(ip, count + 1);
        Some(Place {
            ip,
            by_ip: self.by_ip.clone(),
            _slot: slot,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_ip = self.by_ip.lock();
        if let Some(count) = by_ip.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                by_ip.remove(&self.ip);
            }
        }
    }
}
