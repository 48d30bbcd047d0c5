//! Creates the plan's topics, before anything else happens.

use super::cluster::Cluster;
use super::connection::{CALL_LIMIT, CallError, Caller};
use crate::app::clock;
use crate::app::history::{Liveness, Recorder, TopicFacts, TopicRef};
use crate::app::plan::{Plan, TopicPlan};
use std::collections::BTreeMap;
use std::time::Duration;
use wire::ErrorCode;
use wire::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use wire::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use wire::metadata::{MetadataRequest, MetadataRequestTopic};

/// Before any fault, creating a topic takes at most so many tries of [`CALL_LIMIT`].
const TRIES: u32 = 6;

/// The topics by name; one that could not be created is an unmet demand of the history.
pub async fn create_planned_topics(
    cluster: &Cluster,
    plan: &Plan,
    recorder: &Recorder,
) -> BTreeMap<String, TopicRef> {
    let mut topics = BTreeMap::new();
    for topic in &plan.topics {
        let asked = clock::now();
        let (address, wanted) = (cluster.address(), topic.clone());
        let task = cluster.sim.spawn_on(cluster.client(0), async move {
            create_surely(&address, &wanted).await
        });
        let created = task
            .await
            .unwrap_or_else(|_| Err("the client node panicked".to_owned()));
        let (id, last_error) = match created {
            Ok(id) => (Some(id), None),
            Err(error) => (None, Some(error)),
        };
        recorder.with(|h| {
            h.liveness.push(Liveness {
                demand: format!("creating {} before any fault", topic.name),
                asked,
                met: id.is_some().then(clock::now),
                excuse: None,
                last_error,
            });
        });
        if id.is_some() {
            topics.insert(topic.name.clone(), recorder.add_topic(facts(topic, id)));
        }
    }
    topics
}

fn facts(topic: &TopicPlan, id: Option<String>) -> TopicFacts {
    TopicFacts {
        name: topic.name.clone(),
        id,
        partitions: topic.partitions,
        caching: topic.caching(),
        retention: topic.retention(),
        deleted: None,
    }
}

async fn create_surely(address: &str, topic: &TopicPlan) -> Result<String, String> {
    let mut caller = Caller::new(address);
    let mut last = String::new();
    for _ in 0..TRIES {
        match create(&mut caller, topic).await {
            Ok((ErrorCode::None, id)) => return Ok(id),
            Ok((ErrorCode::TopicAlreadyExists, _)) => {
                if let Some(id) = topic_id(&mut caller, &topic.name).await.ok().flatten() {
                    return Ok(id);
                }
            }
            Ok((code, _)) => last = format!("{code:?}"),
            Err(error) => last = error.to_string(),
        }
        runtime::time::sleep(Duration::from_millis(200)).await;
    }
    Err(last)
}

/// One CreateTopics: the error code and the new topic's id.
pub async fn create(caller: &mut Caller, topic: &TopicPlan) -> Result<(ErrorCode, String), CallError> {
    let configs = topic.config.iter().map(|(name, value)| CreatableTopicConfig {
        name: name.clone(),
        value: Some(value.clone()),
    });
    let request = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: topic.name.clone(),
            num_partitions: topic.partitions,
            replication_factor: 1,
            configs: configs.collect(),
            ..CreatableTopic::default()
        }],
        timeout_ms: 3000,
        ..CreateTopicsRequest::default()
    };
    let answer = caller.call(&request, 7, CALL_LIMIT).await?;
    let topic = answer
        .topics
        .first()
        .ok_or_else(|| CallError::Lost("an answer without the topic".to_owned()))?;
    Ok((ErrorCode::from_code(topic.error_code), topic.topic_id.to_string()))
}

/// One DeleteTopics by name.
pub async fn delete(caller: &mut Caller, name: &str) -> Result<ErrorCode, CallError> {
    let topic = DeleteTopicState {
        name: Some(name.to_owned()),
        ..DeleteTopicState::default()
    };
    let request = DeleteTopicsRequest {
        topics: vec![topic],
        timeout_ms: 3000,
        ..DeleteTopicsRequest::default()
    };
    let answer = caller.call(&request, 6, CALL_LIMIT).await?;
    let result = answer
        .responses
        .first()
        .ok_or_else(|| CallError::Lost("an answer without the topic".to_owned()))?;
    Ok(ErrorCode::from_code(result.error_code))
}

/// The topic's id now, if it exists.
pub async fn topic_id(caller: &mut Caller, name: &str) -> Result<Option<String>, CallError> {
    let topic = MetadataRequestTopic {
        name: Some(name.to_owned()),
        ..MetadataRequestTopic::default()
    };
    let request = MetadataRequest {
        topics: Some(vec![topic]),
        allow_auto_topic_creation: false,
        ..MetadataRequest::default()
    };
    let answer = caller.call(&request, 12, CALL_LIMIT).await?;
    let found = answer.topics.first().filter(|t| t.error_code == 0);
    Ok(found.map(|t| t.topic_id.to_string()))
}
