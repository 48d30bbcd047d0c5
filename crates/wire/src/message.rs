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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::{FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData};
    use crate::metadata::MetadataRequest;

    /// Two partitions with records, and one without between them.
    fn response() -> FetchResponse {
        let partition = |records: Option<&'static [u8]>| PartitionData {
            records: records.map(Bytes::from_static),
            ..Default::default()
        };
        let partitions = vec![
            partition(Some(b"first")),
            partition(None),
            partition(Some(b"third and last")),
        ];
        FetchResponse {
            responses: vec![FetchableTopicResponse {
                partitions,
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn records_fit_into_the_places_that_were_left() {
        for version in FetchResponse::VERSIONS {
            let whole = response().to_bytes(version).expect("a small response");
            let mut buf = BytesMut::from(b"before".as_slice());
            let places = response().encode_around_records(&mut buf, version, &[Some(5), None, Some(14)]);
            let places = places.expect("a length for each partition");
            assert_eq!(places.len(), 3);
            let mut filled = buf[b"before".len()..places[0]].to_vec();
            filled.extend(b"first");
            filled.extend(&buf[places[0]..places[2]]);
            filled.extend(b"third and last");
            filled.extend(&buf[places[2]..]);
            assert_eq!(filled, whole, "version {version}");
        }
    }

    #[test]
    fn lengths_must_be_as_many_as_places() {
        let mut buf = BytesMut::from(b"before".as_slice());
        for (lengths, said) in [
            (&[Some(5)][..], "more fields of records than lengths were given"),
            (
                &[Some(5); 4],
                "1 lengths were given for which there is no field of records",
            ),
        ] {
            let error = response()
                .encode_around_records(&mut buf, 18, lengths)
                .expect_err(said);
            assert!(error.to_string().contains(said), "{error}");
            assert_eq!(buf, b"before".as_slice());
        }
    }

    #[test]
    fn what_a_version_cannot_carry_is_an_error_that_names_it() {
        let request = FetchRequest {
            rack_id: "r".into(),
            ..Default::default()
        };
        request.to_bytes(4).expect("the rack is ignorable");
        let request = MetadataRequest {
            include_topic_authorized_operations: true,
            ..Default::default()
        };
        let mut buf = BytesMut::from(b"before".as_slice());
        let error = request
            .encode(&mut buf, 7)
            .expect_err("version 7 has no such field");
        assert_eq!(
            error.to_string(),
            "cannot encode MetadataRequest version 7: MetadataRequest.include_topic_authorized_operations: set, but \
             this version has no such field; leave it at its default or use a version that has it"
        );
        assert_eq!(buf, b"before".as_slice());
    }

    #[test]
    fn bytes_that_are_cut_short_name_the_place() {
        let whole = response().to_bytes(4).expect("a small response");
        let said = |length: usize| {
            let error =
                FetchResponse::decode_exact(whole.slice(..length), 4).expect_err("more was announced");
            error.to_string()
        };
        assert_eq!(
            said(20),
            "cannot decode FetchResponse version 4: FetchableTopicResponse.partitions: 3 elements announced, more \
             than the 6 remaining bytes can hold"
        );
        assert_eq!(
            said(whole.len() - 1),
            "cannot decode FetchResponse version 4: PartitionData.records: 14 bytes wanted, 13 remain"
        );
        let mut front = BytesMut::from(whole.as_ref());
        front.extend_from_slice(b"more");
        let mut front = front.freeze();
        assert_eq!(
            FetchResponse::decode(&mut front.clone(), 4).map(|it| it.responses.len()),
            Ok(1)
        );
        assert!(FetchResponse::decode_exact(front.clone(), 4).is_err());
        FetchResponse::decode(&mut front, 4).expect("as before");
        assert_eq!(front.as_ref(), b"more");
    }

    #[test]
    fn records_are_slices_of_what_arrived() {
        let whole = response().to_bytes(12).expect("a small response");
        let range = whole.as_ptr_range();
        let decoded = FetchResponse::decode_exact(whole.clone(), 12).expect("its own bytes");
        let records = decoded.responses[0].partitions[2]
            .records
            .as_ref()
            .expect("it has some");
        assert!(range.contains(&records.as_ptr()));
    }
}
