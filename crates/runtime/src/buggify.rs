//! Places in the code that, in the simulator, sometimes take the unlikely path on purpose.

/// Whether the unlikely path named `site` shall be taken now. Always false in the plain build. In the simulator a
/// site is active in a quarter of the runs and then fires a quarter of the time, while the run's faults are on.
#[inline]
pub fn chance(site: &'static str) -> bool {
    crate::world::buggify_chance(site)
}
