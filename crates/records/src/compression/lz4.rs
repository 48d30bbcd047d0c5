//! lz4 in its frame format, with independent 64 KiB blocks and no checksums but the header's: what Kafka's Java
//! clients write. Their reader knows no linked blocks: it refuses a frame without the flag (seen in Kafka 4.2.1), and so
//! do we, lest a log holds what no Java consumer can read.

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

/// Where a frame says how it is made, and the bit that tells independent blocks.
const FLAGS_AT: usize = 4;
const INDEPENDENT_BLOCKS: u8 = 1 << 5;

pub(super) fn decompress(compressed: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
    if compressed
        .get(FLAGS_AT)
        .is_some_and(|flags| flags & INDEPENDENT_BLOCKS == 0)
    {
        let why = "its blocks depend on each other, which Kafka's readers do not know";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    read_bounded(
        FrameDecoder::new(compressed),
        limit,
        compressed.len().saturating_mul(3),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linked_blocks_are_refused_as_kafka_does() {
        let info = FrameInfo::new()
            .block_size(BlockSize::Max64KB)
            .block_mode(BlockMode::Linked);
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(&[7; 1000]).expect("it is memory");
        let frame = encoder.finish().expect("it is memory");
        assert!(decompress(&frame, 10_000).is_err());
    }
}
