//! Asks for the offsets of times, and for the log's ends.

use super::Worker;
use crate::app::history::{Call, OffsetQuery, Outcome};
use crate::app::run::connection::Caller;
use crate::app::run::last_read::list_offset;
use runtime::time::WallMs;

pub async fn run(mut worker: Worker, topic: &str, wait_ms: u64) {
    let recorder = worker.context.recorder.clone();
    let mut caller = Caller::new(&worker.context.address);
    let began = WallMs::now().0;
    while worker.context.running() {
        let partition = worker.any_partition(topic);
        let target = match worker.dice.below(10) {
            0 => -1,
            1 | 2 => -2,
            3 => -3,
            _ => {
                let passed = (WallMs::now().0 - began).max(0) as u64;
                began - 500 + worker.dice.below(passed + 1500) as i64
            }
        };
        let query = OffsetQuery {
            partition,
            target,
            offset: None,
            timestamp: None,
        };
        let op = recorder.invoke(worker.stream, Call::Offset(query));
        let answer = list_offset(&mut caller, topic, partition.index, target).await;
        let (outcome, found) = match answer {
            Ok(found) => (Outcome::Ok, Some(found)),
            Err(why) => (Outcome::Failed(why), None),
        };
        recorder.complete(op, outcome, |call| {
            if let Call::Offset(query) = call {
                (query.offset, query.timestamp) = (found.map(|f| f.0), found.map(|f| f.1));
            }
        });
        worker.wait(wait_ms).await;
    }
}
