//! Records: those of the metadata log, in their frame, and control records (module `control`).
//!
//! A metadata record stands in a record's value as frame version (1), record type and version, each an
//! unsigned varint, and then the message.

mod control;

use bytes::{Bytes, BytesMut};

use crate::codec::{Writer, read_front};
use crate::error::{DecodeError, DecodeFault, EncodeError};

pub use control::{ControlRecord, ControlType};
pub use generated::*;

#[allow(unused, clippy::all)]
mod generated {
    use bytes::{Bytes, BytesMut};

    use crate::{DecodeError, EncodeError, Message};

    include!(concat!(env!("OUT_DIR"), "/records.rs"));
}

/// The only frame version that is known; 0 was of a preview.
const FRAME_VERSION: u32 = 1;

const NAME: &str = "MetadataRecord";

impl MetadataRecord {
    /// Appends frame and record, the record at a version of its own.
    pub fn encode(&self, buf: &mut BytesMut, version: i16) -> Result<(), EncodeError> {
        let before = buf.len();
        let mut w = Writer::new(buf);
        w.varint(FRAME_VERSION);
        w.varint(u32::from(self.id()));
        w.varint(u32::from(version.unsigned_abs()));
        self.write_value(buf, version)
            .inspect_err(|_| buf.truncate(before))
    }

    /// Frame and record, in a buffer of their own.
    pub fn to_bytes(&self, version: i16) -> Result<Bytes, EncodeError> {
        let mut buf = BytesMut::new();
        self.encode(&mut buf, version)?;
        Ok(buf.freeze())
    }

    /// Decodes a record's whole value, and gives the record's version with it. An unknown record type or
    /// version is an error: to skip what one does not know would make another cluster of it.
    pub fn decode(mut bytes: Bytes) -> Result<(MetadataRecord, i16), DecodeError> {
        let (id, version) = read_front(&mut bytes, |r| {
            match r.varint("frame version")? {
                FRAME_VERSION => {}
                other => {
                    return Err(DecodeError::new(
                        "frame version",
                        DecodeFault::FrameVersion(other),
                    ));
                }
            }
            let id = r.varint("type")?;
            let version = r.varint("version")?;
            let fault = || {
                DecodeError::new(
                    "version",
                    DecodeFault::Version {
                        first: 0,
                        last: i16::MAX,
                    },
                )
            };
            Ok((id, i16::try_from(version).map_err(|_| fault())?))
        })
        .map_err(|error| error.within(NAME, 0))?;
        let unknown = || DecodeError::new("type", DecodeFault::RecordType(id)).within(NAME, version);
        let short = u16::try_from(id).map_err(|_| unknown())?;
        let record = Self::read_value(short, &mut bytes, version)?.ok_or_else(unknown)?;
        match bytes.len() {
            0 => Ok((record, version)),
            left => Err(DecodeError::new("", DecodeFault::Trailing(left)).within(record.name(), version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, Uuid};

    #[test]
    fn a_frame_is_three_varints_and_the_record() {
        let record = MetadataRecord::from(TopicRecord {
            name: "t".into(),
            topic_id: Uuid::ONE,
        });
        let bytes = record.to_bytes(0).expect("a short name");
        assert_eq!(&bytes[..5], [1, 2, 0, 2, b't']);
        assert_eq!(bytes.len(), 5 + 16 + 1);
        assert_eq!(MetadataRecord::decode(bytes), Ok((record, 0)));
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for (bytes, said) in [
            (vec![0u8, 2, 0], "frame version 0; only 1 is known"),
            (vec![1, 0xff, 0x01, 0], "255 is no known record type"),
            (vec![1, 0xff, 0xff, 0x7f, 0], "is no known record type"),
            (vec![1, 2, 9], "this version has no schema here"),
            (vec![1, 2], "1 bytes wanted, 0 remain"),
        ] {
            let error = MetadataRecord::decode(bytes.into()).expect_err(said);
            assert!(error.to_string().contains(said), "{error}");
        }
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let mut bytes = BytesMut::new();
        MetadataRecord::NoOp(NoOpRecord::default())
            .encode(&mut bytes, 0)
            .expect("nothing to fail");
        bytes.extend_from_slice(&[0]);
        assert!(MetadataRecord::decode(bytes.freeze()).is_err());
        assert_eq!(NoOpRecord::VERSIONS, 0..=0);
    }
}
