//! A producer of the client crate: plain or idempotent, acks 0, 1 or all, every codec, keys, explicit partitions.
//!
//! Each record is a call of its own: invoked at its send, completed by its delivery report. A record whose report never
//! comes stays pending, which is unknown.

use super::Worker;
use super::raw_produce::compression;
use crate::app::history::{Call, Outcome, Producer as Origin, Recorder, Send};
use crate::app::plan::{Keys, Workload};
use crate::app::value;
use client::{Acks, Delivery, Producer, ProducerConfig, ProducerRecord};
use std::time::Duration;

/// A producer lives for so many records at most, then another takes over.
const RECORDS_MAX: u64 = 600;
const CLOSE_LIMIT: Duration = Duration::from_secs(20);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_BLOCK: Duration = Duration::from_secs(4);

pub async fn run(mut worker: Worker, workload: &Workload) {
    let Workload::Produce {
        idempotent,
        in_flight,
        burst,
        wait_ms,
        ..
    } = workload
    else {
        return;
    };
    let mut counter = 0;
    let mut instances = 0;
    while worker.context.running() {
        instances += 1;
        let config = config(&mut worker, workload);
        let producer = match Producer::new(config) {
            Ok(producer) => producer,
            Err(error) => panic!("the plan makes a configuration that the producer refuses: {error}"),
        };
        let origin = Origin {
            instance: worker.stream << 12 | instances,
            idempotent: *idempotent,
            ordered: *idempotent || *in_flight == 1,
        };
        let lives_for = worker.dice.between(RECORDS_MAX / 8, RECORDS_MAX);
        let mut sent = 0;
        while worker.context.running() && sent < lives_for {
            for _ in 0..*burst {
                counter += 1;
                sent += 1;
                if !send(&mut worker, workload, &producer, origin, counter).await {
                    sent = lives_for; // fatal for this producer: another one takes over
                    break;
                }
            }
            worker.wait(*wait_ms).await;
        }
        // Whatever it says, each record's own report counts.
        producer.close(CLOSE_LIMIT).await.ok();
    }
}

fn config(worker: &mut Worker, workload: &Workload) -> ProducerConfig {
    let mut config = ProducerConfig::new(worker.context.address.to_string());
    if let Workload::Produce {
        idempotent,
        acks,
        codec,
        linger_ms,
        batch_bytes,
        in_flight,
        ..
    } = workload
    {
        config.acks = match acks {
            0 => Acks::None,
            1 => Acks::Leader,
            _ => Acks::All,
        };
        config.enable_idempotence = *idempotent;
        config.compression = compression(*codec);
        config.linger = Duration::from_millis(*linger_ms);
        config.batch_size = *batch_bytes as usize;
        config.max_in_flight = *in_flight as usize;
    }
    config.max_block = MAX_BLOCK;
    config.client.request_timeout = REQUEST_TIMEOUT;
    config.delivery_timeout = Duration::from_millis(worker.dice.pick(&[5000, 10_000, 20_000]));
    config
}

/// Sends one record, and lets its report be awaited by a task. False when the producer takes no more.
async fn send(
    worker: &mut Worker,
    workload: &Workload,
    producer: &Producer,
    origin: Origin,
    counter: u32,
) -> bool {
    let Workload::Produce {
        topic,
        acks,
        keys,
        value_bytes,
        ..
    } = workload
    else {
        return false;
    };
    let value = value::id(worker.stream, counter);
    let mut record = ProducerRecord::new(topic.as_str()).value(value::encode(value, *value_bytes as usize));
    let mut partition = None;
    match keys {
        Keys::Null => {}
        Keys::Some(count) => {
            let key = format!("key-{}", worker.dice.below(u64::from(*count)));
            record = record.key(key.into_bytes()).header("sim", "key");
        }
        Keys::Explicit => {
            let index = worker.dice.below(worker.partitions(topic) as u64) as i32;
            partition = Some(index);
            record = record.partition(index);
        }
    }
    let call = Call::Send(Send {
        value,
        topic: worker.topic(topic),
        partition,
        offset: None,
        acks: *acks,
        producer: origin,
        order: u64::from(counter),
        bytes: *value_bytes as u32,
        by_hand: None,
    });
    let recorder = worker.context.recorder.clone();
    let op = recorder.invoke(worker.stream, call);
    match producer.send(record).await {
        Ok(delivery) => {
            runtime::task::spawn(report(recorder, op, delivery));
            true
        }
        Err(error) => {
            let goes_on = error.is_retriable();
            recorder.complete(op, outcome(&error), |_| {});
            goes_on
        }
    }
}

async fn report(recorder: Recorder, op: crate::app::history::OpId, delivery: Delivery) {
    match delivery.await {
        Ok(landed) => recorder.complete(op, Outcome::Ok, |call| {
            if let Call::Send(send) = call {
                (send.partition, send.offset) = (Some(landed.partition), landed.offset);
            }
        }),
        Err(error) => recorder.complete(op, outcome(&error), |_| {}),
    }
}

/// The client's own classification: [`client::Error::outcome`].
pub fn outcome(error: &client::Error) -> Outcome {
    match error.outcome() {
        client::Outcome::Failed => Outcome::Failed(error.to_string()),
        client::Outcome::Unknown => Outcome::Unknown(error.to_string()),
    }
}
