//! murmur2 as Kafka's Java client computes it, so that a key lands on the same partition from every language.

const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;
const R: u32 = 24;

/// The 32-bit hash of a key's bytes.
pub fn murmur2(bytes: &[u8]) -> i32 {
    let mut hash = SEED ^ bytes.len() as u32;
    let (chunks, tail) = bytes.as_chunks::<4>();
    for chunk in chunks {
        let mut k = u32::from_le_bytes(*chunk).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (index, &byte) in tail.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    (hash ^ (hash >> 15)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Values from Kafka's own test of its hash (UtilsTest).
    #[test]
    fn agrees_with_java() {
        for (key, hash) in [
            ("21", -973932308),
            ("foobar", -790332482),
            ("a-little-bit-long-string", -985981536),
            ("a-little-bit-longer-string", -1486304829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
            ("abc", 479470107),
        ] {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    proptest! {
        /// The same hash, written as the Java code computes: byte by byte, with signed arithmetic.
        #[test]
        fn equals_a_plain_transcription(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let (m, mut h) = (0x5bd1_e995_i32, 0x9747_b28c_u32 as i32 ^ bytes.len() as i32);
            let words = bytes.len() / 4;
            for i in 0..words {
                let mut k = (0..4).map(|j| i32::from(bytes[i * 4 + j]) << (8 * j)).fold(0, i32::wrapping_add);
                k = k.wrapping_mul(m);
                k ^= ((k as u32) >> 24) as i32;
                h = h.wrapping_mul(m) ^ k.wrapping_mul(m);
            }
            let rest = &bytes[words * 4..];
            for (j, byte) in rest.iter().enumerate().rev() {
                h ^= i32::from(*byte) << (8 * j);
            }
            if !rest.is_empty() {
                h = h.wrapping_mul(m);
            }
            h ^= ((h as u32) >> 13) as i32;
            h = h.wrapping_mul(m);
            prop_assert_eq!(murmur2(&bytes), h ^ ((h as u32) >> 15) as i32);
        }
    }
}
