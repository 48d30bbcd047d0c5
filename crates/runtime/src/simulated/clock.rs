//! One node's clocks: a monotonic one that drifts and stands still on command, and a calendar that jumps.

/// The calendar at the start of every run: 2026-01-01T00:00:00Z.
pub const WALL_START_MS: i64 = 1_767_225_600_000;

/// Nanoseconds of true (virtual) time or of a node's local time.
pub type Nanos = u64;

const ONE: u128 = 1_000_000_000;

/// A node's idea of time, as a function of the true time.
///
/// Invariant: local time never goes back, whatever is done to the clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Local nanoseconds per 10^9 true ones; 10^9 for a perfect clock.
    rate: u64,
    frozen: bool,
    /// Since this true time the clock runs as it does now ...
    base_true: Nanos,
    /// ... from this local time.
    base_local: Nanos,
    pub wall_offset_ms: i64,
}

impl Clock {
    pub fn perfect() -> Clock {
        Clock {
            rate: ONE as u64,
            frozen: false,
            base_true: 0,
            base_local: 0,
            wall_offset_ms: 0,
        }
    }

    pub fn local(&self, now: Nanos) -> Nanos {
        if self.frozen {
            return self.base_local;
        }
        let passed = u128::from(now.saturating_sub(self.base_true)) * u128::from(self.rate) / ONE;
        self.base_local + passed as u64
    }

    /// The true time at which the local clock will show `local`; none while it stands still.
    pub fn when(&self, local: Nanos) -> Option<Nanos> {
        let ahead = local.saturating_sub(self.base_local);
        if ahead == 0 {
            return Some(self.base_true);
        }
        if self.frozen {
            return None;
        }
        let wait = (u128::from(ahead) * ONE).div_ceil(u128::from(self.rate));
        Some(
            self.base_true
                .saturating_add(u64::try_from(wait).unwrap_or(u64::MAX)),
        )
    }

    pub fn wall_ms(&self, now: Nanos) -> i64 {
        WALL_START_MS + (self.local(now) / 1_000_000) as i64 + self.wall_offset_ms
    }

    /// Makes the clock run fast (positive) or slow, by parts per million.
    pub fn set_drift(&mut self, now: Nanos, ppm: i32) {
        self.rebase(now);
        self.rate = (1_000_000_000 + i64::from(ppm) * 1000).max(1_000_000) as u64;
    }

    pub fn set_frozen(&mut self, now: Nanos, frozen: bool) {
        self.rebase(now);
        self.frozen = frozen;
    }

    fn rebase(&mut self, now: Nanos) {
        self.base_local = self.local(now);
        self.base_true = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_pauses_and_the_inverse() {
        let mut clock = Clock::perfect();
        assert_eq!(clock.local(5_000), 5_000);
        clock.set_drift(1_000_000_000, 100_000); // ten percent fast
        assert_eq!(clock.local(2_000_000_000), 2_100_000_000);
        for local in [1_000_000_001, 1_234_567_891, 3_000_000_007] {
            let when = clock.when(local).expect("it runs");
            assert!(clock.local(when) >= local && clock.local(when - 2) < local);
        }
        clock.set_frozen(2_000_000_000, true);
        assert_eq!(clock.local(9_000_000_000), 2_100_000_000);
        assert_eq!(clock.when(2_100_000_001), None);
        clock.set_frozen(9_000_000_000, false);
        assert_eq!(clock.local(10_000_000_000), 3_200_000_000);
    }

    #[test]
    fn the_calendar_jumps_without_the_monotonic_clock() {
        let mut clock = Clock::perfect();
        clock.wall_offset_ms = -3_600_000;
        assert_eq!(clock.wall_ms(1_000_000), WALL_START_MS - 3_600_000 + 1);
        assert_eq!(clock.local(1_000_000), 1_000_000);
    }
}
