//! A batch borrowed from bytes, and the walk over many.

use bytes::Bytes;

use crate::header::compute_crc;
use crate::record::{RecordViews, Records};
use crate::{BATCH_HEADER_BYTES, BatchHeader, RecordsError, decompress};

/// What [`Batch::records`] decompresses at most: 128 MiB, beyond any batch that a broker with sane settings takes.
pub const DECOMPRESSED_BYTES_MAX: usize = 128 << 20;

/// One whole v2 batch.
///
/// Invariant: `bytes.len() == header.size_bytes()`, and `header` is what the bytes say. The CRC and the records are
/// unchecked until asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    header: BatchHeader,
    bytes: Bytes,
}

impl Batch {
    /// Takes the first batch off `bytes`. On an error, `bytes` is as it was.
    pub fn parse(bytes: &mut Bytes) -> Result<Batch, RecordsError> {
        let header = BatchHeader::parse(bytes)?;
        let size = header.size_bytes();
        if size > bytes.len() {
            return Err(RecordsError::Truncated {
                need: size,
                have: bytes.len(),
            });
        }
        Ok(Batch {
            header,
            bytes: bytes.split_to(size),
        })
    }

    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The whole batch, header included.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The records section as it stands, perhaps compressed.
    pub fn body(&self) -> Bytes {
        self.bytes.slice(BATCH_HEADER_BYTES..)
    }

    /// Compares the CRC-32C of the bytes with the one in the header.
    pub fn verify_crc(&self) -> Result<(), RecordsError> {
        let computed = compute_crc(&self.bytes);
        let BatchHeader {
            crc: stored,
            base_offset,
            ..
        } = self.header;
        if stored == computed {
            Ok(())
        } else {
            Err(RecordsError::CrcMismatch {
                base_offset,
                stored,
                computed,
            })
        }
    }

    /// The records, decompressed to at most [`DECOMPRESSED_BYTES_MAX`]. The iterator ends after its first error, and
    /// gives one when the count in the header and the records that are there differ.
    pub fn records(&self) -> Result<Records, RecordsError> {
        self.records_bounded(DECOMPRESSED_BYTES_MAX)
    }

    /// As [`Batch::records`], with the caller's limit for the decompressed bytes.
    pub fn records_bounded(&self, decompressed_bytes_max: usize) -> Result<Records, RecordsError> {
        Ok(Records::new(
            self.header,
            self.decompressed(decompressed_bytes_max)?,
        ))
    }

    /// The records section, decompressed; a slice of the batch itself where it is not compressed. Walk it cheaply
    /// with [`RecordViews::new`].
    pub fn decompressed(&self, bytes_max: usize) -> Result<Bytes, RecordsError> {
        let codec = self.header.compression()?;
        let body = self.body();
        match decompress(codec, &body, bytes_max)? {
            std::borrow::Cow::Owned(raw) => Ok(Bytes::from(raw)),
            std::borrow::Cow::Borrowed(_) => Ok(body),
        }
    }

    /// Borrowed records over what [`Batch::decompressed`] gave.
    pub fn views<'a>(&self, decompressed: &'a [u8]) -> RecordViews<'a> {
        RecordViews::new(self.header.record_count, decompressed)
    }
}

/// Walks over batches that stand one after the other. A cut-off tail, as fetches and torn files end in, is one
/// [`RecordsError::Truncated`] at the end. After any error the walk is over: nothing says where a next batch starts.
pub fn batches(bytes: Bytes) -> Batches {
    Batches { rest: bytes }
}

/// See [`batches`].
#[derive(Clone, Debug)]
pub struct Batches {
    rest: Bytes,
}

impl Iterator for Batches {
    type Item = Result<Batch, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let result = Batch::parse(&mut self.rest);
        if result.is_err() {
            self.rest = Bytes::new();
        }
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchBuilder, Compression};

    fn one(base_offset: i64) -> Bytes {
        let mut builder = BatchBuilder::new(Compression::None).base_offset(base_offset);
        builder.append(None, Some(b"v"), &[], 5).expect("fits");
        builder.build().expect("builds")
    }

    #[test]
    fn walks_and_ends_at_a_cut_off_tail() {
        let mut bytes = [one(0), one(1), one(2)].concat();
        bytes.truncate(bytes.len() - 1);
        let seen: Vec<_> = batches(Bytes::from(bytes))
            .map(|b| b.map(|b| b.header().base_offset))
            .collect();
        assert_eq!(seen[..2], [Ok(0), Ok(1)]);
        assert!(matches!(seen[2..], [Err(RecordsError::Truncated { .. })]));
    }

    #[test]
    fn a_flipped_bit_fails_the_crc() {
        let good = one(7);
        for at in 21..good.len() {
            let mut bytes = good.to_vec();
            bytes[at] ^= 0x10;
            let batch = Batch::parse(&mut Bytes::from(bytes)).expect("the frame is whole");
            assert!(
                matches!(
                    batch.verify_crc(),
                    Err(RecordsError::CrcMismatch { base_offset: 7, .. })
                ),
                "{at}"
            );
        }
    }
}
