//! What a node counts about itself. All of it is values of the node; nothing is static.

mod histogram;
mod process;
mod render;
mod table;

pub use histogram::Histogram;
pub use process::process_samples;
pub use render::{Page, render};
pub use table::Metric;

use runtime::sync::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use wire::ApiKey;

/// A count that only rises.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A level that rises and falls.
#[derive(Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub fn add(&self, delta: i64) {
        self.0.fetch_add(delta, Ordering::Relaxed);
    }

    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts of one topic, or of all topics.
#[derive(Default)]
pub struct TopicCounters {
    pub messages_in: Counter,
    pub bytes_in: Counter,
    pub bytes_out: Counter,
    pub produce_requests: Counter,
    pub fetch_requests: Counter,
    pub failed_produce_requests: Counter,
    pub failed_fetch_requests: Counter,
}

/// Counts of one API.
pub struct ApiCounters {
    pub key: ApiKey,
    /// By version, from 0.
    requests: Vec<Counter>,
    pub errors: Counter,
    /// In µs.
    pub total_time: Histogram,
    pub local_time: Histogram,
}

impl ApiCounters {
    pub fn count_request(&self, version: i16) {
        if let Some(counter) = usize::try_from(version)
            .ok()
            .and_then(|version| self.requests.get(version))
        {
            counter.add(1);
        }
    }

    /// `(version, count)` of the versions that were requested.
    pub fn requests(&self) -> impl Iterator<Item = (usize, u64)> {
        let counts = self.requests.iter().map(Counter::get).enumerate();
        counts.filter(|(_, count)| *count > 0)
    }
}

/// Counts of one listener.
#[derive(Default)]
pub struct ListenerCounters {
    pub open: Gauge,
    pub created: Counter,
    pub closed: Counter,
    pub refused: Counter,
    pub idle: Counter,
}

#[derive(Default)]
pub struct Metrics {
    pub all_topics: TopicCounters,
    topics: Mutex<BTreeMap<String, Arc<TopicCounters>>>,
    apis: BTreeMap<ApiKey, ApiCounters>,
    listeners: Mutex<BTreeMap<String, Arc<ListenerCounters>>>,
    pub queued_request_bytes: Gauge,
    pub flush_time: Histogram,
    pub scrub_corruptions: Counter,
    /// Kafka's numbers: 1 starting, 2 recovery, 3 running, 6 pending controlled shutdown.
    pub broker_state: Gauge,
}

impl Metrics {
    /// Counts each API of `apis`, `(key, highest version)`.
    pub fn new(apis: impl Iterator<Item = (ApiKey, i16)>) -> Self {
        let counters = |(key, version_max): (ApiKey, i16)| {
            let requests = (0..=version_max).map(|_| Counter::default()).collect();
            let counters = ApiCounters {
                key,
                requests,
                errors: Counter::default(),
                total_time: Histogram::default(),
                local_time: Histogram::default(),
            };
            (key, counters)
        };
        Metrics {
            apis: apis.map(counters).collect(),
            ..Metrics::default()
        }
    }

    pub fn api(&self, key: ApiKey) -> Option<&ApiCounters> {
        self.apis.get(&key)
    }

    pub fn apis(&self) -> impl Iterator<Item = &ApiCounters> {
        self.apis.values()
    }

    /// The counters of a topic that exists; `forget_topic` bounds them.
    pub fn topic(&self, name: &str) -> Arc<TopicCounters> {
        let mut topics = self.topics.lock();
        match topics.get(name) {
            Some(counters) => counters.clone(),
            None => topics.entry(name.to_string()).or_default().clone(),
        }
    }

    pub fn forget_topic(&self, name: &str) {
        self.topics.lock().remove(name);
    }

    pub fn topics(&self) -> Vec<(String, Arc<TopicCounters>)> {
        self.topics
            .lock()
            .iter()
            .map(|(name, counters)| (name.clone(), counters.clone()))
            .collect()
    }

    pub fn listener(&self, name: &str) -> Arc<ListenerCounters> {
        self.listeners.lock().entry(name.to_string()).or_default().clone()
    }

    pub fn listeners(&self) -> Vec<(String, Arc<ListenerCounters>)> {
        self.listeners
            .lock()
            .iter()
            .map(|(name, counters)| (name.clone(), counters.clone()))
            .collect()
    }
}
