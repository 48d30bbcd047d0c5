//! Fetch by hand: one partition, one request, everything that the answer says.

use super::connection::{CallError, Caller};
use super::disk_reader;
use crate::app::history::{BatchView, Outcome, Partition, Poll, Seen};
use crate::app::value;
use bytes::Bytes;
use records::{Batch, BatchHeader};
use std::time::Duration;
use wire::ErrorCode;
use wire::fetch::{FetchPartition, FetchRequest, FetchTopic};

/// The last version that names topics by name.
const VERSION: i16 = 12;

/// A fetch session of KIP-227, or none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Session {
    pub wanted: bool,
    id: i32,
    epoch: i32,
}

pub struct Fetch<'a> {
    pub topic: &'a str,
    pub index: i32,
    pub position: i64,
    pub max_wait_ms: i32,
    pub max_bytes: i32,
}

/// What one fetch brought.
#[derive(Debug, Default)]
pub struct Fetched {
    pub error: Option<ErrorCode>,
    pub records: Vec<Seen>,
    pub batches: Vec<BatchView>,
    pub high_watermark: Option<i64>,
    pub log_start: Option<i64>,
}

pub async fn fetch(
    caller: &mut Caller,
    session: &mut Session,
    fetch: &Fetch<'_>,
) -> Result<Fetched, CallError> {
    let partition = FetchPartition {
        partition: fetch.index,
        fetch_offset: fetch.position,
        partition_max_bytes: fetch.max_bytes,
        ..FetchPartition::default()
    };
    let request = FetchRequest {
        max_wait_ms: fetch.max_wait_ms,
        min_bytes: 1,
        max_bytes: fetch.max_bytes,
        session_id: session.id,
        session_epoch: if session.wanted { session.epoch } else { -1 },
        topics: vec![FetchTopic {
            topic: fetch.topic.to_owned(),
            partitions: vec![partition],
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    };
    let limit = Duration::from_millis(fetch.max_wait_ms as u64 + 5000);
    let answer = match caller.call(&request, VERSION, limit).await {
        Ok(answer) => answer,
        Err(error) => {
            (session.id, session.epoch) = (0, 0);
            return Err(error);
        }
    };
    if answer.error_code != 0 {
        (session.id, session.epoch) = (0, 0);
        return Ok(Fetched {
            error: Some(ErrorCode::from_code(answer.error_code)),
            ..Fetched::default()
        });
    }
    session.id = answer.session_id;
    session.epoch = if session.id == 0 {
        0
    } else {
        session.epoch.checked_add(1).unwrap_or(1)
    };
    let found = answer
        .responses
        .iter()
        .flat_map(|t| &t.partitions)
        .find(|p| p.partition_index == fetch.index);
    // A session leaves out a partition that has no news.
    let Some(data) = found else {
        return Ok(Fetched::default());
    };
    if data.error_code != 0 {
        return Ok(Fetched {
            error: Some(ErrorCode::from_code(data.error_code)),
            ..Fetched::default()
        });
    }
    let mut fetched = Fetched {
        high_watermark: Some(data.high_watermark),
        log_start: Some(data.log_start_offset),
        ..Fetched::default()
    };
    fetched.read(data.records.clone().unwrap_or_default(), fetch.position);
    Ok(fetched)
}

impl Session {
    pub fn wanted(wanted: bool) -> Session {
        Session {
            wanted,
            ..Session::default()
        }
    }
}

impl Fetched {
    fn read(&mut self, mut bytes: Bytes, position: i64) {
        // The last batch may be cut off.
        while let Ok((batch, len)) = disk_reader::batch(&bytes) {
            let whole = bytes.split_to(len);
            if batch.crc_valid {
                self.records
                    .extend(seen(whole).into_iter().filter(|r| r.offset >= position));
            }
            let valid = batch.crc_valid;
            self.batches.push(batch);
            if !valid {
                // A client that checks stops at the first broken batch.
                return;
            }
        }
    }

    /// The history's words for it.
    pub fn poll(self, partition: Partition, reader: u32, position: i64, moved: bool) -> (Outcome, Poll) {
        let outcome = match self.error {
            None => Outcome::Ok,
            Some(code) => Outcome::Failed(format!("{code:?}")),
        };
        let poll = Poll {
            partition,
            reader,
            position,
            moved,
            records: self.records,
            batches: self.batches,
            high_watermark: self.high_watermark,
            log_start: self.log_start,
            out_of_range: self.error == Some(ErrorCode::OffsetOutOfRange),
            last_read: false,
            buffered: false,
        };
        (outcome, poll)
    }
}

/// The records of a whole batch with a valid checksum.
fn seen(mut whole: Bytes) -> Vec<Seen> {
    let Ok(header) = BatchHeader::parse(&whole) else {
        return Vec::new();
    };
    let unreadable = vec![Seen {
        offset: header.base_offset,
        value: None,
        timestamp: header.max_timestamp,
    }];
    let Ok(batch) = Batch::parse(&mut whole) else {
        return unreadable;
    };
    let Ok(records) = batch.records() else {
        return unreadable;
    };
    let records = records.map(|record| {
        record.map(|r| Seen {
            offset: r.offset,
            value: value::decode(r.value.as_deref().unwrap_or_default()),
            timestamp: r.timestamp,
        })
    });
    records.collect::<Result<Vec<Seen>, _>>().unwrap_or(unreadable)
}
