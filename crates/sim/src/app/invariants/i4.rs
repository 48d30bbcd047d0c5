//! I4: a producer id is never issued twice.

use super::{Invariant, Violation};
use crate::app::history::{At, Call, Model};
use std::collections::BTreeMap;

pub const INVARIANT: Invariant = Invariant {
    id: "I4",
    title: "a producer id is never issued twice",
    source: "KIP-98, KIP-730: producer id blocks",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    let mut issued: BTreeMap<i64, At> = BTreeMap::new();
    for op in &model.history.ops {
        let (
            Call::InitProducerId {
                producer_id: Some(id),
                epoch: Some(0),
            },
            Some(at),
        ) = (&op.call, op.completed)
        else {
            continue;
        };
        if let Some(before) = issued.insert(*id, at) {
            let message = format!("producer id {id} was issued at {before} and again at {at}");
            return Err(Violation {
                invariant: INVARIANT.id,
                at,
                message,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::Outcome;
    use crate::app::history::testing::{Script, judge};

    #[test]
    fn ids_are_unique() {
        let mut script = Script::new();
        for id in [1, 2, 3] {
            script.op(
                Call::InitProducerId {
                    producer_id: Some(id),
                    epoch: Some(0),
                },
                Outcome::Ok,
            );
        }
        judge(&INVARIANT, &script, None);
        script.op(
            Call::InitProducerId {
                producer_id: Some(2),
                epoch: Some(0),
            },
            Outcome::Ok,
        );
        judge(&INVARIANT, &script, Some("producer id 2"));
    }
}
