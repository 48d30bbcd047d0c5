//! The last act: every partition of every topic is read once more from its start to its end.

use super::cluster::Cluster;
use super::connection::Caller;
use super::fetching::{Fetch, Session, fetch};
use crate::app::clock;
use crate::app::history::{Call, LastRead, Liveness, Outcome, Partition, Recorder, TopicRef};
use crate::app::plan::Plan;
use std::time::Duration;
use wire::ErrorCode;
use wire::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};

/// The reader's number in histories.
const READER: u32 = 1_000_000;
const RETRY_MS: u64 = 200;

pub async fn read_everything(cluster: &Cluster, plan: &Plan) {
    let topics = cluster.recorder.with(|h| h.topics.clone());
    for (i, topic) in topics.iter().enumerate().filter(|(_, t)| t.deleted.is_none()) {
        for index in 0..topic.partitions {
            let partition = Partition {
                topic: TopicRef(i as u32),
                index,
            };
            let reading = read(
                cluster.address(),
                topic.name.clone(),
                partition,
                cluster.recorder.clone(),
                plan.progress_ms,
            );
            let task = cluster.sim.spawn_on(cluster.client(0), reading);
            let asked = clock::now();
            let Ok(last_read) = task.await else { return };
            let excuse = cluster.recorder.with(|h| {
                h.any_damage(partition, clock::now())
                    .then(|| "it was damaged".to_owned())
            });
            cluster.recorder.with(|h| {
                h.liveness.push(Liveness {
                    demand: format!("reading {} to its end", h.name(partition)),
                    asked,
                    met: last_read.failed.is_none().then_some(last_read.at),
                    excuse,
                    last_error: last_read.failed.clone(),
                });
                h.last_reads.push(last_read);
            });
        }
    }
}

/// Reads from the log's start to the high watermark that the first fetch names, or as far as it gets.
async fn read(
    address: String,
    topic: String,
    partition: Partition,
    recorder: Recorder,
    limit_ms: u64,
) -> LastRead {
    let mut caller = Caller::new(&address);
    let give_up = clock::now().0 + limit_ms * 1000;
    let mut last = LastRead {
        partition,
        at: clock::now(),
        start: 0,
        end: 0,
        failed: Some("no answer".to_owned()),
    };
    while clock::now().0 < give_up {
        match log_start(&mut caller, &topic, partition.index).await {
            Ok(start) => {
                (last.start, last.end) = (start, start);
                break;
            }
            Err(why) => last.failed = Some(format!("its start: {why}")),
        }
        runtime::time::sleep(Duration::from_millis(RETRY_MS)).await;
    }
    let mut moved = true;
    while clock::now().0 < give_up {
        let at = Fetch {
            topic: &topic,
            index: partition.index,
            position: last.end,
            max_wait_ms: 0,
            max_bytes: 1 << 20,
        };
        let op = recorder.invoke(READER, Call::Poll(super::empty_poll(partition, READER, last.end)));
        let (outcome, poll) = match fetch(&mut caller, &mut Session::default(), &at).await {
            Ok(fetched) => fetched.poll(partition, READER, last.end, moved),
            Err(why) => (
                Outcome::Failed(why.to_string()),
                super::empty_poll(partition, READER, last.end),
            ),
        };
        let (end, error, high_watermark) = (
            poll.records.last().map(|r| r.offset + 1),
            outcome.error().map(str::to_owned),
            poll.high_watermark,
        );
        let out_of_range = poll.out_of_range;
        let broken = poll.batches.iter().find(|b| !b.crc_valid).map(|b| b.base_offset);
        recorder.complete(op, outcome, |call| {
            *call = Call::Poll(crate::app::history::Poll {
                last_read: true,
                ..poll
            })
        });
        moved = false;
        last.at = clock::now();
        last.end = end.unwrap_or(last.end);
        if error.is_none() && high_watermark.is_some_and(|hw| last.end >= hw) {
            last.failed = None;
            return last;
        }
        // Retention goes on meanwhile: what it took is not to be read.
        if out_of_range
            && let Ok(start) = log_start(&mut caller, &topic, partition.index).await
            && start > last.end
        {
            (last.start, last.end) = (start, start);
            moved = true;
            continue;
        }
        if let Some(why) =
            error.or(broken.map(|offset| format!("the batch at {offset} has a wrong checksum")))
        {
            last.failed = Some(format!("at offset {}: {why}", last.end));
            runtime::time::sleep(Duration::from_millis(RETRY_MS)).await;
        }
    }
    last
}

async fn log_start(caller: &mut Caller, topic: &str, index: i32) -> Result<i64, String> {
    let (offset, _) = list_offset(caller, topic, index, -2).await?;
    Ok(offset)
}

/// One ListOffsets: offset and timestamp.
pub async fn list_offset(
    caller: &mut Caller,
    topic: &str,
    index: i32,
    target: i64,
) -> Result<(i64, i64), String> {
    let partition = ListOffsetsPartition {
        partition_index: index,
        timestamp: target,
        ..ListOffsetsPartition::default()
    };
    let topic = ListOffsetsTopic {
        name: topic.to_owned(),
        partitions: vec![partition],
    };
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![topic],
        ..ListOffsetsRequest::default()
    };
    let answer = caller
        .call(&request, 7, super::connection::CALL_LIMIT)
        .await
        .map_err(|e| e.to_string())?;
    let partition = answer
        .topics
        .first()
        .and_then(|t| t.partitions.first())
        .ok_or("an answer without the partition")?;
    match ErrorCode::from_code(partition.error_code) {
        ErrorCode::None => Ok((partition.offset, partition.timestamp)),
        code => Err(format!("{code:?}")),
    }
}
