//! What a consumer gives out.

use std::sync::Arc;

use bytes::Bytes;
use records::{Header, TimestampType};

/// A record, and where it came from. Key and value share the memory of the batch that they came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerRecord {
    pub topic: Arc<str>,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since the epoch; −1 is none.
    pub timestamp: i64,
    pub timestamp_type: TimestampType,
    /// The epoch of the leader that appended it; −1 is unknown.
    pub leader_epoch: i32,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}
