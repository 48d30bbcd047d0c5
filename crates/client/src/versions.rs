//! What versions a broker serves, and which one to speak.

use crate::Error;
use bytes::Bytes;
use std::collections::BTreeMap;
use wire::api_versions::ApiVersionsResponse;
use wire::{ApiKey, ErrorCode, Message, Request};

/// The version of ApiVersions in which a broker answers that it knows the asked one not.
const FALLBACK_VERSION: i16 = 0;

/// A broker's answer to ApiVersions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokerVersions {
    ranges: BTreeMap<i16, (i16, i16)>,
}

impl BrokerVersions {
    /// Reads the answer. `Ok(Err(version))` says that the broker knows ApiVersions up to that version only.
    pub(crate) fn from_answer(
        bytes: Bytes,
        version: i16,
        address: &str,
    ) -> Result<Result<BrokerVersions, i16>, Error> {
        let malformed = |cause: String| Error::Malformed {
            api: ApiKey::ApiVersions.name(),
            address: address.to_string(),
            cause,
        };
        let refused = bytes.starts_with(&ErrorCode::UnsupportedVersion.code().to_be_bytes());
        let version = if refused { FALLBACK_VERSION } else { version };
        let answer = ApiVersionsResponse::decode(&mut bytes.clone(), version)
            .map_err(|error| malformed(error.to_string()))?;
        let rows = answer
            .api_keys
            .iter()
            .map(|row| (row.api_key, (row.min_version, row.max_version)));
        let ranges: BTreeMap<_, _> = rows.collect();
        if refused {
            let newest = ranges
                .get(&ApiKey::ApiVersions.code())
                .map_or(FALLBACK_VERSION, |(_, max)| *max);
            return Ok(Err(
                newest.clamp(FALLBACK_VERSION, ApiKey::ApiVersions.versions().end() - 1)
            ));
        }
        Error::check(ApiKey::ApiVersions, answer.error_code, None)?;
        Ok(Ok(BrokerVersions { ranges }))
    }

    /// The newest version of the request that both sides know.
    pub fn choose<R: Request>(&self) -> Result<i16, Error> {
        let ours = R::VERSIONS;
        let theirs = self.ranges.get(&R::KEY.code());
        let newest = theirs.map(|(_, max)| *max.min(ours.end()));
        let oldest = theirs.map(|(min, _)| *min.max(ours.start()));
        match (oldest, newest) {
            (Some(oldest), Some(newest)) if oldest <= newest => Ok(newest),
            _ => Err(Error::UnsupportedVersion {
                api: R::KEY.name(),
                theirs: theirs.map_or("at no version".into(), |(min, max)| format!("{min} to {max}")),
                ours: format!("{} to {}", ours.start(), ours.end()),
            }),
        }
    }

    /// As [`BrokerVersions::choose`], but no newer than `newest`.
    pub fn choose_up_to<R: Request>(&self, newest: i16) -> Result<i16, Error> {
        Ok(self.choose::<R>()?.min(newest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::metadata::MetadataRequest;

    fn broker(min: i16, max: i16) -> BrokerVersions {
        BrokerVersions {
            ranges: BTreeMap::from([(ApiKey::Metadata.code(), (min, max))]),
        }
    }

    #[test]
    fn the_newest_common_version_is_spoken() {
        let ours = *MetadataRequest::VERSIONS.end();
        assert_eq!(broker(0, 99).choose::<MetadataRequest>().expect("common"), ours);
        assert_eq!(broker(0, 5).choose::<MetadataRequest>().expect("common"), 5);
        assert_eq!(
            broker(0, 9).choose_up_to::<MetadataRequest>(4).expect("common"),
            4
        );
    }

    #[test]
    fn no_common_version_names_both_ranges() {
        let error = broker(90, 99)
            .choose::<MetadataRequest>()
            .expect_err("none in common");
        assert!(error.to_string().contains("90 to 99"), "{error}");
        assert!(BrokerVersions::default().choose::<MetadataRequest>().is_err());
    }
}
