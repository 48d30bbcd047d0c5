//! A consumer of the client crate with all partitions of a topic assigned, which seeks now and then.

use super::Worker;

/// How a reader behaves.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    pub seek_per_mille: u64,
    pub max_bytes: i32,
    pub wait_ms: u64,
}

pub async fn run(_worker: Worker, _topic: &str, _habits: Habits) {}
