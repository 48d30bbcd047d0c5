//! no-panic: a panic inside a node is a violation, not an accident of the harness.

use super::{Invariant, Violation};
use crate::app::history::Model;

pub const INVARIANT: Invariant = Invariant {
    id: "no-panic",
    title: "no node panics",
    source: "a broker that panics is a broker that is down",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    match model.history.panics.first() {
        None => Ok(()),
        Some(panic) => {
            let message = format!("node {} panicked: {}", panic.node, panic.message);
            Err(Violation {
                invariant: INVARIANT.id,
                at: panic.at,
                message,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::{Script, judge};
    use crate::app::history::{At, NodePanic};

    #[test]
    fn a_panic_is_a_violation() {
        let mut script = Script::new();
        judge(&INVARIANT, &script, None);
        script.history.panics.push(NodePanic {
            at: At(5),
            node: "broker-1".into(),
            message: "index 3".into(),
        });
        judge(&INVARIANT, &script, Some("broker-1 panicked: index 3"));
    }
}
