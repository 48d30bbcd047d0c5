//! The simulated process: one per node at a time.

use super::control::{Run, RunOptions};
use super::universe::world;

/// Open files that a simulated process may hold.
const OPEN_FILES_MAX: u64 = 65_536;

/// Runs the future in a simulated world of its own, of seed 0. Real programs live in the plain build.
pub fn main<F: Future>(future: F) -> F::Output {
    Run::new(RunOptions::default()).block_on(|_| future)
}

/// Completes when this node is asked to stop ([`super::control::Sim::stop`]).
pub async fn shutdown_signal() {
    let world = world();
    let mut asked = world.stop_requests(world.current_node());
    // The sender lives as long as the world.
    let _ = asked.wait_for(|asked| *asked).await;
}

pub fn raise_open_files() -> u64 {
    OPEN_FILES_MAX
}
