//! lost-write: an acknowledged value below the highest offset read is never read.

use super::{Invariant, Violation};
use crate::app::history::Model;

pub const INVARIANT: Invariant = Invariant {
    id: "lost-write",
    title: "an acknowledged value below the highest offset read is read",
    source: "Jepsen, Kafka workload: lost-write",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for (partition, log) in &model.logs {
        let (Some(highest), Some(last_read)) = (log.highest_read(), log.last_read) else {
            continue;
        };
        for acked in &log.acked {
            let below =
                acked.offset < highest && acked.offset >= last_read.start && acked.offset < last_read.end;
            if !below || log.was_read(acked.offset, acked.send.value) {
                continue;
            }
            if !model.must_survive(*partition, acked, last_read.at) {
                continue;
            }
            let message = format!(
                "{}: {} was acknowledged at offset {} at {} and never read, though offset {highest} was",
                model.history.name(*partition),
                model.value_name(Some(acked.send.value)),
                acked.offset,
                acked.at,
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
    fn a_hole_is_noticed() {
        let mut script = Script::new();
        script
            .acked(7, 0)
            .acked(8, 1)
            .acked(9, 2)
            .last_read(0, &[(0, 7), (1, 8), (2, 9)]);
        judge(&INVARIANT, &script, None);
        let mut script = Script::new();
        script
            .acked(7, 0)
            .acked(8, 1)
            .acked(9, 2)
            .last_read(0, &[(0, 7), (2, 9)]);
        judge(&INVARIANT, &script, Some("offset 1"));
    }

    #[test]
    fn what_retention_took_is_not_lost() {
        let mut script = Script::new();
        script.acked(7, 0).acked(8, 1).acked(9, 2).last_read(2, &[(2, 9)]);
        judge(&INVARIANT, &script, None);
    }
}
