//! CreateTopics (key 19, v2–7): the controller decides; see `metadata::controller`.
//!
//! - v4 (KIP-464): −1 means the broker's defaults. v5 (KIP-525): flexible; answers tell the settings in effect. v6: quotas.
//!   v7 (KIP-516): answers carry topic ids.
//! - Answered when the records are committed and this broker's partitions can be used, or timeout_ms has passed.

use super::{Call, Head};
use runtime::time::Duration;
use wire::create_topics::{CreateTopicsRequest, CreateTopicsResponse};

pub async fn handle(call: Call, _head: Head, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let timeout = Duration::from_millis(request.timeout_ms.max(0) as u64);
    let response = call.node().controller.create_topics(request).await;
    call.node().caught_up(timeout).await;
    response
}
