//! D1: the same seed gives the same trace hash in another process.
//!
//! No history can show it: `--check-determinism` runs the plan again in a second process and compares. It stands in the
//! table so that it is listed and can be named by a mutant.

use super::{Invariant, Violation};
use crate::app::history::Model;

pub const INVARIANT: Invariant = Invariant {
    id: "D1",
    title: "the same seed gives the same trace hash in another process",
    source: "FoundationDB's determinism re-run; checked by --check-determinism",
    check,
};

fn check(_: &Model) -> Result<(), Violation> {
    Ok(())
}
