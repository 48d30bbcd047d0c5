//! inconsistent-offsets: one offset was seen with two values, by acknowledgements or readers.

use super::{Invariant, Violation};
use crate::app::history::Model;

pub const INVARIANT: Invariant = Invariant {
    id: "inconsistent-offsets",
    title: "one offset holds one value",
    source: "Jepsen, Kafka workload: inconsistent-offsets",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for (partition, log) in &model.logs {
        for group in log.by_offset() {
            let pairs = group
                .iter()
                .enumerate()
                .flat_map(|(i, b)| group[..i].iter().map(move |a| (a, b)));
            for (a, b) in pairs {
                if a.value == b.value || model.excused(*partition, a, b) {
                    continue;
                }
                let message = format!(
                    "{} offset {} was {} as {} at {}, and {} as {} at {}",
                    model.history.name(*partition),
                    a.offset,
                    a.source.words(),
                    model.value_name(a.value),
                    a.at,
                    b.source.words(),
                    model.value_name(b.value),
                    b.at,
                );
                return Err(Violation {
                    invariant: INVARIANT.id,
                    at: b.at,
                    message,
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::*;

    #[test]
    fn two_values_at_one_offset() {
        let mut script = Script::new();
        script.acked(7, 0).poll(0, &[(0, 7)]);
        judge(&INVARIANT, &script, None);
        script.poll(0, &[(0, 8)]);
        judge(&INVARIANT, &script, Some("offset 0"));
    }

    #[test]
    fn what_was_read_on_a_durable_topic_binds_across_power_loss() {
        let mut script = Script::new();
        script.poll(0, &[(0, 7)]).loss().poll(0, &[(0, 8)]);
        judge(&INVARIANT, &script, Some("offset 0"));
    }

    #[test]
    fn an_acks_1_record_may_be_lost_with_power_and_its_offset_given_again() {
        let mut script = Script::new();
        script.acked_by(7, 1, 0, PLAIN).loss().acked(8, 0);
        judge(&INVARIANT, &script, None);
        let mut script = Script::new();
        script.acked_by(7, 1, 0, PLAIN).acked(8, 0).loss();
        judge(&INVARIANT, &script, Some("offset 0"));
    }

    #[test]
    fn a_caching_topic_may_lose_what_was_read_but_only_with_power() {
        let mut script = Script::caching();
        script.poll(0, &[(0, 7)]).loss().poll(0, &[(0, 8)]);
        judge(&INVARIANT, &script, None);
        let mut script = Script::caching();
        script.poll(0, &[(0, 7)]).poll(0, &[(0, 8)]).loss();
        judge(&INVARIANT, &script, Some("offset 0"));
    }

    #[test]
    fn damage_releases_later_offsets_only() {
        let mut script = Script::new();
        script.poll(0, &[(0, 7), (1, 8)]).damage(1).poll(1, &[(1, 9)]);
        judge(&INVARIANT, &script, None);
        script.poll(0, &[(0, 9)]);
        judge(&INVARIANT, &script, Some("offset 0"));
    }
}
