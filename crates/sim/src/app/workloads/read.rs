//! A consumer of the client crate with all partitions of a topic assigned, which seeks now and then.
//!
//! The workload keeps its own positions: what the consumer hands out must follow them without a hole.

use super::Worker;
use super::produce::outcome;
use crate::app::clock;
use crate::app::history::{At, BatchView, Call, Outcome, Partition, Poll, Seen};
use crate::app::run::empty_poll;
use crate::app::value;
use client::consumer::AutoOffsetReset;
use client::{Consumer, ConsumerConfig, ConsumerRecord, Error, TopicPartition};
use std::collections::BTreeMap;
use std::time::Duration;
use wire::ErrorCode;

const POLL_LIMIT: Duration = Duration::from_millis(500);
const CALL_LIMIT: Duration = Duration::from_secs(4);
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// A little beyond the end that was seen, so that a seek may be out of range.
const BEYOND_END: u64 = 5;

/// How a reader behaves.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    pub seek_per_mille: u64,
    pub max_bytes: i32,
    pub wait_ms: u64,
}

/// Where a reader stands in one partition.
struct Standing {
    name: TopicPartition,
    position: i64,
    /// Set by a seek, until the next records come.
    moved: bool,
    end_seen: i64,
}

pub async fn run(mut worker: Worker, topic: &str, habits: Habits) {
    let mut config = ConsumerConfig::new(worker.context.address.to_string());
    config.auto_offset_reset = AutoOffsetReset::None;
    config.max_partition_fetch_bytes = habits.max_bytes;
    config.max_poll_records = worker.dice.pick(&[1, 10, 500]);
    config.client.allow_auto_create_topics = false;
    config.client.request_timeout = CALL_LIMIT;
    config.client.default_api_timeout = CALL_LIMIT;
    let mut consumer = match Consumer::new(config) {
        Ok(consumer) => consumer,
        Err(error) => panic!("the plan makes a configuration that the consumer refuses: {error}"),
    };
    let mut standings: BTreeMap<i32, Standing> = (0..worker.partitions(topic))
        .map(|index| {
            let name = TopicPartition::new(topic, index);
            (
                index,
                Standing {
                    name,
                    position: 0,
                    moved: true,
                    end_seen: 0,
                },
            )
        })
        .collect();
    consumer.assign(standings.values().map(|s| s.name.clone()));
    for standing in standings.values() {
        consumer
            .seek(&standing.name, 0)
            .expect("the partition is assigned");
    }
    while worker.context.running() {
        let invoked = clock::now();
        match consumer.poll(POLL_LIMIT).await {
            Ok(records) => take(&worker, topic, &mut standings, invoked, records),
            Err(error) => {
                note_error(&worker, topic, invoked, &error);
                if error.code() == Some(ErrorCode::OffsetOutOfRange) {
                    go_to_start(&mut consumer, &mut standings).await;
                }
                worker.wait(100).await;
            }
        }
        if worker.dice.chance(habits.seek_per_mille) {
            let index = worker.dice.below(standings.len() as u64) as i32;
            if let Some(standing) = standings.get_mut(&index) {
                standing.position = worker.dice.below(standing.end_seen as u64 + BEYOND_END) as i64;
                standing.moved = true;
                consumer
                    .seek(&standing.name, standing.position)
                    .expect("the partition is assigned");
            }
        }
        if habits.wait_ms > 0 {
            worker.wait(habits.wait_ms).await;
        }
    }
    consumer.close(CLOSE_LIMIT).await;
}

/// Writes down what one poll brought, partition by partition.
fn take(
    worker: &Worker,
    topic: &str,
    standings: &mut BTreeMap<i32, Standing>,
    invoked: At,
    records: Vec<ConsumerRecord>,
) {
    let mut by_partition: BTreeMap<i32, Vec<Seen>> = BTreeMap::new();
    for record in records {
        let value = value::decode(record.value.as_deref().unwrap_or_default());
        let seen = Seen {
            offset: record.offset,
            value,
            timestamp: record.timestamp,
        };
        by_partition.entry(record.partition).or_default().push(seen);
    }
    for (index, records) in by_partition {
        let Some(standing) = standings.get_mut(&index) else {
            continue;
        };
        let partition = Partition {
            topic: worker.topic(topic),
            index,
        };
        let next = records.last().map_or(standing.position, |r| r.offset + 1);
        let poll = Poll {
            records,
            moved: standing.moved,
            buffered: true,
            ..empty_poll(partition, worker.stream, standing.position)
        };
        worker
            .context
            .recorder
            .record(worker.stream, invoked, Call::Poll(poll), Outcome::Ok);
        (standing.position, standing.moved) = (next, false);
        standing.end_seen = standing.end_seen.max(next);
    }
}

fn note_error(worker: &Worker, topic: &str, invoked: At, error: &Error) {
    let (index, offset) = match error {
        Error::Corrupt {
            partition, offset, ..
        } => (*partition, Some(*offset)),
        _ => (0, None),
    };
    let partition = Partition {
        topic: worker.topic(topic),
        index,
    };
    // A reader of its own number, since it stands nowhere.
    let mut poll = empty_poll(partition, u32::MAX, offset.unwrap_or(0));
    poll.batches = offset
        .map(|base_offset| BatchView {
            base_offset,
            last_offset: base_offset,
            producer_id: -1,
            ..BatchView::default()
        })
        .into_iter()
        .collect();
    worker
        .context
        .recorder
        .record(worker.stream, invoked, Call::Poll(poll), outcome(error));
}

/// Records were removed under the reader, or it sought too far: it begins anew at the logs' starts.
async fn go_to_start(consumer: &mut Consumer, standings: &mut BTreeMap<i32, Standing>) {
    for standing in standings.values_mut() {
        // Where the start cannot be learnt now, the next out-of-range error asks again.
        if consumer.seek_to_beginning([&standing.name]).is_err() {
            continue;
        }
        standing.moved = true;
        match consumer.position(&standing.name).await {
            Ok(start) => standing.position = start,
            Err(_) => {
                standing.position = 0;
                consumer
                    .seek(&standing.name, 0)
                    .expect("the partition is assigned");
            }
        }
    }
}
