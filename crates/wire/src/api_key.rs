//! The table of APIs: key, name, versions. Made from the schemas.

use std::fmt;
use std::ops::RangeInclusive;

include!(concat!(env!("OUT_DIR"), "/api_key.rs"));

/// What is known of an API.
struct Row {
    key: ApiKey,
    name: &'static str,
    stem: &'static str,
    versions: RangeInclusive<i16>,
    served: Option<RangeInclusive<i16>>,
    advertised: Option<RangeInclusive<i16>>,
    flexible_from: i16,
}

impl ApiKey {
    /// Every API that has a schema, by key.
    pub fn all() -> impl ExactSizeIterator<Item = ApiKey> {
        ROWS.iter().map(|row| row.key)
    }

    pub fn from_code(code: i16) -> Option<ApiKey> {
        ROWS.binary_search_by_key(&code, |row| row.key as i16)
            .ok()
            .map(|index| ROWS[index].key)
    }

    pub fn code(self) -> i16 {
        self as i16
    }

    fn row(self) -> &'static Row {
        let index = ROWS.binary_search_by_key(&self.code(), |row| row.key as i16);
        &ROWS[index.expect("the generator makes one row per key, in order")]
    }

    /// Kafka's name, such as `Produce`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name of schema, handler and metric, such as `produce`.
    pub fn stem(self) -> &'static str {
        self.row().stem
    }

    /// The versions that have a schema here.
    pub fn versions(self) -> RangeInclusive<i16> {
        self.row().versions.clone()
    }

    /// The versions that our broker answers; none where only the bytes are known.
    pub fn served(self) -> Option<RangeInclusive<i16>> {
        self.row().served.clone()
    }

    /// The versions that ApiVersions tells: what is served, except that Produce tells 0 to 2 too, which
    /// old clients look for.
    pub fn advertised(self) -> Option<RangeInclusive<i16>> {
        self.row().advertised.clone()
    }

    /// The first flexible version; `i16::MAX` if there is none.
    pub fn flexible_from(self) -> i16 {
        self.row().flexible_from
    }

    pub fn is_flexible(self, version: i16) -> bool {
        version >= self.flexible_from()
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_codes_agree() {
        for key in ApiKey::all() {
            assert_eq!(ApiKey::from_code(key.code()), Some(key));
        }
        assert_eq!(ApiKey::from_code(-1), None);
        assert_eq!(ApiKey::from_code(i16::MAX), None);
    }

    #[test]
    fn produce_advertises_what_it_rejects() {
        assert_eq!(ApiKey::Produce.served(), Some(3..=13));
        assert_eq!(ApiKey::Produce.advertised(), Some(0..=13));
        assert_eq!(ApiKey::Fetch.advertised(), Some(4..=18));
    }
}
