//! R10: consumers' fetches are CRC-valid and below the high watermark; OFFSET_OUT_OF_RANGE only when true.

use super::{Invariant, Violation};
use crate::app::history::{At, LogModel, Model, Op, Poll};

pub const INVARIANT: Invariant = Invariant {
    id: "R10",
    title: "fetches are valid and below the high watermark; out of range only when true",
    source: "KIP-392; Kafka's Fetch: OFFSET_OUT_OF_RANGE",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for (op, poll) in model.history.polls() {
        let at = op.completed.unwrap_or(op.invoked);
        if let Some(why) = wrong(model, op, poll, at) {
            let message = format!("{}: {why}", model.history.name(poll.partition));
            return Err(Violation {
                invariant: INVARIANT.id,
                at,
                message,
            });
        }
    }
    Ok(())
}

fn wrong(model: &Model, op: &Op, poll: &Poll, at: At) -> Option<String> {
    let damaged = model.history.damaged_from(poll.partition, at);
    // Offsets are outside of checksums, and a broken batch's fields say nothing: what counts is where the reader stood.
    let read = poll.records.iter().map(|r| r.offset + 1);
    let stood = read.max().unwrap_or(0).max(poll.position);
    let intact = damaged.is_none_or(|from| stood < from);
    if let (Some(high_watermark), Some(last)) = (poll.high_watermark, poll.records.last())
        && last.offset >= high_watermark
        && intact
    {
        return Some(format!(
            "offset {} was fetched while the high watermark was {high_watermark}",
            last.offset
        ));
    }
    // A caching topic serves what is not durable, and a failed fsync may take the pages away under it.
    let dropped = model.history.topic(poll.partition.topic).caching
        && model.history.lossy_between(poll.partition, At(0), at);
    if let Some(batch) = poll.batches.iter().find(|b| !b.crc_valid && intact && !dropped) {
        return Some(format!(
            "the batch at offset {} was fetched with a wrong checksum",
            batch.base_offset
        ));
    }
    let log = model.logs.get(&poll.partition)?;
    if poll.out_of_range && damaged.is_none() {
        let start = log.last_read.filter(|r| r.failed.is_none()).map(|r| r.start)?;
        let end = readable_end(model, log, poll, op.invoked, at);
        if (start..=end).contains(&poll.position) {
            return Some(format!(
                "position {} was called out of range while the log held at least {start} to {end}",
                poll.position
            ));
        }
    }
    None
}

/// What the high watermark was at least when the call began, and still is at `until`.
fn readable_end(model: &Model, log: &LogModel, poll: &Poll, before: At, until: At) -> i64 {
    let known = log.observations.iter().filter(|o| o.at < before).filter(|o| {
        let lossy = || model.history.lossy_between(poll.partition, o.invoked, until);
        o.binding || (model.history.topic(poll.partition.topic).caching && !lossy())
    });
    known.map(|o| o.offset + 1).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::*;

    #[test]
    fn above_the_high_watermark() {
        let mut script = Script::new();
        script.poll_with(0, &[(0, 1), (1, 2)], |p| p.high_watermark = Some(2));
        judge(&INVARIANT, &script, None);
        script.poll_with(2, &[(2, 3)], |p| p.high_watermark = Some(2));
        judge(&INVARIANT, &script, Some("offset 2 was fetched"));
    }

    #[test]
    fn out_of_range_only_when_true() {
        let mut script = Script::new();
        script
            .acked(7, 0)
            .acked(8, 1)
            .poll_with(3, &[], |p| p.out_of_range = true)
            .last_read(0, &[(0, 7), (1, 8)]);
        judge(&INVARIANT, &script, None);
        let mut script = Script::new();
        script
            .acked(7, 0)
            .acked(8, 1)
            .poll_with(2, &[], |p| p.out_of_range = true)
            .last_read(0, &[(0, 7), (1, 8)]);
        judge(&INVARIANT, &script, Some("position 2 was called out of range"));
    }

    #[test]
    fn a_wrong_checksum() {
        let fetch = |script: &mut Script| {
            let mut bad = batch(0, &[7], None);
            bad.crc_valid = false;
            script.poll_with(0, &[], |p| p.batches = vec![bad]);
        };
        let mut script = Script::new();
        script.damage(0);
        fetch(&mut script);
        judge(&INVARIANT, &script, None);
        let mut script = Script::new();
        fetch(&mut script);
        judge(&INVARIANT, &script, Some("wrong checksum"));
    }
}
