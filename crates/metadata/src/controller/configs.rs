//! AlterConfigs (33) and IncrementalAlterConfigs (44), for topics and brokers. All changes of one resource are
//! taken, or none.

use std::collections::{BTreeMap, BTreeSet};

use wire::ErrorCode;
use wire::alter_configs::{AlterConfigsRequest, AlterConfigsResourceResponse, AlterConfigsResponse};
use wire::incremental_alter_configs::{
    AlterConfigsResourceResponse as IncrementalResourceResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};
use wire::record::{ClearElrRecord, ConfigRecord, MetadataRecord};

use crate::controller::{ConfigRules, Decision, Refusal, check_topic_name};
use crate::features::ELIGIBLE_LEADER_REPLICAS;
use crate::{Image, Resource, ResourceKind};

/// As Kafka: what an int16 counts.
const VALUE_BYTES_MAX: usize = i16::MAX as usize;

const MIN_ISR: &str = "min.insync.replicas";

/// What happens to one name.
enum Op<'a> {
    Set(&'a str),
    Delete,
    Append(&'a str),
    Subtract(&'a str),
}

/// Changes single names of each resource, leaving the others as they are.
pub fn incremental_alter_configs(
    image: &Image,
    request: &IncrementalAlterConfigsRequest,
    rules: &dyn ConfigRules,
) -> Decision<IncrementalAlterConfigsResponse> {
    let mut all = Changes::new(
        image,
        rules,
        request
            .resources
            .iter()
            .map(|r| (r.resource_type, &*r.resource_name)),
    );
    let mut reply = IncrementalAlterConfigsResponse::default();
    for resource in &request.resources {
        let ops = resource.configs.iter().map(|config| {
            let value = config.value.as_deref();
            Ok((
                config.name.as_str(),
                op(config.config_operation, &config.name, value)?,
            ))
        });
        let refusal = ops
            .collect::<Result<Vec<_>, Refusal>>()
            .and_then(|ops| all.incremental(resource.resource_type, &resource.resource_name, ops))
            .err();
        let (error_code, error_message) = outcome(refusal);
        reply.responses.push(IncrementalResourceResponse {
            error_code,
            error_message,
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
        });
    }
    Decision {
        records: all.records(request.validate_only),
        reply,
    }
}

/// Replaces the whole configuration of each resource.
pub fn alter_configs(
    image: &Image,
    request: &AlterConfigsRequest,
    rules: &dyn ConfigRules,
) -> Decision<AlterConfigsResponse> {
    let mut all = Changes::new(
        image,
        rules,
        request
            .resources
            .iter()
            .map(|r| (r.resource_type, &*r.resource_name)),
    );
    let mut reply = AlterConfigsResponse::default();
    for resource in &request.resources {
        let ops = resource.configs.iter().map(|config| {
            Ok((
                config.name.as_str(),
                op(SET, &config.name, config.value.as_deref())?,
            ))
        });
        let refusal = ops
            .collect::<Result<Vec<_>, Refusal>>()
            .and_then(|ops| all.replace(resource.resource_type, &resource.resource_name, ops))
            .err();
        let (error_code, error_message) = outcome(refusal);
        reply.responses.push(AlterConfigsResourceResponse {
            error_code,
            error_message,
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
        });
    }
    Decision {
        records: all.records(request.validate_only),
        reply,
    }
}

fn outcome(refusal: Option<Refusal>) -> (i16, Option<String>) {
    match refusal {
        None => (ErrorCode::None.code(), None),
        Some(refusal) => (refusal.code.code(), Some(refusal.message)),
    }
}

const SET: i8 = 0;

fn op<'a>(operation: i8, name: &str, value: Option<&'a str>) -> Result<Op<'a>, Refusal> {
    let invalid = |message| Refusal::new(ErrorCode::InvalidRequest, message);
    let given = || value.ok_or_else(|| invalid(format!("{name} has no value: give one, or delete it")));
    match operation {
        SET => Ok(Op::Set(given()?)),
        1 => Ok(Op::Delete),
        2 => Ok(Op::Append(given()?)),
        3 => Ok(Op::Subtract(given()?)),
        other => Err(invalid(format!(
            "{name}: there is no operation {other}; 0 sets, 1 deletes, 2 appends, 3 subtracts"
        ))),
    }
}

/// The changes that one request asks for.
struct Changes<'a> {
    image: &'a Image,
    rules: &'a dyn ConfigRules,
    /// Resources that the request names more than once.
    duplicates: BTreeSet<(i8, &'a str)>,
    records: Vec<ConfigRecord>,
}

impl<'a> Changes<'a> {
    fn new(
        image: &'a Image,
        rules: &'a dyn ConfigRules,
        resources: impl Iterator<Item = (i8, &'a str)>,
    ) -> Changes<'a> {
        let mut seen = BTreeSet::new();
        let duplicates = resources.filter(|resource| !seen.insert(*resource)).collect();
        Changes {
            image,
            rules,
            duplicates,
            records: Vec::new(),
        }
    }

    fn incremental(&mut self, kind: i8, name: &str, ops: Vec<(&str, Op<'_>)>) -> Result<(), Refusal> {
        let resource = self.resource(kind, name)?;
        let before = self.image.configs_of(resource.kind, name);
        let mut after = before.clone();
        once_each(&ops)?;
        for (key, op) in &ops {
            let value = self.value_after(&resource, before, key, op)?;
            match value {
                Some(value) => drop(after.insert(key.to_string(), value)),
                None => drop(after.remove(*key)),
            }
        }
        let named = ops.iter().map(|(key, _)| key.to_string()).collect();
        self.take(resource, before, after, named)
    }

    fn replace(&mut self, kind: i8, name: &str, ops: Vec<(&str, Op<'_>)>) -> Result<(), Refusal> {
        let resource = self.resource(kind, name)?;
        let before = self.image.configs_of(resource.kind, name);
        once_each(&ops)?;
        let mut after = BTreeMap::new();
        for (key, op) in &ops {
            let value = self.value_after(&resource, before, key, op)?;
            after.extend(value.map(|value| (key.to_string(), value)));
        }
        let named = after.keys().chain(before.keys()).cloned().collect();
        self.take(resource, before, after, named)
    }

    /// The resource, if there is one and the request names it once.
    fn resource(&self, kind: i8, name: &str) -> Result<Resource, Refusal> {
        let invalid = |message: String| Err(Refusal::new(ErrorCode::InvalidRequest, message));
        if self.duplicates.contains(&(kind, name)) {
            return invalid("the request names this resource more than once".into());
        }
        let Some(kind) = ResourceKind::from_id(kind) else {
            return invalid(format!(
                "resources of type {kind} have no configuration here; 2 is a topic, 4 a broker"
            ));
        };
        match kind {
            ResourceKind::Topic => {
                check_topic_name(name).map_err(|m| Refusal::new(ErrorCode::InvalidTopicException, m))?;
                if self.image.topic(name).is_none() {
                    let message = format!("there is no topic {name}");
                    return Err(Refusal::new(ErrorCode::UnknownTopicOrPartition, message));
                }
            }
            ResourceKind::Broker if name.is_empty() => {}
            // Kafka's brokers refuse any id but their own before the controller sees it
            ResourceKind::Broker => match name.parse::<i32>() {
                Ok(id) if self.image.broker(id).is_some() => {}
                _ => return invalid(format!("{name:?} is not the id of a registered broker")),
            },
        }
        Ok(Resource {
            kind,
            name: name.to_string(),
        })
    }

    fn value_after(
        &self,
        resource: &Resource,
        before: &BTreeMap<String, String>,
        key: &str,
        op: &Op<'_>,
    ) -> Result<Option<String>, Refusal> {
        let (appends, given) = match op {
            Op::Set(value) => return Ok(Some(value.to_string())),
            Op::Delete => return Ok(None),
            Op::Append(value) => (true, *value),
            Op::Subtract(value) => (false, *value),
        };
        if self.rules.is_list(resource.kind, key) != Some(true) {
            let message = format!("{key} is not a list: set it instead");
            return Err(Refusal::new(ErrorCode::InvalidConfig, message));
        }
        let now = before
            .get(key)
            .cloned()
            .or_else(|| self.rules.inherited(resource.kind, key))
            .unwrap_or_default();
        let mut items: Vec<&str> = now
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .collect();
        for item in given.split(',').map(str::trim) {
            match appends {
                true if !items.contains(&item) => items.push(item),
                true => {}
                false => items.retain(|other| *other != item),
            }
        }
        Ok(Some(items.join(",")))
    }

    fn take(
        &mut self,
        resource: Resource,
        before: &BTreeMap<String, String>,
        after: BTreeMap<String, String>,
        named: BTreeSet<String>,
    ) -> Result<(), Refusal> {
        self.check(&resource, &after, &named)?;
        for name in named {
            let value = after.get(&name).cloned();
            // an unchanged value of a broker is written all the same: it makes brokers read files again
            if value.as_ref() != before.get(&name)
                || (resource.kind == ResourceKind::Broker && value.is_some())
            {
                self.records.push(ConfigRecord {
                    resource_type: resource.kind.id(),
                    resource_name: resource.name.clone(),
                    name,
                    value,
                });
            }
        }
        Ok(())
    }

    fn check(
        &self,
        resource: &Resource,
        after: &BTreeMap<String, String>,
        named: &BTreeSet<String>,
    ) -> Result<(), Refusal> {
        let invalid = |message: String| Refusal::new(ErrorCode::InvalidConfig, message);
        if let Some((name, _)) = after.iter().find(|(_, value)| value.len() > VALUE_BYTES_MAX) {
            return Err(invalid(format!(
                "{name}: a value has {VALUE_BYTES_MAX} bytes at most"
            )));
        }
        let elr = self.image.feature(ELIGIBLE_LEADER_REPLICAS) >= 1;
        if elr && resource.kind == ResourceKind::Broker && named.contains(MIN_ISR) {
            if !resource.name.is_empty() {
                return Err(invalid(format!(
                    "{MIN_ISR} is one value for all brokers: alter the cluster's default"
                )));
            }
            if !after.contains_key(MIN_ISR) {
                return Err(invalid(format!(
                    "the cluster's {MIN_ISR} can be set, not removed"
                )));
            }
        }
        let code = match resource.kind {
            ResourceKind::Topic => ErrorCode::InvalidConfig,
            ResourceKind::Broker => ErrorCode::InvalidRequest,
        };
        self.rules
            .check(resource.kind, after)
            .map_err(|message| Refusal::new(code, message))
    }

    /// What to append. A new min.insync.replicas voids what was certified under the old one.
    fn records(self, validate_only: bool) -> Vec<MetadataRecord> {
        if validate_only {
            return Vec::new();
        }
        let elr = self.image.feature(ELIGIBLE_LEADER_REPLICAS) >= 1;
        let min_isr = self.records.iter().filter(|record| elr && record.name == MIN_ISR);
        let clears: Vec<_> = min_isr
            .map(|record| {
                let topic = record.resource_type == ResourceKind::Topic.id();
                let topic_name = if topic {
                    record.resource_name.clone()
                } else {
                    String::new()
                };
                MetadataRecord::ClearElr(ClearElrRecord { topic_name })
            })
            .collect();
        self.records
            .into_iter()
            .map(MetadataRecord::Config)
            .chain(clears)
            .collect()
    }
}

fn once_each(ops: &[(&str, Op<'_>)]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    match ops.iter().find(|(name, _)| !seen.insert(*name)) {
        Some((name, _)) => Err(Refusal::new(
            ErrorCode::InvalidRequest,
            format!("{name} stands more than once for this resource"),
        )),
        None => Ok(()),
    }
}
