//! S4: after ENOSPC on write the partial append is cut and refused, and writing resumes with space; ENOSPC on fsync and
//! every other error on append or fsync fences the log until it is opened again.

use super::{Invariant, Violation};
use crate::app::history::{At, Call, Expect, History, IoErrorKind, Model, Op, Partition, Send};

pub const INVARIANT: Invariant = Invariant {
    id: "S4",
    title: "an I/O error fences the log; a full disk on write does not",
    source: "KAFKA-10778; Rebello et al., ATC 2020 (fsyncgate)",
    check,
};

/// A log that was refused space has this long to take writes again once there is some.
const RESUME_US: u64 = 2_000_000;

fn check(model: &Model) -> Result<(), Violation> {
    let history = model.history;
    for (op, send) in history.sends() {
        let (Some(at), Some(index)) = (op.completed, send.partition) else {
            continue;
        };
        let partition = Partition {
            topic: send.topic,
            index,
        };
        let what = appended_after_error(history, partition, op, send)
            .or_else(|| never_resumed(history, partition, op));
        if let Some(what) = what {
            let message = format!("{}: {what}", history.name(partition));
            return Err(Violation {
                invariant: INVARIANT.id,
                at,
                message,
            });
        }
    }
    Ok(())
}

/// The last start of a broker before `at`.
fn started_before(history: &History, at: At) -> At {
    history
        .node_starts
        .iter()
        .map(|s| s.at)
        .filter(|s| *s <= at)
        .max()
        .unwrap_or_default()
}

fn appended_after_error(history: &History, partition: Partition, op: &Op, send: &Send) -> Option<String> {
    let repeated = send.by_hand.is_some_and(|hand| hand.expect != Expect::Next);
    if !op.outcome.is_ok() || send.acks == 0 || repeated {
        return None;
    }
    let completed = op.completed?;
    let error = history.io_errors.iter().find(|e| {
        e.partition == Some(partition)
            && e.path.ends_with(".log")
            && e.kind.fences()
            && e.at < op.invoked
            && started_before(history, completed) < e.at
            && was_open(history, partition, started_before(history, completed), e.at)
    })?;
    Some(format!(
        "{} was given {:?} at {}, and took a record that was sent at {} without having been opened again",
        error.path, error.kind, error.at, op.invoked
    ))
}

/// Whether a process that started at `from` served the partition before `until`. An error while a log is being opened
/// fences nothing: that log is opened again.
fn was_open(history: &History, partition: Partition, from: At, until: At) -> bool {
    history.ops.iter().any(|op| {
        let on_partition = match &op.call {
            Call::Send(send) => {
                send.offset.is_some()
                    && send.topic == partition.topic
                    && send.partition == Some(partition.index)
            }
            Call::Poll(poll) => poll.partition == partition && !poll.buffered,
            Call::Offset(_) | Call::DeleteRecords(_) | Call::InitProducerId { .. } => false,
            Call::CreateTopic { .. } | Call::DeleteTopic { .. } => false,
        };
        on_partition && op.outcome.is_ok() && op.invoked > from && op.completed.is_some_and(|at| at < until)
    })
}

fn never_resumed(history: &History, partition: Partition, op: &Op) -> Option<String> {
    let refused = op
        .outcome
        .error()
        .is_some_and(|e| e.contains("KafkaStorageError"));
    if !refused {
        return None;
    }
    let started = started_before(history, op.completed?);
    let errors = || {
        history
            .io_errors
            .iter()
            .filter(|e| e.partition.is_none_or(|p| p == partition) && e.at >= started)
    };
    if errors().any(|e| e.kind != IoErrorKind::WriteNoSpace && e.at <= op.completed.unwrap_or(At::END)) {
        return None;
    }
    let last = errors().rfind(|e| e.at <= op.invoked)?;
    let space_since = history
        .faults
        .iter()
        .filter(|f| f.kind == "no_space")
        .map(|f| f.until)
        .max()?;
    let damaged = history.damaged_from(partition, op.invoked).is_some();
    if damaged || last.at > space_since || op.invoked.0 < space_since.0 + RESUME_US {
        return None;
    }
    Some(format!(
        "{} was full at {}, has had space since {space_since}, and a record sent at {} was still refused",
        last.path, last.at, op.invoked
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::*;
    use crate::app::history::{FaultEvent, IoError, NodeStart, Outcome, Stop};

    fn error(script: &mut Script, kind: IoErrorKind) {
        let at = script.tick();
        let path = "t-0/0.log".to_owned();
        script.history.io_errors.push(IoError {
            at,
            broker: 0,
            partition: Some(P0),
            path,
            kind,
        });
    }

    fn restart(script: &mut Script) {
        let at = script.tick();
        script.history.node_starts.push(NodeStart {
            broker: 0,
            at,
            ready: Some(at),
            after: Stop::Clean,
        });
    }

    #[test]
    fn no_append_after_an_error_until_opened_again() {
        for kind in [IoErrorKind::Write, IoErrorKind::Sync, IoErrorKind::SyncNoSpace] {
            let mut script = Script::new();
            restart(&mut script);
            script.acked(6, 0);
            error(&mut script, kind);
            restart(&mut script);
            script.acked(7, 0);
            judge(&INVARIANT, &script, None);
            error(&mut script, kind);
            script.acked(8, 1);
            judge(&INVARIANT, &script, Some("without having been opened again"));
        }
    }

    #[test]
    fn a_full_disk_does_not_fence() {
        let mut script = Script::new();
        restart(&mut script);
        error(&mut script, IoErrorKind::WriteNoSpace);
        let full = FaultEvent {
            at: At(0),
            until: script.tick(),
            kind: "no_space",
            broker: 0,
            note: String::new(),
        };
        script.history.faults.push(full);
        script.acked(7, 0);
        judge(&INVARIANT, &script, None);
        for _ in 0..2001 {
            script.tick();
        }
        script.sent(8, PLAIN, Outcome::Unknown("KafkaStorageError".into()));
        judge(&INVARIANT, &script, Some("still refused"));
    }
}
