//! Changes a batch's compression and nothing else: the records' bytes are never decoded.

use bytes::Bytes;

use crate::header::{BATCH_HEADER_BYTES, LENGTH_PREFIX_BYTES, set_crc};
use crate::{Batch, BatchHeader, Compression, RecordsError, compress};

/// The batch with its records in another codec. `level` is the codec's own scale, `None` Kafka's default;
/// `decompressed_bytes_max` bounds what the old codec may make.
pub fn reencode(
    batch: &Batch,
    codec: Compression,
    level: Option<i32>,
    decompressed_bytes_max: usize,
) -> Result<Bytes, RecordsError> {
    let raw = batch.decompressed(decompressed_bytes_max)?;
    let body = compress(codec, level, &raw)?;
    let bytes = BATCH_HEADER_BYTES + body.len();
    let length =
        i32::try_from(bytes - LENGTH_PREFIX_BYTES).map_err(|_| RecordsError::BatchTooLarge { bytes })?;
    let old = batch.header();
    let header = BatchHeader {
        length,
        attributes: old.attributes.with_compression(codec),
        ..*old
    };
    let mut out = Vec::with_capacity(bytes);
    out.extend_from_slice(&header.encode());
    out.extend_from_slice(&body);
    set_crc(&mut out);
    Ok(Bytes::from(out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchBuilder, DECOMPRESSED_BYTES_MAX, Header};

    #[test]
    fn only_the_compression_changes() {
        let mut builder = BatchBuilder::new(Compression::Snappy)
            .base_offset(5)
            .producer(1, 2, 3);
        for i in 0..50 {
            builder
                .append(
                    Some(b"k"),
                    Some(&[i; 40]),
                    &[Header::new("h", &[i])],
                    i64::from(i),
                )
                .expect("fits");
        }
        let first = Batch::parse(&mut builder.build().expect("builds")).expect("a batch");
        for codec in Compression::ALL {
            let bytes = reencode(&first, codec, None, DECOMPRESSED_BYTES_MAX).expect("re-encodes");
            let second = Batch::parse(&mut bytes.clone()).expect("a batch");
            second.verify_crc().expect("the crc was set");
            assert_eq!(second.header().compression(), Ok(codec));
            assert_eq!(second.decompressed(1 << 20), first.decompressed(1 << 20));
            let header = BatchHeader {
                length: first.header().length,
                crc: first.header().crc,
                attributes: first.header().attributes,
                ..*second.header()
            };
            assert_eq!(&header, first.header());
        }
    }
}
