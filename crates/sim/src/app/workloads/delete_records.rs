//! Moves logs' starts: DeleteRecords to an offset, or to the high watermark.

use super::Worker;
use crate::app::history::{Call, DeleteRecords, Outcome};
use crate::app::run::connection::{CALL_LIMIT, Caller};
use crate::app::run::last_read::list_offset;
use wire::ErrorCode;
use wire::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};

pub async fn run(mut worker: Worker, topic: &str, wait_ms: u64) {
    let recorder = worker.context.recorder.clone();
    let mut caller = Caller::new(&worker.context.address);
    while worker.context.running() {
        worker.wait(wait_ms).await;
        let partition = worker.any_partition(topic);
        let Ok((end, _)) = list_offset(&mut caller, topic, partition.index, -1).await else {
            continue;
        };
        let target = match worker.dice.below(10) {
            0 => -1,
            1 => end,
            // Mostly a little, so that something is left to check.
            _ => worker.dice.below(end.max(0) as u64 / 2 + 1) as i64,
        };
        let call = DeleteRecords {
            partition,
            target,
            low_watermark: None,
        };
        let op = recorder.invoke(worker.stream, Call::DeleteRecords(call));
        let (outcome, low_watermark) = delete(&mut caller, topic, partition.index, target).await;
        recorder.complete(op, outcome, |call| {
            if let Call::DeleteRecords(delete) = call {
                delete.low_watermark = low_watermark;
            }
        });
    }
}

async fn delete(caller: &mut Caller, topic: &str, index: i32, target: i64) -> (Outcome, Option<i64>) {
    let partition = DeleteRecordsPartition {
        partition_index: index,
        offset: target,
    };
    let topic = DeleteRecordsTopic {
        name: topic.to_owned(),
        partitions: vec![partition],
    };
    let request = DeleteRecordsRequest {
        topics: vec![topic],
        timeout_ms: 3000,
    };
    let answer = match caller.call(&request, 2, CALL_LIMIT).await {
        Ok(answer) => answer,
        Err(error) => return (Outcome::of_call(&error), None),
    };
    match answer.topics.first().and_then(|t| t.partitions.first()) {
        None => (
            Outcome::Unknown("an answer without the partition".to_owned()),
            None,
        ),
        Some(partition) => {
            let outcome = Outcome::of_admin(ErrorCode::from_code(partition.error_code));
            let low_watermark = outcome.is_ok().then_some(partition.low_watermark);
            (outcome, low_watermark)
        }
    }
}
