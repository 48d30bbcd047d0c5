//! duplicate: one value of an idempotent producer sits at two offsets.

use super::{Invariant, Violation};
use crate::app::history::{Model, Observation};
use std::collections::BTreeMap;

pub const INVARIANT: Invariant = Invariant {
    id: "duplicate",
    title: "an idempotent producer's value sits at one offset",
    source: "Jepsen, Kafka workload: duplicate; KIP-98",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for (partition, log) in &model.logs {
        let mut first: BTreeMap<u64, &Observation> = BTreeMap::new();
        for seen in &log.observations {
            let Some(value) = seen.value else { continue };
            let idempotent = model
                .by_value
                .get(&value)
                .is_some_and(|(_, send)| send.producer.idempotent);
            if !idempotent {
                continue;
            }
            let earlier = *first.entry(value).or_insert(seen);
            if earlier.offset == seen.offset || model.excused(*partition, earlier, seen) {
                continue;
            }
            let message = format!(
                "{}: {} of an idempotent producer sits at offset {} ({} at {}) and at offset {} ({} at {})",
                model.history.name(*partition),
                model.value_name(Some(value)),
                earlier.offset,
                earlier.source.words(),
                earlier.at,
                seen.offset,
                seen.source.words(),
                seen.at,
            );
            return Err(Violation {
                invariant: INVARIANT.id,
                at: earlier.at.max(seen.at),
                message,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::*;

    #[test]
    fn only_idempotent_producers_promise_it() {
        let mut script = Script::new();
        script.acked_by(7, -1, 0, PLAIN).poll(0, &[(0, 7), (1, 7)]);
        judge(&INVARIANT, &script, None);
        let mut script = Script::new();
        script.acked_by(7, -1, 0, IDEMPOTENT).poll(0, &[(0, 7), (1, 7)]);
        judge(&INVARIANT, &script, Some("sits at offset 0"));
    }

    #[test]
    fn a_retry_after_a_loss_on_a_caching_topic_is_no_duplicate() {
        let mut script = Script::caching();
        script.poll(5, &[(5, 7)]).loss().acked_by(7, -1, 4, IDEMPOTENT);
        judge(&INVARIANT, &script, None);
    }
}
