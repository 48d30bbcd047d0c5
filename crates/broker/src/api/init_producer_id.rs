//! InitProducerId (key 22, v0–5): a producer id for an idempotent producer.
//!
//! - v1: throttling semantics (KIP-219). v2: flexible. v3 (KIP-360): the client may name its id and epoch, to
//!   have the epoch raised. v4: PRODUCER_FENCED may be answered. v5: TRANSACTION_ABORTABLE may be.
//! - Without a transactional id every request gets a fresh id at epoch 0, whatever id it names.
//! - Ids come from blocks of the controller, which never hands one out twice (I4).
//! - With a transactional id: COORDINATOR_NOT_AVAILABLE, as from a broker whose coordinator does not run;
//!   an empty one is INVALID_REQUEST.

use super::{Call, Head};
use tracing::warn;
use wire::ErrorCode;
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

pub async fn handle(call: Call, _head: Head, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let failed = |error: ErrorCode| InitProducerIdResponse {
        error_code: error.code(),
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    };
    if (request.producer_id == -1) != (request.producer_epoch == -1) {
        return failed(ErrorCode::InvalidRequest);
    }
    match request.transactional_id.as_deref() {
        Some("") => return failed(ErrorCode::InvalidRequest),
        Some(transactional_id) => {
            warn!(transactional_id, peer = %call.peer, "transactions are not served yet: use a producer without transactional.id");
            return failed(ErrorCode::CoordinatorNotAvailable);
        }
        None => {}
    }
    match call.node().next_producer_id().await {
        Ok(producer_id) => InitProducerIdResponse {
            error_code: ErrorCode::None.code(),
            producer_id,
            producer_epoch: 0,
            ..Default::default()
        },
        Err(error) => failed(error),
    }
}
