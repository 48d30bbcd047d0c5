//! S1: the state after a crash is one that the fsync contract permits: whole, valid batches that follow each other,
//! each one sent, without a torn tail.

use super::{Invariant, Violation};
use crate::app::history::{At, LogView, Model, SegmentView, ViewMoment};

pub const INVARIANT: Invariant = Invariant {
    id: "S1",
    title: "after a crash a log is a clean run of valid batches",
    source: "KAFKA-10471 (unflushed log counted as clean); Pillai et al., OSDI 2014",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for view in &model.history.views {
        if view.moment
            == (ViewMoment::Recovered {
                after_crash_in_recovery: true,
            })
        {
            continue; // S2's
        }
        for log in &view.logs {
            if let Some(what) = unclean(model, log, view.at) {
                let message = format!("broker {}: {what}", view.broker);
                return Err(Violation {
                    invariant: INVARIANT.id,
                    at: view.at,
                    message,
                });
            }
        }
    }
    Ok(())
}

/// What is wrong with a recovered log, if anything; S2 asks too.
pub(super) fn unclean(model: &Model, log: &LogView, at: At) -> Option<String> {
    let history = model.history;
    if history.damaged_from(log.partition, at).is_some() || history.may_be_unopened(log.partition, at) {
        return None;
    }
    let name = history.name(log.partition);
    let mut expected: Option<i64> = None;
    for segment in &log.segments {
        if let Some(why) = gap(segment, expected) {
            return Some(format!("{name}: {}: {why}", segment.file));
        }
        if let Some((position, why)) = segment.torn.as_ref() {
            return Some(format!(
                "{name}: {} holds no valid batch at position {position}: {why}",
                segment.file
            ));
        }
        for batch in &segment.batches {
            if expected.is_some_and(|e| e != batch.base_offset) {
                return Some(format!(
                    "{name}: {} goes from offset {} to {} at position {}",
                    segment.file,
                    expected.unwrap_or_default() - 1,
                    batch.base_offset,
                    batch.position
                ));
            }
            expected = Some(batch.last_offset + 1);
            if let Some(why) = strange(model, batch) {
                return Some(format!(
                    "{name}: {} position {}: {why}",
                    segment.file, batch.position
                ));
            }
        }
    }
    None
}

fn gap(segment: &SegmentView, expected: Option<i64>) -> Option<String> {
    let expected = expected.filter(|e| *e != segment.base_offset)?;
    Some(format!(
        "begins at {}, while the segment before it ends at {expected}",
        segment.base_offset
    ))
}

fn strange(model: &Model, batch: &crate::app::history::BatchView) -> Option<String> {
    if !batch.crc_valid {
        return Some(format!(
            "the batch at offset {} has a wrong checksum",
            batch.base_offset
        ));
    }
    let unsent = batch
        .values
        .iter()
        .find(|v| v.is_none_or(|v| !model.by_value.contains_key(&v)))?;
    Some(format!(
        "the batch at offset {} holds {}, which was never sent",
        batch.base_offset,
        model.value_name(*unsent)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::*;

    const RECOVERED: ViewMoment = ViewMoment::Recovered {
        after_crash_in_recovery: false,
    };

    fn with_view(change: impl FnOnce(&mut LogView)) -> Script {
        let mut script = Script::new();
        script.acked(1, 0).acked(2, 1).acked(3, 2);
        change(script.view(RECOVERED, vec![batch(0, &[1, 2], None), batch(2, &[3], None)]));
        script
    }

    #[test]
    fn a_recovered_log_is_clean() {
        judge(&INVARIANT, &with_view(|_| {}), None);
        judge(
            &INVARIANT,
            &with_view(|log| log.segments[0].torn = Some((300, "12 bytes of a batch of 90".into()))),
            Some("no valid batch at position 300"),
        );
        judge(
            &INVARIANT,
            &with_view(|log| log.segments[0].batches[1].crc_valid = false),
            Some("wrong checksum"),
        );
        judge(
            &INVARIANT,
            &with_view(|log| log.segments[0].batches[1].base_offset = 3),
            Some("from offset 1 to 3"),
        );
        judge(
            &INVARIANT,
            &with_view(|log| log.segments[0].batches[1].values[0] = Some(99)),
            Some("never sent"),
        );
    }
}
