//! unseen: an acknowledged value is not read by the end of a healed run.

use super::{Invariant, Violation};
use crate::app::history::Model;

pub const INVARIANT: Invariant = Invariant {
    id: "unseen",
    title: "every acknowledged value is read by the end of a healed run",
    source: "Jepsen, Kafka workload: unseen",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for (partition, log) in &model.logs {
        // Of a read that failed L1 asks why.
        let Some(last_read) = log.last_read.filter(|r| r.failed.is_none()) else {
            continue;
        };
        for acked in &log.acked {
            let excused = acked.offset < last_read.start
                || log.was_read(acked.offset, acked.send.value)
                || !model.must_survive(*partition, acked, last_read.at)
                || model
                    .history
                    .damaged_from(*partition, last_read.at)
                    .is_some_and(|from| from <= acked.offset);
            if excused {
                continue;
            }
            let message = format!(
                "{}: {} was acknowledged at offset {} at {}, and nobody has read it; the last read went from {} to {}",
                model.history.name(*partition),
                model.value_name(Some(acked.send.value)),
                acked.offset,
                acked.at,
                last_read.start,
                last_read.end,
            );
            return Err(Violation {
                invariant: INVARIANT.id,
                at: last_read.at,
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
    fn the_tail_must_be_read_too() {
        let mut script = Script::new();
        script.acked(7, 0).acked(8, 1).last_read(0, &[(0, 7), (1, 8)]);
        judge(&INVARIANT, &script, None);
        let mut script = Script::new();
        script.acked(7, 0).acked(8, 1).last_read(0, &[(0, 7)]);
        judge(&INVARIANT, &script, Some("offset 1"));
    }

    #[test]
    fn an_acks_1_record_lost_with_power_is_excused() {
        let mut script = Script::new();
        script
            .acked(7, 0)
            .acked_by(8, 1, 1, PLAIN)
            .loss()
            .last_read(0, &[(0, 7)]);
        judge(&INVARIANT, &script, None);
    }
}
