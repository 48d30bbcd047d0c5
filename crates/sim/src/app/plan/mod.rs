//! A plan: everything that a run will do, as a value.
//!
//! It is made from a seed, printed as JSON, saved, edited and replayed. What it does not fix is the scheduler's order,
//! which follows from `schedule_seed` and the code. Invariants:
//!
//! 1. A plan that [`Plan::validate`] accepts can be run; no later code has to doubt its numbers.
//! 2. The same seed makes the same plan in every process and profile.
//! 3. Taking an entry out of `faults` or `workloads` changes no other entry: each names what it draws from.

mod faults;
mod swarm;
mod topics;
mod validate;
mod workloads;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use faults::{Fault, FaultKind, FaultPlan, Link};
pub use topics::TopicPlan;
pub use workloads::{Codec, Keys, Workload, WorkloadKind, WorkloadPlan};

/// The version of the plan's JSON; a file of another version is refused.
pub const PLAN_FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub format: u32,
    /// Why the plan is kept, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The seed that the plan came from; workloads and faults draw from streams of it as they run.
    pub seed: u64,
    pub scenario: String,
    /// Seeds the executor: which ready task runs next, and everything the nodes draw.
    pub schedule_seed: u64,
    /// How long faults may strike and workloads run; healing and checking come on top.
    pub duration_ms: u64,
    /// Once healed, how long progress may take (L1).
    pub progress_ms: u64,
    pub cluster: Cluster,
    /// Client nodes, numbered from 0; each is a machine of its own.
    pub clients: u32,
    pub disk: DiskCharacter,
    pub network: NetworkCharacter,
    pub buggify: bool,
    pub topics: Vec<TopicPlan>,
    pub workloads: Vec<WorkloadPlan>,
    pub faults: Vec<FaultPlan>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Settings that every broker starts with, in server.properties' words.
    pub settings: BTreeMap<String, String>,
    pub brokers: Vec<BrokerPlan>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerPlan {
    /// node.id
    pub id: u32,
}

/// How the brokers' disks behave when nothing is wrong with them, and what a power loss leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskCharacter {
    /// An fsync takes between these.
    pub sync_us: [u64; 2],
    /// A cold read, an open, a rename, a folder's fsync takes between these.
    pub operation_us: [u64; 2],
    /// On power loss each unsynced sector is kept with this chance (of 1000); chosen anew for each file when absent.
    pub keep_per_mille: Option<u64>,
    /// And it holds some of the old and some of the new with this one.
    pub torn_per_mille: u64,
}

/// The links between clients and brokers when nothing is wrong with them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkCharacter {
    /// One way, between these.
    pub latency_us: [u64; 2],
    /// Each direction's limit; none when absent.
    pub bytes_per_second: Option<u64>,
    /// How many of a thousand writes, segments and reads are cut at a random place.
    pub cut_per_mille: u64,
    /// How many of a thousand packets are lost, and sent again later.
    pub loss_per_mille: u64,
}

impl Plan {
    /// The plan of the default swarm for `seed`.
    pub fn of_seed(seed: u64) -> Plan {
        swarm::plan(seed)
    }

    /// Sixteen hexadecimal digits that name this plan's content, its note aside.
    pub fn hash(&self) -> String {
        let plan = Plan {
            note: None,
            ..self.clone()
        };
        let json = serde_json::to_string(&plan).expect("a plan has only plain values and string keys");
        format!("{:016x}", crate::app::value::fnv1a(json.as_bytes()))
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a plan has only plain values and string keys")
    }

    /// Reads and validates; the error names the place and what is allowed.
    pub fn from_json(text: &str) -> Result<Plan, String> {
        let plan: Plan = serde_json::from_str(text).map_err(|e| {
            format!("not a plan: {e}; write one with `sim --seed N --save-plan FILE` to see the form")
        })?;
        plan.validate()?;
        Ok(plan)
    }

    pub fn topic(&self, name: &str) -> Option<&TopicPlan> {
        self.topics.iter().find(|t| t.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_makes_a_valid_plan_that_survives_json() {
        for seed in 0..300 {
            let plan = Plan::of_seed(seed);
            let again = Plan::from_json(&plan.to_json()).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            assert_eq!(plan, again);
            assert_eq!(plan.hash(), again.hash());
        }
    }

    #[test]
    fn seeds_differ_and_repeat() {
        assert_eq!(Plan::of_seed(3), Plan::of_seed(3));
        assert_ne!(Plan::of_seed(3).hash(), Plan::of_seed(4).hash());
    }

    #[test]
    fn the_swarm_reaches_every_fault_and_workload() {
        let mut faults: Vec<FaultKind> = Vec::new();
        let mut workloads: Vec<WorkloadKind> = Vec::new();
        for seed in 0..200 {
            let plan = Plan::of_seed(seed);
            faults.extend(plan.faults.iter().map(|f| f.fault.kind()));
            workloads.extend(plan.workloads.iter().map(|w| w.workload.kind()));
        }
        for kind in FaultKind::ALL {
            assert!(
                faults.contains(&kind),
                "no seed of 200 has the fault {}",
                kind.name()
            );
        }
        for kind in WorkloadKind::ALL {
            assert!(
                workloads.contains(&kind),
                "no seed of 200 has the workload {}",
                kind.name()
            );
        }
    }

    #[test]
    fn a_broken_file_is_refused_with_a_reason() {
        let mut plan = Plan::of_seed(1);
        plan.format = 9;
        let error = Plan::from_json(&plan.to_json()).expect_err("another format");
        assert!(error.contains("format 9"), "{error}");
        let error = Plan::from_json("{}").expect_err("no fields");
        assert!(error.contains("--save-plan"), "{error}");
    }
}
