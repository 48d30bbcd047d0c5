//! Producer ids, handed out one by one from blocks of the controller.
//!
//! A block is committed in the metadata log before its first id is used, and what is left of it at a stop is lost: an id
//! is never handed out twice (I4).

use crate::controller::Controller;
use runtime::sync::AsyncMutex;
use std::ops::Range;
use tracing::warn;
use wire::ErrorCode;

pub struct ProducerIds {
    controller: Controller,
    block: AsyncMutex<Range<i64>>,
}

impl ProducerIds {
    pub fn new(controller: Controller) -> Self {
        ProducerIds {
            controller,
            block: AsyncMutex::new(0..0),
        }
    }

    /// Waits for a new block where the last one is used up; those who come meanwhile wait for the same.
    pub async fn next(&self) -> Result<i64, ErrorCode> {
        let mut block = self.block.lock().await;
        if block.is_empty() || runtime::buggify::chance("producer_ids.lose_block") {
            *block = self.controller.allocate_producer_ids().await.map_err(|error| {
                warn!(error = error.message, "no block of producer ids");
                // Retried by every client.
                ErrorCode::CoordinatorLoadInProgress
            })?;
        }
        let id = block.start;
        block.start += 1;
        Ok(id)
    }
}
