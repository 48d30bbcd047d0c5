//! Produces by hand, one request at a time, each sent once: failed and unknown are known exactly, and order holds.

use super::Worker;
use crate::app::history::{Call, Producer, Send};
use crate::app::plan::{Codec, Workload};
use crate::app::run::connection::Caller;
use crate::app::run::producing::{self, Header};
use crate::app::value;
use records::Compression;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(4);

pub async fn run(mut worker: Worker, workload: &Workload) {
    let Workload::RawProduce {
        topic,
        acks,
        codec,
        records_max,
        value_bytes,
        wait_ms,
    } = workload
    else {
        return;
    };
    let recorder = worker.context.recorder.clone();
    let mut caller = Caller::new(&worker.context.address);
    let producer = Producer {
        instance: worker.stream << 12,
        idempotent: false,
        ordered: true,
    };
    let mut counter = 0;
    while worker.context.running() {
        let partition = worker.any_partition(topic);
        let count = worker.dice.between(1, u64::from(*records_max)) as u32;
        let values: Vec<u64> = (1..=count)
            .map(|i| value::id(worker.stream, counter + i))
            .collect();
        counter += count;
        let ops: Vec<_> = values
            .iter()
            .map(|value| {
                let send = Send {
                    value: *value,
                    topic: partition.topic,
                    partition: Some(partition.index),
                    offset: None,
                    acks: *acks,
                    producer,
                    order: *value & 0xffff_ffff,
                    bytes: *value_bytes as u32,
                    by_hand: None,
                };
                recorder.invoke(worker.stream, Call::Send(send))
            })
            .collect();
        let timestamp = runtime::time::WallMs::now().0;
        let batch = producing::batch(
            Header::PLAIN,
            compression(*codec),
            &values,
            *value_bytes as usize,
            timestamp,
        );
        let (outcome, offset) =
            producing::produce(&mut caller, topic, partition.index, *acks, batch, LIMIT).await;
        for (i, op) in ops.into_iter().enumerate() {
            recorder.complete(op, outcome.clone(), |call| {
                if let Call::Send(send) = call {
                    send.offset = offset.map(|base| base + i as i64);
                }
            });
        }
        worker.wait(*wait_ms).await;
    }
}

pub fn compression(codec: Codec) -> Compression {
    match codec {
        Codec::None => Compression::None,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    }
}
