//! The run's own clock: true virtual time, whatever a node's clocks say.

use super::history::At;

/// Microseconds since the run began.
pub fn now() -> At {
    At(u64::try_from(runtime::sim::now().as_micros()).unwrap_or(u64::MAX))
}
