//! Kafka's 128-bit ids, written as 22 characters of base64url without padding.

use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const TEXT_LENGTH: usize = 22;

/// A 128-bit id. Never null: `ZERO` stands for none.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    pub const ZERO: Uuid = Uuid([0; 16]);
    /// Kafka's reserved id, which no topic may have; for directories it means "unassigned" is zero, "lost" is this.
    pub const ONE: Uuid = Uuid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// Makes an id of version 4 from random bytes, as Kafka does for topics and clusters.
    pub fn from_random(mut bytes: [u8; 16]) -> Uuid {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uuid(bytes)
    }

    pub const fn from_u128(value: u128) -> Uuid {
        Uuid(value.to_be_bytes())
    }

    pub const fn as_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 128 bits and 4 bits of padding below make 22 groups of 6, of which the first has all its bits.
        let value = self.as_u128();
        let mut text = [0u8; TEXT_LENGTH];
        for (index, letter) in text.iter_mut().enumerate() {
            let shift = 122 - 6 * index as i32;
            let group = if shift >= 0 {
                value >> shift
            } else {
                value << -shift
            };
            *letter = ALPHABET[(group & 0x3f) as usize];
        }
        f.pad(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no id: it takes 22 characters of base64url (A-Z a-z 0-9 - _)")]
pub struct ParseUuidError(String);

impl FromStr for Uuid {
    type Err = ParseUuidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ParseUuidError(text.chars().take(64).collect());
        let bytes = text.trim_end_matches('=').as_bytes();
        if bytes.len() != TEXT_LENGTH {
            return Err(fail());
        }
        let mut value = 0u128;
        for (index, letter) in bytes.iter().enumerate() {
            let group = ALPHABET.iter().position(|it| it == letter).ok_or_else(fail)? as u128;
            value = if index + 1 < TEXT_LENGTH {
                value << 6 | group
            } else {
                value << 2 | group >> 4
            };
        }
        Ok(Uuid::from_u128(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_as_kafka_writes_it() {
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(Uuid::ONE.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(Uuid([0xff; 16]).to_string(), "_____________________w");
        let id = Uuid::from_u128(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn refuses_what_is_no_id() {
        for text in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAA!",
            "AAAAAAAAAAAAAAAAAAAAAAA",
            "ääääääääääää",
        ] {
            assert!(text.parse::<Uuid>().is_err(), "{text}");
        }
    }

    #[test]
    fn random_ids_are_version_4() {
        assert_eq!(
            Uuid::from_random([0xff; 16]).as_u128(),
            0xffff_ffff_ffff_4fff_bfff_ffff_ffff_ffff
        );
    }
}
