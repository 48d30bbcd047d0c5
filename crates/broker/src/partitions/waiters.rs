//! Who is to be woken when a partition moves: long polls that wait on many partitions at once.

use runtime::sync::{Mutex, Notify};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default)]
pub struct Waiters {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next_id: u64,
    by_id: BTreeMap<u64, Arc<Notify>>,
}

/// A place among the waiters; given up when dropped.
pub struct Ticket {
    waiters: Arc<Waiters>,
    id: u64,
}

impl Waiters {
    /// From now on, and until the ticket is dropped, every move wakes `notify`.
    pub fn join(self: &Arc<Self>, notify: Arc<Notify>) -> Ticket {
        let mut waiting = self.waiting.lock();
        let id = waiting.next_id;
        waiting.next_id += 1;
        waiting.by_id.insert(id, notify);
        Ticket {
            waiters: self.clone(),
            id,
        }
    }

    /// Wakes all; one that is not waiting at this moment finds the wake-up when it next does.
    pub fn wake(&self) {
        self.waiting
            .lock()
            .by_id
            .values()
            .for_each(|notify| notify.notify_one());
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.waiters.waiting.lock().by_id.remove(&self.id);
    }
}
