//! A 128-bit id in Kafka's spelling: base64url without padding, 22 characters.

use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The id of a topic or of a data folder.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TopicId(pub [u8; 16]);

impl TopicId {
    pub const ZERO: TopicId = TopicId([0; 16]);

    /// A random id that does not start with a dash (it would look like an option on a command line).
    pub fn random() -> TopicId {
        loop {
            let mut bytes = [0; 16];
            runtime::rng::fill(&mut bytes);
            let id = TopicId(bytes);
            if !id.to_string().starts_with('-') && bytes[..15] != [0; 15] {
                return id;
            }
        }
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(22);
        for chunk in self.0.chunks(3) {
            let mut word = [0; 4];
            word[1..=chunk.len()].copy_from_slice(chunk);
            let word = u32::from_be_bytes(word);
            for place in 0..=chunk.len() {
                text.push(char::from(ALPHABET[(word >> (18 - 6 * place)) as usize & 63]));
            }
        }
        f.write_str(&text)
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TopicId {
    type Err = String;

    fn from_str(text: &str) -> Result<TopicId, String> {
        let text = text.trim_end_matches('=');
        let wrong = || format!("{text:?} is not a base64url id of 22 characters");
        if text.len() != 22 {
            return Err(wrong());
        }
        let mut bits: u128 = 0;
        for (place, byte) in text.bytes().enumerate() {
            let value = ALPHABET.iter().position(|a| *a == byte).ok_or_else(wrong)? as u128;
            // 21 characters hold 126 bits, the last one the remaining two
            bits = if place == 21 {
                (bits << 2) | (value >> 4)
            } else {
                (bits << 6) | value
            };
        }
        Ok(TopicId(bits.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_spelled_as_kafka_does() {
        let mut one = [0; 16];
        one[15] = 1;
        assert_eq!(TopicId(one).to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(TopicId::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert!("AAAA".parse::<TopicId>().is_err());
        assert!("AAAAAAAAAAAAAAAAAAAA*Q".parse::<TopicId>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn parse_inverts_display(bytes: [u8; 16]) {
            let id = TopicId(bytes);
            proptest::prop_assert_eq!(id.to_string().parse::<TopicId>(), Ok(id));
        }
    }
}
