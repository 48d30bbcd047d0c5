//! C6: retention removes a prefix; the log start only rises, to the high watermark at most.

use super::{Invariant, Violation};
use crate::app::history::{At, Call, Model, Op, Partition};
use std::collections::BTreeMap;

pub const INVARIANT: Invariant = Invariant {
    id: "C6",
    title: "the log start only rises, to the high watermark at most, and only where something may remove",
    source: "KIP-107; KAFKA-5634 (retention past the high watermark)",
    check,
};

/// What one answer said of a log's start.
struct Start {
    offset: i64,
    invoked: At,
    at: At,
}

fn check(model: &Model) -> Result<(), Violation> {
    let mut starts: BTreeMap<Partition, Vec<Start>> = BTreeMap::new();
    for op in model.history.ops.iter().filter(|op| op.outcome.is_ok()) {
        let Some((partition, offset)) = start_of(op) else {
            continue;
        };
        let at = op.completed.unwrap_or(op.invoked);
        if let Call::Poll(poll) = &op.call
            && let Some(high_watermark) = poll.high_watermark.filter(|hw| offset > *hw)
        {
            return Err(violation(
                model,
                partition,
                at,
                format!("the log starts at {offset}, above the high watermark {high_watermark}"),
            ));
        }
        starts.entry(partition).or_default().push(Start {
            offset,
            invoked: op.invoked,
            at,
        });
    }
    for (partition, starts) in &mut starts {
        check_rises(model, *partition, starts)?;
        check_allowed(model, *partition, starts)?;
    }
    check_disks(model)
}

fn violation(model: &Model, partition: Partition, at: At, what: String) -> Violation {
    Violation {
        invariant: INVARIANT.id,
        at,
        message: format!("{}: {what}", model.history.name(partition)),
    }
}

fn start_of(op: &Op) -> Option<(Partition, i64)> {
    match &op.call {
        Call::Poll(poll) => Some((poll.partition, poll.log_start?)),
        Call::Offset(query) if query.target == -2 => Some((query.partition, query.offset?)),
        Call::DeleteRecords(delete) => Some((delete.partition, delete.low_watermark?)),
        Call::Send(_) | Call::Offset(_) => None,
        Call::InitProducerId { .. } | Call::CreateTopic { .. } | Call::DeleteTopic { .. } => None,
    }
}

fn check_rises(model: &Model, partition: Partition, starts: &mut [Start]) -> Result<(), Violation> {
    let caching = model.history.topic(partition.topic).caching;
    let released = |from, to| {
        model.history.damaged_from(partition, to).is_some()
            || (caching && model.history.lossy_between(partition, from, to))
    };
    starts.sort_by_key(|s| s.invoked);
    let mut by_completion: Vec<&Start> = starts.iter().collect();
    by_completion.sort_by_key(|s| s.at);
    let mut done = by_completion.into_iter().peekable();
    let mut highest: Option<&Start> = None;
    for later in starts.iter() {
        while let Some(earlier) = done.next_if(|e| e.at < later.invoked) {
            if highest.is_none_or(|h| earlier.offset > h.offset) {
                highest = Some(earlier);
            }
        }
        let Some(earlier) = highest.filter(|h| h.offset > later.offset) else {
            continue;
        };
        if !released(earlier.invoked, later.at) {
            let what = format!(
                "the log started at {} at {}, and at {} at {}",
                earlier.offset, earlier.at, later.offset, later.at
            );
            return Err(violation(model, partition, later.at, what));
        }
    }
    Ok(())
}

/// Where nothing may remove, the log starts at 0; where only DeleteRecords may, it goes no further than was asked.
fn check_allowed(model: &Model, partition: Partition, starts: &[Start]) -> Result<(), Violation> {
    if model.history.topic(partition.topic).retention {
        return Ok(());
    }
    for start in starts.iter().filter(|s| s.offset > 0) {
        let asked = model
            .history
            .ops
            .iter()
            .filter(|op| op.invoked <= start.at)
            .filter_map(|op| match &op.call {
                Call::DeleteRecords(delete) if delete.partition == partition => Some(if delete.target < 0 {
                    i64::MAX
                } else {
                    delete.target
                }),
                _ => None,
            });
        let allowed = asked.max().unwrap_or(0);
        if start.offset > allowed && model.history.damaged_from(partition, start.at).is_none() {
            let what = format!(
                "the log starts at {}; what was asked for allows {allowed} at most",
                start.offset
            );
            return Err(violation(model, partition, start.at, what));
        }
    }
    Ok(())
}

/// On a disk, too, the log starts at or below its end, and segments follow each other.
fn check_disks(model: &Model) -> Result<(), Violation> {
    for view in &model.history.views {
        for log in &view.logs {
            let end = log.end();
            if log.log_start > end && model.history.damaged_from(log.partition, view.at).is_none() {
                let what = format!(
                    "on the disk the log starts at {}, above its end {end}",
                    log.log_start
                );
                return Err(violation(model, log.partition, view.at, what));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::*;
    use crate::app::history::{DeleteRecords, Outcome};

    fn delete(script: &mut Script, target: i64, low_watermark: i64) {
        let call = DeleteRecords {
            partition: P0,
            target,
            low_watermark: Some(low_watermark),
        };
        script.op(Call::DeleteRecords(call), Outcome::Ok);
    }

    fn start(script: &mut Script, log_start: i64, high_watermark: i64) {
        script.poll_with(log_start, &[], |p| {
            p.log_start = Some(log_start);
            p.high_watermark = Some(high_watermark);
        });
    }

    #[test]
    fn the_start_stays_below_the_high_watermark() {
        let mut script = Script::new();
        script.history.topics[0].retention = true;
        start(&mut script, 5, 5);
        judge(&INVARIANT, &script, None);
        start(&mut script, 6, 5);
        judge(&INVARIANT, &script, Some("above the high watermark 5"));
    }

    #[test]
    fn the_start_only_rises() {
        let mut script = Script::new();
        script.history.topics[0].retention = true;
        start(&mut script, 5, 9);
        start(&mut script, 4, 9);
        judge(&INVARIANT, &script, Some("started at 5"));
    }

    #[test]
    fn nothing_is_removed_unasked() {
        let mut script = Script::new();
        delete(&mut script, 3, 3);
        start(&mut script, 3, 9);
        judge(&INVARIANT, &script, None);
        start(&mut script, 4, 9);
        judge(&INVARIANT, &script, Some("allows 3 at most"));
    }
}
