//! ApiVersions (key 18, v0–4): what this broker serves.
//!
//! - v3 (KIP-511): the client names its software, which must match `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`,
//!   else INVALID_REQUEST. KIP-584: supported and finalized features.
//! - v4 (KIP-1022): features whose minimum is 0 may be told; older readers cannot parse them, so they are left out.
//! - The response header is v0 at every version, for a client may not know yet what the broker speaks.
//! - A version above ours is answered in v0 with UNSUPPORTED_VERSION and the one row of ApiVersions itself.

use super::{Call, Head, table};
use wire::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};
use wire::{ApiKey, ErrorCode};

pub async fn handle(call: Call, head: Head, request: ApiVersionsRequest) -> ApiVersionsResponse {
    let names = [&request.client_software_name, &request.client_software_version];
    if head.version >= 3 && !names.into_iter().all(|name| is_software_name(name)) {
        return ApiVersionsResponse {
            error_code: ErrorCode::InvalidRequest.code(),
            ..Default::default()
        };
    }
    let rows = table().into_iter().map(|row| ApiVersion {
        api_key: row.key.code(),
        min_version: row.version_min_advertised,
        max_version: *row.versions.end(),
    });
    let features = call.node().features();
    let told = |minimum: i16| head.version >= 4 || minimum > 0;
    ApiVersionsResponse {
        error_code: ErrorCode::None.code(),
        api_keys: rows.collect(),
        throttle_time_ms: 0,
        supported_features: features
            .supported
            .iter()
            .filter(|(_, range)| told(*range.start()))
            .map(|(name, range)| SupportedFeatureKey {
                name: name.clone(),
                min_version: *range.start(),
                max_version: *range.end(),
            })
            .collect(),
        finalized_features_epoch: features.epoch,
        finalized_features: features
            .finalized
            .iter()
            .map(|(name, level)| FinalizedFeatureKey {
                name: name.clone(),
                max_version_level: *level,
                min_version_level: *level,
            })
            .collect(),
        zk_migration_ready: false,
    }
}

/// The answer, in version 0, to a version that we do not know.
pub fn unsupported_version() -> ApiVersionsResponse {
    let versions = ApiKey::ApiVersions.served().expect("ApiVersions is served");
    ApiVersionsResponse {
        error_code: ErrorCode::UnsupportedVersion.code(),
        api_keys: vec![ApiVersion {
            api_key: ApiKey::ApiVersions.code(),
            min_version: *versions.start(),
            max_version: *versions.end(),
        }],
        ..Default::default()
    }
}

fn is_software_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_names_follow_the_pattern() {
        for (name, valid) in [
            ("librdkafka", true),
            ("2.10.0-rc.1", true),
            ("a", true),
            ("", false),
            ("-a", false),
            ("a.", false),
            ("a b", false),
            ("é", false),
        ] {
            assert_eq!(is_software_name(name), valid, "{name:?}");
        }
    }
}
