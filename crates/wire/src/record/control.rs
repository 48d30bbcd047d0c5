//! Control records: a key that says which type, and a value by type. Transaction markers stand in topics'
//! logs, the others in the metadata log and its snapshots.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{
    EndTxnMarker, KRaftVersionRecord, LeaderChangeMessage, SnapshotFooterRecord, SnapshotHeaderRecord,
    VotersRecord,
};
use crate::codec::read_front;
use crate::error::{DecodeError, DecodeFault, EncodeError};
use crate::message::Message;

/// The version of a control record's key, and the version at which Kafka 4.2 writes the values.
const KEY_VERSION: i16 = 0;
const KEY: &str = "ControlRecordKey";

/// What a control record is, as its key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum ControlType {
    Abort = 0,
    Commit = 1,
    LeaderChange = 2,
    SnapshotHeader = 3,
    SnapshotFooter = 4,
    KRaftVersion = 5,
    KRaftVoters = 6,
}

impl ControlType {
    pub fn from_code(code: i16) -> Option<ControlType> {
        Some(match code {
            0 => Self::Abort,
            1 => Self::Commit,
            2 => Self::LeaderChange,
            3 => Self::SnapshotHeader,
            4 => Self::SnapshotFooter,
            5 => Self::KRaftVersion,
            6 => Self::KRaftVoters,
            _ => return None,
        })
    }

    pub fn code(self) -> i16 {
        self as i16
    }

    /// The record's key: the key's version and the type.
    pub fn key(self) -> Bytes {
        let mut key = BytesMut::with_capacity(4);
        key.put_i16(KEY_VERSION);
        key.put_i16(self.code());
        key.freeze()
    }

    /// Reads a record's key. A type that is not known is none, and to be passed over; a newer version of the
    /// key is read as far as it is known.
    pub fn from_key(mut key: Bytes) -> Result<Option<ControlType>, DecodeError> {
        read_front(&mut key, |r| {
            let version = r.i16("version")?;
            if version < 0 {
                return Err(DecodeError::new("version", DecodeFault::Negative(version.into())));
            }
            Ok(Self::from_code(r.i16("type")?))
        })
        .map_err(|error| error.within(KEY, KEY_VERSION))
    }
}

/// A control record's type and value.
#[derive(Clone, Debug, PartialEq)]
pub enum ControlRecord {
    Abort(EndTxnMarker),
    Commit(EndTxnMarker),
    LeaderChange(LeaderChangeMessage),
    SnapshotHeader(SnapshotHeaderRecord),
    SnapshotFooter(SnapshotFooterRecord),
    KRaftVersion(KRaftVersionRecord),
    KRaftVoters(VotersRecord),
}

impl ControlRecord {
    pub fn control_type(&self) -> ControlType {
        match self {
            Self::Abort(_) => ControlType::Abort,
            Self::Commit(_) => ControlType::Commit,
            Self::LeaderChange(_) => ControlType::LeaderChange,
            Self::SnapshotHeader(_) => ControlType::SnapshotHeader,
            Self::SnapshotFooter(_) => ControlType::SnapshotFooter,
            Self::KRaftVersion(_) => ControlType::KRaftVersion,
            Self::KRaftVoters(_) => ControlType::KRaftVoters,
        }
    }

    /// The record's key.
    pub fn key(&self) -> Bytes {
        self.control_type().key()
    }

    /// The record's value. A marker stands after its version; the others begin with a field `version`, which
    /// says at which version they are written.
    pub fn value(&self) -> Result<Bytes, EncodeError> {
        match self {
            Self::Abort(marker) | Self::Commit(marker) => {
                let version = *EndTxnMarker::VERSIONS.end();
                let mut buf = BytesMut::new();
                buf.put_i16(version);
                marker.encode(&mut buf, version)?;
                Ok(buf.freeze())
            }
            Self::LeaderChange(it) => it.to_bytes(it.version),
            Self::SnapshotHeader(it) => it.to_bytes(it.version),
            Self::SnapshotFooter(it) => it.to_bytes(it.version),
            Self::KRaftVersion(it) => it.to_bytes(it.version),
            Self::KRaftVoters(it) => it.to_bytes(it.version),
        }
    }

    /// Reads key and value; none if the type is not known, which is to be passed over.
    pub fn decode(key: Bytes, value: Bytes) -> Result<Option<ControlRecord>, DecodeError> {
        let Some(control_type) = ControlType::from_key(key)? else {
            return Ok(None);
        };
        Ok(Some(match control_type {
            ControlType::Abort => Self::Abort(marker(value)?),
            ControlType::Commit => Self::Commit(marker(value)?),
            ControlType::LeaderChange => Self::LeaderChange(by_own_version(value)?),
            ControlType::SnapshotHeader => Self::SnapshotHeader(by_own_version(value)?),
            ControlType::SnapshotFooter => Self::SnapshotFooter(by_own_version(value)?),
            ControlType::KRaftVersion => Self::KRaftVersion(by_own_version(value)?),
            ControlType::KRaftVoters => Self::KRaftVoters(by_own_version(value)?),
        }))
    }
}

fn marker(mut value: Bytes) -> Result<EndTxnMarker, DecodeError> {
    let version = version_at_front::<EndTxnMarker>(&value)?;
    value.advance(size_of::<i16>());
    EndTxnMarker::decode(&mut value, version)
}

fn by_own_version<M: Message>(mut value: Bytes) -> Result<M, DecodeError> {
    let version = version_at_front::<M>(&value)?;
    M::decode(&mut value, version)
}

/// A newer version than is known is read as the newest that is, as Kafka does.
fn version_at_front<M: Message>(value: &Bytes) -> Result<i16, DecodeError> {
    let mut front = value.clone();
    let version = read_front(&mut front, |r| r.i16("version")).map_err(|error| error.within(M::NAME, 0))?;
    Ok(version.min(*M::VERSIONS.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back() {
        let records = [
            ControlRecord::Abort(EndTxnMarker { coordinator_epoch: 3 }),
            ControlRecord::Commit(EndTxnMarker { coordinator_epoch: 4 }),
            ControlRecord::LeaderChange(LeaderChangeMessage {
                leader_id: 1,
                ..Default::default()
            }),
            ControlRecord::SnapshotHeader(SnapshotHeaderRecord {
                last_contained_log_timestamp: 9,
                ..Default::default()
            }),
            ControlRecord::SnapshotFooter(SnapshotFooterRecord::default()),
            ControlRecord::KRaftVersion(KRaftVersionRecord {
                kraft_version: 1,
                ..Default::default()
            }),
            ControlRecord::KRaftVoters(VotersRecord::default()),
        ];
        for record in records {
            let value = record.value().expect("small values");
            assert_eq!(ControlRecord::decode(record.key(), value), Ok(Some(record)));
        }
    }

    #[test]
    fn a_marker_is_its_version_and_the_coordinator_epoch() {
        let marker = ControlRecord::Commit(EndTxnMarker { coordinator_epoch: 7 });
        assert_eq!(marker.key().as_ref(), [0, 0, 0, 1]);
        assert_eq!(marker.value().expect("a number").as_ref(), [0, 0, 0, 0, 0, 7]);
    }

    #[test]
    fn unknown_types_are_passed_over_and_short_keys_refused() {
        assert_eq!(
            ControlRecord::decode(Bytes::from_static(&[0, 0, 0, 99]), Bytes::new()),
            Ok(None)
        );
        assert!(ControlRecord::decode(Bytes::from_static(&[0, 0, 0]), Bytes::new()).is_err());
        assert!(ControlRecord::decode(Bytes::from_static(&[0xff, 0xff, 0, 1]), Bytes::new()).is_err());
    }
}
