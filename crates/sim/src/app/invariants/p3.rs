//! P3 immutable: (topic id, partition, offset) below the high watermark maps to the same record for ever, across
//! acknowledgements, fetches and disks, and to the same batch bytes.

use super::{Invariant, Violation};
use crate::app::history::{At, BatchView, LogModel, LogView, Model, Observation, Partition, Source};
use std::collections::BTreeMap;

pub const INVARIANT: Invariant = Invariant {
    id: "P3",
    title: "an offset below the high watermark holds one record, in the same bytes, for ever",
    source: "KIP-101, KIP-279; Kafka's replication protocol in TLA+ (Vanlightly): NoDivergence",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    check_bytes(model)?;
    for view in &model.history.views {
        for log_view in &view.logs {
            if let Some(log) = model.logs.get(&log_view.partition) {
                check_disk(model, log, log_view, view.at)?;
            }
        }
    }
    Ok(())
}

struct Sighting<'h> {
    batch: &'h BatchView,
    statement: Observation,
}

/// Fetches of the same batch brought the same bytes.
fn check_bytes(model: &Model) -> Result<(), Violation> {
    let mut first: BTreeMap<(Partition, i64), Sighting> = BTreeMap::new();
    for (op, poll) in model.history.polls() {
        let binding = !model.history.topic(poll.partition.topic).caching;
        // A base offset is outside of the checksum. One below what came before it says nothing of where the batch
        // stands, which is where the reader had come to.
        let mut expected = poll.position;
        for batch in poll.batches.iter().filter(|b| b.crc_valid) {
            let at = op.completed.unwrap_or(op.invoked);
            let follows = batch.last_offset >= expected;
            let stands_at = if follows { batch.base_offset } else { expected };
            expected = expected.max(batch.last_offset + 1);
            let statement = Observation {
                offset: stands_at,
                value: None,
                invoked: op.invoked,
                at,
                source: Source::Read,
                binding,
            };
            let key = (poll.partition, batch.base_offset);
            let Some(earlier) = first.get(&key) else {
                first.insert(key, Sighting { batch, statement });
                continue;
            };
            let same = earlier.batch.bytes_hash == batch.bytes_hash;
            if same || model.excused(poll.partition, &earlier.statement, &statement) {
                continue;
            }
            let message = format!(
                "{}: the batch at offset {} was fetched with bytes {:016x} at {}, and with bytes {:016x} at {at}",
                model.history.name(poll.partition),
                batch.base_offset,
                earlier.batch.bytes_hash,
                earlier.statement.at,
                batch.bytes_hash,
            );
            return Err(Violation {
                invariant: INVARIANT.id,
                at,
                message,
            });
        }
    }
    Ok(())
}

/// What a disk holds agrees with what was read and acknowledged.
fn check_disk(model: &Model, log: &LogModel, view: &LogView, at: At) -> Result<(), Violation> {
    let mut on_disk: BTreeMap<i64, Option<u64>> = BTreeMap::new();
    for batch in view.batches().filter(|b| b.crc_valid) {
        let offsets = batch.base_offset..;
        on_disk.extend(offsets.zip(batch.values.iter().copied()));
    }
    for seen in log.observations.iter().filter(|o| o.binding) {
        let Some(value) = on_disk.get(&seen.offset) else {
            continue;
        };
        let statement = Observation {
            offset: seen.offset,
            value: *value,
            invoked: at,
            at,
            source: Source::Read,
            binding: false,
        };
        if *value == seen.value || model.excused(view.partition, seen, &statement) {
            continue;
        }
        let message = format!(
            "{}: offset {} was {} as {} at {}, and the disk holds {} at {at}",
            model.history.name(view.partition),
            seen.offset,
            seen.source.words(),
            model.value_name(seen.value),
            seen.at,
            model.value_name(*value),
        );
        return Err(Violation {
            invariant: INVARIANT.id,
            at: at.max(seen.at),
            message,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::ViewMoment;
    use crate::app::history::testing::*;

    #[test]
    fn the_same_bytes_for_ever() {
        let fetched = |script: &mut Script, hash| {
            let mut batch = batch(0, &[7], None);
            batch.bytes_hash = hash;
            script.poll_with(0, &[(0, 7)], |p| p.batches = vec![batch]);
        };
        let mut script = Script::new();
        fetched(&mut script, 5);
        fetched(&mut script, 5);
        judge(&INVARIANT, &script, None);
        fetched(&mut script, 6);
        judge(&INVARIANT, &script, Some("bytes 0000000000000005"));
    }

    #[test]
    fn a_rotten_base_offset_is_judged_where_the_batch_stands() {
        let fetched = |script: &mut Script, position, hash| {
            let mut batch = batch(1, &[7], None);
            batch.bytes_hash = hash;
            script.poll_with(position, &[], |p| p.batches = vec![batch]);
        };
        let mut script = Script::new();
        fetched(&mut script, 1, 5);
        fetched(&mut script, 4, 6);
        judge(&INVARIANT, &script, Some("the batch at offset 1"));
        script.damage(4);
        fetched(&mut script, 4, 6);
        judge(&INVARIANT, &script, Some("the batch at offset 1"));

        let mut script = Script::new();
        fetched(&mut script, 1, 5);
        script.damage(4);
        fetched(&mut script, 4, 6);
        judge(&INVARIANT, &script, None);
        fetched(&mut script, 1, 6);
        judge(&INVARIANT, &script, Some("the batch at offset 1"));
    }

    #[test]
    fn a_disk_that_disagrees() {
        let mut script = Script::new();
        script.acked(7, 0);
        script.view(ViewMoment::Stopped, vec![batch(0, &[7], None)]);
        judge(&INVARIANT, &script, None);
        script.view(ViewMoment::Stopped, vec![batch(0, &[8], None)]);
        judge(&INVARIANT, &script, Some("the disk holds w0.8"));
    }
}
