//! An answer on its way to the socket: bytes, and ranges of segment files between them.

use bytes::{BufMut, Bytes, BytesMut};
use runtime::io::{self, AsyncWriteExt};
use runtime::net::OwnedWriteHalf;
use std::future::Future;
use std::pin::Pin;
use storage::ReadSlice;
use wire::header::ResponseHeader;
use wire::{EncodeError, Message};

/// A part of an answer, in order.
pub enum Piece {
    Bytes(Bytes),
    /// Pins its segments until it is sent or dropped.
    Slice(ReadSlice),
}

/// What a handler made of a request.
pub enum Outcome<R> {
    Reply(R),
    /// The rest of the work; requests behind it are handled meanwhile, and answered after it.
    Later(Pin<Box<dyn Future<Output = R> + Send>>),
    /// An encoded body that holds file ranges.
    Pieces(Vec<Piece>),
    /// No answer is expected (acks=0).
    Nothing,
    /// There is no answer that the client would understand.
    Close(String),
}

impl<R> From<R> for Outcome<R> {
    fn from(response: R) -> Self {
        Outcome::Reply(response)
    }
}

/// One whole frame.
pub struct Reply {
    pieces: Vec<Piece>,
}

impl Reply {
    pub fn encode<R: Message>(
        header: &ResponseHeader,
        header_version: i16,
        body: &R,
        version: i16,
    ) -> Result<Reply, EncodeError> {
        let mut buffer = BytesMut::with_capacity(256);
        buffer.put_i32(0);
        header.encode(&mut buffer, header_version);
        body.encode(&mut buffer, version)?;
        let length = i32::try_from(buffer.len() - 4).expect("an answer is smaller than 2 GiB");
        buffer[..4].copy_from_slice(&length.to_be_bytes());
        Ok(Reply {
            pieces: vec![Piece::Bytes(buffer.freeze())],
        })
    }

    pub fn from_pieces(header: &ResponseHeader, header_version: i16, body: Vec<Piece>) -> Reply {
        let mut buffer = BytesMut::with_capacity(64);
        buffer.put_i32(0);
        header.encode(&mut buffer, header_version);
        let body_bytes: u64 = body.iter().map(Piece::len).sum();
        let length = buffer.len() as u64 - 4 + body_bytes;
        let length = i32::try_from(length).expect("fetch.max.bytes and one batch are far below 2 GiB");
        buffer[..4].copy_from_slice(&length.to_be_bytes());
        let mut pieces = vec![Piece::Bytes(buffer.freeze())];
        pieces.extend(body);
        Reply { pieces }
    }

    /// Bytes held in memory; ranges of files are not.
    pub fn memory_bytes(&self) -> usize {
        let bytes = self.pieces.iter().map(|piece| match piece {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::Slice(_) => 0,
        });
        bytes.sum()
    }

    /// Sends all of it. An error leaves the stream in the middle of a frame: the connection must close.
    pub async fn send(self, half: &mut OwnedWriteHalf) -> io::Result<()> {
        for piece in coalesced(self.pieces) {
            match piece {
                Piece::Bytes(bytes) => half.write_all(&bytes).await?,
                Piece::Slice(slice) => send_slice(half, &slice).await?,
            }
        }
        half.flush().await
    }
}

impl Piece {
    pub fn len(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Slice(slice) => slice.len_bytes(),
        }
    }
}

async fn send_slice(half: &mut OwnedWriteHalf, slice: &ReadSlice) -> io::Result<()> {
    for range in &slice.ranges {
        let sent = half.send_file(&range.file, range.position, range.len).await?;
        if sent < range.len {
            // Truncated under us: what was promised in the header cannot be sent any more.
            let what = format!(
                "a segment gave {sent} of {} bytes at {}",
                range.len, range.position
            );
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
    }
    Ok(())
}

/// Neighbouring bytes as one write.
fn coalesced(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match (merged.last_mut(), piece) {
            (Some(Piece::Bytes(last)), Piece::Bytes(next)) => {
                let mut both = BytesMut::with_capacity(last.len() + next.len());
                both.extend_from_slice(last);
                both.extend_from_slice(&next);
                *last = both.freeze();
            }
            (_, piece) => merged.push(piece),
        }
    }
    merged
}
