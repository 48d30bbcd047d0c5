//! DeleteTopics (20): by name, or by id from version 6 on.

use std::collections::BTreeSet;

use wire::delete_topics::{DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse};
use wire::record::{MetadataRecord, RemoveTopicRecord};
use wire::{ErrorCode, Uuid};

use crate::Image;
use crate::controller::{Decision, Defaults, Refusal, split_duplicates};

/// Decides which of the topics to delete. `version` is the request's: before 3 there is no error code for
/// "deletion is off".
pub fn delete_topics(
    image: &Image,
    request: &DeleteTopicsRequest,
    version: i16,
    defaults: &Defaults,
) -> Decision<DeleteTopicsResponse> {
    let wanted: Vec<Wanted> = request
        .topics
        .iter()
        .map(|topic| Wanted {
            name: topic.name.clone(),
            id: topic.topic_id,
        })
        .chain(request.topic_names.iter().map(|name| Wanted {
            name: Some(name.clone()),
            id: Uuid::ZERO,
        }))
        .collect();
    let (once, duplicates) = split_duplicates(&wanted, Clone::clone);
    let mut records = Vec::new();
    let mut deleted = BTreeSet::new();
    let mut reply = DeleteTopicsResponse::default();
    for topic in once {
        let found = if defaults.delete_topic_enable {
            topic.find(image)
        } else {
            Err(switched_off(version))
        };
        let found = found.and_then(|(id, name)| match deleted.insert(id) {
            true => Ok((id, name)),
            false => Err(twice()),
        });
        reply.responses.push(match found {
            Ok((topic_id, name)) => {
                records.push(MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id }));
                DeletableTopicResult {
                    name: Some(name),
                    topic_id,
                    ..Default::default()
                }
            }
            Err(refusal) => topic.refused(refusal),
        });
    }
    reply
        .responses
        .extend(duplicates.iter().map(|topic| topic.refused(twice())));
    Decision { records, reply }
}

fn twice() -> Refusal {
    Refusal::new(
        ErrorCode::InvalidRequest,
        "the request names this topic more than once",
    )
}

fn switched_off(version: i16) -> Refusal {
    let code = if version < 3 {
        ErrorCode::InvalidRequest
    } else {
        ErrorCode::TopicDeletionDisabled
    };
    Refusal::new(
        code,
        "topics cannot be deleted: the broker's setting delete.topic.enable is false",
    )
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    name: Option<String>,
    id: Uuid,
}

impl Wanted {
    fn find(&self, image: &Image) -> Result<(Uuid, String), Refusal> {
        let invalid = |message| Err(Refusal::new(ErrorCode::InvalidRequest, message));
        let topic = match (&self.name, self.id == Uuid::ZERO) {
            (None, true) => return invalid("neither a name nor an id is given"),
            (Some(_), false) => return invalid("a name and an id are given: give one of them"),
            (Some(name), true) => image.topic(name).ok_or_else(|| {
                Refusal::new(
                    ErrorCode::UnknownTopicOrPartition,
                    format!("there is no topic {name}"),
                )
            }),
            (None, false) => image.topic_by_id(self.id).ok_or_else(|| {
                Refusal::new(
                    ErrorCode::UnknownTopicId,
                    format!("there is no topic with id {}", self.id),
                )
            }),
        };
        topic.map(|topic| (topic.id, topic.name.clone()))
    }

    fn refused(&self, refusal: Refusal) -> DeletableTopicResult {
        DeletableTopicResult {
            name: self.name.clone(),
            topic_id: self.id,
            error_code: refusal.code.code(),
            error_message: Some(refusal.message),
        }
    }
}
