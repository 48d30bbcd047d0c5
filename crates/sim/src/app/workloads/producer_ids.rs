//! Asks for producer ids: no two answers may be the same.

use super::Worker;
use crate::app::history::{Call, Outcome};
use crate::app::run::connection::{CALL_LIMIT, CallError, Caller};
use wire::ErrorCode;
use wire::init_producer_id::InitProducerIdRequest;

pub async fn run(mut worker: Worker, wait_ms: u64) {
    let mut caller = Caller::new(&worker.context.address);
    while worker.context.running() {
        // What went wrong is in the history; the next try may do better.
        init(&mut worker, &mut caller).await.ok();
        worker.wait(wait_ms).await;
    }
}

/// One InitProducerId: a new producer id and its epoch.
pub async fn init(worker: &mut Worker, caller: &mut Caller) -> Result<(i64, i16), Outcome> {
    let recorder = worker.context.recorder.clone();
    let op = recorder.invoke(
        worker.stream,
        Call::InitProducerId {
            producer_id: None,
            epoch: None,
        },
    );
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
    };
    let answer = caller.call(&request, 4, CALL_LIMIT).await;
    let (outcome, issued) = match answer {
        Ok(answer) => match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => (Outcome::Ok, Some((answer.producer_id, answer.producer_epoch))),
            code => (Outcome::Failed(format!("{code:?}")), None),
        },
        Err(error @ (CallError::NotSent(_) | CallError::Lost(_))) => (Outcome::of_call(&error), None),
    };
    let result = issued.ok_or_else(|| outcome.clone());
    recorder.complete(op, outcome, |call| {
        *call = Call::InitProducerId {
            producer_id: issued.map(|i| i.0),
            epoch: issued.map(|i| i.1),
        };
    });
    result
}
