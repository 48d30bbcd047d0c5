//! Which names a topic may have.

use wire::ErrorCode;

use crate::controller::Refusal;
use crate::{CLUSTER_METADATA_TOPIC, Image};

/// As long as a folder's name may be, less the longest partition number and the suffix of deleted folders.
const NAME_BYTES_MAX: usize = 249;

/// Checks a name by itself.
pub fn check_topic_name(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match name {
        "" => Err("a topic's name must not be empty".into()),
        "." | ".." => Err(format!("a topic's name must not be {name:?}")),
        _ if name.len() > NAME_BYTES_MAX => Err(format!(
            "a topic's name has at most {NAME_BYTES_MAX} characters, this one has {}",
            name.len()
        )),
        _ if !name.chars().all(legal) => Err(format!(
            "a topic's name consists of ASCII letters, digits, '.', '_' and '-', unlike {name:?}"
        )),
        _ => Ok(()),
    }
}

/// Checks the name of a topic to create.
pub(super) fn check_new(image: &Image, name: &str) -> Result<(), Refusal> {
    let invalid = |message| Refusal::new(ErrorCode::InvalidTopicException, message);
    check_topic_name(name).map_err(invalid)?;
    if name == CLUSTER_METADATA_TOPIC {
        return Err(Refusal::new(
            ErrorCode::InvalidRequest,
            format!("{name} is the cluster's own log"),
        ));
    }
    if image.topic(name).is_some() {
        return Err(Refusal::new(
            ErrorCode::TopicAlreadyExists,
            format!("topic {name} exists already"),
        ));
    }
    match colliding(image, name) {
        Some(other) => Err(invalid(format!(
            "topic {name} would share its metrics with topic {other}: there, '.' and '_' are the same"
        ))),
        None => Ok(()),
    }
}

/// A topic whose name differs only in dots and underscores.
fn colliding<'a>(image: &'a Image, name: &str) -> Option<&'a str> {
    if !name.contains(['.', '_']) {
        return None;
    }
    let unified = name.replace('.', "_");
    image
        .topics()
        .map(|topic| topic.name.as_str())
        .find(|other| other.replace('.', "_") == unified)
}
