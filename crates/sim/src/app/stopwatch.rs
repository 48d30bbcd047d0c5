//! Real seconds, for reports: the one clock of the harness that is not virtual.
#![allow(clippy::disallowed_methods)] // nothing simulated depends on it

use std::time::Instant;

pub struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
