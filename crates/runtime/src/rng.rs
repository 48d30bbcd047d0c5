//! Entropy: the operating system's in the plain build, a stream per node of the run's seed in the simulator.

pub use crate::world::rng::fill;

/// A uniformly random number.
pub fn u64() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A uniformly random number below `n`. `n` must not be 0.
pub fn below(n: u64) -> u64 {
    assert!(n > 0, "there is no number below 0");
    // Lemire's multiply-shift, with the rejection that removes the bias.
    let threshold = n.wrapping_neg() % n;
    loop {
        let wide = u128::from(u64()) * u128::from(n);
        if wide as u64 >= threshold {
            return (wide >> 64) as u64;
        }
    }
}
