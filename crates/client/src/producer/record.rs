//! What goes into a producer, and what it reports.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use records::Header;
use runtime::sync::oneshot;

use crate::Error;

/// A record to send.
///
/// ```
/// let record = client::ProducerRecord::new("orders").key("42").value("paid").header("trace", "7f");
/// assert_eq!(record.partition, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerRecord {
    pub topic: Arc<str>,
    /// `None`: by the key's hash, or, without a key, wherever a batch fills best.
    pub partition: Option<i32>,
    pub key: Option<Bytes>,
    /// `None` is a null value; on a compacted topic it deletes the key.
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
    /// Milliseconds since the epoch; `None`: when it is sent.
    pub timestamp: Option<i64>,
}

impl ProducerRecord {
    pub fn new(topic: impl Into<Arc<str>>) -> ProducerRecord {
        ProducerRecord {
            topic: topic.into(),
            partition: None,
            key: None,
            value: None,
            headers: Vec::new(),
            timestamp: None,
        }
    }

    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    #[must_use]
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    #[must_use]
    pub fn value(mut self, value: impl Into<Bytes>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Appends a header; order and duplicates are kept.
    #[must_use]
    pub fn header(mut self, key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.headers.push(Header {
            key: key.into(),
            value: Some(value.into()),
        });
        self
    }

    #[must_use]
    pub fn timestamp(mut self, timestamp_ms: i64) -> Self {
        self.timestamp = Some(timestamp_ms);
        self
    }
}

/// Where a record landed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordMetadata {
    pub topic: Arc<str>,
    pub partition: i32,
    /// `None` with acks=0, and for a retry whose first attempt the broker has forgotten the place of.
    pub offset: Option<i64>,
    /// The record's own, or the broker's where the topic has LogAppendTime.
    pub timestamp: i64,
}

/// The report about one record: a future, to await or to drop.
#[derive(Debug)]
pub struct Delivery(pub(super) oneshot::Receiver<Result<RecordMetadata, Error>>);

impl Future for Delivery {
    type Output = Result<RecordMetadata, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Without a report the producer was dropped, perhaps with the record on its way.
        let dropped = |_| Error::uncertain(Error::Closed("producer"));
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|report| report.map_err(dropped).flatten())
    }
}
