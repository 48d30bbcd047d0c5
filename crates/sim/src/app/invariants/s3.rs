//! S3: a client that checks CRCs never accepts corruption; appends, recovery and reads verify: a batch that is broken on
//! purpose is refused, and nothing broken is handed to a reader.

use super::{Invariant, Violation};
use crate::app::history::{Expect, Model};
use crate::app::value::is_refused;

pub const INVARIANT: Invariant = Invariant {
    id: "S3",
    title: "corruption is refused, and never handed to a reader",
    source: "KAFKA-8722 (skipped CRC); Ganesan et al., FAST 2017",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for (op, send) in model.history.sends() {
        let broken = send.by_hand.is_some_and(|hand| hand.expect == Expect::Refusal);
        if broken && op.outcome.is_ok() {
            let topic = &model.history.topic(send.topic).name;
            let message = format!(
                "{topic}/{}: a batch that was broken on purpose was taken at offset {:?}",
                send.partition.unwrap_or(-1),
                send.offset
            );
            return Err(Violation {
                invariant: INVARIANT.id,
                at: op.completed.unwrap_or(op.invoked),
                message,
            });
        }
    }
    for (op, poll) in model.history.polls() {
        for seen in &poll.records {
            let what = match seen.value {
                None => "bytes that nobody sent",
                Some(value) if is_refused(value) => "a record of a batch that was broken on purpose",
                Some(_) => continue,
            };
            let message = format!(
                "{}: reader {} was handed {what} at offset {}",
                model.history.name(poll.partition),
                poll.reader,
                seen.offset
            );
            return Err(Violation {
                invariant: INVARIANT.id,
                at: op.completed.unwrap_or(op.invoked),
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
    use crate::app::history::{ByHand, Call, Outcome};
    use crate::app::value::refused_id;

    fn garbage(script: &mut Script, outcome: Outcome) {
        let mut send = script.send(refused_id(1, 1), -1, Some(3), PLAIN);
        let hand = ByHand {
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            expect: Expect::Refusal,
        };
        send.by_hand = Some(hand);
        script.op(Call::Send(send), outcome);
    }

    #[test]
    fn garbage_must_be_refused() {
        let mut script = Script::new();
        garbage(&mut script, Outcome::Failed("CorruptMessage".into()));
        judge(&INVARIANT, &script, None);
        garbage(&mut script, Outcome::Ok);
        judge(&INVARIANT, &script, Some("broken on purpose was taken"));
    }

    #[test]
    fn garbage_must_not_be_read() {
        let mut script = Script::new();
        script.acked(7, 0).poll(0, &[(0, 7)]);
        judge(&INVARIANT, &script, None);
        script.poll(1, &[(1, refused_id(1, 1))]);
        judge(&INVARIANT, &script, Some("reader 1 was handed"));
    }
}
