//! One record inside a batch: borrowed ([`RecordView`]) for whoever only looks, owned ([`Record`]) for consumers.
//!
//! ```text
//! length varint | attributes i8 | timestamp delta varlong | offset delta varint
//! key length varint (−1 null) | key | value length varint (−1 null) | value
//! header count varint | per header: key length varint, key, value length varint (−1 null), value
//! ```

use bytes::Bytes;

use crate::varint::Cursor;
use crate::{BatchHeader, RecordsError};

/// The smallest record: a length, attributes, two deltas, null key, null value, no headers.
const RECORD_BYTES_MIN: usize = 7;

/// A record's header. Order, duplicates and null values are part of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Header {
    /// Text by Kafka's rule; bytes that are no UTF-8 are shown as U+FFFD.
    pub key: String,
    pub value: Option<Bytes>,
}

impl Header {
    pub fn new(key: impl Into<String>, value: &[u8]) -> Header {
        Header {
            key: key.into(),
            value: Some(Bytes::copy_from_slice(value)),
        }
    }
}

/// A record with its own place and time; keys and values share the batch's decompressed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub offset: i64,
    /// Milliseconds since the epoch, by the batch's [`crate::TimestampType`]; −1 is none.
    pub timestamp: i64,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}

/// A record as its bytes say it, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    pub timestamp_delta: i64,
    pub offset_delta: i32,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub header_count: usize,
    headers: Cursor<'a>,
}

impl<'a> RecordView<'a> {
    /// Takes one record off the cursor and checks that its parts fill its length exactly.
    fn parse(cursor: &mut Cursor<'a>) -> Result<RecordView<'a>, &'static str> {
        let length = cursor.varint().ok_or("its length is cut off")?;
        let length = usize::try_from(length).map_err(|_| "its length is negative")?;
        let mut body = Cursor::new(cursor.take(length).ok_or("it is longer than the batch")?);
        let _attributes = body.u8().ok_or("its attributes are cut off")?;
        let timestamp_delta = body.varlong().ok_or("its timestamp delta is malformed")?;
        let offset_delta = body.varint().ok_or("its offset delta is malformed")?;
        let key = body.nullable_bytes().ok_or("its key is malformed")?;
        let value = body.nullable_bytes().ok_or("its value is malformed")?;
        let header_count = body.varint().ok_or("its header count is malformed")?;
        let header_count = usize::try_from(header_count).map_err(|_| "its header count is negative")?;
        let headers = body;
        for _ in 0..header_count {
            body.nullable_bytes()
                .flatten()
                .ok_or("a header's key is malformed")?;
            body.nullable_bytes().ok_or("a header's value is malformed")?;
        }
        if !body.is_empty() {
            return Err("bytes are left after its headers");
        }
        Ok(RecordView {
            timestamp_delta,
            offset_delta,
            key,
            value,
            header_count,
            headers,
        })
    }

    /// Keys (by Kafka's rule UTF-8, unchecked here) and values, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let mut cursor = self.headers;
        (0..self.header_count).map_while(move |_| Some((cursor.nullable_bytes()??, cursor.nullable_bytes()?)))
    }
}

/// Walks the decompressed records section without owning anything. Ends after its first error; that the header's
/// count and the records differ is an error too.
#[derive(Clone, Debug)]
pub struct RecordViews<'a> {
    cursor: Cursor<'a>,
    index: usize,
    record_count: i32,
    is_done: bool,
}

impl<'a> RecordViews<'a> {
    pub fn new(record_count: i32, decompressed: &'a [u8]) -> Self {
        RecordViews {
            cursor: Cursor::new(decompressed),
            index: 0,
            record_count,
            is_done: false,
        }
    }

    fn step(&mut self) -> Option<Result<RecordView<'a>, &'static str>> {
        let is_counted_out = usize::try_from(self.record_count).is_ok_and(|count| count == self.index);
        match (is_counted_out, self.cursor.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Err("bytes are left after the last record that the batch counts")),
            (false, true) => Some(Err("the batch counts more records than it has")),
            (false, false) => Some(RecordView::parse(&mut self.cursor)),
        }
    }
}

impl<'a> Iterator for RecordViews<'a> {
    type Item = Result<RecordView<'a>, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let index = self.index;
        let step = self.step();
        self.index += 1;
        self.is_done = !matches!(step, Some(Ok(_)));
        Some(step?.map_err(|why| RecordsError::InvalidRecord { index, why }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.cursor.remaining() / RECORD_BYTES_MIN + 1))
    }
}

/// Walks the records as owned values that share the batch's bytes. See [`crate::Batch::records`].
#[derive(Clone, Debug)]
pub struct Records {
    header: BatchHeader,
    bytes: Bytes,
    position: usize,
    index: usize,
    is_done: bool,
}

impl Records {
    pub(crate) fn new(header: BatchHeader, decompressed: Bytes) -> Self {
        Records {
            header,
            bytes: decompressed,
            position: 0,
            index: 0,
            is_done: false,
        }
    }
}

impl Iterator for Records {
    type Item = Result<Record, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let mut views = RecordViews {
            cursor: Cursor::new(&self.bytes[self.position..]),
            index: self.index,
            record_count: self.header.record_count,
            is_done: false,
        };
        let next = views.next();
        let position = self.bytes.len() - views.cursor.remaining();
        let record = match next {
            Some(Ok(view)) => Some(Ok(owned(&self.header, &self.bytes, &view))),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        };
        self.position = position;
        self.index += 1;
        self.is_done = !matches!(record, Some(Ok(_)));
        record
    }
}

fn owned(header: &BatchHeader, bytes: &Bytes, view: &RecordView<'_>) -> Record {
    let share = |part: &[u8]| bytes.slice_ref(part);
    Record {
        offset: header.base_offset.wrapping_add(i64::from(view.offset_delta)),
        timestamp: header.timestamp_of(view.timestamp_delta),
        key: view.key.map(share),
        value: view.value.map(share),
        headers: view
            .headers()
            .map(|(key, value)| Header {
                key: String::from_utf8_lossy(key).into_owned(),
                value: value.map(share),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn views(count: i32, bytes: &[u8]) -> Vec<Result<i32, RecordsError>> {
        RecordViews::new(count, bytes)
            .map(|view| view.map(|view| view.offset_delta))
            .collect()
    }

    const TINY: [u8; 7] = [12, 0, 0, 0, 1, 1, 0];

    #[test]
    fn the_count_and_the_bytes_must_agree() {
        assert_eq!(views(1, &TINY), [Ok(0)]);
        assert_eq!(views(2, &TINY.repeat(2)), [Ok(0), Ok(0)]);
        assert!(matches!(
            views(2, &TINY)[..],
            [Ok(0), Err(RecordsError::InvalidRecord { index: 1, .. })]
        ));
        assert!(matches!(
            views(1, &TINY.repeat(2))[..],
            [Ok(0), Err(RecordsError::InvalidRecord { .. })]
        ));
        assert!(matches!(views(-1, &TINY)[..], [Ok(0), Err(_)]));
        assert_eq!(views(0, &[]), []);
    }

    #[test]
    fn every_malformed_part_is_named() {
        for (bytes, why) in [
            (&[0x80][..], "its length is cut off"),
            (&[1], "its length is negative"),
            (&[12, 0], "it is longer than the batch"),
            (&[0], "its attributes are cut off"),
            (&[12, 0, 0, 0, 3, 1, 0], "its key is malformed"),
            (&[12, 0, 0, 0, 1, 20, 0], "its value is malformed"),
            (&[12, 0, 0, 0, 1, 1, 1], "its header count is negative"),
            (&[12, 0, 0, 0, 1, 1, 126], "a header's key is malformed"),
            (&[16, 0, 0, 0, 1, 1, 2, 0, 2], "a header's value is malformed"),
            (&[14, 0, 0, 0, 1, 1, 0, 0], "bytes are left after its headers"),
        ] {
            assert_eq!(
                views(1, bytes),
                [Err(RecordsError::InvalidRecord { index: 0, why })],
                "{bytes:?}"
            );
        }
    }
}
