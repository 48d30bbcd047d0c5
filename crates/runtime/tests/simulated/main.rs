//! Each behaviour of the simulated world, shown.
#![cfg(madsim)]
#![allow(clippy::disallowed_methods)] // starts itself again as another process

mod clocks;
mod determinism;
mod disk;
mod disk_faults;
mod net;
mod net_faults;
mod processes;

use runtime::sim::{NodeId, Run, RunOptions, Sim};
use std::net::{IpAddr, Ipv4Addr};

/// Runs one scenario in a world of this seed.
fn run<F: Future>(seed: u64, scenario: impl FnOnce(Sim) -> F) -> F::Output {
    Run::new(RunOptions {
        seed,
        ..RunOptions::default()
    })
    .block_on(scenario)
}

/// A machine whose process does nothing but wait for tasks of `spawn_on`.
fn idle(sim: &Sim, number: u8) -> NodeId {
    let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 0, number));
    sim.add_node(&format!("n{number}"), ip, std::future::pending)
}

/// Two of them.
fn two(sim: &Sim) -> (NodeId, NodeId) {
    (idle(sim, 1), idle(sim, 2))
}

/// Runs a future on a node to its end.
async fn on<T: Send + 'static>(
    sim: &Sim,
    node: NodeId,
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    sim.spawn_on(node, future).await.expect("the task ends by itself")
}
