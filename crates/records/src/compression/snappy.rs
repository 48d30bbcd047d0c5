//! snappy in the framing of xerial's snappy-java, which Kafka's clients write: 16 bytes of header (magic, version,
//! compatible version), then blocks, each a big-endian length and a raw snappy block. Some clients send one bare raw
//! block; Kafka's readers of other languages take it, and so do we.

use std::io;

const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const HEADER: [u8; 16] = [
    0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1,
];
/// Uncompressed bytes of one block, as snappy-java's default.
const BLOCK_BYTES: usize = 32 * 1024;
/// A three-byte copy emits 64 bytes at most, so no block grows more than this; a length that claims more is a lie
/// and is refused before any memory is taken for it.
const GROWTH_MAX: usize = 22;

pub(super) fn compress(raw: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(HEADER.len() + raw.len() / 2 + 32);
    out.extend_from_slice(&HEADER);
    let mut encoder = snap::raw::Encoder::new();
    let mut block = vec![0; snap::raw::max_compress_len(BLOCK_BYTES.min(raw.len()))];
    for chunk in raw.chunks(BLOCK_BYTES) {
        let len = encoder.compress(chunk, &mut block).map_err(io::Error::other)?;
        out.extend_from_slice(&(len as u32).to_be_bytes());
        out.extend_from_slice(&block[..len]);
    }
    Ok(out)
}

pub(super) fn decompress(compressed: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    let Some(mut rest) = compressed.strip_prefix(&MAGIC) else {
        return Ok(decompress_block(compressed, limit, &mut out)?.then_some(out));
    };
    rest = rest
        .get(HEADER.len() - MAGIC.len()..)
        .ok_or_else(|| malformed("the header is cut off"))?;
    while !rest.is_empty() {
        // Streams that were written one after the other: a new header where a length would be.
        if let Some(tail) = rest.strip_prefix(&MAGIC) {
            rest = tail
                .get(HEADER.len() - MAGIC.len()..)
                .ok_or_else(|| malformed("the header is cut off"))?;
            continue;
        }
        let (len, tail) = rest
            .split_first_chunk::<4>()
            .ok_or_else(|| malformed("a block length is cut off"))?;
        let len = u32::from_be_bytes(*len) as usize;
        let (block, tail) = tail
            .split_at_checked(len)
            .ok_or_else(|| malformed("a block is cut off"))?;
        if !decompress_block(block, limit, &mut out)? {
            return Ok(None);
        }
        rest = tail;
    }
    Ok(Some(out))
}

/// Appends one block's bytes; `false` when the limit would be passed.
fn decompress_block(block: &[u8], limit: usize, out: &mut Vec<u8>) -> io::Result<bool> {
    let len = snap::raw::decompress_len(block).map_err(io::Error::other)?;
    if len > block.len().saturating_mul(GROWTH_MAX) {
        return Err(malformed("a block claims more bytes than its own could make"));
    }
    let start = out.len();
    if len > limit - start {
        return Ok(false);
    }
    out.resize(start + len, 0);
    let written = snap::raw::Decoder::new()
        .decompress(block, &mut out[start..])
        .map_err(io::Error::other)?;
    out.truncate(start + written);
    Ok(true)
}

fn malformed(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_blocks_and_joined_streams_are_read() {
        let raw = b"some bytes, some bytes, some bytes".repeat(10);
        let bare = snap::raw::Encoder::new().compress_vec(&raw).expect("compresses");
        assert_eq!(decompress(&bare, 1000).expect("bare").expect("fits"), raw);
        let mut joined = compress(&raw).expect("compresses");
        joined.extend(compress(&raw).expect("compresses"));
        assert_eq!(
            decompress(&joined, 1000).expect("joined").expect("fits"),
            raw.repeat(2)
        );
    }

    #[test]
    fn a_claimed_length_takes_no_memory() {
        // A bare block that claims 1 GiB with four bytes behind it.
        assert!(decompress(&[0x80, 0x80, 0x80, 0x80, 0x04, 0, 0, 0, 0], usize::MAX).is_err());
    }

    #[test]
    fn cut_off_streams_are_errors() {
        let packed = compress(&[7; 100]).expect("compresses");
        for len in [9, 15, 17, 19, packed.len() - 1] {
            assert!(decompress(&packed[..len], 1000).is_err(), "{len}");
        }
    }
}
