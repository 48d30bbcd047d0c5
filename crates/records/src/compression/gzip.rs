//! gzip: one member, as java.util.zip writes it. What follows the first member is ignored, as Java does.

use std::io::{self, Write};

use flate2::Compression as Level;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

use super::read_bounded;

/// Kafka's default is zlib's own, 6.
const LEVEL_DEFAULT: u32 = 6;

pub(super) fn compress(raw: &[u8], level: Option<i32>) -> io::Result<Vec<u8>> {
    let level = match level {
        None | Some(-1) => LEVEL_DEFAULT,
        Some(level) => level.clamp(1, 9) as u32,
    };
    let mut encoder = GzEncoder::new(Vec::with_capacity(raw.len() / 2 + 32), Level::new(level));
    encoder.write_all(raw)?;
    encoder.finish()
}

pub(super) fn decompress(compressed: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
    read_bounded(
        GzDecoder::new(compressed),
        limit,
        compressed.len().saturating_mul(3),
    )
}
