//! lz4 in its frame format, with independent 64 KiB blocks and no checksums but the header's: what Kafka's Java
//! clients write. Their reader knows no linked blocks, so we write none; ours reads both.

use std::io::{self, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::read_bounded;

pub(super) fn compress(raw: &[u8]) -> io::Result<Vec<u8>> {
    let info = FrameInfo::new()
        .block_size(BlockSize::Max64KB)
        .block_mode(BlockMode::Independent);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::with_capacity(raw.len() / 2 + 32));
    // An empty write would leave out the frame's header.
    encoder.write_all(raw)?;
    encoder.finish().map_err(io::Error::other)
}

pub(super) fn decompress(compressed: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
    read_bounded(
        FrameDecoder::new(compressed),
        limit,
        compressed.len().saturating_mul(3),
    )
}
