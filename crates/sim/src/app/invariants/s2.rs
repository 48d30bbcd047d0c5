//! S2: recovery survives crashes during recovery: after a crash while a broker loads its logs, the next recovery leaves
//! them as clean as S1 demands.

use super::{Invariant, Violation, s1};
use crate::app::history::{Model, ViewMoment};

pub const INVARIANT: Invariant = Invariant {
    id: "S2",
    title: "recovery survives crashes during recovery",
    source: "KAFKA-10471; Pillai et al., OSDI 2014",
    check,
};

fn check(model: &Model) -> Result<(), Violation> {
    for view in &model.history.views {
        if view.moment
            != (ViewMoment::Recovered {
                after_crash_in_recovery: true,
            })
        {
            continue;
        }
        for log in &view.logs {
            if let Some(what) = s1::unclean(model, log, view.at) {
                return Err(Violation {
                    invariant: INVARIANT.id,
                    at: view.at,
                    message: what,
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::*;

    #[test]
    fn a_torn_tail_after_the_second_crash() {
        let recovered = ViewMoment::Recovered {
            after_crash_in_recovery: true,
        };
        let mut script = Script::new();
        script.acked(1, 0);
        script.view(recovered, vec![batch(0, &[1], None)]);
        judge(&INVARIANT, &script, None);
        script.view(recovered, vec![batch(0, &[1], None)]).segments[0].torn = Some((100, "cut".into()));
        judge(&INVARIANT, &script, Some("position 100"));
        let mut script = Script::new();
        script.view(ViewMoment::Stopped, Vec::new()).segments[0].torn = Some((100, "cut".into()));
        judge(&INVARIANT, &script, None);
    }
}
