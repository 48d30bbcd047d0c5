//! What clients do to the cluster: one file per workload, each a task on a client node until the heal begins.
//!
//! A workload writes every call into the history, draws from its own stream of the plan's seed, and never trusts an
//! answer further than the history's three outcomes do.

mod delete_records;
mod garbage;
mod produce;
mod producer_ids;
mod raw_fetch;
mod raw_produce;
mod read;
mod sequences;
mod time_query;
mod topic_churn;

use super::dice::{Dice, Purpose};
use super::history::{Partition, TopicRef};
use super::plan::{Workload, WorkloadPlan};
use super::run::Context;

/// A workload that is running.
pub struct Worker {
    pub context: Context,
    /// Names its values, its readers and its calls.
    pub stream: u32,
    pub dice: Dice,
}

pub async fn run(context: Context, entry: WorkloadPlan) {
    let dice = Dice::new(context.plan.seed, Purpose::WorkloadRun, entry.stream);
    let worker = Worker {
        context,
        stream: entry.stream,
        dice,
    };
    let known = entry
        .workload
        .topic()
        .is_none_or(|name| worker.context.topics.contains_key(name));
    if !known {
        return; // it could not be created, which the history says
    }
    match entry.workload {
        Workload::Produce { .. } => produce::run(worker, &entry.workload).await,
        Workload::RawProduce { .. } => raw_produce::run(worker, &entry.workload).await,
        Workload::Read {
            topic,
            seek_per_mille,
            max_bytes,
            wait_ms,
        } => {
            read::run(
                worker,
                &topic,
                read::Habits {
                    seek_per_mille,
                    max_bytes,
                    wait_ms,
                },
            )
            .await;
        }
        Workload::RawFetch {
            topic,
            sessions,
            wait_ms,
        } => raw_fetch::run(worker, &topic, sessions, wait_ms).await,
        Workload::Sequences {
            topic,
            partition,
            start_before_wrap,
            wait_ms,
        } => {
            sequences::run(worker, &topic, partition, start_before_wrap, wait_ms).await;
        }
        Workload::Garbage { topic, wait_ms } => garbage::run(worker, &topic, wait_ms).await,
        Workload::TopicChurn { name, wait_ms } => topic_churn::run(worker, &name, wait_ms).await,
        Workload::TimeQuery { topic, wait_ms } => time_query::run(worker, &topic, wait_ms).await,
        Workload::DeleteRecords { topic, wait_ms } => delete_records::run(worker, &topic, wait_ms).await,
        Workload::ProducerIds { wait_ms } => producer_ids::run(worker, wait_ms).await,
    }
}

impl Worker {
    pub fn topic(&self, name: &str) -> TopicRef {
        self.context.topics[name]
    }

    pub fn partitions(&self, name: &str) -> i32 {
        self.context.plan.topic(name).map_or(0, |t| t.partitions)
    }

    /// One partition of the topic, by the dice.
    pub fn any_partition(&mut self, name: &str) -> Partition {
        let index = self.dice.below(self.partitions(name) as u64) as i32;
        Partition {
            topic: self.topic(name),
            index,
        }
    }

    /// Sleeps about so long.
    pub async fn wait(&mut self, ms: u64) {
        let ms = self.dice.between(ms / 2, ms + ms / 2);
        self.context.pause(ms.max(1)).await;
    }
}
