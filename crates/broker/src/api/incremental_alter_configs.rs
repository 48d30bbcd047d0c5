//! IncrementalAlterConfigs (key 44, v0–1; KIP-339): the controller decides; see `metadata::controller`.
//!
//! - Operations: 0 set, 1 delete, 2 append and 3 subtract for lists. v1: flexible.
//! - Answered when the records are committed and the settings are in effect here.

use super::{Call, Head};
use crate::node::ALTERATION_WAIT_MAX;
use wire::incremental_alter_configs::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};

pub async fn handle(
    call: Call,
    _head: Head,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let response = call.node().controller.incremental_alter_configs(request).await;
    call.node().caught_up(ALTERATION_WAIT_MAX).await;
    response
}
