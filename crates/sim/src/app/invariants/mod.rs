//! The invariants: one per file, each a pure function over the history, its source cited.
//!
//! The ids are those that reports print and mutants name. The table's order is the order of precedence: when one
//! bug breaks several at the same moment, the report names the first.

mod c6;
mod c7;
mod d1;
mod duplicate;
mod i1;
mod i2;
mod i3;
mod i4;
mod inconsistent_offsets;
mod int_poll_skip;
mod l1;
mod lost_write;
mod no_panic;
mod nonmonotonic_poll;
mod p1;
mod p2;
mod p3;
mod p4;
mod p6;
mod r10;
mod s1;
mod s2;
mod s3;
mod s4;
mod unseen;

use super::history::{At, History, Model};

pub struct Invariant {
    pub id: &'static str,
    pub title: &'static str,
    /// Where the promise comes from.
    pub source: &'static str,
    pub check: fn(&Model) -> Result<(), Violation>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub invariant: &'static str,
    pub at: At,
    pub message: String,
}

pub const ALL: &[Invariant] = &[
    no_panic::INVARIANT,
    p1::INVARIANT,
    p2::INVARIANT,
    p3::INVARIANT,
    p4::INVARIANT,
    p6::INVARIANT,
    i1::INVARIANT,
    i2::INVARIANT,
    i3::INVARIANT,
    i4::INVARIANT,
    s1::INVARIANT,
    s2::INVARIANT,
    s3::INVARIANT,
    s4::INVARIANT,
    c6::INVARIANT,
    c7::INVARIANT,
    r10::INVARIANT,
    inconsistent_offsets::INVARIANT,
    duplicate::INVARIANT,
    lost_write::INVARIANT,
    int_poll_skip::INVARIANT,
    nonmonotonic_poll::INVARIANT,
    unseen::INVARIANT,
    l1::INVARIANT,
    d1::INVARIANT,
];

/// Which invariants a run heeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heed {
    All,
    /// Only these; all others are muted.
    Only(Vec<String>),
}

impl Heed {
    pub fn heeds(&self, id: &str) -> bool {
        match self {
            Heed::All => true,
            Heed::Only(ids) => ids.iter().any(|i| i == id),
        }
    }
}

/// The earliest violation, if any.
pub fn check_all(history: &History, heed: &Heed) -> Option<Violation> {
    let model = Model::of(history);
    let mut first: Option<Violation> = None;
    for invariant in ALL.iter().filter(|i| heed.heeds(i.id)) {
        if let Err(violation) = (invariant.check)(&model) {
            assert_eq!(
                violation.invariant, invariant.id,
                "an invariant speaks for itself"
            );
            if first.as_ref().is_none_or(|f| violation.at < f.at) {
                first = Some(violation);
            }
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_a_quiet_history_passes() {
        for (i, invariant) in ALL.iter().enumerate() {
            assert!(
                ALL[..i].iter().all(|other| other.id != invariant.id),
                "{}",
                invariant.id
            );
            assert!(!invariant.title.is_empty() && !invariant.source.is_empty());
        }
        assert_eq!(check_all(&History::default(), &Heed::All), None);
    }

    #[test]
    fn muting_leaves_only_the_named() {
        let heed = Heed::Only(vec!["P1".into()]);
        assert!(heed.heeds("P1") && !heed.heeds("P2") && Heed::All.heeds("P2"));
    }
}
