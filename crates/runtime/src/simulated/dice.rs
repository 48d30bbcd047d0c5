//! Random streams, one per purpose, all from the run's seed: using more of one leaves the others as they were.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::ops::RangeInclusive;
use std::time::Duration;

/// FNV-1a's parameters, 64 bits.
pub const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
pub const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a over the bytes, from a state.
pub fn fnv(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |state, byte| {
        (state ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)
    })
}

/// One stream of random numbers.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of this purpose and item (a node's number, say) in the run of this seed.
    pub fn new(seed: u64, purpose: &str, item: u64) -> Dice {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&fnv(FNV_OFFSET, purpose.as_bytes()).to_le_bytes());
        key[16..24].copy_from_slice(&item.to_le_bytes());
        key[24..].copy_from_slice(b"odradek.");
        Dice(ChaCha8Rng::from_seed(key))
    }

    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }

    /// Uniform below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.u64()) * u128::from(n)) >> 64) as u64
    }

    pub fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = (*range.start(), *range.end());
        low + self.below((high.saturating_sub(low)).saturating_add(1))
    }

    pub fn duration(&mut self, low: Duration, high: Duration) -> Duration {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.between(nanos(low)..=nanos(high)))
    }

    /// True with this probability. Draws nothing for 0 and 1, so that switching a fault off does not shift others.
    pub fn chance(&mut self, probability: f64) -> bool {
        if probability <= 0.0 {
            return false;
        }
        probability >= 1.0 || self.unit() < probability
    }

    /// Uniform in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_purpose_and_item_and_repeat() {
        let first = |seed, purpose, item| Dice::new(seed, purpose, item).u64();
        assert_eq!(first(1, "disk", 2), first(1, "disk", 2));
        let all = [
            first(1, "disk", 2),
            first(2, "disk", 2),
            first(1, "net", 2),
            first(1, "disk", 3),
        ];
        for (index, value) in all.iter().enumerate() {
            assert!(!all[..index].contains(value));
        }
    }

    #[test]
    fn ranges_are_inclusive_and_chances_are_about_right() {
        let mut dice = Dice::new(7, "test", 0);
        let mut seen = [0; 3];
        (0..3000).for_each(|_| seen[dice.between(4..=6) as usize - 4] += 1);
        assert!(seen.iter().all(|count| (900..1100).contains(count)), "{seen:?}");
        let hits = (0..4000).filter(|_| dice.chance(0.25)).count();
        assert!((900..1100).contains(&hits), "{hits}");
        assert_eq!(dice.below(0), 0);
    }
}
