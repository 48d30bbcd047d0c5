//! The set of voters, as VotersRecord carries it.

use std::collections::BTreeMap;

use wire::Uuid;
use wire::record::VotersRecord;
use wire::record::voters_record::{self, Endpoint, KRaftVersionFeature};

use crate::{QuorumError, ReplicaKey};

/// The voters by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VoterSet(BTreeMap<i32, Voter>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    pub directory_id: Uuid,
    /// (listener, host, port)
    pub endpoints: Vec<(String, String, u16)>,
}

impl VoterSet {
    /// One voter, reached at these (listener, host, port).
    pub fn sole(node: ReplicaKey, endpoints: Vec<(String, String, u16)>) -> VoterSet {
        VoterSet(
            [(
                node.id,
                Voter {
                    directory_id: node.directory_id,
                    endpoints,
                },
            )]
            .into(),
        )
    }

    pub fn ids(&self) -> impl Iterator<Item = i32> {
        self.0.keys().copied()
    }

    pub fn get(&self, id: i32) -> Option<&Voter> {
        self.0.get(&id)
    }

    /// How many voters decide.
    pub fn majority(&self) -> usize {
        self.0.len() / 2 + 1
    }

    /// This node must be the one voter.
    pub(crate) fn check_sole(&self, node: ReplicaKey) -> Result<(), QuorumError> {
        let mut voters = self.0.iter();
        let (id, voter) = voters.next().ok_or(QuorumError::NoVoters)?;
        if voters.next().is_some() {
            return Err(QuorumError::SeveralVoters(self.ids().collect()));
        }
        if *id != node.id {
            return Err(QuorumError::NotTheVoter {
                voter: *id,
                node: node.id,
            });
        }
        if voter.directory_id != node.directory_id {
            let (expected, found) = (voter.directory_id, node.directory_id);
            return Err(QuorumError::OtherFolder {
                id: *id,
                expected,
                found,
            });
        }
        Ok(())
    }

    pub fn from_record(record: &VotersRecord) -> VoterSet {
        let endpoint = |e: &Endpoint| (e.name.clone(), e.host.clone(), e.port);
        let voter = |v: &voters_record::Voter| {
            let endpoints = v.endpoints.iter().map(endpoint).collect();
            (
                v.voter_id,
                Voter {
                    directory_id: v.voter_directory_id,
                    endpoints,
                },
            )
        };
        VoterSet(record.voters.iter().map(voter).collect())
    }

    pub fn to_record(&self) -> VotersRecord {
        let endpoint = |(name, host, port): &(String, String, u16)| Endpoint {
            name: name.clone(),
            host: host.clone(),
            port: *port,
        };
        let voter = |(id, voter): (&i32, &Voter)| voters_record::Voter {
            voter_id: *id,
            voter_directory_id: voter.directory_id,
            endpoints: voter.endpoints.iter().map(endpoint).collect(),
            kraft_version_feature: KRaftVersionFeature {
                min_supported_version: 0,
                max_supported_version: 1,
            },
        };
        VotersRecord {
            version: 0,
            voters: self.0.iter().map(voter).collect(),
        }
    }
}
