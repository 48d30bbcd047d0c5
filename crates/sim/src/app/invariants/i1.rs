//! I1: each (producer id, epoch, partition, sequence) stands at one offset at most, across retries and recovery.

use super::{Invariant, Violation};
use crate::app::history::{At, BatchView, Model, Observation, Partition, Source};
use std::collections::BTreeMap;

pub const INVARIANT: Invariant = Invariant {
    id: "I1",
    title: "each sequence of a producer stands at one offset",
    source: "KIP-98: idempotent producer guarantees",
    check,
};

type Key = (Partition, i64, i16, i32);

fn check(model: &Model) -> Result<(), Violation> {
    let mut fetched: BTreeMap<Key, Observation> = BTreeMap::new();
    for (op, poll) in model.history.polls() {
        let binding = !model.history.topic(poll.partition.topic).caching;
        let at = op.completed.unwrap_or(op.invoked);
        for batch in &poll.batches {
            let statement = Observation {
                offset: batch.base_offset,
                value: None,
                invoked: op.invoked,
                at,
                source: Source::Read,
                binding,
            };
            note(model, &mut fetched, poll.partition, batch, statement)?;
        }
    }
    for view in &model.history.views {
        for log in &view.logs {
            // One look is one moment: nothing in it can be excused by a loss in between.
            let mut standing: BTreeMap<Key, Observation> = BTreeMap::new();
            for batch in log.batches() {
                let statement = statement_on_disk(batch, view.at);
                note(model, &mut standing, log.partition, batch, statement)?;
            }
        }
    }
    Ok(())
}

fn statement_on_disk(batch: &BatchView, at: At) -> Observation {
    Observation {
        offset: batch.base_offset,
        value: None,
        invoked: at,
        at,
        source: Source::Read,
        binding: true,
    }
}

fn note(
    model: &Model,
    seen: &mut BTreeMap<Key, Observation>,
    partition: Partition,
    batch: &BatchView,
    statement: Observation,
) -> Result<(), Violation> {
    if batch.producer_id < 0 || !batch.crc_valid {
        return Ok(());
    }
    let key = (
        partition,
        batch.producer_id,
        batch.producer_epoch,
        batch.base_sequence,
    );
    let earlier = *seen.entry(key).or_insert(statement);
    if earlier.offset == statement.offset {
        return Ok(());
    }
    if model.excused(partition, &earlier, &statement) {
        seen.insert(key, statement);
        return Ok(());
    }
    let message = format!(
        "{}: producer {} epoch {} sequence {} stands at offset {} (seen at {}) and at offset {} (seen at {})",
        model.history.name(partition),
        batch.producer_id,
        batch.producer_epoch,
        batch.base_sequence,
        earlier.offset,
        earlier.at,
        statement.offset,
        statement.at,
    );
    Err(Violation {
        invariant: INVARIANT.id,
        at: statement.at,
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::ViewMoment;
    use crate::app::history::testing::*;

    #[test]
    fn a_batch_that_was_taken_twice() {
        let mut script = Script::new();
        script.view(
            ViewMoment::Stopped,
            vec![batch(0, &[1, 2], Some((9, 0))), batch(2, &[3], Some((9, 2)))],
        );
        judge(&INVARIANT, &script, None);
        script.view(
            ViewMoment::Stopped,
            vec![batch(0, &[1], Some((9, 0))), batch(1, &[1], Some((9, 0)))],
        );
        judge(&INVARIANT, &script, Some("producer 9 epoch 0 sequence 0"));
    }

    #[test]
    fn two_fetches_disagree() {
        let mut script = Script::new();
        script.poll_with(0, &[], |p| p.batches = vec![batch(0, &[1], Some((9, 0)))]);
        script.poll_with(0, &[], |p| p.batches = vec![batch(4, &[1], Some((9, 0)))]);
        judge(&INVARIANT, &script, Some("offset 0"));
    }
}
