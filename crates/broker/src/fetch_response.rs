//! The body of a Fetch answer as pieces: bytes, with ranges of segment files where the records go.

use crate::reply::Piece;
use bytes::BytesMut;
use storage::ReadSlice;
use wire::fetch::FetchResponse;
use wire::{EncodeError, Message};

/// Encodes `response`, whose partitions hold no records; `slices` holds them, one for each partition in order.
pub fn encode(
    response: &FetchResponse,
    slices: Vec<Option<ReadSlice>>,
    version: i16,
) -> Result<Vec<Piece>, EncodeError> {
    let length = |slice: &Option<ReadSlice>| slice.as_ref().map_or(0, |slice| slice.len_bytes() as u32);
    let lengths: Vec<Option<u32>> = slices.iter().map(|slice| Some(length(slice))).collect();
    let mut bytes = BytesMut::with_capacity(256);
    let holes = response.encode_around_records(&mut bytes, version, &lengths)?;
    assert_eq!(
        holes.len(),
        slices.len(),
        "each partition has its place for records"
    );
    let mut rest = bytes.freeze();
    let mut position = 0;
    let mut pieces = Vec::new();
    for (hole, slice) in holes.into_iter().zip(slices) {
        let Some(slice) = slice else { continue };
        pieces.push(Piece::Bytes(rest.split_to(hole - position)));
        pieces.push(Piece::Slice(slice));
        position = hole;
    }
    pieces.push(Piece::Bytes(rest));
    Ok(pieces)
}
