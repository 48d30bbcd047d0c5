//! I2: while producer state is retained, sequences have no gap, wrap included; a duplicate of the last five batches
//! answers with its original offset.

use super::{Invariant, Violation};
use crate::app::history::{At, BatchView, ByHand, Expect, Model, Op, Partition, Send, advance};
use std::collections::BTreeMap;

pub const INVARIANT: Invariant = Invariant {
    id: "I2",
    title: "sequences have no gap, and a duplicate answers with its original offset",
    source: "KIP-98; KAFKA-7692 (sequence overflow); redpanda 3038 (five batches)",
    check,
};

/// Answers that speak of sequences.
const SEQUENCE_ERRORS: [&str; 4] = [
    "OutOfOrderSequenceNumber",
    "DuplicateSequenceNumber",
    "InvalidRecord",
    "UnknownProducerId",
];

fn check(model: &Model) -> Result<(), Violation> {
    for (op, send) in model.history.sends() {
        if let Some(by_hand) = &send.by_hand {
            check_answer(model, op, send, by_hand)?;
        }
    }
    for view in &model.history.views {
        for log in &view.logs {
            check_gaps(model, log.partition, log.batches(), view.at)?;
        }
    }
    Ok(())
}

fn check_answer(model: &Model, op: &Op, send: &Send, by_hand: &ByHand) -> Result<(), Violation> {
    let (Some(at), Some(index)) = (op.completed, send.partition) else {
        return Ok(());
    };
    let partition = Partition {
        topic: send.topic,
        index,
    };
    let caching = model.history.topic(send.topic).caching;
    let released = model.history.damaged_from(partition, at).is_some()
        || (caching && model.history.lossy_between(partition, At(0), at));
    let sequence_error = op
        .outcome
        .error()
        .is_some_and(|e| SEQUENCE_ERRORS.iter().any(|s| e.contains(s)));
    let wrong = match by_hand.expect {
        Expect::DuplicateOf(original) if op.outcome.is_ok() && send.offset != Some(original) => {
            format!(
                "was answered with offset {:?} instead of the original {original}",
                send.offset
            )
        }
        Expect::DuplicateOf(original) if sequence_error => {
            format!(
                "stands at offset {original}; sent again it was refused: {}",
                op.outcome.error().unwrap_or("")
            )
        }
        Expect::Next if sequence_error => {
            format!(
                "was next in sequence and was refused: {}",
                op.outcome.error().unwrap_or("")
            )
        }
        Expect::DuplicateOf(_) | Expect::Next | Expect::Refusal => return Ok(()),
    };
    if released {
        return Ok(());
    }
    let message = format!(
        "{}: the batch of producer {} epoch {} from sequence {} {wrong}",
        model.history.name(partition),
        by_hand.producer_id,
        by_hand.producer_epoch,
        by_hand.base_sequence,
    );
    Err(Violation {
        invariant: INVARIANT.id,
        at,
        message,
    })
}

fn check_gaps<'h>(
    model: &Model,
    partition: Partition,
    batches: impl Iterator<Item = &'h BatchView>,
    at: At,
) -> Result<(), Violation> {
    let mut last: BTreeMap<(i64, i16), &BatchView> = BTreeMap::new();
    let mut end = None;
    for batch in batches {
        if end.is_some_and(|end| end != batch.base_offset) {
            last.clear();
        }
        end = Some(batch.last_offset + 1);
        if !batch.crc_valid {
            last.clear(); // what it held is unknown
        }
        if batch.producer_id < 0 || !batch.crc_valid {
            continue;
        }
        let before = last.insert((batch.producer_id, batch.producer_epoch), batch);
        let Some(before) = before else { continue };
        let expected = advance(before.last_sequence(), 1);
        if batch.base_sequence == expected {
            continue;
        }
        let message = format!(
            "{}: after the batch at offset {} the next sequence of producer {} epoch {} is {expected}, and the batch at offset {} begins with {}",
            model.history.name(partition),
            before.base_offset,
            batch.producer_id,
            batch.producer_epoch,
            batch.base_offset,
            batch.base_sequence,
        );
        return Err(Violation {
            invariant: INVARIANT.id,
            at,
            message,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::*;
    use crate::app::history::{Call, Outcome, ViewMoment};

    fn by_hand(script: &mut Script, expect: Expect, offset: Option<i64>, outcome: Outcome) {
        let mut send = script.send(7, -1, offset, IDEMPOTENT);
        send.by_hand = Some(ByHand {
            producer_id: 9,
            producer_epoch: 0,
            base_sequence: 3,
            expect,
        });
        script.op(Call::Send(send), outcome);
    }

    #[test]
    fn gaps_and_the_wrap() {
        let mut script = Script::new();
        let wrapping = vec![
            batch(0, &[1, 2], Some((9, i32::MAX - 1))),
            batch(2, &[3], Some((9, 0))),
            batch(3, &[4], Some((8, 77))),
            batch(4, &[5], Some((9, 1))),
        ];
        script.view(ViewMoment::Stopped, wrapping);
        judge(&INVARIANT, &script, None);
        script.view(
            ViewMoment::Stopped,
            vec![batch(0, &[1], Some((9, 0))), batch(1, &[2], Some((9, 2)))],
        );
        judge(
            &INVARIANT,
            &script,
            Some("the next sequence of producer 9 epoch 0 is 1"),
        );
    }

    #[test]
    fn duplicates_answer_with_their_offset() {
        let mut script = Script::new();
        by_hand(&mut script, Expect::DuplicateOf(4), Some(4), Outcome::Ok);
        by_hand(
            &mut script,
            Expect::DuplicateOf(4),
            None,
            Outcome::Unknown("timeout".into()),
        );
        judge(&INVARIANT, &script, None);
        by_hand(&mut script, Expect::DuplicateOf(4), Some(5), Outcome::Ok);
        judge(&INVARIANT, &script, Some("instead of the original 4"));
    }

    #[test]
    fn the_next_in_sequence_is_taken() {
        let mut script = Script::new();
        by_hand(
            &mut script,
            Expect::Next,
            None,
            Outcome::Unknown("timeout".into()),
        );
        judge(&INVARIANT, &script, None);
        by_hand(
            &mut script,
            Expect::Next,
            None,
            Outcome::Failed("OutOfOrderSequenceNumber".into()),
        );
        judge(&INVARIANT, &script, Some("was next in sequence"));
    }
}
