//! Batches that are broken on purpose: each must be refused, and nothing of it may ever be read.

use super::Worker;
use crate::app::history::{ByHand, Call, Expect, Producer, Send};
use crate::app::run::connection::Caller;
use crate::app::run::producing::{self, Header};
use crate::app::value;
use bytes::{Bytes, BytesMut};
use records::Compression;
use std::time::Duration;

const VALUE_BYTES: usize = 60;
const LIMIT: Duration = Duration::from_secs(4);

/// Ways to break a batch.
#[derive(Clone, Copy, Debug)]
enum Breakage {
    /// One bit of the records flips: the checksum no longer fits.
    Bit,
    /// The checksum itself is wrong.
    Checksum,
    /// The header counts more records than there are, under a right checksum.
    Count,
    /// A codec that does not exist, under a right checksum.
    Codec,
    /// The control bit, which only coordinators may set, under a right checksum.
    Control,
    /// The end is missing.
    CutOff,
}

const BREAKAGES: [Breakage; 8] = [
    Breakage::Bit,
    Breakage::Bit,
    Breakage::Checksum,
    Breakage::Checksum,
    Breakage::Count,
    Breakage::Codec,
    Breakage::Control,
    Breakage::CutOff,
];

pub async fn run(mut worker: Worker, topic: &str, wait_ms: u64) {
    let mut caller = Caller::new(&worker.context.address);
    let mut counter = 0;
    while worker.context.running() {
        counter += 1;
        let partition = worker.any_partition(topic);
        let value = value::refused_id(worker.stream, counter);
        let send = Send {
            value,
            topic: partition.topic,
            partition: Some(partition.index),
            offset: None,
            acks: -1,
            producer: Producer {
                instance: worker.stream << 12,
                idempotent: false,
                ordered: false,
            },
            order: u64::from(counter),
            bytes: VALUE_BYTES as u32,
            by_hand: Some(ByHand {
                producer_id: -1,
                producer_epoch: -1,
                base_sequence: -1,
                expect: Expect::Refusal,
            }),
        };
        let timestamp = runtime::time::WallMs::now().0;
        let whole = producing::batch(Header::PLAIN, Compression::None, &[value], VALUE_BYTES, timestamp);
        let breakage = worker.dice.pick(&BREAKAGES);
        let broken = broken(breakage, &whole, worker.dice.u64());
        let op = worker.context.recorder.invoke(worker.stream, Call::Send(send));
        let (outcome, offset) =
            producing::produce(&mut caller, topic, partition.index, -1, broken, LIMIT).await;
        runtime::trace!("garbage {breakage:?} {outcome:?}");
        worker.context.recorder.complete(op, outcome, |call| {
            if let Call::Send(send) = call {
                send.offset = offset;
            }
        });
        worker.wait(wait_ms).await;
    }
}

fn broken(breakage: Breakage, whole: &Bytes, draw: u64) -> Bytes {
    const CRC: usize = 17;
    const ATTRIBUTES_LOW: usize = 22;
    const RECORD_COUNT: usize = 57;
    const RECORDS: usize = 61;
    let mut bytes = BytesMut::from(&whole[..]);
    match breakage {
        Breakage::Bit => {
            let bit = draw as usize % ((bytes.len() - RECORDS) * 8);
            bytes[RECORDS + bit / 8] ^= 1 << (bit % 8);
        }
        Breakage::Checksum => bytes[CRC + draw as usize % 4] ^= 1 + (draw >> 8) as u8 % 255,
        Breakage::Count => bytes[RECORD_COUNT + 3] += 1,
        Breakage::Codec => bytes[ATTRIBUTES_LOW] |= 0x07,
        Breakage::Control => bytes[ATTRIBUTES_LOW] |= 0x20,
        Breakage::CutOff => {
            let cut = 1 + draw as usize % 20;
            bytes.truncate(whole.len() - cut);
        }
    }
    if matches!(breakage, Breakage::Count | Breakage::Codec | Breakage::Control) {
        let crc = crc32c::crc32c(&bytes[CRC + 4..]);
        bytes[CRC..CRC + 4].copy_from_slice(&crc.to_be_bytes());
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::run::disk_reader;

    #[test]
    fn every_breakage_breaks() {
        let whole = producing::batch(Header::PLAIN, Compression::None, &[7], VALUE_BYTES, 1);
        assert!(disk_reader::batch(&whole).is_ok_and(|(batch, _)| batch.crc_valid));
        for draw in 0..500 {
            for breakage in [Breakage::Bit, Breakage::Checksum] {
                let bytes = broken(breakage, &whole, draw * 7919);
                assert_ne!(bytes, whole);
                assert!(
                    disk_reader::batch(&bytes).is_ok_and(|(batch, _)| !batch.crc_valid),
                    "{breakage:?} {draw}"
                );
            }
            for breakage in [
                Breakage::Count,
                Breakage::Codec,
                Breakage::Control,
                Breakage::CutOff,
            ] {
                assert_ne!(broken(breakage, &whole, draw), whole);
            }
        }
    }
}
