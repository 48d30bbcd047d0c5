//! Control records: the key that tells their type, and the transaction marker's value. (The quorum's control values
//! are messages of the wire, with schemas of their own.)

/// What a control record says, by its key: version i16, type i16. Numbers are Kafka's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlRecordType {
    Abort,
    Commit,
    LeaderChange,
    SnapshotHeader,
    SnapshotFooter,
    KRaftVersion,
    KRaftVoters,
    /// A type of a later Kafka: kept, and otherwise passed over.
    Other(i16),
}

impl ControlRecordType {
    pub fn code(self) -> i16 {
        match self {
            ControlRecordType::Abort => 0,
            ControlRecordType::Commit => 1,
            ControlRecordType::LeaderChange => 2,
            ControlRecordType::SnapshotHeader => 3,
            ControlRecordType::SnapshotFooter => 4,
            ControlRecordType::KRaftVersion => 5,
            ControlRecordType::KRaftVoters => 6,
            ControlRecordType::Other(code) => code,
        }
    }

    fn from_code(code: i16) -> ControlRecordType {
        match code {
            0 => ControlRecordType::Abort,
            1 => ControlRecordType::Commit,
            2 => ControlRecordType::LeaderChange,
            3 => ControlRecordType::SnapshotHeader,
            4 => ControlRecordType::SnapshotFooter,
            5 => ControlRecordType::KRaftVersion,
            6 => ControlRecordType::KRaftVoters,
            other => ControlRecordType::Other(other),
        }
    }

    /// The key's bytes: version 0 and the type.
    pub fn key(self) -> [u8; 4] {
        let [high, low] = self.code().to_be_bytes();
        [0, 0, high, low]
    }

    /// `None` when the bytes are no control key: shorter than 4, or of a negative version.
    pub fn parse(key: &[u8]) -> Option<ControlRecordType> {
        let [v0, v1, t0, t1] = *key.first_chunk::<4>()?;
        let version = i16::from_be_bytes([v0, v1]);
        (version >= 0).then(|| ControlRecordType::from_code(i16::from_be_bytes([t0, t1])))
    }
}

/// The value of a commit or abort marker: version i16 (0), coordinator epoch i32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTransactionMarker {
    pub is_commit: bool,
    pub coordinator_epoch: i32,
}

impl EndTransactionMarker {
    pub fn key(self) -> [u8; 4] {
        if self.is_commit {
            ControlRecordType::Commit
        } else {
            ControlRecordType::Abort
        }
        .key()
    }

    pub fn value(self) -> [u8; 6] {
        let [a, b, c, d] = self.coordinator_epoch.to_be_bytes();
        [0, 0, a, b, c, d]
    }

    /// `None` when key or value are not a marker's. A later version's further fields are passed over.
    pub fn parse(key: &[u8], value: &[u8]) -> Option<EndTransactionMarker> {
        let is_commit = match ControlRecordType::parse(key)? {
            ControlRecordType::Commit => true,
            ControlRecordType::Abort => false,
            _ => return None,
        };
        let [v0, v1, epoch @ ..] = *value.first_chunk::<6>()?;
        let is_known = i16::from_be_bytes([v0, v1]) >= 0;
        is_known.then_some(EndTransactionMarker {
            is_commit,
            coordinator_epoch: i32::from_be_bytes(epoch),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_round_trip() {
        for is_commit in [false, true] {
            let marker = EndTransactionMarker {
                is_commit,
                coordinator_epoch: 0x0102_0304,
            };
            assert_eq!(marker.key(), [0, 0, 0, is_commit as u8]);
            assert_eq!(marker.value(), [0, 0, 1, 2, 3, 4]);
            assert_eq!(
                EndTransactionMarker::parse(&marker.key(), &marker.value()),
                Some(marker)
            );
        }
        assert_eq!(EndTransactionMarker::parse(&[0, 0, 0, 2], &[0; 6]), None);
        assert_eq!(EndTransactionMarker::parse(&[0, 0, 0, 1], &[0; 5]), None);
        assert_eq!(ControlRecordType::parse(&[0, 0, 0]), None);
        for code in 0..9 {
            assert_eq!(ControlRecordType::from_code(code).code(), code);
        }
    }
}
