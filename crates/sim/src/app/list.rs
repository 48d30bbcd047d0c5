//! `sim list`: what there is.

use super::invariants;
use super::mutants::caught_by;
use super::plan::{FaultKind, WorkloadKind};
use runtime::mutant::Mutant;

pub fn print() {
    println!("scenarios");
    println!(
        "  {:<32} a random subset of faults and workloads for each seed",
        "swarm"
    );
    println!("faults");
    for kind in FaultKind::ALL {
        println!("  {:<32} {}", kind.name(), kind.about());
    }
    println!("workloads");
    for kind in WorkloadKind::ALL {
        println!("  {:<32} {}", kind.name(), kind.about());
    }
    println!("invariants");
    for invariant in invariants::ALL {
        println!(
            "  {:<32} {} [{}]",
            invariant.id, invariant.title, invariant.source
        );
    }
    println!("mutants");
    for mutant in Mutant::ALL {
        println!(
            "  {:<32} caught by {}",
            mutant.name(),
            caught_by(mutant).join(", ")
        );
    }
}
