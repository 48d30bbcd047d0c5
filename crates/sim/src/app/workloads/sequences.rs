//! Produces by hand, as an idempotent producer that chooses its sequences: it starts shortly before i32::MAX, so that
//! the wrap is reached, and sends one of its last five batches again now and then.

use super::Worker;
use super::producer_ids::init;
use crate::app::history::{ByHand, Call, Expect, Outcome, Partition, Producer, Send, advance};
use crate::app::run::connection::Caller;
use crate::app::run::producing::{self, Header};
use crate::app::value::{self, ValueId};
use records::Compression;
use std::collections::VecDeque;
use std::time::Duration;

/// The broker remembers so many batches of a producer.
const REMEMBERED: usize = 5;
const RECORDS_MAX: u64 = 4;
const VALUE_BYTES: usize = 40;
/// A producer lives for so many batches at most, then another id takes over.
const BATCHES_MAX: u64 = 120;
const LIMIT: Duration = Duration::from_secs(4);

/// A batch that was acknowledged.
#[derive(Clone)]
struct Taken {
    sequence: i32,
    values: Vec<ValueId>,
    offset: i64,
    timestamp: i64,
}

struct Identity {
    producer_id: i64,
    producer_epoch: i16,
    next: i32,
    taken: VecDeque<Taken>,
    producer: Producer,
}

pub async fn run(mut worker: Worker, topic: &str, index: i32, start_before_wrap: i32, wait_ms: u64) {
    let partition = Partition {
        topic: worker.topic(topic),
        index,
    };
    let mut caller = Caller::new(&worker.context.address);
    let mut counter = 0;
    let mut instances = 0;
    while worker.context.running() {
        let Ok((producer_id, producer_epoch)) = init(&mut worker, &mut caller).await else {
            worker.wait(200).await;
            continue;
        };
        instances += 1;
        let mut identity = Identity {
            producer_id,
            producer_epoch,
            next: i32::MAX - start_before_wrap,
            taken: VecDeque::new(),
            producer: Producer {
                instance: worker.stream << 12 | instances,
                idempotent: true,
                ordered: true,
            },
        };
        for _ in 0..worker.dice.between(BATCHES_MAX / 4, BATCHES_MAX) {
            if !worker.context.running() {
                return;
            }
            if !one(
                &mut worker,
                &mut caller,
                topic,
                partition,
                &mut identity,
                &mut counter,
            )
            .await
            {
                break; // nothing more is promised to this identity
            }
            worker.wait(wait_ms).await;
        }
    }
}

/// Sends the next batch, or one of the last five again. False when the identity cannot go on.
async fn one(
    worker: &mut Worker,
    caller: &mut Caller,
    topic: &str,
    partition: Partition,
    identity: &mut Identity,
    counter: &mut u32,
) -> bool {
    let again = !identity.taken.is_empty() && worker.dice.chance(300);
    let batch = if again {
        identity.taken[worker.dice.below(identity.taken.len() as u64) as usize].clone()
    } else {
        let count = worker.dice.between(1, RECORDS_MAX) as u32;
        let values = (0..count)
            .map(|i| value::id(worker.stream, *counter + i + 1))
            .collect();
        *counter += count;
        let timestamp = runtime::time::WallMs::now().0;
        Taken {
            sequence: identity.next,
            values,
            offset: -1,
            timestamp,
        }
    };
    let expect = if again {
        Expect::DuplicateOf(batch.offset)
    } else {
        Expect::Next
    };
    let (outcome, offset) = send(worker, caller, topic, partition, identity, &batch, expect).await;
    if again {
        // A storage error or a lost answer takes nothing from what stands in the log.
        return outcome.is_ok();
    }
    let Some(offset) = offset.filter(|_| outcome.is_ok()) else {
        return false;
    };
    identity.next = advance(batch.sequence, batch.values.len() as i64);
    identity.taken.push_back(Taken { offset, ..batch });
    if identity.taken.len() > REMEMBERED {
        identity.taken.pop_front();
    }
    true
}

async fn send(
    worker: &Worker,
    caller: &mut Caller,
    topic: &str,
    partition: Partition,
    identity: &Identity,
    batch: &Taken,
    expect: Expect,
) -> (Outcome, Option<i64>) {
    let Identity {
        producer_id,
        producer_epoch,
        producer,
        ..
    } = *identity;
    let recorder = &worker.context.recorder;
    // Records of one batch succeed and fail together; each has its own entry.
    let ops: Vec<_> = batch
        .values
        .iter()
        .enumerate()
        .map(|(i, value)| {
            let expect = match expect {
                Expect::DuplicateOf(base) => Expect::DuplicateOf(base + i as i64),
                other => other,
            };
            let base_sequence = batch.sequence;
            let send = Send {
                value: *value,
                topic: partition.topic,
                partition: Some(partition.index),
                offset: None,
                acks: -1,
                producer,
                order: value & 0xffff_ffff,
                bytes: VALUE_BYTES as u32,
                by_hand: Some(ByHand {
                    producer_id,
                    producer_epoch,
                    base_sequence,
                    expect,
                }),
            };
            recorder.invoke(worker.stream, Call::Send(send))
        })
        .collect();
    let header = Header {
        producer_id,
        producer_epoch,
        base_sequence: batch.sequence,
    };
    let bytes = producing::batch(
        header,
        Compression::None,
        &batch.values,
        VALUE_BYTES,
        batch.timestamp,
    );
    let (outcome, offset) = producing::produce(caller, topic, partition.index, -1, bytes, LIMIT).await;
    for (i, op) in ops.into_iter().enumerate() {
        recorder.complete(op, outcome.clone(), |call| {
            if let Call::Send(send) = call {
                send.offset = offset.map(|base| base + i as i64);
            }
        });
    }
    (outcome, offset)
}
