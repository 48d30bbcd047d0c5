//! The operating system's clocks and tokio's timers.

use crate::time::Elapsed;
use std::ops::Add;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// An instant of the clock that never goes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Monotonic(Instant);

impl Monotonic {
    pub fn now() -> Monotonic {
        Monotonic(Instant::now())
    }

    /// The time from this instant to now; zero when this lies ahead.
    pub fn elapsed(self) -> Duration {
        Monotonic::now().saturating_since(self)
    }

    /// The time from `earlier` to this instant; zero when `earlier` is the later one.
    pub fn saturating_since(self, earlier: Monotonic) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }
}

impl Add<Duration> for Monotonic {
    type Output = Monotonic;

    /// Saturates some decades ahead, so that "for ever" may be added.
    fn add(self, duration: Duration) -> Monotonic {
        const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
        Monotonic(self.0 + duration.min(FAR))
    }
}

pub async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

pub async fn sleep_until(deadline: Monotonic) {
    tokio::time::sleep_until(deadline.0.into()).await;
}

/// Runs the future until it completes, or drops it when the time has passed.
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    tokio::time::timeout(limit, future).await.map_err(|_| Elapsed)
}

pub fn wall_ms() -> i64 {
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => ms(since),
        Err(before) => -ms(before.duration()),
    }
}
