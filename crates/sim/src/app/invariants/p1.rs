//! P1 acked: a record acknowledged with acks=all is in the log until retention, compaction or deletion takes it.
//!
//! Checked in the last read, and in every look at a disk after a recovery.

use super::{Invariant, Violation};
use crate::app::history::{Acked, LogModel, LogView, Model, Partition};
use std::collections::BTreeMap;

pub const INVARIANT: Invariant = Invariant {
    id: "P1",
    title: "what was acknowledged with acks=all stays",
    source: "Kafka's documentation, acks=all; KIP-101; DESIGN: an ack means it",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for view in &model.history.views {
        for log in &view.logs {
            check_view(model, log, view.at)?;
        }
    }
    for (partition, log) in &model.logs {
        check_last_read(model, *partition, log)?;
    }
    Ok(())
}

fn violation(
    model: &Model,
    partition: Partition,
    acked: &Acked,
    at: crate::app::history::At,
    found: &str,
) -> Violation {
    let message = format!(
        "{}: {} was acknowledged with acks=all at offset {} at {}, and at {at} {found}",
        model.history.name(partition),
        model.value_name(Some(acked.send.value)),
        acked.offset,
        acked.at,
    );
    Violation {
        invariant: INVARIANT.id,
        at,
        message,
    }
}

fn check_last_read(model: &Model, partition: Partition, log: &LogModel) -> Result<(), Violation> {
    let Some(last_read) = log.last_read else {
        return Ok(());
    };
    let values: BTreeMap<i64, Option<u64>> = log
        .observations
        .iter()
        .filter(|o| o.source == crate::app::history::Source::LastRead)
        .map(|o| (o.offset, o.value))
        .collect();
    for acked in log
        .acked
        .iter()
        .filter(|a| a.send.acks == -1 && a.offset >= last_read.start)
    {
        // A read that failed says nothing of what lies beyond; L1 asks why it failed.
        let beyond = last_read.failed.is_some() && acked.offset >= last_read.end;
        if beyond || !model.must_survive(partition, acked, last_read.at) {
            continue;
        }
        let found = match values.get(&acked.offset) {
            Some(value) if *value == Some(acked.send.value) => continue,
            Some(value) => format!("that offset holds {}", model.value_name(*value)),
            None => format!(
                "the log goes from {} to {} without it",
                last_read.start, last_read.end
            ),
        };
        return Err(violation(model, partition, acked, last_read.at, &found));
    }
    Ok(())
}

fn check_view(model: &Model, view: &LogView, at: crate::app::history::At) -> Result<(), Violation> {
    let Some(log) = model.logs.get(&view.partition) else {
        return Ok(());
    };
    let first = view
        .segments
        .first()
        .map_or(0, |s| s.base_offset)
        .max(view.log_start);
    let end = view.end();
    for acked in log
        .acked
        .iter()
        .filter(|a| a.send.acks == -1 && a.offset >= first && a.at < at)
    {
        if !model.must_survive(view.partition, acked, at) || acked.offset < end {
            continue;
        }
        let found = format!("the log on the disk ends at {end}");
        return Err(violation(model, view.partition, acked, at, &found));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::ViewMoment;
    use crate::app::history::testing::*;

    #[test]
    fn an_acknowledged_record_is_gone_after_power_loss() {
        let mut script = Script::new();
        script.acked(7, 0).loss().last_read(0, &[(0, 7)]);
        judge(&INVARIANT, &script, None);
        let mut script = Script::new();
        script.acked(7, 0).acked(8, 1).loss().last_read(0, &[(0, 7)]);
        judge(&INVARIANT, &script, Some("offset 1"));
    }

    #[test]
    fn a_caching_topic_promises_it_until_power_is_lost() {
        let mut script = Script::caching();
        script.acked(7, 0).loss().last_read(0, &[]);
        judge(&INVARIANT, &script, None);
        let mut script = Script::caching();
        script.loss().acked(7, 0).last_read(0, &[]);
        judge(&INVARIANT, &script, Some("offset 0"));
    }

    #[test]
    fn a_recovered_disk_without_it_is_noticed_at_once() {
        let recovered = ViewMoment::Recovered {
            after_crash_in_recovery: false,
        };
        let mut script = Script::new();
        script.acked(7, 0).acked(8, 1).loss();
        script.view(recovered, vec![batch(0, &[7, 8], None)]);
        judge(&INVARIANT, &script, None);
        script.view(recovered, vec![batch(0, &[7], None)]);
        judge(&INVARIANT, &script, Some("the log on the disk ends at 1"));
    }

    #[test]
    fn rot_excuses_what_follows_it() {
        let mut script = Script::new();
        script.acked(7, 0).acked(8, 1).damage(1).last_read(0, &[(0, 7)]);
        judge(&INVARIANT, &script, None);
        let mut script = Script::new();
        script.acked(7, 0).acked(8, 1).damage(1).last_read(0, &[]);
        judge(&INVARIANT, &script, Some("offset 0"));
    }
}
