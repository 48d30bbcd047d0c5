//! Frames: on a stream, each request and response stands after its length, an i32 that counts what follows.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::header::{RequestHeader, ResponseHeader, response_header_version};
use crate::{ApiKey, EncodeError, Message, Request};

/// The bytes of a frame's length.
pub const LENGTH_BYTES: usize = 4;

/// A length that no frame can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {length} bytes announced, more than the {max} that are allowed")]
    TooLarge { length: i32, max: usize },
    #[error("a frame of {length} bytes announced; a length is never negative")]
    Negative { length: i32 },
}

/// Checks a length as it stands in the stream, before anything is allocated for it.
pub fn check_length(bytes: [u8; LENGTH_BYTES], max: usize) -> Result<usize, FrameError> {
    let length = i32::from_be_bytes(bytes);
    match usize::try_from(length) {
        Err(_) => Err(FrameError::Negative { length }),
        Ok(wanted) if wanted > max => Err(FrameError::TooLarge { length, max }),
        Ok(wanted) => Ok(wanted),
    }
}

/// Takes the first whole frame, without its length, off the front of what has arrived so far.
pub fn take(buf: &mut BytesMut, max: usize) -> Result<Option<Bytes>, FrameError> {
    let Some(length) = buf.first_chunk::<LENGTH_BYTES>() else {
        return Ok(None);
    };
    let length = check_length(*length, max)?;
    if buf.len() < LENGTH_BYTES + length {
        return Ok(None);
    }
    buf.advance(LENGTH_BYTES);
    Ok(Some(buf.split_to(length).freeze()))
}

/// Appends one frame: a length, and what `write` appends.
pub fn write<E>(buf: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<(), E>) -> Result<(), E> {
    let start = buf.len();
    buf.put_i32(0);
    if let Err(error) = write(buf) {
        buf.truncate(start);
        return Err(error);
    }
    set_length(buf, start, 0);
    Ok(())
}

/// Sets the length of a frame that began at `start`, and of which `elsewhere` bytes are not in `buf`.
pub fn set_length(buf: &mut BytesMut, start: usize, elsewhere: usize) {
    let length = buf.len() - start - LENGTH_BYTES + elsewhere;
    let length = i32::try_from(length)
        .expect("requests and responses stay far below 2 GiB by the limits on their parts");
    buf[start..start + LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
}

/// A whole frame: length, header, request.
pub fn request<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
) -> Result<Bytes, EncodeError> {
    let header = RequestHeader {
        request_api_key: R::KEY.code(),
        request_api_version: version,
        correlation_id,
        client_id: client_id.map(str::to_owned),
    };
    let mut buf = BytesMut::new();
    write(&mut buf, |buf| {
        header.encode(buf, R::header_version(version))?;
        request.encode(buf, version)
    })?;
    Ok(buf.freeze())
}

/// A whole frame: length, header, response.
pub fn response<M: Message>(
    key: ApiKey,
    response: &M,
    version: i16,
    correlation_id: i32,
) -> Result<Bytes, EncodeError> {
    let mut buf = BytesMut::new();
    write(&mut buf, |buf| {
        ResponseHeader { correlation_id }.encode(buf, response_header_version(key, version));
        response.encode(buf, version)
    })?;
    Ok(buf.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_off_one_by_one() {
        let mut buf = BytesMut::new();
        for text in [b"one".as_slice(), b"", b"three"] {
            write(&mut buf, |buf| {
                buf.put_slice(text);
                Ok::<_, FrameError>(())
            })
            .expect("nothing fails");
        }
        let mut arrived = BytesMut::new();
        let mut frames = Vec::new();
        for byte in buf {
            arrived.put_u8(byte);
            while let Some(frame) = take(&mut arrived, 5).expect("lengths are fine") {
                frames.push(frame);
            }
        }
        assert_eq!(frames, [b"one".as_slice(), b"", b"three"]);
    }

    #[test]
    fn impossible_lengths_are_refused_at_once() {
        let mut large = BytesMut::from([0x7f, 0xff, 0xff, 0xff].as_slice());
        assert_eq!(
            take(&mut large, 100),
            Err(FrameError::TooLarge {
                length: i32::MAX,
                max: 100
            })
        );
        assert_eq!(
            check_length([0xff; 4], 100),
            Err(FrameError::Negative { length: -1 })
        );
    }
}
