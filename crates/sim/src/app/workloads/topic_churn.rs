//! Creates a topic, writes to it, reads it back, deletes it, and creates another under the same name: what the first
//! held must never show in the second.
//!
//! One task does all of this in turn, so that it knows which incarnation each answer speaks of; where an answer was
//! lost it asks again before it goes on.

use super::Worker;
use crate::app::history::{Call, Outcome, Partition, Producer, Send, TopicFacts, TopicRef};
use crate::app::plan::TopicPlan;
use crate::app::run::connection::Caller;
use crate::app::run::fetching::{Fetch, Session, fetch};
use crate::app::run::producing::{self, Header};
use crate::app::run::{admin, empty_poll};
use crate::app::value;
use records::Compression;
use std::time::Duration;
use wire::ErrorCode;

const VALUE_BYTES: usize = 50;
const RECORDS_MAX: u64 = 12;
const LIMIT: Duration = Duration::from_secs(4);

pub async fn run(mut worker: Worker, name: &str, wait_ms: u64) {
    let mut caller = Caller::new(&worker.context.address);
    let mut counter = 0;
    while worker.context.running() {
        let mut plan = TopicPlan::draw(name.to_owned(), &mut worker.dice);
        // Each incarnation keeps what it is given, so that what is missing was lost.
        plan.config.insert("retention.ms".to_owned(), "-1".to_owned());
        plan.config.remove("retention.bytes");
        plan.partitions = 1;
        let Some(topic) = create(&worker, &mut caller, &plan).await else {
            return;
        };
        write(&mut worker, &mut caller, name, topic, &mut counter).await;
        read(&mut worker, &mut caller, name, topic).await;
        worker.wait(wait_ms).await;
        // Sometimes the run ends with the topic standing, for the last read.
        if worker.dice.chance(850) && !delete(&worker, &mut caller, name, topic).await {
            return;
        }
        if worker.context.recorder.with(|h| h.topic(topic).deleted.is_none()) {
            return;
        }
        worker.wait(wait_ms / 4).await;
    }
}

/// The new incarnation, or nothing when the heal came first.
async fn create(worker: &Worker, caller: &mut Caller, plan: &TopicPlan) -> Option<TopicRef> {
    let recorder = &worker.context.recorder;
    while worker.context.running() {
        let op = recorder.invoke(
            worker.stream,
            Call::CreateTopic {
                name: plan.name.clone(),
            },
        );
        let created = admin::create(caller, plan).await;
        let (outcome, id) = match created {
            Ok((ErrorCode::None, id)) => (Outcome::Ok, Some(id)),
            Ok((code, _)) => (Outcome::of_admin(code), None),
            Err(error) => (Outcome::of_call(&error), None),
        };
        recorder.complete(op, outcome, |_| {});
        let id = match id {
            Some(id) => Some(id),
            // An earlier try whose answer was lost may have made it; nobody else makes this name.
            None => admin::topic_id(caller, &plan.name).await.ok().flatten(),
        };
        if let Some(id) = id {
            return Some(recorder.add_topic(TopicFacts {
                name: plan.name.clone(),
                id: Some(id),
                partitions: plan.partitions,
                caching: plan.caching(),
                retention: false,
                deleted: None,
            }));
        }
        worker.context.pause(300).await;
    }
    None
}

async fn write(worker: &mut Worker, caller: &mut Caller, name: &str, topic: TopicRef, counter: &mut u32) {
    let recorder = worker.context.recorder.clone();
    for _ in 0..worker.dice.between(0, RECORDS_MAX) {
        if !worker.context.running() {
            return;
        }
        *counter += 1;
        let value = value::id(worker.stream, *counter);
        let timestamp = runtime::time::WallMs::now().0;
        let send = Send {
            value,
            topic,
            partition: Some(0),
            offset: None,
            acks: -1,
            producer: Producer {
                instance: worker.stream << 12,
                idempotent: false,
                ordered: false,
            },
            order: u64::from(*counter),
            bytes: VALUE_BYTES as u32,
            by_hand: None,
        };
        let op = recorder.invoke(worker.stream, Call::Send(send));
        let batch = producing::batch(Header::PLAIN, Compression::None, &[value], VALUE_BYTES, timestamp);
        let (outcome, offset) = producing::produce(caller, name, 0, -1, batch, LIMIT).await;
        recorder.complete(op, outcome, |call| {
            if let Call::Send(send) = call {
                send.offset = offset;
            }
        });
    }
}

async fn read(worker: &mut Worker, caller: &mut Caller, name: &str, topic: TopicRef) {
    let partition = Partition { topic, index: 0 };
    let reader = worker.stream;
    let recorder = worker.context.recorder.clone();
    let mut position = 0;
    for _ in 0..3 {
        let asking = Fetch {
            topic: name,
            index: 0,
            position,
            max_wait_ms: 0,
            max_bytes: 100_000,
        };
        let op = recorder.invoke(reader, Call::Poll(empty_poll(partition, reader, position)));
        let (outcome, poll) = match fetch(caller, &mut Session::default(), &asking).await {
            Ok(fetched) => fetched.poll(partition, reader, position, position == 0),
            Err(error) => (
                Outcome::Failed(error.to_string()),
                empty_poll(partition, reader, position),
            ),
        };
        position = poll.records.last().map_or(position, |r| r.offset + 1);
        recorder.complete(op, outcome, |call| *call = Call::Poll(poll));
    }
}

/// False when the heal came before it was certain that the topic is gone.
async fn delete(worker: &Worker, caller: &mut Caller, name: &str, topic: TopicRef) -> bool {
    let recorder = &worker.context.recorder;
    let now = recorder.now();
    recorder.with(|h| h.topics[topic.0 as usize].deleted = Some(now));
    while worker.context.running() {
        let op = recorder.invoke(worker.stream, Call::DeleteTopic { topic });
        let answer = admin::delete(caller, name).await;
        let (outcome, gone) = match answer {
            Ok(code) => {
                let gone = matches!(code, ErrorCode::None | ErrorCode::UnknownTopicOrPartition);
                (Outcome::of_admin(code), gone)
            }
            Err(error) => (Outcome::of_call(&error), false),
        };
        recorder.complete(op, outcome, |_| {});
        if gone {
            return true;
        }
        worker.context.pause(300).await;
    }
    false
}
