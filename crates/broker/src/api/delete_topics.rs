//! DeleteTopics (key 20, v1–6): the controller decides; see `metadata::controller`.
//!
//! - v4: flexible. v5 (KIP-599): error messages. v6 (KIP-516): topics by name or id.
//! - delete.topic.enable=false: TOPIC_DELETION_DISABLED.
//! - Answered when the records are committed and the logs here are gone, or timeout_ms has passed.

use super::{Call, Head};
use runtime::time::Duration;
use wire::delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};

pub async fn handle(call: Call, head: Head, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let timeout = Duration::from_millis(request.timeout_ms.max(0) as u64);
    let response = call.node().controller.delete_topics(request, head.version).await;
    call.node().caught_up(timeout).await;
    response
}
