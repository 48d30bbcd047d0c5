//! Memory for requests: one bound for the node, taken before a large frame is read, given back when handled.

use crate::metrics::Metrics;
use runtime::sync::{OwnedSemaphorePermit, Semaphore};
use std::sync::Arc;

/// Permits are KiB, so that any frame's count fits in a `u32`.
const UNIT_BYTES: usize = 1024;
/// Where `queued.max.request.bytes` sets no bound.
const DEFAULT_BYTES: usize = 512 * 1024 * 1024;

#[derive(Clone)]
pub struct Budget {
    permits: Arc<Semaphore>,
    units: usize,
    metrics: Arc<Metrics>,
}

/// Memory of one request; given back when dropped.
pub struct Reservation {
    bytes: i64,
    _permit: OwnedSemaphorePermit,
    metrics: Arc<Metrics>,
}

impl Budget {
    /// `bytes` is `queued.max.request.bytes`. Always room for one frame of `frame_bytes_max`.
    pub fn new(bytes: Option<usize>, frame_bytes_max: usize, metrics: Arc<Metrics>) -> Budget {
        let units = bytes
            .unwrap_or(DEFAULT_BYTES)
            .max(frame_bytes_max)
            .div_ceil(UNIT_BYTES)
            .min(Semaphore::MAX_PERMITS);
        Budget {
            permits: Arc::new(Semaphore::new(units)),
            units,
            metrics,
        }
    }

    /// Waits until `bytes` fit; first come, first served.
    pub async fn reserve(&self, bytes: usize) -> Reservation {
        let units = bytes.div_ceil(UNIT_BYTES).min(self.units) as u32;
        let permit = self.permits.clone().acquire_many_owned(units).await;
        self.metrics.queued_request_bytes.add(bytes as i64);
        Reservation {
            bytes: bytes as i64,
            _permit: permit.expect("the semaphore is never closed"),
            metrics: self.metrics.clone(),
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.metrics.queued_request_bytes.add(-self.bytes);
    }
}
