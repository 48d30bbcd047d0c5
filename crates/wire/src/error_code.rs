//! Kafka's error codes, as of 4.2: number, name, whether trying again can help, and what it means.
//!
//! Retriable is what Kafka's Java client retries: the classes of `org.apache.kafka.common.errors` that
//! extend `RetriableException`.

use std::fmt;

macro_rules! error_codes {
    ($($code:literal, $variant:ident, $name:literal, $retry:ident, $message:literal;)*) => {
        /// What a response says about what was asked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ErrorCode {
            $(#[doc = $message] $variant = $code,)*
        }

        const ROWS: &[Row] = &[
            $(Row { code: ErrorCode::$variant, name: $name, retriable: error_codes!(@ $retry), message: $message },)*
        ];
    };
    (@ again) => { true };
    (@ final) => { false };
}

struct Row {
    code: ErrorCode,
    name: &'static str,
    retriable: bool,
    message: &'static str,
}

error_codes! {
     -1, UnknownServerError, "UNKNOWN_SERVER_ERROR", final, "the server met an error that it did not expect";
      0, None, "NONE", final, "no error";
      1, OffsetOutOfRange, "OFFSET_OUT_OF_RANGE", final, "the offset lies outside what this partition holds";
      2, CorruptMessage, "CORRUPT_MESSAGE", again, "the record batch is corrupt: its checksum, its size or its shape is wrong";
      3, UnknownTopicOrPartition, "UNKNOWN_TOPIC_OR_PARTITION", again, "this server has no such topic or partition";
      4, InvalidFetchSize, "INVALID_FETCH_SIZE", final, "the fetch size is invalid";
      5, LeaderNotAvailable, "LEADER_NOT_AVAILABLE", again, "the partition has no leader at the moment: an election is under way";
      6, NotLeaderOrFollower, "NOT_LEADER_OR_FOLLOWER", again, "this broker is neither the partition's leader nor, for a fetch, one of its replicas";
      7, RequestTimedOut, "REQUEST_TIMED_OUT", again, "the request took longer than it was allowed";
      8, BrokerNotAvailable, "BROKER_NOT_AVAILABLE", final, "the broker is not available";
      9, ReplicaNotAvailable, "REPLICA_NOT_AVAILABLE", again, "the replica is not available on this broker";
     10, MessageTooLarge, "MESSAGE_TOO_LARGE", final, "a record batch is larger than this topic allows (max.message.bytes)";
     11, StaleControllerEpoch, "STALE_CONTROLLER_EPOCH", final, "the controller has moved to another broker";
     12, OffsetMetadataTooLarge, "OFFSET_METADATA_TOO_LARGE", final, "the metadata that came with an offset is too large (offset.metadata.max.bytes)";
     13, NetworkException, "NETWORK_EXCEPTION", again, "the connection was lost before an answer came";
     14, CoordinatorLoadInProgress, "COORDINATOR_LOAD_IN_PROGRESS", again, "the coordinator is still loading its state";
     15, CoordinatorNotAvailable, "COORDINATOR_NOT_AVAILABLE", again, "the coordinator is not available";
     16, NotCoordinator, "NOT_COORDINATOR", again, "this broker is not the coordinator";
     17, InvalidTopicException, "INVALID_TOPIC_EXCEPTION", final, "the topic's name is invalid";
     18, RecordListTooLarge, "RECORD_LIST_TOO_LARGE", final, "the batch is larger than a segment may be (segment.bytes)";
     19, NotEnoughReplicas, "NOT_ENOUGH_REPLICAS", again, "fewer replicas are in sync than min.insync.replicas asks for; nothing was written";
     20, NotEnoughReplicasAfterAppend, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", again, "the records were written, but then fewer replicas were in sync than min.insync.replicas asks for";
     21, InvalidRequiredAcks, "INVALID_REQUIRED_ACKS", final, "acks must be -1, 0 or 1";
     22, IllegalGeneration, "ILLEGAL_GENERATION", final, "the group's generation is another one by now";
     23, InconsistentGroupProtocol, "INCONSISTENT_GROUP_PROTOCOL", final, "the member's protocol type or protocols do not fit the group's";
     24, InvalidGroupId, "INVALID_GROUP_ID", final, "the group id is invalid";
     25, UnknownMemberId, "UNKNOWN_MEMBER_ID", final, "the coordinator knows no such member";
     26, InvalidSessionTimeout, "INVALID_SESSION_TIMEOUT", final, "the session timeout lies outside what the broker allows";
     27, RebalanceInProgress, "REBALANCE_IN_PROGRESS", final, "the group is rebalancing; join again";
     28, InvalidCommitOffsetSize, "INVALID_COMMIT_OFFSET_SIZE", final, "the committed offsets do not fit into one batch";
     29, TopicAuthorizationFailed, "TOPIC_AUTHORIZATION_FAILED", final, "not authorized for the topic";
     30, GroupAuthorizationFailed, "GROUP_AUTHORIZATION_FAILED", final, "not authorized for the group";
     31, ClusterAuthorizationFailed, "CLUSTER_AUTHORIZATION_FAILED", final, "not authorized for the cluster";
     32, InvalidTimestamp, "INVALID_TIMESTAMP", final, "a record's timestamp is outside the range that the topic allows";
     33, UnsupportedSaslMechanism, "UNSUPPORTED_SASL_MECHANISM", final, "the broker does not offer this SASL mechanism";
     34, IllegalSaslState, "ILLEGAL_SASL_STATE", final, "the request does not fit the state of the SASL handshake";
     35, UnsupportedVersion, "UNSUPPORTED_VERSION", final, "the broker does not serve this version of the API";
     36, TopicAlreadyExists, "TOPIC_ALREADY_EXISTS", final, "a topic of this name exists already";
     37, InvalidPartitions, "INVALID_PARTITIONS", final, "the number of partitions is invalid";
     38, InvalidReplicationFactor, "INVALID_REPLICATION_FACTOR", final, "the replication factor is below 1 or above the number of brokers";
     39, InvalidReplicaAssignment, "INVALID_REPLICA_ASSIGNMENT", final, "the replica assignment is invalid";
     40, InvalidConfig, "INVALID_CONFIG", final, "a configuration is invalid";
     41, NotController, "NOT_CONTROLLER", again, "this broker is not the controller";
     42, InvalidRequest, "INVALID_REQUEST", final, "the request contradicts itself or lacks something; the broker's log says what";
     43, UnsupportedForMessageFormat, "UNSUPPORTED_FOR_MESSAGE_FORMAT", final, "the message format of the topic does not support the request";
     44, PolicyViolation, "POLICY_VIOLATION", final, "the request breaks a policy of the cluster";
     45, OutOfOrderSequenceNumber, "OUT_OF_ORDER_SEQUENCE_NUMBER", final, "the sequence number does not follow the last one of this producer";
     46, DuplicateSequenceNumber, "DUPLICATE_SEQUENCE_NUMBER", final, "the sequence number was written already";
     47, InvalidProducerEpoch, "INVALID_PRODUCER_EPOCH", final, "the producer's epoch is older than the one known";
     48, InvalidTxnState, "INVALID_TXN_STATE", final, "the transaction's state does not allow this";
     49, InvalidProducerIdMapping, "INVALID_PRODUCER_ID_MAPPING", final, "the transactional id belongs to another producer id, or to none";
     50, InvalidTransactionTimeout, "INVALID_TRANSACTION_TIMEOUT", final, "the transaction timeout is above what the broker allows (transaction.max.timeout.ms)";
     51, ConcurrentTransactions, "CONCURRENT_TRANSACTIONS", again, "another operation on this transaction is under way";
     52, TransactionCoordinatorFenced, "TRANSACTION_COORDINATOR_FENCED", final, "the transaction coordinator that sent this marker has been replaced";
     53, TransactionalIdAuthorizationFailed, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", final, "not authorized for the transactional id";
     54, SecurityDisabled, "SECURITY_DISABLED", final, "security features are switched off";
     55, OperationNotAttempted, "OPERATION_NOT_ATTEMPTED", final, "not tried, since something before it in the request failed";
     56, KafkaStorageError, "KAFKA_STORAGE_ERROR", again, "the broker could not read or write its log; its disk or log folder has failed";
     57, LogDirNotFound, "LOG_DIR_NOT_FOUND", final, "the broker has no such log folder";
     58, SaslAuthenticationFailed, "SASL_AUTHENTICATION_FAILED", final, "authentication failed";
     59, UnknownProducerId, "UNKNOWN_PRODUCER_ID", final, "the broker holds no state of this producer id";
     60, ReassignmentInProgress, "REASSIGNMENT_IN_PROGRESS", final, "the partition is being reassigned already";
     61, DelegationTokenAuthDisabled, "DELEGATION_TOKEN_AUTH_DISABLED", final, "delegation tokens are switched off";
     62, DelegationTokenNotFound, "DELEGATION_TOKEN_NOT_FOUND", final, "no such delegation token";
     63, DelegationTokenOwnerMismatch, "DELEGATION_TOKEN_OWNER_MISMATCH", final, "the delegation token belongs to somebody else";
     64, DelegationTokenRequestNotAllowed, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", final, "delegation tokens cannot be asked for over this kind of connection";
     65, DelegationTokenAuthorizationFailed, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", final, "not authorized for the delegation token";
     66, DelegationTokenExpired, "DELEGATION_TOKEN_EXPIRED", final, "the delegation token has expired";
     67, InvalidPrincipalType, "INVALID_PRINCIPAL_TYPE", final, "the type of principal is not supported";
     68, NonEmptyGroup, "NON_EMPTY_GROUP", final, "the group still has members";
     69, GroupIdNotFound, "GROUP_ID_NOT_FOUND", final, "no such group";
     70, FetchSessionIdNotFound, "FETCH_SESSION_ID_NOT_FOUND", again, "no such fetch session";
     71, InvalidFetchSessionEpoch, "INVALID_FETCH_SESSION_EPOCH", again, "the fetch session's epoch is not the expected one";
     72, ListenerNotFound, "LISTENER_NOT_FOUND", again, "the leader has no listener of the name by which the request came";
     73, TopicDeletionDisabled, "TOPIC_DELETION_DISABLED", final, "deleting topics is switched off";
     74, FencedLeaderEpoch, "FENCED_LEADER_EPOCH", again, "the leader epoch in the request is older than the broker's";
     75, UnknownLeaderEpoch, "UNKNOWN_LEADER_EPOCH", again, "the leader epoch in the request is newer than the broker's";
     76, UnsupportedCompressionType, "UNSUPPORTED_COMPRESSION_TYPE", final, "the compression codec is unknown or not allowed here";
     77, StaleBrokerEpoch, "STALE_BROKER_EPOCH", final, "the broker has registered anew since";
     78, OffsetNotAvailable, "OFFSET_NOT_AVAILABLE", again, "the new leader cannot tell the offset yet; its high watermark lags";
     79, MemberIdRequired, "MEMBER_ID_REQUIRED", final, "the member must join again with the id that it was given";
     80, PreferredLeaderNotAvailable, "PREFERRED_LEADER_NOT_AVAILABLE", again, "the preferred leader is not available";
     81, GroupMaxSizeReached, "GROUP_MAX_SIZE_REACHED", final, "the group is full (group.max.size)";
     82, FencedInstanceId, "FENCED_INSTANCE_ID", final, "another member has taken this group.instance.id";
     83, EligibleLeadersNotAvailable, "ELIGIBLE_LEADERS_NOT_AVAILABLE", again, "no replica is eligible to become leader";
     84, ElectionNotNeeded, "ELECTION_NOT_NEEDED", again, "the leader is the wanted one already";
     85, NoReassignmentInProgress, "NO_REASSIGNMENT_IN_PROGRESS", final, "no reassignment is under way";
     86, GroupSubscribedToTopic, "GROUP_SUBSCRIBED_TO_TOPIC", final, "the group is subscribed to the topic";
     87, InvalidRecord, "INVALID_RECORD", final, "a record breaks a rule of the topic; nothing of its batch was written";
     88, UnstableOffsetCommit, "UNSTABLE_OFFSET_COMMIT", again, "offsets of an open transaction stand in the way";
     89, ThrottlingQuotaExceeded, "THROTTLING_QUOTA_EXCEEDED", again, "the quota is used up";
     90, ProducerFenced, "PRODUCER_FENCED", final, "a newer producer with the same transactional id has taken over";
     91, ResourceNotFound, "RESOURCE_NOT_FOUND", final, "no such resource";
     92, DuplicateResource, "DUPLICATE_RESOURCE", final, "the resource is named twice";
     93, UnacceptableCredential, "UNACCEPTABLE_CREDENTIAL", final, "the credential does not meet the rules";
     94, InconsistentVoterSet, "INCONSISTENT_VOTER_SET", final, "the voters named differ from those known";
     95, InvalidUpdateVersion, "INVALID_UPDATE_VERSION", final, "the update's version is invalid";
     96, FeatureUpdateFailed, "FEATURE_UPDATE_FAILED", final, "the feature could not be updated";
     97, PrincipalDeserializationFailure, "PRINCIPAL_DESERIALIZATION_FAILURE", final, "the forwarded principal cannot be read";
     98, SnapshotNotFound, "SNAPSHOT_NOT_FOUND", final, "no such snapshot";
     99, PositionOutOfRange, "POSITION_OUT_OF_RANGE", final, "the position lies outside the snapshot";
    100, UnknownTopicId, "UNKNOWN_TOPIC_ID", again, "this server knows no topic of this id";
    101, DuplicateBrokerRegistration, "DUPLICATE_BROKER_REGISTRATION", final, "another broker is registered by this id";
    102, BrokerIdNotRegistered, "BROKER_ID_NOT_REGISTERED", final, "no broker is registered by this id";
    103, InconsistentTopicId, "INCONSISTENT_TOPIC_ID", again, "the topic id in the log differs from the one in the request";
    104, InconsistentClusterId, "INCONSISTENT_CLUSTER_ID", final, "the cluster id differs from ours";
    105, TransactionalIdNotFound, "TRANSACTIONAL_ID_NOT_FOUND", final, "no such transactional id";
    106, FetchSessionTopicIdError, "FETCH_SESSION_TOPIC_ID_ERROR", again, "the fetch session mixes topic ids in a way that does not fit";
    107, IneligibleReplica, "INELIGIBLE_REPLICA", final, "the new in-sync set names a replica that may not join it";
    108, NewLeaderElected, "NEW_LEADER_ELECTED", final, "the partition was altered, and its leader with it";
    109, OffsetMovedToTieredStorage, "OFFSET_MOVED_TO_TIERED_STORAGE", final, "the offset has moved to tiered storage";
    110, FencedMemberEpoch, "FENCED_MEMBER_EPOCH", final, "the member's epoch is fenced; give up all partitions and join again";
    111, UnreleasedInstanceId, "UNRELEASED_INSTANCE_ID", final, "another member still holds this group.instance.id";
    112, UnsupportedAssignor, "UNSUPPORTED_ASSIGNOR", final, "the group does not support this assignor";
    113, StaleMemberEpoch, "STALE_MEMBER_EPOCH", final, "the member's epoch is stale; heartbeat, then try again";
    114, MismatchedEndpointType, "MISMATCHED_ENDPOINT_TYPE", final, "the request came to an endpoint of the wrong kind";
    115, UnsupportedEndpointType, "UNSUPPORTED_ENDPOINT_TYPE", final, "this kind of endpoint is not supported";
    116, UnknownControllerId, "UNKNOWN_CONTROLLER_ID", final, "no such controller";
    117, UnknownSubscriptionId, "UNKNOWN_SUBSCRIPTION_ID", final, "the telemetry subscription is unknown or outdated";
    118, TelemetryTooLarge, "TELEMETRY_TOO_LARGE", final, "the telemetry is larger than the broker takes";
    119, InvalidRegistration, "INVALID_REGISTRATION", final, "the controller refuses the broker's registration";
    120, TransactionAbortable, "TRANSACTION_ABORTABLE", final, "the transaction failed; abort it to go on";
    121, InvalidRecordState, "INVALID_RECORD_STATE", final, "the record is in no state to be acknowledged";
    122, ShareSessionNotFound, "SHARE_SESSION_NOT_FOUND", again, "no such share session";
    123, InvalidShareSessionEpoch, "INVALID_SHARE_SESSION_EPOCH", again, "the share session's epoch is not the expected one";
    124, FencedStateEpoch, "FENCED_STATE_EPOCH", final, "the share group's state epoch does not match";
    125, InvalidVoterKey, "INVALID_VOTER_KEY", final, "the voter's directory id differs from this replica's";
    126, DuplicateVoter, "DUPLICATE_VOTER", final, "the voter is one already";
    127, VoterNotFound, "VOTER_NOT_FOUND", final, "no such voter";
    128, InvalidRegularExpression, "INVALID_REGULAR_EXPRESSION", final, "the regular expression is invalid";
    129, RebootstrapRequired, "REBOOTSTRAP_REQUIRED", final, "the client's metadata is too old; bootstrap anew";
    130, StreamsInvalidTopology, "STREAMS_INVALID_TOPOLOGY", final, "the topology is invalid";
    131, StreamsInvalidTopologyEpoch, "STREAMS_INVALID_TOPOLOGY_EPOCH", final, "the topology's epoch is invalid";
    132, StreamsTopologyFenced, "STREAMS_TOPOLOGY_FENCED", final, "the topology's epoch is outdated";
    133, ShareSessionLimitReached, "SHARE_SESSION_LIMIT_REACHED", again, "the broker holds as many share sessions as it may";
}

/// The first row's code; the rows follow without a gap.
const FIRST: i16 = -1;

impl ErrorCode {
    pub fn all() -> impl ExactSizeIterator<Item = ErrorCode> {
        ROWS.iter().map(|row| row.code)
    }

    pub fn code(self) -> i16 {
        self as i16
    }

    /// As Kafka's clients do, a code that is not known counts as `UnknownServerError`.
    pub fn from_code(code: i16) -> ErrorCode {
        let index = usize::try_from(i32::from(code) - i32::from(FIRST)).ok();
        index
            .and_then(|index| ROWS.get(index))
            .map_or(ErrorCode::UnknownServerError, |row| row.code)
    }

    fn row(self) -> &'static Row {
        &ROWS[(self.code() - FIRST) as usize]
    }

    /// Kafka's name, such as `UNKNOWN_TOPIC_OR_PARTITION`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Whether the same request may succeed later, or elsewhere after new metadata.
    pub fn is_retriable(self) -> bool {
        self.row().retriable
    }

    /// What it means, in a sentence without a capital or a full stop.
    pub fn message(self) -> &'static str {
        self.row().message
    }

    pub fn is_error(self) -> bool {
        self != ErrorCode::None
    }
}

impl From<ErrorCode> for i16 {
    fn from(error: ErrorCode) -> i16 {
        error.code()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name(), self.code(), self.message())
    }
}

impl std::error::Error for ErrorCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_codes() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.code.code(), FIRST + index as i16);
            assert_eq!(ErrorCode::from_code(row.code.code()), row.code);
        }
        assert_eq!(ROWS.len(), 135);
    }

    #[test]
    fn unknown_codes_are_unknown_errors() {
        for code in [i16::MIN, -2, 134, i16::MAX] {
            assert_eq!(ErrorCode::from_code(code), ErrorCode::UnknownServerError);
        }
    }
}
