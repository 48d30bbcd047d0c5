//! Entries of a `.timeindex` file: `(timestamp: i64, offset - base offset: i32)`, big-endian.
//!
//! An entry says: the largest timestamp up to and including the batch that ends at this offset is this one, and that
//! batch was the first to carry it. Timestamps and offsets rise from entry to entry. When a segment is sealed its
//! largest timestamp is entered, so the last entry tells it.

use crate::index::Entry;

/// "No batch before the one that ends at this offset has a timestamp as large as this."
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeIndexEntry {
    pub timestamp: i64,
    /// Relative to the segment's base offset.
    pub offset_delta: u32,
}

impl Entry for TimeIndexEntry {
    const BYTES: usize = 12;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.offset_delta.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> TimeIndexEntry {
        TimeIndexEntry {
            timestamp: i64::from_be_bytes(*bytes.first_chunk().expect("BYTES long")),
            offset_delta: u32::from_be_bytes(*bytes[8..].first_chunk().expect("BYTES long")),
        }
    }
}

/// `(timestamp, offset)` of every entry of a `.timeindex` file, without preallocated zeros at its end.
pub fn decode_time_index(file: &[u8], base_offset: i64) -> Vec<(i64, i64)> {
    let entries = file
        .chunks_exact(TimeIndexEntry::BYTES)
        .map(TimeIndexEntry::decode);
    let mut last = i64::MIN;
    entries
        .take_while(|entry| {
            let rises = entry.timestamp > last && (entry.timestamp, entry.offset_delta) != (0, 0);
            last = entry.timestamp;
            rises
        })
        .map(|entry| (entry.timestamp, base_offset + i64::from(entry.offset_delta)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_survive_their_bytes() {
        let entries = [(5, 2), (9, 7)].map(|(timestamp, offset_delta)| TimeIndexEntry {
            timestamp,
            offset_delta,
        });
        let mut bytes = Vec::new();
        entries.iter().for_each(|entry| entry.encode(&mut bytes));
        assert_eq!(TimeIndexEntry::decode(&bytes[12..]), entries[1]);
        bytes.extend_from_slice(&[0; 36]);
        assert_eq!(decode_time_index(&bytes, 100), [(5, 102), (9, 107)]);
    }
}
