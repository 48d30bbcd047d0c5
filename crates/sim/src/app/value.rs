//! What the workloads write: values that name themselves.
//!
//! A value is `<16 hex digits of its id>:<filler>:<8 hex digits of a checksum>`. Whoever reads one knows which send it
//! came from, or that it was never sent: that is how a reader that trusts nobody tells corruption.

/// Names one send of a run: the writer's stream in the upper half, its counter in the lower.
pub type ValueId = u64;

/// Values with this bit come from batches that a broker has to refuse.
const REFUSED_BIT: u64 = 1 << 63;

pub fn id(stream: u32, counter: u32) -> ValueId {
    u64::from(stream) << 32 | u64::from(counter)
}

pub fn refused_id(stream: u32, counter: u32) -> ValueId {
    REFUSED_BIT | id(stream, counter)
}

pub fn is_refused(id: ValueId) -> bool {
    id & REFUSED_BIT != 0
}

/// The shortest value.
const OVERHEAD: usize = 16 + 1 + 1 + 8;

/// The bytes of a value, padded to about `len`.
pub fn encode(id: ValueId, len: usize) -> Vec<u8> {
    let filler = len.saturating_sub(OVERHEAD);
    let mut out = format!("{id:016x}:").into_bytes();
    // Half repetitive and half not, so that codecs find something to do.
    out.extend((0..filler).map(|i| {
        if i % 2 == 0 {
            b'o'
        } else {
            b'a' + ((id as usize).wrapping_mul(31).wrapping_add(i * i) % 26) as u8
        }
    }));
    let check = fnv1a(&out) as u32;
    out.extend_from_slice(format!(":{check:08x}").as_bytes());
    out
}

/// The id, or nothing where these bytes are no value of ours.
pub fn decode(bytes: &[u8]) -> Option<ValueId> {
    if bytes.len() < OVERHEAD {
        return None;
    }
    let (body, check) = bytes.split_at(bytes.len() - 9);
    let expected = format!(":{:08x}", fnv1a(body) as u32);
    if check != expected.as_bytes() || body[16] != b':' {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(&body[..16]).ok()?, 16).ok()
}

/// FNV-1a, 64 bits: names plans and batches in reports; nothing depends on it being hard to forge.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_name_themselves() {
        for len in [0, 26, 27, 100, 600] {
            let bytes = encode(id(3, 77), len);
            assert_eq!(bytes.len(), len.max(OVERHEAD));
            assert_eq!(decode(&bytes), Some(id(3, 77)));
        }
        assert!(is_refused(refused_id(1, 2)) && !is_refused(id(1, 2)));
    }

    #[test]
    fn a_flipped_bit_is_seen() {
        let good = encode(id(3, 77), 64);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bad), None, "bit {bit}");
        }
        assert_eq!(decode(b""), None);
        assert_eq!(decode(&good[..good.len() - 1]), None);
    }
}
