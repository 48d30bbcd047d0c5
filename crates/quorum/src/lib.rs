//! The metadata quorum's core: who leads, in which epoch, and how far the metadata log is committed. Pure: the
//! shell persists, appends and syncs what is asked here, and reports back.
//!
//! ```text
//!                 campaign                 a majority grants
//!   Unattached ──────────────> Candidate ────────────────────> Leader
//!       ^                          │                             │
//!       └───────── (a higher epoch is seen: with several voters) ┘      Follower
//! ```
//!
//! Invariants:
//! 1. The epoch only rises, and rises at every start: what an earlier incarnation wrote stays in its epoch.
//! 2. A vote is durable before it counts: `Step::Persist` comes first, `on_persisted` goes on.
//! 3. The high watermark only rises, never passes the durable end of a majority, and moves only once a record
//!    of the leader's own epoch is durable.
//!
//! Deliberately absent for now: the messages between voters (Vote, BeginQuorumEpoch, EndQuorumEpoch, Fetch,
//! FetchSnapshot). A set of several voters is refused by name (`QuorumError::SeveralVoters`); `Role` and the
//! majority's arithmetic are already those of several.

mod election_state;
mod voters;

use std::collections::{BTreeMap, BTreeSet};

use wire::Uuid;
use wire::record::LeaderChangeMessage;
use wire::record::leader_change_message::Voter as LeaderChangeVoter;

pub use election_state::{ElectionState, ElectionStateError};
pub use voters::{Voter, VoterSet};

/// One node, told apart from an earlier one with the same id by the id of its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaKey {
    pub id: i32,
    pub directory_id: Uuid,
}

/// What this node is in the current epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Knows no leader.
    Unattached,
    /// Fetches from the leader.
    Follower { leader: i32 },
    /// Asks for votes.
    Candidate { granted: BTreeSet<i32> },
    /// Appends; knows how far each voter's log is durable.
    Leader {
        epoch_start: i64,
        durable_ends: BTreeMap<i32, i64>,
    },
}

/// What the shell does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Write this to `quorum-state`, durably, then call `on_persisted`.
    Persist(ElectionState),
    /// This node leads: write this to `quorum-state`, and append this message as the epoch's first record.
    Lead {
        state: ElectionState,
        leader_change: LeaderChangeMessage,
    },
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    #[error("the quorum has the voters {0:?}, and a quorum of several voters is not built yet: keep one")]
    SeveralVoters(Vec<i32>),
    #[error(
        "the quorum's voter is {voter}, and this is node {node}: set node.id={voter}, or take another folder"
    )]
    NotTheVoter { voter: i32, node: i32 },
    #[error(
        "the quorum's voter {id} has the folder {expected}, and this folder is {found}: \
         it belongs to another node, or was formatted again"
    )]
    OtherFolder { id: i32, expected: Uuid, found: Uuid },
    #[error("the quorum has no voters: the folder was not formatted as a controller's")]
    NoVoters,
}

/// The state of the quorum as this node sees it.
#[derive(Clone, Debug)]
pub struct Quorum {
    node: ReplicaKey,
    voters: VoterSet,
    epoch: i32,
    voted: Option<ReplicaKey>,
    role: Role,
    /// The offset after the last record of the log.
    end_offset: i64,
    /// The offset after the last committed record; 0 before the first is known to be.
    high_watermark: i64,
}

impl Quorum {
    /// A node that starts: its voters, what it last persisted, and where its log ends.
    pub fn start(
        node: ReplicaKey,
        voters: VoterSet,
        stored: Option<ElectionState>,
        last_epoch: i32,
        end_offset: i64,
    ) -> Result<Quorum, QuorumError> {
        voters.check_sole(node)?;
        let stored_epoch = stored.map_or(0, |state| state.leader_epoch);
        Ok(Quorum {
            node,
            voters,
            epoch: stored_epoch.max(last_epoch),
            voted: None,
            role: Role::Unattached,
            end_offset,
            high_watermark: 0,
        })
    }

    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    pub fn role(&self) -> &Role {
        &self.role
    }

    pub fn voters(&self) -> &VoterSet {
        &self.voters
    }

    pub fn leader(&self) -> Option<i32> {
        match self.role {
            Role::Unattached | Role::Candidate { .. } => None,
            Role::Follower { leader } => Some(leader),
            Role::Leader { .. } => Some(self.node.id),
        }
    }

    /// The offset after the last committed record.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// Stands for election in a new epoch, voting for itself.
    pub fn campaign(&mut self) -> Step {
        self.epoch += 1;
        self.voted = Some(self.node);
        self.role = Role::Candidate {
            granted: BTreeSet::new(),
        };
        Step::Persist(self.election_state())
    }

    /// The vote is durable, so it counts.
    pub fn on_persisted(&mut self) -> Option<Step> {
        let Role::Candidate { granted } = &mut self.role else {
            return None;
        };
        granted.insert(self.node.id);
        if granted.len() < self.voters.majority() {
            return None;
        }
        let granting_voters = granted.iter().map(|id| LeaderChangeVoter {
            voter_id: *id,
            ..Default::default()
        });
        let voters = self.voters.ids().map(|voter_id| LeaderChangeVoter {
            voter_id,
            ..Default::default()
        });
        let leader_change = LeaderChangeMessage {
            leader_id: self.node.id,
            voters: voters.collect(),
            granting_voters: granting_voters.collect(),
            ..Default::default()
        };
        self.voted = None;
        self.role = Role::Leader {
            epoch_start: self.end_offset,
            durable_ends: BTreeMap::new(),
        };
        Some(Step::Lead {
            state: self.election_state(),
            leader_change,
        })
    }

    /// The log was appended to, up to this end.
    pub fn on_appended(&mut self, end_offset: i64) {
        assert!(end_offset >= self.end_offset, "a leader's log only grows");
        self.end_offset = end_offset;
    }

    /// A voter's log is durable up to this end. Answers the high watermark if it rose.
    pub fn on_durable(&mut self, voter: i32, end_offset: i64) -> Option<i64> {
        let Role::Leader {
            epoch_start,
            durable_ends,
        } = &mut self.role
        else {
            return None;
        };
        let end = durable_ends.entry(voter).or_insert(0);
        *end = end_offset.max(*end);
        let mut ends: Vec<i64> = self
            .voters
            .ids()
            .map(|id| durable_ends.get(&id).copied().unwrap_or(0))
            .collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        let majority_end = ends[self.voters.majority() - 1];
        if majority_end <= *epoch_start || majority_end <= self.high_watermark {
            return None;
        }
        assert!(majority_end <= self.end_offset, "what is durable was appended");
        self.high_watermark = majority_end;
        Some(majority_end)
    }

    fn election_state(&self) -> ElectionState {
        ElectionState {
            leader_id: self.leader(),
            leader_epoch: self.epoch,
            voted: self.voted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::Strategy;

    const NODE: ReplicaKey = ReplicaKey {
        id: 1,
        directory_id: Uuid([7; 16]),
    };

    fn start(stored: Option<ElectionState>, last_epoch: i32, end: i64) -> Quorum {
        Quorum::start(NODE, VoterSet::sole(NODE, Vec::new()), stored, last_epoch, end).unwrap()
    }

    #[test]
    fn one_voter_elects_itself_in_a_new_epoch_and_commits_what_is_durable() {
        let stored = ElectionState {
            leader_id: Some(1),
            leader_epoch: 4,
            voted: None,
        };
        let mut quorum = start(Some(stored), 3, 10);
        let vote = ElectionState {
            leader_id: None,
            leader_epoch: 5,
            voted: Some(NODE),
        };
        assert_eq!(quorum.campaign(), Step::Persist(vote));
        assert_eq!(quorum.leader(), None);
        let Some(Step::Lead { state, leader_change }) = quorum.on_persisted() else {
            panic!("it leads")
        };
        assert_eq!(
            state,
            ElectionState {
                leader_id: Some(1),
                leader_epoch: 5,
                voted: None
            }
        );
        assert_eq!(leader_change.leader_id, 1);
        assert_eq!(
            quorum.on_durable(1, 10),
            None,
            "nothing of this epoch is durable yet"
        );
        quorum.on_appended(11);
        assert_eq!(quorum.on_durable(1, 11), Some(11));
        assert_eq!(quorum.on_durable(1, 11), None);
        quorum.on_appended(15);
        assert_eq!(quorum.high_watermark(), 11);
        assert_eq!(quorum.on_durable(1, 14), Some(14));
        assert_eq!(quorum.on_durable(1, 12), None, "an older report changes nothing");
    }

    #[test]
    fn the_epoch_is_above_the_logs_even_when_the_state_file_is_gone() {
        let mut quorum = start(None, 9, 100);
        quorum.campaign();
        assert_eq!(quorum.epoch(), 10);
    }

    #[test]
    fn foreign_voter_sets_are_refused_with_the_reason() {
        let other = ReplicaKey {
            id: 1,
            directory_id: Uuid([8; 16]),
        };
        let refused = |voters: VoterSet| Quorum::start(NODE, voters, None, 0, 0).unwrap_err();
        assert!(matches!(
            refused(VoterSet::sole(other, Vec::new())),
            QuorumError::OtherFolder { id: 1, .. }
        ));
        let elsewhere = ReplicaKey {
            id: 2,
            directory_id: Uuid([7; 16]),
        };
        assert_eq!(
            refused(VoterSet::sole(elsewhere, Vec::new())),
            QuorumError::NotTheVoter { voter: 2, node: 1 }
        );
        assert_eq!(refused(VoterSet::default()), QuorumError::NoVoters);
    }

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Restart,
        Append(i64),
        Durable(i64),
    }

    proptest::proptest! {
        /// Epochs rise, the high watermark follows the durable end of this epoch's records and never falls.
        #[test]
        fn epochs_rise_and_what_is_committed_stays(
            events in proptest::collection::vec(
                proptest::prop_oneof![
                    proptest::strategy::Just(Event::Restart),
                    (1..5i64).prop_map(Event::Append),
                    (0..40i64).prop_map(Event::Durable),
                ],
                0..60,
            )
        ) {
            let (mut end, mut durable, mut committed, mut stored) = (0i64, 0i64, 0i64, None);
            let mut quorum = start(None, 0, 0);
            for event in events {
                match event {
                    Event::Restart => {
                        let before = quorum.epoch();
                        end = durable; // what was not durable is lost
                        quorum = start(stored, before, end);
                        let Step::Persist(_) = quorum.campaign() else { panic!("first the vote") };
                        let Some(Step::Lead { state, .. }) = quorum.on_persisted() else { panic!("it leads") };
                        stored = Some(state);
                        proptest::prop_assert!(quorum.epoch() > before);
                        end += 1;
                        quorum.on_appended(end);
                    }
                    Event::Append(_) | Event::Durable(_) if quorum.leader().is_none() => {
                        proptest::prop_assert_eq!(quorum.on_durable(1, end), None);
                    }
                    Event::Append(count) => {
                        end += count;
                        quorum.on_appended(end);
                    }
                    Event::Durable(up_to) => {
                        durable = durable.max(up_to.min(end));
                        let rose = quorum.on_durable(1, durable);
                        if let Some(high_watermark) = rose {
                            proptest::prop_assert!(high_watermark > committed || committed == 0);
                            proptest::prop_assert_eq!(high_watermark, durable);
                        }
                        committed = committed.max(quorum.high_watermark());
                        proptest::prop_assert!(committed <= durable);
                    }
                }
            }
        }
    }
}
