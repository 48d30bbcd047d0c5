//! The log on the simulated disk: power losses at any instant, crashes during recovery, full and failing disks.
#![cfg(madsim)]

mod errors;
mod model;
mod torture;

use runtime::sim::{NodeId, Run, RunOptions, Sim};
use std::net::{IpAddr, Ipv4Addr};

fn run<F: Future>(seed: u64, scenario: impl FnOnce(Sim) -> F) -> F::Output {
    Run::new(RunOptions {
        seed,
        ..RunOptions::default()
    })
    .block_on(scenario)
}

/// A machine whose process runs this.
fn machine<F>(sim: &Sim, program: impl Fn() -> F + Send + Sync + 'static) -> NodeId
where
    F: Future<Output = ()> + Send + 'static,
{
    sim.add_node("n1", IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), program)
}

fn assert_no_panic(sim: &Sim) {
    let panics = sim.panics();
    assert!(panics.is_empty(), "{panics:#?}");
}
