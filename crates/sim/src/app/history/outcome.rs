//! The three outcomes of a call, and the table that maps errors to them.
//!
//! **failed** is a promise: the call had no effect and never will. So an error counts as failed only where Kafka's
//! code decides before it changes anything; all others are unknown. A reader's call changes nothing, so its
//! errors are failed.

use crate::app::run::connection::CallError;
use wire::ErrorCode;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    Failed(String),
    Unknown(String),
}

impl Outcome {
    pub fn is_ok(&self) -> bool {
        matches!(self, Outcome::Ok)
    }

    pub fn is_failed(&self) -> bool {
        matches!(self, Outcome::Failed(_))
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self, Outcome::Unknown(_))
    }

    /// The error's text, if any.
    pub fn error(&self) -> Option<&str> {
        match self {
            Outcome::Ok => None,
            Outcome::Failed(error) | Outcome::Unknown(error) => Some(error),
        }
    }

    /// What an error code in a Produce answer means for the batch, when that request was sent once and no other
    /// request carried the batch before.
    pub fn of_produce(code: ErrorCode) -> Outcome {
        match code {
            ErrorCode::None => Outcome::Ok,
            code if refuses_before_append(code) => Outcome::Failed(format!("{code:?}")),
            code => Outcome::Unknown(format!("{code:?}")),
        }
    }

    /// A call without an answer.
    pub fn of_call(error: &CallError) -> Outcome {
        match error {
            CallError::NotSent(_) => Outcome::Failed(error.to_string()),
            CallError::Lost(_) => Outcome::Unknown(error.to_string()),
        }
    }

    /// What an error code means for a call that changes metadata: refusals by the controller's checks are failed.
    pub fn of_admin(code: ErrorCode) -> Outcome {
        match code {
            ErrorCode::None => Outcome::Ok,
            ErrorCode::TopicAlreadyExists
            | ErrorCode::InvalidTopicException
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::InvalidPartitions
            | ErrorCode::InvalidReplicationFactor
            | ErrorCode::InvalidConfig
            | ErrorCode::InvalidRequest
            | ErrorCode::PolicyViolation
            | ErrorCode::OffsetOutOfRange => Outcome::Failed(format!("{code:?}")),
            code => Outcome::Unknown(format!("{code:?}")),
        }
    }
}

/// Produce errors that a broker answers before it appends. NOT_LEADER_OR_FOLLOWER is not among them (it may come
/// after a local append whose leadership was lost), nor KAFKA_STORAGE_ERROR (bytes may stand in the file).
fn refuses_before_append(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::CorruptMessage
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::MessageTooLarge
            | ErrorCode::RecordListTooLarge
            | ErrorCode::InvalidRecord
            | ErrorCode::InvalidTimestamp
            | ErrorCode::UnsupportedCompressionType
            | ErrorCode::UnsupportedForMessageFormat
            | ErrorCode::InvalidRequiredAcks
            | ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::UnknownProducerId
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::InvalidTopicException
            | ErrorCode::TopicAuthorizationFailed
            | ErrorCode::InvalidRequest
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_are_failed() {
        assert!(Outcome::of_produce(ErrorCode::None).is_ok());
        for code in [
            ErrorCode::CorruptMessage,
            ErrorCode::InvalidRecord,
            ErrorCode::NotEnoughReplicas,
        ] {
            assert!(Outcome::of_produce(code).is_failed(), "{code:?}");
        }
        for code in [
            ErrorCode::NotEnoughReplicasAfterAppend,
            ErrorCode::RequestTimedOut,
            ErrorCode::KafkaStorageError,
            ErrorCode::NotLeaderOrFollower,
            ErrorCode::UnknownServerError,
        ] {
            assert!(Outcome::of_produce(code).is_unknown(), "{code:?}");
        }
    }
}
