//! The `.snapshot` file: Kafka's ProducerSnapshot, version 1, with a trailer of ours.
//!
//! ```text
//! i16 version = 1 | u32 crc-32c of all that follows | i32 count | count entries | trailer
//! entry:   i64 producer id, i16 epoch, i32 last sequence, i64 last offset, i32 offset delta, i64 timestamp,
//!          i32 coordinator epoch, i64 first offset of the open transaction or -1
//! trailer: "ODRK", i32 count, for each producer: i64 id, u8 count, for each older batch, oldest first:
//!          i32 last sequence, i64 last offset, i32 offset delta, i64 timestamp
//! ```
//!
//! Kafka's entries hold the last batch alone, so a repeat of an older one would be refused after a restart. The trailer
//! keeps the others. Kafka's reader checks the CRC over the whole file and stops after the entries, so it reads ours; we
//! read its files, which have no trailer.

use super::{BATCHES_MAX, BatchMetadata, ProducerEntry};
use bytes::{Buf, BufMut};
use std::collections::{BTreeMap, VecDeque};

const VERSION: i16 = 1;
const CRC_AT: usize = 2;
const ENTRIES_AT: usize = 6;
const ENTRY_BYTES: usize = 46;
const TRAILER_MAGIC: &[u8; 4] = b"ODRK";
const BATCH_BYTES: usize = 24;

pub fn encode_snapshot(producers: &BTreeMap<i64, ProducerEntry>) -> Vec<u8> {
    let mut out = Vec::with_capacity(ENTRIES_AT + 4 + producers.len() * ENTRY_BYTES);
    out.put_i16(VERSION);
    out.put_u32(0);
    put_count(&mut out, producers.len());
    for (producer_id, entry) in producers {
        let last = entry.batches.back();
        out.put_i64(*producer_id);
        out.put_i16(entry.producer_epoch);
        out.put_i32(entry.last_sequence());
        out.put_i64(last.map_or(-1, |b| b.last_offset));
        out.put_i32(last.map_or(0, |b| b.offset_delta));
        out.put_i64(entry.last_timestamp);
        out.put_i32(entry.coordinator_epoch);
        out.put_i64(entry.current_txn_first_offset.unwrap_or(-1));
    }
    put_trailer(&mut out, producers);
    let crc = crc32c::crc32c(&out[ENTRIES_AT..]);
    out[CRC_AT..ENTRIES_AT].copy_from_slice(&crc.to_be_bytes());
    out
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.put_i32(i32::try_from(count).expect("far fewer producers than 2^31 fit in memory"));
}

fn put_trailer(out: &mut Vec<u8>, producers: &BTreeMap<i64, ProducerEntry>) {
    let with_older: Vec<_> = producers.iter().filter(|(_, e)| e.batches.len() > 1).collect();
    if with_older.is_empty() {
        return;
    }
    out.put_slice(TRAILER_MAGIC);
    put_count(out, with_older.len());
    for (producer_id, entry) in with_older {
        let older = entry.batches.len() - 1;
        out.put_i64(*producer_id);
        out.put_u8(u8::try_from(older).expect("at most BATCHES_MAX"));
        for batch in entry.batches.iter().take(older) {
            out.put_i32(batch.last_sequence);
            out.put_i64(batch.last_offset);
            out.put_i32(batch.offset_delta);
            out.put_i64(batch.timestamp);
        }
    }
}

/// The producers of a snapshot; an error says what is wrong with the file.
pub fn decode_snapshot(file: &[u8]) -> Result<BTreeMap<i64, ProducerEntry>, String> {
    if file.len() < ENTRIES_AT + 4 {
        return Err(format!(
            "{} bytes are too few for a producer snapshot",
            file.len()
        ));
    }
    let mut input = file;
    let version = input.get_i16();
    if version != VERSION {
        return Err(format!("version {version} where 1 was expected"));
    }
    let stored = input.get_u32();
    let computed = crc32c::crc32c(&file[ENTRIES_AT..]);
    if stored != computed {
        return Err(format!("its crc is {stored:08x}, its content's {computed:08x}"));
    }
    let count = take_count(&mut input, ENTRY_BYTES)?;
    let mut producers: BTreeMap<i64, ProducerEntry> = (0..count).map(|_| take_entry(&mut input)).collect();
    take_trailer(&mut input, &mut producers)?;
    Ok(producers)
}

fn take_count(input: &mut &[u8], bytes_each: usize) -> Result<usize, String> {
    if input.remaining() < 4 {
        return Err("it ends before a count".into());
    }
    let count = input.get_i32();
    usize::try_from(count)
        .ok()
        .filter(|count| count.saturating_mul(bytes_each) <= input.remaining())
        .ok_or_else(|| {
            format!(
                "it promises {count} entries and holds {} more bytes",
                input.remaining()
            )
        })
}

/// The caller has checked that `ENTRY_BYTES` remain.
fn take_entry(input: &mut &[u8]) -> (i64, ProducerEntry) {
    let producer_id = input.get_i64();
    let producer_epoch = input.get_i16();
    let last_sequence = input.get_i32();
    let last_offset = input.get_i64();
    let offset_delta = input.get_i32();
    let last_timestamp = input.get_i64();
    let coordinator_epoch = input.get_i32();
    let transaction = input.get_i64();
    let last = BatchMetadata {
        last_sequence,
        last_offset,
        offset_delta,
        timestamp: last_timestamp,
    };
    let entry = ProducerEntry {
        producer_epoch,
        coordinator_epoch,
        last_timestamp,
        current_txn_first_offset: (transaction >= 0).then_some(transaction),
        batches: (last_offset >= 0).then_some(last).into_iter().collect(),
    };
    (producer_id, entry)
}

fn take_trailer(input: &mut &[u8], producers: &mut BTreeMap<i64, ProducerEntry>) -> Result<(), String> {
    if !input.starts_with(TRAILER_MAGIC) {
        return Ok(());
    }
    input.advance(TRAILER_MAGIC.len());
    let count = take_count(input, 9)?;
    for _ in 0..count {
        if input.remaining() < 9 {
            return Err("its trailer ends early".into());
        }
        let producer_id = input.get_i64();
        let older = usize::from(input.get_u8());
        if older >= BATCHES_MAX || input.remaining() < older * BATCH_BYTES {
            return Err(format!(
                "its trailer promises {older} batches of producer {producer_id}"
            ));
        }
        let mut batches: VecDeque<_> = (0..older)
            .map(|_| BatchMetadata {
                last_sequence: input.get_i32(),
                last_offset: input.get_i64(),
                offset_delta: input.get_i32(),
                timestamp: input.get_i64(),
            })
            .collect();
        if let Some(entry) = producers.get_mut(&producer_id) {
            batches.append(&mut entry.batches);
            entry.batches = batches;
        }
    }
    Ok(())
}
