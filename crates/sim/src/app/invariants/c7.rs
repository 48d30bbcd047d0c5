//! C7: index look-ups = linear scan.
//!
//! Two ways to look: the entries of the index files on a disk against the batches they point at, and the answers to
//! time queries against the records that the last read brought.

use super::{Invariant, Violation};
use crate::app::history::{
    At, Call, DiskView, LogModel, LogView, Model, OffsetQuery, Op, SegmentView, ViewMoment,
};
use std::collections::BTreeMap;

pub const INVARIANT: Invariant = Invariant {
    id: "C7",
    title: "an index look-up finds what a linear scan finds",
    source: "KIP-33 (time index); KIP-734; Kafka's OffsetIndex",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for view in &model.history.views {
        for log in &view.logs {
            check_indexes(model, log, view)?;
        }
    }
    let times = times(model);
    for op in &model.history.ops {
        if let Call::Offset(query) = &op.call {
            check_query(model, &times, op, query)?;
        }
    }
    Ok(())
}

/// The last segment's indexes live in the broker's memory until the segment is rolled or the log is closed, so their
/// files count only once the broker has stopped.
fn check_indexes(model: &Model, log: &LogView, view: &DiskView) -> Result<(), Violation> {
    let at = view.at;
    if model.history.any_damage(log.partition, at) || model.history.may_be_unopened(log.partition, at) {
        return Ok(());
    }
    let in_memory = usize::from(view.moment != ViewMoment::Stopped);
    for segment in log.segments.iter().rev().skip(in_memory) {
        if let Some(what) = wrong_offset_index(segment).or_else(|| wrong_time_index(segment)) {
            let message = format!("{}: {}: {what}", model.history.name(log.partition), segment.file);
            return Err(Violation {
                invariant: INVARIANT.id,
                at,
                message,
            });
        }
    }
    Ok(())
}

/// A scan that begins at an entry's position must meet the entry's offset: a batch begins there, at or below it.
fn wrong_offset_index(segment: &SegmentView) -> Option<String> {
    let by_position: BTreeMap<u64, i64> = segment
        .batches
        .iter()
        .map(|b| (b.position, b.base_offset))
        .collect();
    segment
        .offset_index
        .iter()
        .find_map(|(offset, position)| match by_position.get(position) {
            Some(base) if base <= offset => None,
            Some(base) => Some(format!(
                "the index sends offset {offset} to position {position}, where offset {base} begins"
            )),
            None => Some(format!(
                "the index sends offset {offset} to position {position}, where no batch begins"
            )),
        })
}

/// An entry (t, o) says that no record up to o is later than t.
fn wrong_time_index(segment: &SegmentView) -> Option<String> {
    segment.time_index.iter().find_map(|(timestamp, offset)| {
        let later = segment.batches.iter().find(|b| b.last_offset < *offset && b.max_timestamp > *timestamp)?;
        Some(format!(
            "the time index says that nothing up to offset {offset} is later than {timestamp}, and the batch at {} has {}",
            later.base_offset, later.max_timestamp
        ))
    })
}

type Times = BTreeMap<crate::app::history::Partition, BTreeMap<i64, i64>>;

/// The timestamp of each offset, as the last read brought it.
fn times(model: &Model) -> Times {
    let mut times = Times::new();
    for (_, poll) in model.history.polls().filter(|(_, p)| p.last_read) {
        times
            .entry(poll.partition)
            .or_default()
            .extend(poll.records.iter().map(|r| (r.offset, r.timestamp)));
    }
    times
}

fn check_query(model: &Model, times: &Times, op: &Op, query: &OffsetQuery) -> Result<(), Violation> {
    let (true, Some(at), Some(records)) = (op.outcome.is_ok(), op.completed, times.get(&query.partition))
    else {
        return Ok(());
    };
    let caching = model.history.topic(query.partition.topic).caching;
    let released = model.history.any_damage(query.partition, At::END)
        || (caching && model.history.lossy_between(query.partition, op.invoked, At::END));
    if query.target < 0 || released {
        return Ok(());
    }
    let found = query.offset.unwrap_or(-1);
    let known_end = model
        .logs
        .get(&query.partition)
        .map_or(0, |log| readable_before(log, op.invoked));
    // What was certainly there when the call began, and is there still.
    let missed = records.iter().find(|(offset, time)| {
        **time >= query.target && **offset < known_end && (found < 0 || **offset < found)
    });
    let early = records.get(&found).filter(|time| **time < query.target);
    let what = match (missed, early) {
        (Some((offset, time)), _) => format!("answered {found}, and offset {offset} has time {time}"),
        (None, Some(time)) => format!("answered {found}, which has the earlier time {time}"),
        (None, None) => return Ok(()),
    };
    let message = format!(
        "{}: a query for time {} {what}",
        model.history.name(query.partition),
        query.target
    );
    Err(Violation {
        invariant: INVARIANT.id,
        at,
        message,
    })
}

fn readable_before(log: &LogModel, before: At) -> i64 {
    log.observations
        .iter()
        .filter(|o| o.binding && o.at < before)
        .map(|o| o.offset + 1)
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::Outcome;
    use crate::app::history::testing::*;

    #[test]
    fn index_entries_point_at_batches() {
        let batches = || vec![batch(0, &[1, 2], None), batch(2, &[3], None)];
        let mut script = Script::new();
        script.view(ViewMoment::Stopped, batches()).segments[0].offset_index = vec![(1, 0), (2, 200)];
        judge(&INVARIANT, &script, None);
        script.view(ViewMoment::Stopped, batches()).segments[0].offset_index = vec![(1, 200)];
        judge(&INVARIANT, &script, Some("where offset 2 begins"));
        let mut script = Script::new();
        script.view(ViewMoment::Stopped, batches()).segments[0].offset_index = vec![(1, 7)];
        judge(&INVARIANT, &script, Some("no batch begins"));
    }

    #[test]
    fn the_time_index_never_skips() {
        let mut batches = vec![batch(0, &[1], None), batch(1, &[2], None)];
        batches[0].max_timestamp = 50;
        batches[1].max_timestamp = 40;
        let mut script = Script::new();
        script.view(ViewMoment::Stopped, batches.clone()).segments[0].time_index = vec![(50, 0)];
        judge(&INVARIANT, &script, None);
        script.view(ViewMoment::Stopped, batches).segments[0].time_index = vec![(40, 1)];
        judge(
            &INVARIANT,
            &script,
            Some("nothing up to offset 1 is later than 40"),
        );
    }

    #[test]
    fn time_queries_agree_with_a_scan() {
        let ask = |script: &mut Script, target, offset| {
            let query = OffsetQuery {
                partition: P0,
                target,
                offset: Some(offset),
                timestamp: None,
            };
            script.op(Call::Offset(query), Outcome::Ok);
        };
        let read = |script: &mut Script| {
            script.poll_with(0, &[(0, 7), (1, 8)], |p| {
                p.last_read = true;
                p.records[0].timestamp = 10;
                p.records[1].timestamp = 20;
            });
        };
        let mut script = Script::new();
        script.acked(7, 0).acked(8, 1);
        ask(&mut script, 15, 1);
        ask(&mut script, 5, 0);
        ask(&mut script, 21, -1);
        read(&mut script);
        judge(&INVARIANT, &script, None);
        for (target, offset, words) in [
            (15, 0, "earlier time 10"),
            (15, -1, "offset 1 has time 20"),
            (5, 1, "offset 0"),
        ] {
            let mut script = Script::new();
            script.acked(7, 0).acked(8, 1);
            ask(&mut script, target, offset);
            read(&mut script);
            judge(&INVARIANT, &script, Some(words));
        }
    }
}
