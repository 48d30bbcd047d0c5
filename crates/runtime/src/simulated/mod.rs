//! The simulated world: madsim runs the tasks, everything that they touch is ours and follows from one seed.
//!
//! ```text
//!   control::Sim ── kill, partition, fail, bend ──┐
//!                                                 v
//!   node's code ── net, disk, time, rng ───>   World   ── net: fabric of hosts, links, connections
//!        ^                                        │    ── disk: one file system per node
//!        └── wakes ── driver <── schedule <───────┘    ── clocks, dice, trace, panics
//! ```
//!
//! The driver is one task on the harness's node: it fires due events (packets) and due timers, then sleeps on
//! madsim's clock until the next. Network and disks are madsim plugins, so that madsim's own kill resets them.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // what the bans' replacements are made of

mod clock;
pub mod control;
mod dice;
pub mod disk;
mod driver;
pub mod net;
mod panics;
pub mod process;
pub mod rng;
pub mod task;
pub mod time;
mod tracing_hash;
mod universe;

use crate::mutant::Mutant;

pub fn trace(event: std::fmt::Arguments<'_>) {
    if let Some(world) = universe::try_world() {
        world.trace_event(event);
    }
}

pub fn buggify_chance(site: &'static str) -> bool {
    universe::try_world().is_some_and(|world| world.buggify_chance(site))
}

pub fn mutant_planted(mutant: Mutant) -> bool {
    universe::try_world().is_some_and(|world| world.mutant == Some(mutant))
}
