//! zstd frames. The decoder's window is bounded by the limit, for a frame's header may ask for 128 MiB.

use std::io;

use super::read_bounded;

/// Windows up to this are always taken: 8 MiB, the size that RFC 8878 asks every decoder to take.
const WINDOW_LOG_MIN: u32 = 23;
/// The library's own maximum for streams.
const WINDOW_LOG_MAX: u32 = 27;

pub(super) fn compress(raw: &[u8], level: Option<i32>) -> io::Result<Vec<u8>> {
    let range = zstd::compression_level_range();
    let level = level
        .unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL)
        .clamp(*range.start(), *range.end());
    zstd::bulk::compress(raw, level)
}

pub(super) fn decompress(compressed: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(compressed)?;
    let limit_log = usize::BITS - limit.leading_zeros();
    decoder.window_log_max(limit_log.clamp(WINDOW_LOG_MIN, WINDOW_LOG_MAX))?;
    read_bounded(decoder, limit, compressed.len().saturating_mul(3))
}
