//! Two clocks, kept apart by their types, and timers on the first of them.
//!
//! [`Monotonic`] never goes back and is meaningless outside the process: time-outs, intervals, latencies.
//! [`WallMs`] is what the calendar says and may jump either way: record timestamps, retention.

pub use crate::world::time::{Monotonic, sleep, sleep_until, timeout};
pub use std::time::Duration;

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z as this machine believes; it may jump forwards and backwards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WallMs(pub i64);

impl WallMs {
    pub fn now() -> WallMs {
        WallMs(crate::world::time::wall_ms())
    }
}

impl fmt::Display for WallMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// The time given to [`timeout`] passed first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time limit passed before the operation completed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for std::io::Error {
    fn from(elapsed: Elapsed) -> Self {
        std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed)
    }
}
