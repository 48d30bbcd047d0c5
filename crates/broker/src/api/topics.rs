//! Rules of topics' names that several handlers share.

use wire::ErrorCode;

const NAME_LENGTH_MAX: usize = 249;
const INTERNAL: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];

pub fn is_internal(name: &str) -> bool {
    INTERNAL.contains(&name)
}

/// `Topic.validate`: letters, digits, `.`, `_` and `-`, at most 249 of them, and neither "." nor "..".
pub fn validate_name(name: &str) -> Result<(), ErrorCode> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let valid = !name.is_empty() && name.len() <= NAME_LENGTH_MAX && name != "." && name != "..";
    if valid && name.bytes().all(legal) {
        Ok(())
    } else {
        Err(ErrorCode::InvalidTopicException)
    }
}
