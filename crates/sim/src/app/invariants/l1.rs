//! L1: once healed, sends are acknowledged and readers reach the end within a bound; or the report says why not.

use super::{Invariant, Violation};
use crate::app::history::Model;

pub const INVARIANT: Invariant = Invariant {
    id: "L1",
    title: "a healed cluster makes progress",
    source: "TigerBeetle's VOPR: a safety phase, then a liveness phase",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    match model
        .history
        .liveness
        .iter()
        .find(|d| d.met.is_none() && d.excuse.is_none())
    {
        None => Ok(()),
        Some(demand) => {
            let why = demand.last_error.as_deref().unwrap_or("no answer");
            let message = format!("{}, asked at {}, was not met: {why}", demand.demand, demand.asked);
            Err(Violation {
                invariant: INVARIANT.id,
                at: demand.asked,
                message,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::{Script, judge};
    use crate::app::history::{At, Liveness};

    #[test]
    fn unmet_demands_need_an_excuse() {
        let demand = |met, excuse: Option<&str>| Liveness {
            demand: "a send to t/0".into(),
            asked: At(1),
            met,
            excuse: excuse.map(str::to_owned),
            last_error: Some("timeout".into()),
        };
        let mut script = Script::new();
        script.history.liveness = vec![demand(Some(At(2)), None), demand(None, Some("t/0 has rotted"))];
        judge(&INVARIANT, &script, None);
        script.history.liveness.push(demand(None, None));
        judge(&INVARIANT, &script, Some("a send to t/0"));
    }
}
