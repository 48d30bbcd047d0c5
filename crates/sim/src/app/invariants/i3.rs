//! I3: producer state = fold(log from its start); a snapshot equals a rebuild.

use super::{Invariant, Violation};
use crate::app::history::{At, LogView, Model, SnapshotEntry, SnapshotView};
use std::collections::BTreeMap;

pub const INVARIANT: Invariant = Invariant {
    id: "I3",
    title: "a producer snapshot equals a rebuild from the log",
    source: "KIP-98; KAFKA-5490, KAFKA-9144",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for view in &model.history.views {
        for log in &view.logs {
            for snapshot in &log.snapshots {
                check_snapshot(model, log, snapshot, view.at)?;
            }
        }
    }
    Ok(())
}

fn check_snapshot(model: &Model, log: &LogView, snapshot: &SnapshotView, at: At) -> Result<(), Violation> {
    // One that cannot be read, or lies beyond the log, is deleted and rebuilt when the log is opened.
    let Some(entries) = snapshot.entries.as_ref().filter(|_| snapshot.offset <= log.end()) else {
        return Ok(());
    };
    if model.history.any_damage(log.partition, at) || model.history.may_be_unopened(log.partition, at) {
        return Ok(());
    }
    let held: BTreeMap<i64, SnapshotEntry> = entries.iter().map(|e| (e.producer_id, *e)).collect();
    for (producer_id, rebuilt) in fold(log, snapshot.offset) {
        let found = held.get(&producer_id);
        if found == Some(&rebuilt) {
            continue;
        }
        let message = format!(
            "{}: the snapshot {} holds {found:?} for producer {producer_id}; rebuilt from the log it is {rebuilt:?}",
            model.history.name(log.partition),
            snapshot.file,
        );
        return Err(Violation {
            invariant: INVARIANT.id,
            at,
            message,
        });
    }
    Ok(())
}

/// Each producer's last batch below `offset`.
fn fold(log: &LogView, offset: i64) -> BTreeMap<i64, SnapshotEntry> {
    let below = log
        .batches()
        .filter(|b| b.producer_id >= 0 && b.crc_valid && b.last_offset < offset);
    below
        .map(|b| {
            let entry = SnapshotEntry {
                producer_id: b.producer_id,
                producer_epoch: b.producer_epoch,
                last_sequence: b.last_sequence(),
                last_offset: b.last_offset,
            };
            (b.producer_id, entry)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::ViewMoment;
    use crate::app::history::testing::*;

    fn snapshot(offset: i64, last_sequence: i32, last_offset: i64) -> SnapshotView {
        let entry = SnapshotEntry {
            producer_id: 9,
            producer_epoch: 0,
            last_sequence,
            last_offset,
        };
        SnapshotView {
            offset,
            file: format!("{offset:020}.snapshot"),
            entries: Some(vec![entry]),
        }
    }

    #[test]
    fn a_snapshot_one_batch_behind() {
        let batches = || vec![batch(0, &[1, 2], Some((9, 0))), batch(2, &[3], Some((9, 2)))];
        let mut script = Script::new();
        script.view(ViewMoment::Stopped, batches()).snapshots = vec![snapshot(2, 1, 1), snapshot(3, 2, 2)];
        judge(&INVARIANT, &script, None);
        script.view(ViewMoment::Stopped, batches()).snapshots = vec![snapshot(3, 1, 1)];
        judge(&INVARIANT, &script, Some("rebuilt from the log"));
    }

    #[test]
    fn a_snapshot_without_the_producer() {
        let mut script = Script::new();
        let log = script.view(ViewMoment::Stopped, vec![batch(0, &[1], Some((9, 0)))]);
        log.snapshots = vec![SnapshotView {
            offset: 1,
            file: "1.snapshot".into(),
            entries: Some(Vec::new()),
        }];
        judge(&INVARIANT, &script, Some("holds None"));
    }
}
