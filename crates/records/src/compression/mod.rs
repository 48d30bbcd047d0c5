//! The four codecs of a record batch, as Kafka's Java clients and librdkafka write and read them.
//!
//! Every decompression has a limit in bytes: what would grow beyond it is an error, not memory.

mod gzip;
mod lz4;
mod snappy;
mod zstd;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use crate::RecordsError;

/// Bits 0–2 of a batch's attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    #[default]
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

impl Compression {
    pub const ALL: [Compression; 5] = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];

    pub fn from_id(id: u8) -> Result<Compression, RecordsError> {
        Compression::ALL
            .into_iter()
            .find(|codec| codec.id() == id)
            .ok_or(RecordsError::UnknownCodec { id })
    }

    pub fn id(self) -> u8 {
        self as u8
    }

    /// The name in `compression.type`.
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compression {
    type Err = String;

    /// A producer's `compression.type`. A topic's `uncompressed` means `none` too; its `producer` is no codec.
    fn from_str(name: &str) -> Result<Self, String> {
        if name == "uncompressed" {
            return Ok(Compression::None);
        }
        Compression::ALL
            .into_iter()
            .find(|codec| codec.name() == name)
            .ok_or_else(|| format!("{name:?} is no compression type: none, gzip, snappy, lz4, zstd are"))
    }
}

/// Compresses the records section of a batch. `level` is the codec's own scale (gzip 1–9, zstd −131072–22); `None`
/// is Kafka's default. Snappy has no levels, and lz4 is always the fast one. Borrows for [`Compression::None`].
pub fn compress(codec: Compression, level: Option<i32>, raw: &[u8]) -> Result<Cow<'_, [u8]>, RecordsError> {
    let compressed = match codec {
        Compression::None => return Ok(Cow::Borrowed(raw)),
        Compression::Gzip => gzip::compress(raw, level),
        Compression::Snappy => snappy::compress(raw),
        Compression::Lz4 => lz4::compress(raw),
        Compression::Zstd => zstd::compress(raw, level),
    };
    compressed
        .map(Cow::Owned)
        .map_err(|error| RecordsError::Compress {
            codec,
            why: error.to_string(),
        })
}

/// Decompresses the records section of a batch; more than `limit` bytes of it are an error. Borrows for
/// [`Compression::None`].
pub fn decompress(
    codec: Compression,
    compressed: &[u8],
    limit: usize,
) -> Result<Cow<'_, [u8]>, RecordsError> {
    let result = match codec {
        Compression::None if compressed.len() > limit => Ok(None),
        Compression::None => return Ok(Cow::Borrowed(compressed)),
        Compression::Gzip => gzip::decompress(compressed, limit),
        Compression::Snappy => snappy::decompress(compressed, limit),
        Compression::Lz4 => lz4::decompress(compressed, limit),
        Compression::Zstd => zstd::decompress(compressed, limit),
    };
    match result {
        Ok(Some(raw)) => Ok(Cow::Owned(raw)),
        Ok(None) => Err(RecordsError::DecompressedTooLarge { codec, limit }),
        Err(error) => Err(RecordsError::Decompress {
            codec,
            why: error.to_string(),
        }),
    }
}

/// Reads to the end, or gives `None` once more than `limit` bytes came. Memory grows with what really comes.
fn read_bounded(reader: impl Read, limit: usize, first_guess: usize) -> io::Result<Option<Vec<u8>>> {
    let mut raw = Vec::with_capacity(first_guess.min(limit));
    reader
        .take((limit as u64).saturating_add(1))
        .read_to_end(&mut raw)?;
    Ok((raw.len() <= limit).then_some(raw))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 20;

    fn sample(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 7 % 31 + i / 977) as u8).collect()
    }

    #[test]
    fn round_trips_across_block_sizes() {
        for codec in Compression::ALL {
            for len in [0, 1, 100, 32 * 1024, 32 * 1024 + 1, 64 * 1024, 300_000] {
                let raw = sample(len);
                let packed = compress(codec, None, &raw).expect("compresses");
                assert_eq!(
                    decompress(codec, &packed, LIMIT).expect("decompresses"),
                    raw,
                    "{codec} {len}"
                );
            }
        }
    }

    #[test]
    fn levels_are_taken_and_clamped() {
        let raw = sample(50_000);
        for (codec, level) in [
            (Compression::Gzip, 1),
            (Compression::Gzip, 9),
            (Compression::Gzip, 99),
            (Compression::Zstd, -5),
            (Compression::Zstd, 19),
            (Compression::Zstd, 99),
        ] {
            let packed = compress(codec, Some(level), &raw).expect("compresses");
            assert_eq!(
                decompress(codec, &packed, LIMIT).expect("decompresses"),
                raw,
                "{codec} {level}"
            );
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let raw = vec![0u8; 4 << 20];
        for codec in Compression::ALL {
            let packed = compress(codec, None, &raw).expect("compresses");
            assert_eq!(
                decompress(codec, &packed, LIMIT),
                Err(RecordsError::DecompressedTooLarge { codec, limit: LIMIT }),
            );
            assert_eq!(
                decompress(codec, &packed, raw.len()).expect("fits exactly").len(),
                raw.len()
            );
        }
    }

    #[test]
    fn names_and_ids() {
        for codec in Compression::ALL {
            assert_eq!(codec.name().parse(), Ok(codec));
            assert_eq!(Compression::from_id(codec.id()), Ok(codec));
        }
        assert_eq!(Compression::from_id(5), Err(RecordsError::UnknownCodec { id: 5 }));
        assert!("brotli".parse::<Compression>().is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_round_trip(raw in proptest::collection::vec(any::<u8>(), 0..3000), id in 0u8..5) {
            let codec = Compression::from_id(id).expect("0 to 4");
            let packed = compress(codec, None, &raw).expect("compresses");
            prop_assert_eq!(decompress(codec, &packed, LIMIT).expect("decompresses"), &raw[..]);
        }

        #[test]
        fn garbage_is_an_error_or_bounded(raw in proptest::collection::vec(any::<u8>(), 0..300), id in 1u8..5) {
            let codec = Compression::from_id(id).expect("1 to 4");
            if let Ok(out) = decompress(codec, &raw, 5000) {
                prop_assert!(out.len() <= 5000);
            }
        }

        #[test]
        fn damage_is_an_error_or_bounded(at in 0usize..2000, flip in 1u8..=255, id in 1u8..5) {
            let codec = Compression::from_id(id).expect("1 to 4");
            let mut packed = compress(codec, None, &sample(4000)).expect("compresses").into_owned();
            let at = at % packed.len();
            packed[at] ^= flip;
            if let Ok(out) = decompress(codec, &packed, 8000) {
                prop_assert!(out.len() <= 8000);
            }
        }
    }
}
