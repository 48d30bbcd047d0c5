//! Fetches by hand, with and without sessions: batch headers, high watermarks, log starts, positions out of range.

use super::Worker;
use crate::app::history::{Call, Outcome};
use crate::app::run::connection::Caller;
use crate::app::run::empty_poll;
use crate::app::run::fetching::{Fetch, Session, fetch};

pub async fn run(mut worker: Worker, topic: &str, sessions: bool, wait_ms: u64) {
    let partition = worker.any_partition(topic);
    let reader = worker.stream;
    let recorder = worker.context.recorder.clone();
    let mut caller = Caller::new(&worker.context.address);
    let mut session = Session::wanted(sessions);
    let (mut position, mut moved) = (0, true);
    let mut seen_end = 0;
    while worker.context.running() {
        let asking = Fetch {
            topic,
            index: partition.index,
            position,
            max_wait_ms: worker.dice.pick(&[0, 50, 500]),
            max_bytes: worker.dice.pick(&[1, 3000, 100_000]),
        };
        let op = recorder.invoke(reader, Call::Poll(empty_poll(partition, reader, position)));
        let (outcome, poll) = match fetch(&mut caller, &mut session, &asking).await {
            Ok(fetched) => fetched.poll(partition, reader, position, moved),
            Err(error) => (
                Outcome::Failed(error.to_string()),
                empty_poll(partition, reader, position),
            ),
        };
        let (ok, next, out_of_range) = (
            outcome.is_ok(),
            poll.records.last().map(|r| r.offset + 1),
            poll.out_of_range,
        );
        recorder.complete(op, outcome, |call| *call = Call::Poll(poll));
        // After a call that failed the reader stands where it stood, and a seek is still to be reported.
        moved = moved && !ok;
        position = next.unwrap_or(position);
        seen_end = position.max(seen_end);
        if out_of_range || worker.dice.chance(40) {
            // Anywhere, a little past the end included.
            position = worker.dice.below(seen_end as u64 + 20) as i64;
            moved = true;
            session = Session::wanted(sessions);
        }
        worker.wait(wait_ms).await;
    }
}
