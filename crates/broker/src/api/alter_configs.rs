//! AlterConfigs (key 33, v0–2; KIP-133): replaces all that was altered of a resource; the controller decides.
//!
//! - v2: flexible. Superseded by IncrementalAlterConfigs, and still sent by older tools.
//! - Answered when the records are committed and the settings are in effect here.

use super::{Call, Head};
use crate::node::ALTERATION_WAIT_MAX;
use wire::alter_configs::{AlterConfigsRequest, AlterConfigsResponse};

pub async fn handle(call: Call, _head: Head, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let response = call.node().controller.alter_configs(request).await;
    call.node().caught_up(ALTERATION_WAIT_MAX).await;
    response
}
