//! int-poll-skip: offsets skip or go back inside one poll, or the first is not the position that was asked for.

use super::{Invariant, Violation};
use crate::app::history::{Model, Op, Poll};

pub const INVARIANT: Invariant = Invariant {
    id: "int-poll-skip",
    title: "a poll's offsets follow each other from the position",
    source: "Jepsen, Kafka workload: int-poll-skip, int-nonmonotonic-poll",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for (op, poll) in model.history.polls() {
        for (expected, seen) in (poll.position..).zip(&poll.records) {
            if seen.offset != expected && !may_be_wrong(model, op, poll, expected) {
                let message = format!(
                    "{}: reader {} asked from {} and was handed offset {} where {expected} was next",
                    model.history.name(poll.partition),
                    poll.reader,
                    poll.position,
                    seen.offset,
                );
                return Err(Violation {
                    invariant: INVARIANT.id,
                    at: op.completed.unwrap_or(op.invoked),
                    message,
                });
            }
        }
    }
    Ok(())
}

/// A batch's offset is outside its checksum: where a sector has rotted, no reader can tell.
fn may_be_wrong(model: &Model, op: &Op, poll: &Poll, expected: i64) -> bool {
    let at = op.completed.unwrap_or(op.invoked);
    model
        .history
        .damaged_from(poll.partition, at)
        .is_some_and(|from| expected >= from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::*;

    #[test]
    fn holes_and_steps_back() {
        let mut script = Script::new();
        script.poll(3, &[(3, 7), (4, 8)]).poll(5, &[]);
        judge(&INVARIANT, &script, None);
        script.poll(5, &[(5, 7), (7, 8)]);
        judge(&INVARIANT, &script, Some("offset 7 where 6 was next"));
        let mut script = Script::new();
        script.poll(3, &[(2, 7)]);
        judge(&INVARIANT, &script, Some("offset 2 where 3 was next"));
    }
}
