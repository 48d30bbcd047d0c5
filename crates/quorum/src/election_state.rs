//! The `quorum-state` file: one line of JSON in Kafka 4.2's format, data_version 1.
//!
//! Version 0, of clusters with a fixed list of voters, is read too: it has the same fields and others that are
//! not needed.

use serde::{Deserialize, Serialize};
use wire::Uuid;

use crate::ReplicaKey;

/// What a node must not forget of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElectionState {
    pub leader_id: Option<i32>,
    pub leader_epoch: i32,
    pub voted: Option<ReplicaKey>,
}

#[derive(Debug, thiserror::Error)]
pub enum ElectionStateError {
    #[error("it is not the JSON that is expected: {0}")]
    Json(#[from] serde_json::Error),
    #[error("its data_version is {0}, and this version knows 0 and 1")]
    Version(i16),
    #[error("votedDirectoryId {0:?} is not an id")]
    DirectoryId(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    leader_id: i32,
    leader_epoch: i32,
    voted_id: i32,
    #[serde(default)]
    voted_directory_id: Option<String>,
    #[serde(rename = "data_version")]
    data_version: i16,
}

impl ElectionState {
    pub fn to_json(&self) -> String {
        let voted = self.voted.unwrap_or(ReplicaKey {
            id: -1,
            directory_id: Uuid::ZERO,
        });
        let file = File {
            leader_id: self.leader_id.unwrap_or(-1),
            leader_epoch: self.leader_epoch,
            voted_id: voted.id,
            voted_directory_id: Some(voted.directory_id.to_string()),
            data_version: 1,
        };
        serde_json::to_string(&file).expect("plain fields always serialise")
    }

    pub fn from_json(text: &[u8]) -> Result<ElectionState, ElectionStateError> {
        let file: File = serde_json::from_slice(text)?;
        if !(0..=1).contains(&file.data_version) {
            return Err(ElectionStateError::Version(file.data_version));
        }
        let directory_id = match &file.voted_directory_id {
            Some(text) => text
                .parse()
                .map_err(|_| ElectionStateError::DirectoryId(text.clone()))?,
            None => Uuid::ZERO,
        };
        let some = |id: i32| (id >= 0).then_some(id);
        Ok(ElectionState {
            leader_id: some(file.leader_id),
            leader_epoch: file.leader_epoch,
            voted: some(file.voted_id).map(|id| ReplicaKey { id, directory_id }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by Apache Kafka 4.2.1.
    const KAFKA: &str = r#"{"leaderId":1,"leaderEpoch":1,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}"#;

    #[test]
    fn the_file_is_kafkas_byte_for_byte() {
        let state = ElectionState::from_json(KAFKA.as_bytes()).unwrap();
        assert_eq!(
            state,
            ElectionState {
                leader_id: Some(1),
                leader_epoch: 1,
                voted: None
            }
        );
        assert_eq!(state.to_json(), KAFKA);
    }

    #[test]
    fn a_vote_survives() {
        let voted = Some(ReplicaKey {
            id: 3,
            directory_id: Uuid([9; 16]),
        });
        let state = ElectionState {
            leader_id: None,
            leader_epoch: 7,
            voted,
        };
        assert_eq!(
            ElectionState::from_json(state.to_json().as_bytes()).unwrap(),
            state
        );
    }

    #[test]
    fn older_files_are_read_and_strange_ones_are_not() {
        let old = r#"{"clusterId":"","leaderId":2,"leaderEpoch":5,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":2}],"data_version":0}"#;
        assert_eq!(ElectionState::from_json(old.as_bytes()).unwrap().leader_epoch, 5);
        for strange in [
            "",
            "{}",
            &KAFKA.replace("\"data_version\":1", "\"data_version\":9"),
            &KAFKA.replace("AAAA", "!!"),
        ] {
            assert!(ElectionState::from_json(strange.as_bytes()).is_err(), "{strange}");
        }
    }
}
