//! CreatePartitions (key 37, v0–3; KIP-195): the controller decides; see `metadata::controller`.
//!
//! - v2: flexible. v3 (KIP-599): THROTTLING_QUOTA_EXCEEDED may be answered.
//! - Answered when the records are committed and the new partitions can be used, or timeout_ms has passed.

use super::{Call, Head};
use runtime::time::Duration;
use wire::create_partitions::{CreatePartitionsRequest, CreatePartitionsResponse};

pub async fn handle(call: Call, _head: Head, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let timeout = Duration::from_millis(request.timeout_ms.max(0) as u64);
    let response = call.node().controller.create_partitions(request).await;
    call.node().caught_up(timeout).await;
    response
}
