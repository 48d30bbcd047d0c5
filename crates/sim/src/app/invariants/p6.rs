//! P6: acks=0 and acks=1 may lose; they never corrupt: whatever is read was sent, to this partition, in these bytes.

use super::{Invariant, Violation};
use crate::app::history::{Model, Observation, Partition, Source};

pub const INVARIANT: Invariant = Invariant {
    id: "P6",
    title: "whatever is read was sent there, in these bytes",
    source: "Jepsen, Kafka workload: inconsistent values; Kafka's documentation, acks",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for (partition, log) in &model.logs {
        for seen in log.observations.iter().filter(|o| o.source != Source::Ack) {
            if let Some(why) = wrong(model, *partition, seen).filter(|_| !foreign(model, *partition, seen)) {
                let message = format!(
                    "{} offset {}, {} at {}: {why}",
                    model.history.name(*partition),
                    seen.offset,
                    seen.source.words(),
                    seen.at,
                );
                return Err(Violation {
                    invariant: INVARIANT.id,
                    at: seen.at,
                    message,
                });
            }
        }
    }
    Ok(())
}

fn wrong(model: &Model, partition: Partition, seen: &Observation) -> Option<String> {
    let Some(value) = seen.value else {
        return Some("bytes that nobody sent".to_owned());
    };
    let name = model.value_name(Some(value));
    let Some((op, send)) = model.by_value.get(&value) else {
        return Some(format!("{name} was never sent"));
    };
    if op.invoked > seen.at {
        return Some(format!("{name} was sent only at {}", op.invoked));
    }
    if send.topic != partition.topic {
        // A request that gave up may reach a topic that was created again under its name.
        let other = model.history.topic(send.topic);
        let late = op.outcome.is_unknown() && other.name == model.history.topic(partition.topic).name;
        return (!late).then(|| format!("{name} was sent to another topic, {}", other.name));
    }
    let elsewhere = send.partition.filter(|index| *index != partition.index)?;
    Some(format!("{name} was sent to partition {elsewhere}"))
}

/// A whole batch of another partition, which a misdirected write put here: its checksum holds, and a batch does not say
/// whose it is.
fn foreign(model: &Model, partition: Partition, seen: &Observation) -> bool {
    let sent = seen
        .value
        .is_some_and(|value| model.by_value.contains_key(&value));
    sent && model
        .history
        .damaged_from(partition, seen.at)
        .is_some_and(|from| seen.offset >= from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::Outcome;
    use crate::app::history::testing::*;

    #[test]
    fn only_what_was_sent() {
        let mut script = Script::new();
        script
            .sent(7, PLAIN, Outcome::Unknown("timeout".into()))
            .poll(0, &[(0, 7)]);
        judge(&INVARIANT, &script, None);
        script.poll(1, &[(1, 8)]);
        judge(&INVARIANT, &script, Some("w0.8 was never sent"));
    }

    #[test]
    fn corrupt_bytes() {
        let mut script = Script::new();
        script
            .acked(7, 0)
            .poll_with(0, &[(0, 7)], |p| p.records[0].value = None);
        judge(&INVARIANT, &script, Some("bytes that nobody sent"));
    }
}
