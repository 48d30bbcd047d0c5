//! Reading and changing configurations of topics and brokers.

use super::{Admin, missing};
use crate::Error;
use wire::Request;
use wire::alter_configs::AlterConfigsRequest;
use wire::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use wire::incremental_alter_configs::IncrementalAlterConfigsRequest;

/// Whose configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigResource {
    Topic(String),
    Broker(i32),
    /// What all brokers share unless they say otherwise.
    BrokerDefault,
}

impl ConfigResource {
    fn kind(&self) -> i8 {
        match self {
            ConfigResource::Topic(_) => 2,
            ConfigResource::Broker(_) | ConfigResource::BrokerDefault => 4,
        }
    }

    fn name(&self) -> String {
        match self {
            ConfigResource::Topic(name) => name.clone(),
            ConfigResource::Broker(id) => id.to_string(),
            ConfigResource::BrokerDefault => String::new(),
        }
    }

    /// The broker that must be asked; any will do for what is the cluster's.
    fn node(&self) -> Option<i32> {
        match self {
            ConfigResource::Broker(id) => Some(*id),
            ConfigResource::Topic(_) | ConfigResource::BrokerDefault => None,
        }
    }
}

/// One setting as the broker describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub name: String,
    /// `None` for what is unset, and for what is secret.
    pub value: Option<String>,
    pub is_read_only: bool,
    pub is_sensitive: bool,
    /// Kafka's code: 1 topic, 2 this broker, 3 all brokers, 4 static, 5 default.
    pub source: i8,
    pub documentation: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigOperation {
    Set,
    Delete,
    /// Adds to a list.
    Append,
    /// Takes from a list.
    Subtract,
}

impl ConfigOperation {
    fn code(self) -> i8 {
        match self {
            ConfigOperation::Set => 0,
            ConfigOperation::Delete => 1,
            ConfigOperation::Append => 2,
            ConfigOperation::Subtract => 3,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConfigChange {
    pub name: String,
    pub operation: ConfigOperation,
    pub value: Option<String>,
}

impl ConfigChange {
    pub fn set(name: impl Into<String>, value: impl Into<String>) -> ConfigChange {
        ConfigChange {
            name: name.into(),
            operation: ConfigOperation::Set,
            value: Some(value.into()),
        }
    }

    pub fn delete(name: impl Into<String>) -> ConfigChange {
        ConfigChange {
            name: name.into(),
            operation: ConfigOperation::Delete,
            value: None,
        }
    }
}

impl Admin {
    /// The settings of one resource: those named by `keys`, or all.
    pub async fn describe_configs(
        &self,
        resource: &ConfigResource,
        keys: Option<&[&str]>,
    ) -> Result<Vec<Config>, Error> {
        let request = DescribeConfigsRequest {
            resources: vec![DescribeConfigsResource {
                resource_type: resource.kind(),
                resource_name: resource.name(),
                configuration_keys: keys.map(|keys| keys.iter().map(|key| key.to_string()).collect()),
            }],
            include_synonyms: false,
            include_documentation: true,
        };
        let mut answer = self.call_for(resource, &request).await?;
        let result = answer
            .results
            .pop()
            .ok_or_else(|| missing::<DescribeConfigsRequest>("the resource"))?;
        Error::check(
            DescribeConfigsRequest::KEY,
            result.error_code,
            result.error_message.as_deref(),
        )?;
        let configs = result.configs.into_iter().map(|config| Config {
            name: config.name,
            value: config.value,
            is_read_only: config.read_only,
            is_sensitive: config.is_sensitive,
            source: config.config_source,
            documentation: config.documentation,
        });
        Ok(configs.collect())
    }

    /// Changes the named settings and leaves the others.
    pub async fn incremental_alter_configs(
        &self,
        resource: &ConfigResource,
        changes: &[ConfigChange],
        validate_only: bool,
    ) -> Result<(), Error> {
        use wire::incremental_alter_configs::{AlterConfigsResource, AlterableConfig};
        let config = |change: &ConfigChange| AlterableConfig {
            name: change.name.clone(),
            config_operation: change.operation.code(),
            value: change.value.clone(),
        };
        let request = IncrementalAlterConfigsRequest {
            resources: vec![AlterConfigsResource {
                resource_type: resource.kind(),
                resource_name: resource.name(),
                configs: changes.iter().map(config).collect(),
            }],
            validate_only,
        };
        let mut answer = self.call_for(resource, &request).await?;
        let missing = || missing::<IncrementalAlterConfigsRequest>("the resource");
        let result = answer.responses.pop().ok_or_else(missing)?;
        Error::check(
            IncrementalAlterConfigsRequest::KEY,
            result.error_code,
            result.error_message.as_deref(),
        )
    }

    /// Replaces all settings of a resource; what is not named goes back to its default.
    pub async fn alter_configs(
        &self,
        resource: &ConfigResource,
        configs: &[(&str, &str)],
        validate_only: bool,
    ) -> Result<(), Error> {
        use wire::alter_configs::{AlterConfigsResource, AlterableConfig};
        let config = |(name, value): &(&str, &str)| AlterableConfig {
            name: name.to_string(),
            value: Some(value.to_string()),
        };
        let request = AlterConfigsRequest {
            resources: vec![AlterConfigsResource {
                resource_type: resource.kind(),
                resource_name: resource.name(),
                configs: configs.iter().map(config).collect(),
            }],
            validate_only,
        };
        let mut answer = self.call_for(resource, &request).await?;
        let result = answer
            .responses
            .pop()
            .ok_or_else(|| missing::<AlterConfigsRequest>("the resource"))?;
        Error::check(
            AlterConfigsRequest::KEY,
            result.error_code,
            result.error_message.as_deref(),
        )
    }

    async fn call_for<R: Request>(
        &self,
        resource: &ConfigResource,
        request: &R,
    ) -> Result<R::Response, Error> {
        match resource.node() {
            Some(node) => self.call_broker(node, request).await,
            None => self.call_any(request).await,
        }
    }
}
