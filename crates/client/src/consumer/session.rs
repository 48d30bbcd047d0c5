//! A fetch session with one broker (KIP-227): after a full request, only what changed is sent.
//!
//! ```text
//!   id 0, epoch 0 ── full request ──► granted: id n, epoch 1 ── incremental, epoch + 1 ──► …
//!        ▲                                   │ error, broken connection
//!        │ declined (id 0), id unknown       ▼
//!        └──────────────────────────── id n, epoch 0: closes n and asks for a new one
//! ```
//! Invariant: with epoch > 0, `partitions` is what the broker's session holds, if it got every request.

use std::collections::BTreeMap;

use wire::{ErrorCode, Uuid};

use crate::TopicPartition;

/// The epoch of a full request.
const INITIAL_EPOCH: i32 = 0;
/// The epoch that closes a session and asks for none.
pub(super) const FINAL_EPOCH: i32 = -1;

/// What is asked of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) topic_id: Uuid,
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
    pub(super) bytes_max: i32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct FetchSession {
    id: i32,
    epoch: i32,
    partitions: BTreeMap<TopicPartition, Wanted>,
}

/// What to put into the next request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SessionPlan {
    pub(super) id: i32,
    pub(super) epoch: i32,
    pub(super) send: Vec<(TopicPartition, Wanted)>,
    pub(super) forget: Vec<(TopicPartition, Uuid)>,
}

impl FetchSession {
    pub(super) fn id(&self) -> i32 {
        self.id
    }

    /// The next request for exactly these partitions.
    pub(super) fn plan(&mut self, wanted: &BTreeMap<TopicPartition, Wanted>) -> SessionPlan {
        let before = std::mem::replace(&mut self.partitions, wanted.clone());
        if self.epoch == INITIAL_EPOCH {
            let send = wanted
                .iter()
                .map(|(name, wanted)| (name.clone(), *wanted))
                .collect();
            return SessionPlan {
                id: self.id,
                epoch: self.epoch,
                send,
                forget: Vec::new(),
            };
        }
        let changed = wanted
            .iter()
            .filter(|(name, wanted)| before.get(*name) != Some(*wanted));
        // A topic that was deleted and made again is another one: its old id is to be forgotten.
        let gone = before.iter().filter(|(name, old)| {
            wanted
                .get(*name)
                .is_none_or(|wanted| wanted.topic_id != old.topic_id)
        });
        SessionPlan {
            id: self.id,
            epoch: self.epoch,
            send: changed.map(|(name, wanted)| (name.clone(), *wanted)).collect(),
            forget: gone.map(|(name, old)| (name.clone(), old.topic_id)).collect(),
        }
    }

    /// Takes an answer without a top-level error.
    pub(super) fn on_answer(&mut self, session_id: i32) {
        if session_id == 0 {
            // Declined, or closed by the broker.
            self.restart(0);
            return;
        }
        self.id = session_id;
        // The epochs 0 and -1 have meanings of their own.
        self.epoch = self.epoch.checked_add(1).unwrap_or(1);
    }

    /// Takes a top-level error.
    pub(super) fn on_error(&mut self, code: ErrorCode) {
        let id = if code == ErrorCode::FetchSessionIdNotFound {
            0
        } else {
            self.id
        };
        self.restart(id);
    }

    /// The request may not have arrived, or its answer was lost.
    pub(super) fn on_lost(&mut self) {
        self.restart(self.id);
    }

    fn restart(&mut self, id: i32) {
        *self = FetchSession {
            id,
            epoch: INITIAL_EPOCH,
            partitions: BTreeMap::new(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(rows: &[(i32, i64)]) -> BTreeMap<TopicPartition, Wanted> {
        let row = |(partition, offset): &(i32, i64)| {
            let wanted = Wanted {
                topic_id: Uuid([1; 16]),
                offset: *offset,
                leader_epoch: 0,
                bytes_max: 9,
            };
            (TopicPartition::new("t", *partition), wanted)
        };
        rows.iter().map(row).collect()
    }

    fn sent(plan: &SessionPlan) -> Vec<i32> {
        plan.send.iter().map(|(name, _)| name.partition).collect()
    }

    #[test]
    fn only_changes_are_sent_once_a_session_is_granted() {
        let mut session = FetchSession::default();
        let plan = session.plan(&wanted(&[(0, 5), (1, 5)]));
        assert_eq!((plan.id, plan.epoch, sent(&plan)), (0, 0, vec![0, 1]));
        session.on_answer(77);
        let plan = session.plan(&wanted(&[(0, 8), (1, 5), (2, 0)]));
        assert_eq!((plan.id, plan.epoch, sent(&plan)), (77, 1, vec![0, 2]));
        session.on_answer(77);
        let plan = session.plan(&wanted(&[(1, 5)]));
        assert_eq!((plan.epoch, sent(&plan)), (2, vec![]));
        assert_eq!(
            plan.forget
                .iter()
                .map(|(name, _)| name.partition)
                .collect::<Vec<_>>(),
            [0, 2]
        );
    }

    #[test]
    fn a_recreated_topic_is_forgotten_and_sent() {
        let mut session = FetchSession::default();
        session.plan(&wanted(&[(0, 5)]));
        session.on_answer(7);
        let mut again = wanted(&[(0, 5)]);
        again
            .values_mut()
            .for_each(|wanted| wanted.topic_id = Uuid([2; 16]));
        let plan = session.plan(&again);
        assert_eq!(sent(&plan), [0]);
        assert_eq!(plan.forget, [(TopicPartition::new("t", 0), Uuid([1; 16]))]);
    }

    #[test]
    fn errors_and_losses_start_over() {
        let mut session = FetchSession::default();
        session.plan(&wanted(&[(0, 5)]));
        session.on_answer(0);
        assert_eq!(session.plan(&wanted(&[(0, 5)])).epoch, 0, "declined: full again");
        session.on_answer(7);
        session.plan(&wanted(&[(0, 5)]));
        session.on_error(ErrorCode::InvalidFetchSessionEpoch);
        let plan = session.plan(&wanted(&[(0, 5)]));
        assert_eq!(
            (plan.id, plan.epoch, sent(&plan)),
            (7, 0, vec![0]),
            "closes the old one"
        );
        session.on_answer(8);
        session.on_lost();
        assert_eq!(session.plan(&wanted(&[])).id, 8);
        session.on_error(ErrorCode::FetchSessionIdNotFound);
        assert_eq!(session.plan(&wanted(&[])), SessionPlan::default());
    }

    #[test]
    fn epochs_wrap_past_the_special_ones() {
        let mut session = FetchSession {
            id: 1,
            epoch: i32::MAX,
            partitions: BTreeMap::new(),
        };
        session.on_answer(1);
        assert_eq!(session.epoch, 1);
    }
}
