//! nonmonotonic-poll: across one reader's polls of a partition, offsets go back or skip without a seek.

use super::{Invariant, Violation};
use crate::app::history::{At, Model, Partition};
use std::collections::BTreeMap;

pub const INVARIANT: Invariant = Invariant {
    id: "nonmonotonic-poll",
    title: "a reader's polls follow each other",
    source: "Jepsen, Kafka workload: nonmonotonic-poll, poll-skip",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    let mut next: BTreeMap<(u32, Partition), i64> = BTreeMap::new();
    for (op, poll) in model.history.polls() {
        let Some(at) = op.completed else { continue };
        let key = (poll.reader, poll.partition);
        let standing = next.get(&key).copied().filter(|_| !poll.moved);
        let first = poll.records.first().map_or(poll.position, |r| r.offset);
        if let Some(standing) =
            standing.filter(|s| *s != first && !may_be_wrong(model, poll.partition, at, *s))
        {
            let way = if first < standing { "back" } else { "ahead" };
            let message = format!(
                "{}: reader {} stood at {standing} and, without a seek, went {way} to {first}",
                model.history.name(poll.partition),
                poll.reader,
            );
            return Err(Violation {
                invariant: INVARIANT.id,
                at,
                message,
            });
        }
        next.insert(key, poll.records.last().map_or(poll.position, |r| r.offset + 1));
    }
    Ok(())
}

/// A batch's offset is outside its checksum: where a sector has rotted, no reader can tell.
fn may_be_wrong(model: &Model, partition: Partition, at: At, standing: i64) -> bool {
    model
        .history
        .damaged_from(partition, at)
        .is_some_and(|from| standing >= from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::*;

    #[test]
    fn polls_follow_each_other() {
        let mut script = Script::new();
        script
            .poll(0, &[(0, 1), (1, 2)])
            .poll(2, &[(2, 3)])
            .poll_with(0, &[(0, 1)], |p| p.moved = true);
        judge(&INVARIANT, &script, None);
        script.poll(0, &[(0, 1)]);
        judge(&INVARIANT, &script, Some("went back to 0"));
        let mut script = Script::new();
        script.poll(0, &[(0, 1)]).poll(2, &[(2, 3)]);
        judge(&INVARIANT, &script, Some("went ahead to 2"));
    }
}
