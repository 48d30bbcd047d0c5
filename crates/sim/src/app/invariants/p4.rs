//! P4 order: w1 acknowledged before w2 was invoked, both with acks=all, means offset(w1) < offset(w2); and the sends of
//! an idempotent producer, or of one with a single request in flight, land in order.

use super::{Invariant, Violation};
use crate::app::history::{Acked, Expect, LogModel, Model, Partition, Producer, Source};
use std::collections::BTreeMap;

pub const INVARIANT: Invariant = Invariant {
    id: "P4",
    title: "real-time order and each ordered producer's order hold",
    source: "Jepsen, Kafka workload: nonmonotonic-send; Herlihy & Wing: linearizability of a log",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for (partition, log) in &model.logs {
        check_real_time(model, *partition, log)?;
        check_producers(model, *partition, log)?;
    }
    Ok(())
}

fn check_real_time(model: &Model, partition: Partition, log: &LogModel) -> Result<(), Violation> {
    let first_time = |a: &&Acked| a.send.by_hand.is_none_or(|hand| hand.expect == Expect::Next);
    let all: Vec<&Acked> = log
        .acked
        .iter()
        .filter(|a| a.send.acks == -1)
        .filter(first_time)
        .collect();
    let mut by_invocation = all.clone();
    by_invocation.sort_by_key(|a| a.op.invoked);
    let mut by_completion = all;
    by_completion.sort_by_key(|a| a.at);
    let mut done = by_completion.into_iter().peekable();
    let mut highest: Option<&Acked> = None;
    for later in by_invocation {
        while let Some(earlier) = done.next_if(|e| e.at < later.op.invoked) {
            if highest.is_none_or(|h| earlier.offset > h.offset) {
                highest = Some(earlier);
            }
        }
        let Some(earlier) = highest.filter(|h| h.offset >= later.offset) else {
            continue;
        };
        let released = !model.must_survive(partition, earlier, later.at);
        if released {
            continue;
        }
        let message = format!(
            "{}: {} was acknowledged at offset {} at {}, before {} was sent at {}, which got offset {}",
            model.history.name(partition),
            model.value_name(Some(earlier.send.value)),
            earlier.offset,
            earlier.at,
            model.value_name(Some(later.send.value)),
            later.op.invoked,
            later.offset,
        );
        return Err(Violation {
            invariant: INVARIANT.id,
            at: later.at,
            message,
        });
    }
    Ok(())
}

/// In the last read, each ordered producer's values rise. Without idempotence only acknowledged sends are promised an
/// order: one that timed out may land late.
fn check_producers(model: &Model, partition: Partition, log: &LogModel) -> Result<(), Violation> {
    let mut last: BTreeMap<Producer, (u64, u64, i64)> = BTreeMap::new();
    let mut seen_before: std::collections::BTreeSet<u64> = std::collections::BTreeSet::new();
    for seen in log.observations.iter().filter(|o| o.source == Source::LastRead) {
        let Some((value, (op, send))) = seen.value.and_then(|v| Some((v, *model.by_value.get(&v)?))) else {
            continue;
        };
        // Without idempotence a retry may stand twice, and of the two the first counts, if it is still there.
        let first_is_there = log.last_read.is_some_and(|r| r.start == 0);
        let promised =
            send.producer.ordered && (send.producer.idempotent || (op.outcome.is_ok() && first_is_there));
        // A batch's offset is outside its checksum: where a sector has rotted it says nothing.
        let damaged = model
            .history
            .damaged_from(partition, seen.at)
            .is_some_and(|from| seen.offset >= from);
        if damaged || !promised || !seen_before.insert(value) {
            continue;
        }
        if let Some((order, other, offset)) = last.get(&send.producer).copied().filter(|l| l.0 > send.order) {
            let message = format!(
                "{}: {} (send {}) stands at offset {}, after {} (send {order}) at offset {offset}, though its producer sent it first",
                model.history.name(partition),
                model.value_name(Some(value)),
                send.order,
                seen.offset,
                model.value_name(Some(other)),
            );
            return Err(Violation {
                invariant: INVARIANT.id,
                at: seen.at,
                message,
            });
        }
        last.insert(send.producer, (send.order, value, seen.offset));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::*;

    #[test]
    fn real_time_order() {
        let mut script = Script::new();
        script.acked(7, 0).acked(8, 1);
        judge(&INVARIANT, &script, None);
        let mut script = Script::new();
        script.acked(7, 5).acked(8, 4);
        judge(&INVARIANT, &script, Some("which got offset 4"));
    }

    #[test]
    fn power_loss_releases_a_caching_topic() {
        let mut script = Script::caching();
        script.acked(7, 5).loss().acked(8, 4);
        judge(&INVARIANT, &script, None);
    }

    #[test]
    fn producer_order() {
        let mut script = Script::new();
        script
            .acked_by(7, -1, 0, IDEMPOTENT)
            .acked_by(8, -1, 1, IDEMPOTENT)
            .last_read(0, &[(0, 7), (1, 8)]);
        judge(&INVARIANT, &script, None);
        let mut script = Script::new();
        script
            .acked_by(7, 1, 1, IDEMPOTENT)
            .acked_by(8, 1, 0, IDEMPOTENT)
            .last_read(0, &[(0, 8), (1, 7)]);
        judge(&INVARIANT, &script, Some("though its producer sent it first"));
        let mut script = Script::new();
        script
            .acked_by(7, 1, 1, PLAIN)
            .acked_by(8, 1, 0, PLAIN)
            .last_read(0, &[(0, 8), (1, 7)]);
        judge(&INVARIANT, &script, None);
    }
}
