//! What stands before each request and response in its frame.
//!
//! A request header is of version 1 or, where the request is flexible, 2 (version 0 was ControlledShutdown's
//! alone). Its client id stays a plain string even at version 2. A response header is of version 0, or 1
//! where the response is flexible; ApiVersions answers with version 0 always, so that a client which asked
//! at too new a version can read the refusal (KIP-511).

use bytes::{Bytes, BytesMut};

use crate::codec::{Writer, read_front};
use crate::error::{DecodeError, DecodeFault, EncodeError};
use crate::{ApiKey, Reader};

/// The bytes of a request header that all versions share: key, version and correlation id.
pub const REQUEST_HEADER_BYTES_MIN: usize = 8;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeader {
    pub request_api_key: i16,
    pub request_api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseHeader {
    pub correlation_id: i32,
}

/// The header's version before a request of this API and version.
pub fn request_header_version(key: ApiKey, version: i16) -> i16 {
    if key.is_flexible(version) { 2 } else { 1 }
}

/// The header's version before a response of this API and version.
pub fn response_header_version(key: ApiKey, version: i16) -> i16 {
    if key != ApiKey::ApiVersions && key.is_flexible(version) {
        1
    } else {
        0
    }
}

impl RequestHeader {
    /// The API, if it is one with a schema.
    pub fn api_key(&self) -> Option<ApiKey> {
        ApiKey::from_code(self.request_api_key)
    }

    /// Reads key, version and correlation id alone, without moving on: enough to answer, or to refuse, a
    /// request of which nothing else can be read.
    pub fn peek(buf: &Bytes) -> Result<RequestHeader, DecodeError> {
        Self::read_start(&mut Reader::new(buf)).map_err(|error| error.within("RequestHeader", 0))
    }

    /// Reads the header at the front of a frame, choosing its version by the key and version inside. An
    /// unknown key, or a version that has no schema, counts as not flexible; what follows cannot be read anyway.
    pub fn decode(buf: &mut Bytes) -> Result<RequestHeader, DecodeError> {
        let start = Self::peek(buf)?;
        let version = start
            .api_key()
            .map_or(1, |key| request_header_version(key, start.request_api_version));
        Self::decode_as(buf, version)
    }

    /// Reads the header at the front of a frame, as of a header version.
    pub fn decode_as(buf: &mut Bytes, header_version: i16) -> Result<RequestHeader, DecodeError> {
        let read = |r: &mut Reader<'_>| {
            check_version(header_version, 2)?;
            let mut header = Self::read_start(r)?;
            if header_version >= 1 {
                header.client_id = r.nullable_string(false, "RequestHeader.client_id")?;
            }
            if header_version >= 2 {
                r.skip_tags("RequestHeader")?;
            }
            Ok(header)
        };
        read_front(buf, read).map_err(|error| error.within("RequestHeader", header_version))
    }

    fn read_start(r: &mut Reader<'_>) -> Result<RequestHeader, DecodeError> {
        Ok(RequestHeader {
            request_api_key: r.i16("RequestHeader.request_api_key")?,
            request_api_version: r.i16("RequestHeader.request_api_version")?,
            correlation_id: r.i32("RequestHeader.correlation_id")?,
            client_id: None,
        })
    }

    /// Appends the header, as of a header version (see `request_header_version`).
    pub fn encode(&self, buf: &mut BytesMut, header_version: i16) -> Result<(), EncodeError> {
        let mut w = Writer::new(buf);
        w.i16(self.request_api_key);
        w.i16(self.request_api_version);
        w.i32(self.correlation_id);
        if header_version >= 1 {
            w.nullable_string(false, self.client_id.as_deref(), "RequestHeader.client_id")
                .map_err(|error| error.within("RequestHeader", header_version))?;
        }
        if header_version >= 2 {
            w.tag_count(0);
        }
        Ok(())
    }
}

impl ResponseHeader {
    /// Reads the header at the front of a frame, as of a header version (see `response_header_version`).
    pub fn decode(buf: &mut Bytes, header_version: i16) -> Result<ResponseHeader, DecodeError> {
        let read = |r: &mut Reader<'_>| {
            check_version(header_version, 1)?;
            let header = ResponseHeader {
                correlation_id: r.i32("ResponseHeader.correlation_id")?,
            };
            if header_version >= 1 {
                r.skip_tags("ResponseHeader")?;
            }
            Ok(header)
        };
        read_front(buf, read).map_err(|error| error.within("ResponseHeader", header_version))
    }

    pub fn encode(&self, buf: &mut BytesMut, header_version: i16) {
        let mut w = Writer::new(buf);
        w.i32(self.correlation_id);
        if header_version >= 1 {
            w.tag_count(0);
        }
    }
}

fn check_version(header_version: i16, last: i16) -> Result<(), DecodeError> {
    if (0..=last).contains(&header_version) {
        return Ok(());
    }
    Err(DecodeError::new("", DecodeFault::Version { first: 0, last }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_by_api() {
        assert_eq!(request_header_version(ApiKey::Produce, 8), 1);
        assert_eq!(request_header_version(ApiKey::Produce, 9), 2);
        assert_eq!(response_header_version(ApiKey::Produce, 9), 1);
        assert_eq!(request_header_version(ApiKey::ApiVersions, 3), 2);
        assert_eq!(response_header_version(ApiKey::ApiVersions, 4), 0);
    }

    #[test]
    fn a_request_header_comes_back() {
        for (key, version) in [(ApiKey::Fetch, 4), (ApiKey::Fetch, 18)] {
            let header = RequestHeader {
                request_api_key: key.code(),
                request_api_version: version,
                correlation_id: 7,
                client_id: Some("rdkafka".into()),
            };
            let mut buf = BytesMut::new();
            header
                .encode(&mut buf, request_header_version(key, version))
                .expect("a short client id");
            let mut bytes = buf.freeze();
            assert_eq!(RequestHeader::peek(&bytes).map(|it| it.correlation_id), Ok(7));
            assert_eq!(RequestHeader::decode(&mut bytes), Ok(header));
            assert!(bytes.is_empty());
        }
    }

    #[test]
    fn an_unknown_key_still_has_a_header() {
        let mut bytes = Bytes::from_static(&[0x7f, 0xff, 0, 99, 0, 0, 0, 5, 0xff, 0xff]);
        let header = RequestHeader::decode(&mut bytes).expect("ten bytes are enough");
        assert_eq!(
            (header.api_key(), header.correlation_id, header.client_id),
            (None, 5, None)
        );
    }
}
