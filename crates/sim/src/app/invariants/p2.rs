//! P2 refused: a definitely failed record is never readable.

use super::{Invariant, Violation};
use crate::app::history::{Model, Source};

pub const INVARIANT: Invariant = Invariant {
    id: "P2",
    title: "a definitely failed record is never readable",
    source: "Jepsen, Kafka workload: aborted-read (G1a) for plain sends",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for (partition, log) in &model.logs {
        for seen in log.observations.iter().filter(|o| o.source != Source::Ack) {
            let Some(value) = seen.value else { continue };
            let Some((op, _)) = model
                .by_value
                .get(&value)
                .filter(|(op, _)| op.outcome.is_failed())
            else {
                continue;
            };
            let message = format!(
                "{}: {} definitely failed ({}) and was {} at offset {} at {}",
                model.history.name(*partition),
                model.value_name(Some(value)),
                op.outcome.error().unwrap_or("no reason"),
                seen.source.words(),
                seen.offset,
                seen.at,
            );
            return Err(Violation {
                invariant: INVARIANT.id,
                at: seen.at,
                message,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::Outcome;
    use crate::app::history::testing::*;

    #[test]
    fn failed_is_a_promise_and_unknown_is_not() {
        let mut script = Script::new();
        script
            .sent(7, PLAIN, Outcome::Unknown("timeout".into()))
            .poll(0, &[(0, 7)]);
        judge(&INVARIANT, &script, None);
        let mut script = Script::new();
        script
            .sent(7, PLAIN, Outcome::Failed("MessageTooLarge".into()))
            .poll(0, &[(0, 7)]);
        judge(&INVARIANT, &script, Some("definitely failed (MessageTooLarge)"));
    }
}
