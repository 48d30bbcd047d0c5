//! Random streams that a plan is made of.
//!
//! One seed, one ChaCha key; every purpose has its own stream, and every item of a purpose (the third fault, say) a
//! stream of its own below it, so that taking one away leaves all others as they were.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// What a stream is drawn for. Numbers are part of what a seed means: append, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Purpose {
    Schedule = 1,
    Cluster = 2,
    Clients = 3,
    Topics = 4,
    Workloads = 5,
    Faults = 6,
    Disk = 7,
    Network = 8,
    Buggify = 9,
    Duration = 10,
    /// What a workload draws while it runs; the item is the workload's number.
    WorkloadRun = 11,
    /// What a fault draws while it strikes; the item is the fault's number.
    FaultRun = 12,
}

/// One stream.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64, purpose: Purpose, item: u32) -> Dice {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream((purpose as u64) << 32 | u64::from(item));
        Dice(rng)
    }

    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..n`; 0 for an empty range.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            0
        } else {
            ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
        }
    }

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True in `per_mille` of 1000 draws.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        assert!(!of.is_empty(), "a choice needs something to choose from");
        of[self.below(of.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_repeatable_and_apart() {
        let draw = |purpose, item| Dice::new(7, purpose, item).u64();
        assert_eq!(draw(Purpose::Faults, 3), draw(Purpose::Faults, 3));
        assert_ne!(draw(Purpose::Faults, 3), draw(Purpose::Faults, 4));
        assert_ne!(draw(Purpose::Faults, 3), draw(Purpose::Disk, 3));
        assert_ne!(draw(Purpose::Faults, 3), Dice::new(8, Purpose::Faults, 3).u64());
    }

    #[test]
    fn ranges_hold() {
        let mut dice = Dice::new(1, Purpose::Disk, 0);
        assert_eq!(dice.below(0), 0);
        for _ in 0..1000 {
            assert!(dice.below(3) < 3);
            assert!((5..=9).contains(&dice.between(5, 9)));
        }
        assert!(!dice.chance(0) && dice.chance(1000));
    }
}
