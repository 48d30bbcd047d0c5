//! DescribeConfigs (key 32, v1–4; KIP-133): settings in effect, and where they come from.
//!
//! - v1 (KIP-226): sources and synonyms. v3 (KIP-569): types and documentation. v4: flexible.
//! - Null or no keys mean all of a resource's. Resources: topics (2), brokers (4: this one's id, or "" for what was altered
//!   for all). Others: INVALID_REQUEST, as are a broker's id that is not ours and one that is no number.
//! - Secrets are told as null.

use super::config_resource::{BROKER, TOPIC};
use super::topics::validate_name;
use super::{Call, Head};
use crate::settings::{ConfigRow, describe_broker, describe_cluster_default, describe_topic};
use wire::ErrorCode;
use wire::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};

pub async fn handle(call: Call, _head: Head, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let results = request.resources.iter().map(|resource| {
        let result = DescribeConfigsResult {
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            ..Default::default()
        };
        match rows(&call, resource) {
            Ok(rows) => {
                let asked = |row: &ConfigRow| match &resource.configuration_keys {
                    Some(keys) if !keys.is_empty() => keys.iter().any(|key| key == row.name),
                    _ => true,
                };
                let configs = rows
                    .into_iter()
                    .filter(asked)
                    .map(|row| told(&request, row))
                    .collect();
                DescribeConfigsResult { configs, ..result }
            }
            Err((error, message)) => DescribeConfigsResult {
                error_code: error.code(),
                error_message: Some(message),
                ..result
            },
        }
    });
    DescribeConfigsResponse {
        throttle_time_ms: 0,
        results: results.collect(),
    }
}

fn rows(call: &Call, resource: &DescribeConfigsResource) -> Result<Vec<ConfigRow>, (ErrorCode, String)> {
    let node = call.node();
    let name = resource.resource_name.as_str();
    match resource.resource_type {
        TOPIC => {
            validate_name(name).map_err(|error| (error, format!("{name:?} cannot be a topic's name")))?;
            let image = node.image();
            if image.topic(name).is_none() {
                let error = ErrorCode::UnknownTopicOrPartition;
                return Err((error, error.message().to_string()));
            }
            Ok(describe_topic(&node.settings_now(), image.topic_configs(name)))
        }
        BROKER if name.is_empty() => Ok(describe_cluster_default(&node.settings_now())),
        BROKER => {
            let ours = node.settings().node_id();
            match name.parse::<i32>() {
                Ok(id) if id == ours => Ok(describe_broker(&node.settings_now())),
                Ok(id) => Err(invalid(format!(
                    "broker {id} was asked for, and this is {ours}: ask that broker"
                ))),
                Err(_) => Err(invalid(format!("a broker's id is a number, not {name:?}"))),
            }
        }
        other => Err(invalid(format!(
            "resource type {other} is not served: topics (2) and brokers (4) are"
        ))),
    }
}

fn invalid(message: String) -> (ErrorCode, String) {
    (ErrorCode::InvalidRequest, message)
}

fn told(request: &DescribeConfigsRequest, row: ConfigRow) -> DescribeConfigsResourceResult {
    let synonyms = if request.include_synonyms {
        row.synonyms
    } else {
        Vec::new()
    };
    DescribeConfigsResourceResult {
        name: row.name.to_string(),
        value: row.value,
        read_only: row.read_only,
        config_source: row.source.id(),
        is_sensitive: row.sensitive,
        synonyms: synonyms
            .into_iter()
            .map(|synonym| DescribeConfigsSynonym {
                name: synonym.name.to_string(),
                value: synonym.value,
                source: synonym.source.id(),
            })
            .collect(),
        config_type: row.config_type,
        documentation: request
            .include_documentation
            .then(|| row.documentation.to_string()),
    }
}
