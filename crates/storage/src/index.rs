//! Sorted files of fixed-size entries: the offset index here, and what it shares with the time index.
//!
//! An offset index entry is `(last offset of a batch - base offset: i32, position of that batch in the .log: i32)`,
//! big-endian, one for about every index.interval.bytes of log.
//!
//! Entries of the active segment are kept in memory and written out when the segment is rolled, checkpointed or
//! closed; a sealed segment's are read from the file by binary search. What a crash takes is rebuilt from the log.

use runtime::disk::File;
use runtime::io;

/// One entry of a sorted index file.
pub(crate) trait Entry: Copy {
    const BYTES: usize;
    fn encode(&self, out: &mut Vec<u8>);
    /// `bytes` is `BYTES` long.
    fn decode(bytes: &[u8]) -> Self;
}

/// "The batch that ends at this offset begins at this position."
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OffsetIndexEntry {
    /// Relative to the segment's base offset.
    pub offset_delta: u32,
    pub position: u32,
}

impl Entry for OffsetIndexEntry {
    const BYTES: usize = 8;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset_delta.to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> OffsetIndexEntry {
        let word = |at: usize| u32::from_be_bytes(*bytes[at..].first_chunk().expect("BYTES long"));
        OffsetIndexEntry {
            offset_delta: word(0),
            position: word(4),
        }
    }
}

/// `(offset, position)` of every entry of an `.index` file. Preallocated zeros at its end, as Kafka leaves them in an
/// active segment, are no entries.
pub fn decode_offset_index(file: &[u8], base_offset: i64) -> Vec<(i64, u64)> {
    let entries = file
        .chunks_exact(OffsetIndexEntry::BYTES)
        .map(OffsetIndexEntry::decode);
    entries
        .enumerate()
        .take_while(|(slot, entry)| *slot == 0 || entry.position != 0)
        .filter(|(_, entry)| entry.position != 0 || entry.offset_delta != 0)
        .map(|(_, entry)| {
            (
                base_offset + i64::from(entry.offset_delta),
                u64::from(entry.position),
            )
        })
        .collect()
}

/// A sorted index, in memory while it grows.
#[derive(Clone, Debug)]
pub(crate) enum Index<E> {
    /// `flushed` entries stand in the file.
    Growing { entries: Vec<E>, flushed: usize },
    /// All stand in the file.
    Sealed { count: usize },
}

impl<E: Entry> Index<E> {
    pub fn empty() -> Index<E> {
        Index::Growing {
            entries: Vec::new(),
            flushed: 0,
        }
    }

    /// An index that stands in a file of this length; an incomplete entry at its end does not count.
    pub fn sealed(file_bytes: u64) -> Index<E> {
        Index::Sealed {
            count: usize::try_from(file_bytes).unwrap_or(usize::MAX) / E::BYTES,
        }
    }

    pub fn count(&self) -> usize {
        match self {
            Index::Growing { entries, .. } => entries.len(),
            Index::Sealed { count } => *count,
        }
    }

    pub fn size_bytes(&self) -> u64 {
        (self.count() * E::BYTES) as u64
    }

    pub fn is_flushed(&self) -> bool {
        match self {
            Index::Growing { entries, flushed } => *flushed == entries.len(),
            Index::Sealed { .. } => true,
        }
    }

    pub fn push(&mut self, entry: E) {
        match self {
            Index::Growing { entries, .. } => entries.push(entry),
            Index::Sealed { .. } => unreachable!("only the active segment's index grows"),
        }
    }

    /// Cuts to `count` entries; the file is cut with the next flush.
    pub fn truncate(&mut self, count: usize) {
        match self {
            Index::Growing { entries, flushed } => {
                entries.truncate(count);
                *flushed = usize::min(*flushed, count);
            }
            Index::Sealed { count: all } => *all = usize::min(*all, count),
        }
    }

    pub fn entry(&self, slot: usize, open: impl Fn() -> io::Result<File>) -> io::Result<E> {
        match self {
            Index::Growing { entries, .. } => Ok(entries[slot]),
            Index::Sealed { .. } => read_entry(&open()?, slot),
        }
    }

    pub fn last(&self, open: impl Fn() -> io::Result<File>) -> io::Result<Option<E>> {
        match self.count().checked_sub(1) {
            Some(slot) => self.entry(slot, open).map(Some),
            None => Ok(None),
        }
    }

    /// How many entries satisfy `holds`, which is true of a first part of them and of none after it.
    pub fn partition_point(
        &self,
        open: impl Fn() -> io::Result<File>,
        holds: impl Fn(&E) -> bool,
    ) -> io::Result<usize> {
        let count = match self {
            Index::Growing { entries, .. } => return Ok(entries.partition_point(holds)),
            Index::Sealed { count: 0 } => return Ok(0),
            Index::Sealed { count } => *count,
        };
        let file = open()?;
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            match holds(&read_entry(&file, middle)?) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        Ok(low)
    }

    /// Reads a sealed index into memory, so that it can grow.
    pub fn thaw(&mut self, open: impl Fn() -> io::Result<File>) -> io::Result<()> {
        if let Index::Sealed { count } = *self {
            let entries = match count {
                0 => Vec::new(),
                _ => read_entries(&open()?, count)?,
            };
            *self = Index::Growing {
                flushed: entries.len(),
                entries,
            };
        }
        Ok(())
    }

    /// Writes what the file lacks, and cuts what it has too much. True when the file changed.
    pub fn flush(&mut self, open: impl Fn() -> io::Result<File>) -> io::Result<bool> {
        let Index::Growing { entries, flushed } = self else {
            return Ok(false);
        };
        let file = open()?;
        let len = (entries.len() * E::BYTES) as u64;
        let mut changed = false;
        if *flushed < entries.len() {
            let mut bytes = Vec::with_capacity((entries.len() - *flushed) * E::BYTES);
            entries[*flushed..]
                .iter()
                .for_each(|entry| entry.encode(&mut bytes));
            file.write_at(&bytes, (*flushed * E::BYTES) as u64)?;
            *flushed = entries.len();
            changed = true;
        }
        if file.len()? > len {
            file.set_len(len)?;
            changed = true;
        }
        Ok(changed)
    }

    /// After a flush: forgets the entries, which stand in the file.
    pub fn seal(&mut self) {
        assert!(self.is_flushed(), "an index is flushed before it is sealed");
        *self = Index::Sealed { count: self.count() };
    }
}

fn read_entry<E: Entry>(file: &File, slot: usize) -> io::Result<E> {
    let mut bytes = [0; 16];
    let bytes = &mut bytes[..E::BYTES];
    file.read_exact_at(bytes, (slot * E::BYTES) as u64)?;
    Ok(E::decode(bytes))
}

fn read_entries<E: Entry>(file: &File, count: usize) -> io::Result<Vec<E>> {
    let mut bytes = vec![0; count * E::BYTES];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes.chunks_exact(E::BYTES).map(E::decode).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u32) -> OffsetIndexEntry {
        OffsetIndexEntry {
            offset_delta: n * 3,
            position: n * 100,
        }
    }

    #[test]
    fn preallocated_zeros_are_no_entries() {
        let mut bytes = Vec::new();
        entry(1).encode(&mut bytes);
        bytes.extend_from_slice(&[0; 24]);
        assert_eq!(decode_offset_index(&bytes, 5), [(8, 100)]);
        assert_eq!(decode_offset_index(&[0; 16], 5), []);
    }
}
