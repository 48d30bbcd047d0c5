//! Latencies in log-linear buckets: recording is one atomic add, and a quantile is at most 1/16 too high.

use std::sync::atomic::{AtomicU64, Ordering};

/// Each power of two is cut into this many buckets.
const SUB_BUCKETS: usize = 16;
const SUB_BITS: u32 = SUB_BUCKETS.trailing_zeros();
/// Up to 2^40 µs, which is twelve days.
const POWERS: usize = 40;
const BUCKETS: usize = SUB_BUCKETS * POWERS;

pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    count: AtomicU64,
    sum: AtomicU64,
    max: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            count: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    pub fn record(&self, value: u64) {
        self.buckets[bucket_of(value)].fetch_add(1, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
        self.max.fetch_max(value, Ordering::Relaxed);
    }

    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    pub fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    /// The upper end of the bucket that holds the `quantile` (0 to 1), at most the greatest value seen.
    pub fn quantile(&self, quantile: f64) -> u64 {
        let counts: Vec<u64> = self
            .buckets
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed))
            .collect();
        let total: u64 = counts.iter().sum();
        let rank = (total as f64 * quantile).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_end(index).min(self.max());
            }
        }
        0
    }
}

fn bucket_of(value: u64) -> usize {
    if value < SUB_BUCKETS as u64 {
        return value as usize;
    }
    let power = 63 - value.leading_zeros();
    let sub = (value >> (power - SUB_BITS)) as usize - SUB_BUCKETS;
    let index = (power - SUB_BITS + 1) as usize * SUB_BUCKETS + sub;
    index.min(BUCKETS - 1)
}

fn upper_end(index: usize) -> u64 {
    if index < SUB_BUCKETS {
        return index as u64;
    }
    let shift = index / SUB_BUCKETS - 1;
    let sub = index % SUB_BUCKETS + SUB_BUCKETS;
    ((sub as u64 + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket() {
        for value in
            (0..5000).chain((12..39).flat_map(|power| [(1u64 << power) - 1, 1 << power, (1 << power) + 7]))
        {
            let index = bucket_of(value);
            assert!(value <= upper_end(index), "{value}");
            assert!(index == 0 || value > upper_end(index - 1), "{value}");
        }
    }

    #[test]
    fn quantiles_are_close() {
        let histogram = Histogram::default();
        (1..=1000).for_each(|value| histogram.record(value));
        for (quantile, exact) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let got = histogram.quantile(quantile) as f64;
            assert!(got >= exact && got <= exact * 1.07, "{quantile}: {got}");
        }
        assert_eq!(Histogram::default().quantile(0.5), 0);
    }
}
