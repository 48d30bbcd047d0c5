//! CreatePartitions (37): a topic's partition count rises; it never falls.

use wire::ErrorCode;
use wire::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};
use wire::record::MetadataRecord;

use crate::Image;
use crate::controller::{Decision, PARTITIONS_PER_REQUEST_MAX, Refusal, placement, split_duplicates};

/// Decides which of the topics get more partitions.
pub fn create_partitions(
    image: &Image,
    request: &CreatePartitionsRequest,
) -> Decision<CreatePartitionsResponse> {
    let (topics, duplicates) = split_duplicates(&request.topics, |topic| topic.name.clone());
    let mut records = Vec::new();
    let mut reply = CreatePartitionsResponse::default();
    for topic in topics {
        let grown = grow(image, topic, PARTITIONS_PER_REQUEST_MAX - records.len());
        reply.results.push(match grown {
            Ok(more) => {
                records.extend(more);
                CreatePartitionsTopicResult {
                    name: topic.name.clone(),
                    ..Default::default()
                }
            }
            Err(refusal) => refused(&topic.name, refusal),
        });
    }
    let twice = || {
        Refusal::new(
            ErrorCode::InvalidRequest,
            "the request names this topic more than once",
        )
    };
    reply
        .results
        .extend(duplicates.iter().map(|name| refused(name, twice())));
    if request.validate_only {
        records.clear();
    }
    Decision { records, reply }
}

fn refused(name: &str, refusal: Refusal) -> CreatePartitionsTopicResult {
    CreatePartitionsTopicResult {
        name: name.to_string(),
        error_code: refusal.code.code(),
        error_message: Some(refusal.message),
    }
}

fn grow(image: &Image, wanted: &CreatePartitionsTopic, limit: usize) -> Result<Vec<MetadataRecord>, Refusal> {
    let name = &wanted.name;
    let topic = image.topic(name).ok_or_else(|| {
        Refusal::new(
            ErrorCode::UnknownTopicOrPartition,
            format!("there is no topic {name}"),
        )
    })?;
    let has = topic.partitions.len() as i32;
    if wanted.count <= has {
        let message = format!(
            "topic {name} has {has} partitions; the new count must be larger, and is {}",
            wanted.count
        );
        return Err(Refusal::new(ErrorCode::InvalidPartitions, message));
    }
    let more = wanted.count - has;
    if more as usize > limit {
        let message =
            format!("one request may create {PARTITIONS_PER_REQUEST_MAX} partitions at most: use several");
        return Err(Refusal::new(ErrorCode::PolicyViolation, message));
    }
    let factor = topic
        .partitions
        .values()
        .next()
        .map_or(1, |partition| partition.replicas.len());
    let partitions = match &wanted.assignments {
        None => placement::place(image, has, more, factor.min(i16::MAX as usize) as i16)?,
        Some(assignments) if assignments.len() != more as usize => {
            let message = format!(
                "{more} partitions are added, and {} are assigned",
                assignments.len()
            );
            return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
        }
        Some(assignments) => assignments
            .iter()
            .zip(has..)
            .map(|(assignment, index)| {
                placement::assigned(image, index, &assignment.broker_ids, Some(factor))
            })
            .collect::<Result<_, _>>()?,
    };
    let records = partitions.iter().zip(has..);
    Ok(records
        .map(|(p, index)| MetadataRecord::Partition(p.to_record(topic.id, index)))
        .collect())
}
