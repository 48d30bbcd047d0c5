//! The traits of everything that stands alone in bytes: requests, responses, records.

use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};

use crate::codec::{Reader, Writer, read_front};
use crate::error::{DecodeError, DecodeFault, EncodeError, EncodeFault};
use crate::{ApiKey, header};

/// A struct with a version of its own. One struct serves all versions: what a version lacks holds its default.
pub trait Message: Sized {
    /// Kafka's name, such as `FetchRequest`.
    const NAME: &'static str;
    /// The versions that have a schema.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version with compact lengths and tagged fields; `i16::MAX` if there is none.
    const FLEXIBLE_FROM: i16;

    #[doc(hidden)]
    fn read(r: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError>;
    #[doc(hidden)]
    fn write(&self, w: &mut Writer<'_>, version: i16) -> Result<(), EncodeError>;

    /// Decodes from the front of `buf`, which is left after the message; on an error it is left as it was.
    fn decode(buf: &mut Bytes, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            let fault = DecodeFault::Version {
                first: *Self::VERSIONS.start(),
                last: *Self::VERSIONS.end(),
            };
            return Err(DecodeError::new("", fault).within(Self::NAME, version));
        }
        read_front(buf, |r| Self::read(r, version)).map_err(|error| error.within(Self::NAME, version))
    }

    /// Decodes bytes that must hold this message and nothing after it.
    fn decode_exact(mut buf: Bytes, version: i16) -> Result<Self, DecodeError> {
        let value = Self::decode(&mut buf, version)?;
        match buf.len() {
            0 => Ok(value),
            left => Err(DecodeError::new("", DecodeFault::Trailing(left)).within(Self::NAME, version)),
        }
    }

    /// Appends to `buf`; after an error, what was appended is cut off again.
    fn encode(&self, buf: &mut BytesMut, version: i16) -> Result<(), EncodeError> {
        let before = buf.len();
        let mut writer = Writer::new(buf);
        let written = check_version::<Self>(version).and_then(|()| self.write(&mut writer, version));
        written.map_err(|error| {
            buf.truncate(before);
            error.within(Self::NAME, version)
        })
    }

    /// Appends to `buf` all but the contents of `records` fields, whose lengths are given instead, in the
    /// order in which the fields stand (none for null). Gives the positions in `buf` where the contents
    /// belong, so that the caller can send, say, ranges of a file there. The fields' own values are not used.
    fn encode_around_records(
        &self,
        buf: &mut BytesMut,
        version: i16,
        lengths: &[Option<u32>],
    ) -> Result<Vec<usize>, EncodeError> {
        let before = buf.len();
        let mut writer = Writer::with_holes(buf, lengths);
        let written = check_version::<Self>(version)
            .and_then(|()| self.write(&mut writer, version))
            .and_then(|()| writer.into_holes());
        written.map_err(|error| {
            buf.truncate(before);
            error.within(Self::NAME, version)
        })
    }

    /// The message alone, in a buffer of its own.
    fn to_bytes(&self, version: i16) -> Result<Bytes, EncodeError> {
        let mut buf = BytesMut::new();
        self.encode(&mut buf, version)?;
        Ok(buf.freeze())
    }
}

fn check_version<M: Message>(version: i16) -> Result<(), EncodeError> {
    if M::VERSIONS.contains(&version) {
        return Ok(());
    }
    Err(EncodeError::new(
        "",
        EncodeFault::Version {
            first: *M::VERSIONS.start(),
            last: *M::VERSIONS.end(),
        },
    ))
}

/// A request, which knows its API and what answers it.
pub trait Request: Message {
    const KEY: ApiKey;
    type Response: Message;

    /// The version of the request header that goes before this request.
    fn header_version(version: i16) -> i16 {
        header::request_header_version(Self::KEY, version)
    }
}
