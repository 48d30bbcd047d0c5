//! What makes a plan runnable: bounds on every number, and names that resolve.

use super::*;

const DURATION_MS_MAX: u64 = 24 * 3600 * 1000;
const CLIENTS_MAX: u32 = 200;
const PARTITIONS_MAX: i32 = 1000;

impl Plan {
    /// The first fault found, as a sentence that names the entry and what is allowed there.
    pub fn validate(&self) -> Result<(), String> {
        ensure(self.format == PLAN_FORMAT, || {
            format!(
                "the plan has format {}; this simulator reads format {PLAN_FORMAT}",
                self.format
            )
        })?;
        ensure((1..=DURATION_MS_MAX).contains(&self.duration_ms), || {
            format!(
                "duration_ms is {}; allowed are 1 to {DURATION_MS_MAX}",
                self.duration_ms
            )
        })?;
        ensure(self.cluster.brokers.len() == 1, || {
            format!(
                "cluster.brokers has {} entries; this simulator runs exactly one",
                self.cluster.brokers.len()
            )
        })?;
        ensure((1..=CLIENTS_MAX).contains(&self.clients), || {
            format!("clients is {}; allowed are 1 to {CLIENTS_MAX}", self.clients)
        })?;
        self.validate_characters()?;
        self.validate_topics()?;
        self.validate_workloads()?;
        self.validate_faults()
    }

    fn validate_characters(&self) -> Result<(), String> {
        for (name, [low, high]) in [
            ("disk.sync_us", self.disk.sync_us),
            ("disk.operation_us", self.disk.operation_us),
            ("network.latency_us", self.network.latency_us),
        ] {
            ensure(low <= high && high <= 60_000_000, || {
                format!(
                    "{name} is [{low}, {high}]; the lower end comes first, and the upper is at most 60000000"
                )
            })?;
        }
        ensure(
            self.disk.keep_per_mille.unwrap_or(0) <= 1000 && self.disk.torn_per_mille <= 1000,
            || "disk.keep_per_mille and disk.torn_per_mille are at most 1000".to_owned(),
        )?;
        ensure(self.network.bytes_per_second != Some(0), || {
            "network.bytes_per_second is 0; leave it out for no limit".to_owned()
        })?;
        ensure(
            self.network.cut_per_mille <= 1000 && self.network.loss_per_mille <= 500,
            || "network.cut_per_mille is at most 1000 and network.loss_per_mille at most 500".to_owned(),
        )
    }

    fn validate_topics(&self) -> Result<(), String> {
        for (i, topic) in self.topics.iter().enumerate() {
            ensure((1..=PARTITIONS_MAX).contains(&topic.partitions), || {
                format!(
                    "topics[{i}].partitions is {}; allowed are 1 to {PARTITIONS_MAX}",
                    topic.partitions
                )
            })?;
            let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            ensure(!topic.name.is_empty() && topic.name.chars().all(legal), || {
                format!(
                    "topics[{i}].name is {:?}; use letters, digits, '.', '_' and '-'",
                    topic.name
                )
            })?;
            ensure(self.topics[..i].iter().all(|t| t.name != topic.name), || {
                format!("topics[{i}].name {:?} is taken by an earlier topic", topic.name)
            })?;
        }
        Ok(())
    }

    fn validate_workloads(&self) -> Result<(), String> {
        for (i, entry) in self.workloads.iter().enumerate() {
            ensure(entry.client < self.clients, || {
                format!(
                    "workloads[{i}].client is {}; there are {} clients, numbered from 0",
                    entry.client, self.clients
                )
            })?;
            ensure(
                self.workloads[..i].iter().all(|w| w.stream != entry.stream),
                || {
                    format!(
                        "workloads[{i}].stream {} is taken by an earlier workload",
                        entry.stream
                    )
                },
            )?;
            if let Some(name) = entry.workload.topic() {
                let topic = self.topic(name).ok_or_else(|| {
                    format!("workloads[{i}].topic {name:?} is not among the plan's topics; add it there")
                })?;
                if let Workload::Sequences { partition, .. } = entry.workload {
                    ensure((0..topic.partitions).contains(&partition), || {
                        format!(
                            "workloads[{i}].partition is {partition}; {name} has {} partitions",
                            topic.partitions
                        )
                    })?;
                }
                if let Workload::DeleteRecords { .. } = entry.workload {
                    ensure(topic.delete_records, || {
                        format!("workloads[{i}] deletes records of {name}; set delete_records there")
                    })?;
                }
            }
            if let Workload::RawProduce {
                acks, records_max, ..
            } = entry.workload
            {
                ensure(
                    (acks == -1 || acks == 1) && (1..=1000).contains(&records_max),
                    || format!("workloads[{i}] needs acks of 1 or -1, and records_max of 1 to 1000"),
                )?;
            }
            if let Workload::Produce { idempotent, acks, .. } = entry.workload {
                ensure((-1..=1).contains(&acks) && (!idempotent || acks == -1), || {
                    format!(
                        "workloads[{i}].acks is {acks}; allowed are 0, 1 and -1, and only -1 when idempotent"
                    )
                })?;
            }
        }
        Ok(())
    }

    fn validate_faults(&self) -> Result<(), String> {
        for (i, entry) in self.faults.iter().enumerate() {
            ensure((entry.broker as usize) < self.cluster.brokers.len(), || {
                format!(
                    "faults[{i}].broker is {}; brokers are numbered from 0",
                    entry.broker
                )
            })?;
            ensure(
                entry.at_ms.saturating_add(entry.for_ms) <= self.duration_ms,
                || {
                    format!(
                        "faults[{i}] ends at {} ms, after the plan's {}",
                        entry.at_ms + entry.for_ms,
                        self.duration_ms
                    )
                },
            )?;
            ensure(i == 0 || self.faults[i - 1].at_ms <= entry.at_ms, || {
                format!("faults[{i}] comes before its predecessor in time; sort by at_ms")
            })?;
            match &entry.fault {
                Fault::Partition {
                    client: Some(client), ..
                } => ensure(*client < self.clients, || {
                    format!(
                        "faults[{i}].client is {client}; there are {} clients",
                        self.clients
                    )
                })?,
                Fault::Bandwidth { bytes_per_second: 0 } | Fault::SlowDisk { factor: 0 } => {
                    return Err(format!("faults[{i}] has a 0 where a number above 0 is needed"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Plan), expected: &str) {
        let mut plan = Plan::of_seed(5);
        change(&mut plan);
        let error = plan.validate().expect_err(expected);
        assert!(error.contains(expected), "{error:?} should name {expected:?}");
    }

    #[test]
    fn each_bad_entry_is_named() {
        check(|p| p.disk.torn_per_mille = 1001, "torn_per_mille");
        check(|p| p.duration_ms = 0, "duration_ms is 0");
        check(|p| p.clients = 0, "clients is 0");
        check(|p| p.cluster.brokers.clear(), "exactly one");
        check(|p| p.topics[0].partitions = 0, "topics[0].partitions is 0");
        check(|p| p.topics[0].name = "a b".into(), "topics[0].name");
        check(|p| p.topics[1].name = p.topics[0].name.clone(), "taken");
        check(|p| p.workloads[0].client = 99, "workloads[0].client is 99");
        check(
            |p| p.workloads[1].stream = p.workloads[0].stream,
            "workloads[1].stream",
        );
        check(|p| p.disk.sync_us = [5, 1], "disk.sync_us");
        check(|p| p.network.cut_per_mille = 1001, "cut_per_mille");
        check(
            |p| {
                let fault = Fault::Kill {};
                p.faults = vec![FaultPlan {
                    at_ms: p.duration_ms,
                    for_ms: 1,
                    broker: 0,
                    stream: 0,
                    fault,
                }];
            },
            "faults[0] ends",
        );
    }
}
