//! A node's entropy: its own stream of the run's seed.

use super::universe::world;

/// Fills the buffer with random bytes.
pub fn fill(buffer: &mut [u8]) {
    let world = world();
    world.fill_entropy(world.current_node(), buffer);
}
