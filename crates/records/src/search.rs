//! Looking for records by time inside one batch, as ListOffsets needs it.

use crate::{Batch, RecordsError};

/// A record's timestamp and offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampAndOffset {
    pub timestamp: i64,
    pub offset: i64,
}

/// The first record with a timestamp of at least `timestamp` and an offset of at least `offset_min`. Nothing is
/// decompressed where the header already says that there is none.
pub fn first_at_or_after(
    batch: &Batch,
    timestamp: i64,
    offset_min: i64,
    decompressed_bytes_max: usize,
) -> Result<Option<TimestampAndOffset>, RecordsError> {
    let header = batch.header();
    if header.max_timestamp < timestamp || header.last_offset() < offset_min {
        return Ok(None);
    }
    let raw = batch.decompressed(decompressed_bytes_max)?;
    for view in batch.views(&raw) {
        let view = view?;
        let offset = header.base_offset.wrapping_add(i64::from(view.offset_delta));
        let found = TimestampAndOffset {
            timestamp: header.timestamp_of(view.timestamp_delta),
            offset,
        };
        if found.timestamp >= timestamp && offset >= offset_min {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The batch's largest timestamp and the first record that carries it, which under LogAppendTime is the first record
/// of all. `None` when no record has a timestamp.
pub fn max_timestamp(
    batch: &Batch,
    decompressed_bytes_max: usize,
) -> Result<Option<TimestampAndOffset>, RecordsError> {
    let header = batch.header();
    if header.max_timestamp < 0 {
        return Ok(None);
    }
    first_at_or_after(
        batch,
        header.max_timestamp,
        header.base_offset,
        decompressed_bytes_max,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchBuilder, Compression};

    fn batch(codec: Compression, timestamps: &[i64]) -> Batch {
        let mut builder = BatchBuilder::new(codec).base_offset(10);
        for &timestamp in timestamps {
            builder.append(None, Some(b"v"), &[], timestamp).expect("fits");
        }
        Batch::parse(&mut builder.build().expect("builds")).expect("a batch")
    }

    #[test]
    fn finds_by_time_and_offset() {
        let batch = batch(Compression::Zstd, &[5, 3, 9, 7, 9]);
        let find = |timestamp, offset| {
            first_at_or_after(&batch, timestamp, offset, 1000)
                .expect("whole")
                .map(|f| (f.timestamp, f.offset))
        };
        assert_eq!(find(0, 0), Some((5, 10)));
        assert_eq!(find(6, 0), Some((9, 12)));
        assert_eq!(find(6, 13), Some((7, 13)));
        assert_eq!(find(10, 0), None);
        assert_eq!(find(0, 15), None);
        assert_eq!(
            max_timestamp(&batch, 1000),
            Ok(Some(TimestampAndOffset {
                timestamp: 9,
                offset: 12
            }))
        );
    }

    #[test]
    fn without_timestamps_there_is_no_maximum() {
        assert_eq!(
            max_timestamp(&batch(Compression::None, &[-1, -1]), 1000),
            Ok(None)
        );
    }
}
