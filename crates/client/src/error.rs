//! What can go wrong, whether a retry can help, and whether a request may have had an effect all the same.

use runtime::time::Duration;
use wire::{ApiKey, ErrorCode};

/// Whether a call that erred may have had an effect. A checker of histories needs the difference, and so does
/// anyone who would send a record again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It had none, and never will.
    Failed,
    /// Nobody knows: the request may have been carried out, or may still be.
    Unknown,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot connect to {address}: {cause}; is a broker listening there?")]
    Connect { address: String, cause: String },
    /// The connection broke; `sent` tells whether the request was on its way.
    #[error("the connection to {address} broke{}: {cause}", if *.sent { " with the request unanswered" } else { " before the request was sent" })]
    Disconnected {
        address: String,
        cause: String,
        sent: bool,
    },
    #[error("{api} was not answered by {address} within {} ms", .after.as_millis())]
    TimedOut {
        api: &'static str,
        address: String,
        after: Duration,
    },
    /// Retries used up the time of a whole call. `outcome` is the worst of its attempts.
    #[error("{what} did not succeed within {} ms; the last error was: {last}", .after.as_millis())]
    Expired {
        what: String,
        after: Duration,
        last: String,
        outcome: Outcome,
    },
    /// The last attempt certainly failed, but an earlier one may have taken effect.
    #[error("{0}; an earlier attempt may have taken effect")]
    Uncertain(Box<Error>),
    #[error("{api}: {code:?}: {message}")]
    Broker {
        api: &'static str,
        code: ErrorCode,
        message: String,
    },
    #[error("the broker serves {api} at versions {theirs}, this client knows {ours}")]
    UnsupportedVersion {
        api: &'static str,
        theirs: String,
        ours: String,
    },
    #[error("{address} sent an answer to {api} that cannot be read: {cause}")]
    Malformed {
        api: &'static str,
        address: String,
        cause: String,
    },
    #[error("the request cannot be written: {0}")]
    Encode(String),
    #[error("fetched records of {topic}-{partition} at offset {offset} are damaged: {cause}")]
    Corrupt {
        topic: String,
        partition: i32,
        offset: i64,
        cause: String,
    },
    #[error("{key}={value}: {allowed}")]
    Config {
        key: String,
        value: String,
        allowed: String,
    },
    #[error("{0}")]
    Invalid(String),
    #[error("no room within {} ms for {bytes} more bytes in buffer.memory; send less, or raise it", .after.as_millis())]
    BufferFull { bytes: usize, after: Duration },
    #[error("this {0} is closed")]
    Closed(&'static str),
}

impl Error {
    /// The same error, of a call that may have had an effect before.
    pub(crate) fn uncertain(self) -> Error {
        match self.outcome() {
            Outcome::Unknown => self,
            Outcome::Failed => Error::Uncertain(Box::new(self)),
        }
    }

    /// The same error, after attempts that ended so.
    pub(crate) fn after(self, before: Outcome) -> Error {
        match before {
            Outcome::Failed => self,
            Outcome::Unknown => self.uncertain(),
        }
    }

    pub(crate) fn config(key: &str, value: &str, allowed: String) -> Error {
        Error::Config {
            key: key.into(),
            value: value.into(),
            allowed,
        }
    }

    /// The error of a broker's answer; `None` when the code says that all went well.
    pub fn from_code(api: ApiKey, code: i16, message: Option<&str>) -> Option<Error> {
        let code = ErrorCode::from_code(code);
        (code != ErrorCode::None).then(|| Error::Broker {
            api: api.name(),
            code,
            message: message.unwrap_or_else(|| code.message()).to_string(),
        })
    }

    /// As [`Error::from_code`], for `?`.
    pub fn check(api: ApiKey, code: i16, message: Option<&str>) -> Result<(), Error> {
        Error::from_code(api, code, message).map_or(Ok(()), Err)
    }

    /// The broker's error code, if this is one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Error::Broker { code, .. } => Some(*code),
            Error::Uncertain(last) => last.code(),
            _ => None,
        }
    }

    /// Whether the same call may succeed later, with nothing changed here.
    pub fn is_retriable(&self) -> bool {
        match self {
            Error::Connect { .. } | Error::Disconnected { .. } | Error::TimedOut { .. } => true,
            Error::Corrupt { .. } | Error::BufferFull { .. } => true,
            Error::Broker { code, .. } => code.is_retriable(),
            Error::Uncertain(last) => last.is_retriable(),
            Error::Expired { .. }
            | Error::UnsupportedVersion { .. }
            | Error::Malformed { .. }
            | Error::Encode(_)
            | Error::Config { .. }
            | Error::Invalid(_)
            | Error::Closed(_) => false,
        }
    }

    /// Whether what was asked for may have happened.
    pub fn outcome(&self) -> Outcome {
        match self {
            Error::Disconnected { sent: true, .. } | Error::TimedOut { .. } | Error::Malformed { .. } => {
                Outcome::Unknown
            }
            Error::Expired { outcome, .. } => *outcome,
            Error::Uncertain(_) => Outcome::Unknown,
            Error::Broker { code, .. } => outcome_of(*code),
            Error::Connect { .. }
            | Error::Disconnected { sent: false, .. }
            | Error::UnsupportedVersion { .. }
            | Error::Encode(_)
            | Error::Corrupt { .. }
            | Error::Config { .. }
            | Error::Invalid(_)
            | Error::BufferFull { .. }
            | Error::Closed(_) => Outcome::Failed,
        }
    }
}

impl Outcome {
    /// Of two attempts at one thing: unknown if either is.
    pub fn or(self, other: Outcome) -> Outcome {
        match (self, other) {
            (Outcome::Failed, Outcome::Failed) => Outcome::Failed,
            (Outcome::Unknown, _) | (_, Outcome::Unknown) => Outcome::Unknown,
        }
    }
}

/// The codes after which a write may stand in the log although it was not acknowledged; all others refuse it before
/// the append. An append whose sync failed answers KAFKA_STORAGE_ERROR; a leader that lost its partition while the
/// record waited to be committed answers NOT_LEADER_OR_FOLLOWER.
fn outcome_of(code: ErrorCode) -> Outcome {
    match code {
        ErrorCode::UnknownServerError
        | ErrorCode::RequestTimedOut
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::KafkaStorageError
        | ErrorCode::NotLeaderOrFollower
        | ErrorCode::NetworkException
        | ErrorCode::FencedLeaderEpoch
        // A topic deleted while its record waited to be committed: the record was in the log until then.
        | ErrorCode::UnknownTopicOrPartition
        | ErrorCode::UnknownTopicId => Outcome::Unknown,
        _ => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(code: ErrorCode) -> Error {
        Error::from_code(ApiKey::Produce, code.code(), None).expect("an error code")
    }

    #[test]
    fn no_error_is_no_error() {
        assert!(Error::check(ApiKey::Produce, 0, None).is_ok());
    }

    #[test]
    fn a_refusal_before_the_append_is_a_failure_and_one_after_it_is_unknown() {
        assert_eq!(broker(ErrorCode::NotEnoughReplicas).outcome(), Outcome::Failed);
        assert_eq!(broker(ErrorCode::CorruptMessage).outcome(), Outcome::Failed);
        assert_eq!(
            broker(ErrorCode::NotEnoughReplicasAfterAppend).outcome(),
            Outcome::Unknown
        );
        assert_eq!(broker(ErrorCode::KafkaStorageError).outcome(), Outcome::Unknown);
    }

    #[test]
    fn a_request_that_never_left_has_failed() {
        let broke = |sent| Error::Disconnected {
            address: "a:1".into(),
            cause: "reset".into(),
            sent,
        };
        assert_eq!(broke(false).outcome(), Outcome::Failed);
        assert_eq!(broke(true).outcome(), Outcome::Unknown);
        assert!(broke(true).is_retriable());
    }

    #[test]
    fn one_unknown_attempt_makes_the_whole_unknown() {
        assert_eq!(Outcome::Failed.or(Outcome::Unknown), Outcome::Unknown);
        assert_eq!(Outcome::Failed.or(Outcome::Failed), Outcome::Failed);
    }
}
