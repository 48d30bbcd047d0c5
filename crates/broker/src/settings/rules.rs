//! The settings table as the controller sees it: what a configuration of a topic or a broker may hold.

use std::collections::BTreeMap;

use metadata::ResourceKind;
use metadata::controller::ConfigRules;
use wire::create_topics::CreatableTopicConfigs;

use crate::settings::row::{Kind, Setting};
use crate::settings::suggest::nearest;
use crate::settings::table::{TOPIC, broker_row, broker_rows, topic_row};
use crate::settings::{Settings, describe_topic, topic};

/// The rules under the settings that hold now.
pub struct Rules {
    settings: Settings,
}

impl Rules {
    pub fn new(settings: Settings) -> Rules {
        Rules { settings }
    }
}

fn row(kind: ResourceKind, name: &str) -> Option<&'static Setting> {
    match kind {
        ResourceKind::Topic => topic_row(name),
        ResourceKind::Broker => broker_row(name),
    }
}

impl ConfigRules for Rules {
    fn is_list(&self, kind: ResourceKind, name: &str) -> Option<bool> {
        row(kind, name).map(|row| row.kind == Kind::List)
    }

    fn inherited(&self, kind: ResourceKind, name: &str) -> Option<String> {
        let row = row(kind, name)?;
        let value = match kind {
            ResourceKind::Topic => topic::effective(&self.settings, &BTreeMap::new(), row),
            ResourceKind::Broker => self.settings.get(name).cloned(),
        };
        value.map(|value| value.to_string())
    }

    fn check(&self, kind: ResourceKind, configs: &BTreeMap<String, String>) -> Result<(), String> {
        for (name, value) in configs {
            let row = row(kind, name).ok_or_else(|| unknown(kind, name))?;
            if !row.dynamic {
                return Err(format!(
                    "{name} cannot be altered while the broker runs: set it in server.properties"
                ));
            }
            row.parse(value).map_err(|bad| bad.to_string())?;
        }
        match kind {
            ResourceKind::Topic => topic::together(configs).map_or(Ok(()), Err),
            ResourceKind::Broker => Ok(()),
        }
    }

    fn describe_topic(&self, configs: &BTreeMap<String, String>) -> Vec<CreatableTopicConfigs> {
        let rows = describe_topic(&self.settings, configs).into_iter();
        rows.map(|row| CreatableTopicConfigs {
            name: row.name.to_string(),
            value: row.value,
            read_only: row.read_only,
            config_source: row.source.id(),
            is_sensitive: row.sensitive,
        })
        .collect()
    }
}

fn unknown(kind: ResourceKind, name: &str) -> String {
    let (what, near) = match kind {
        ResourceKind::Topic => ("topics", nearest(name, TOPIC.iter().map(|row| row.name))),
        ResourceKind::Broker => ("brokers", nearest(name, broker_rows().map(|row| row.name))),
    };
    let hint = near
        .map(|near| format!("; did you mean {near}?"))
        .unwrap_or_default();
    format!("{what} have no setting {name}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ResourceKind, name: &str, value: &str) -> String {
        let configs = [(name.to_string(), value.to_string())].into();
        Rules::new(Settings::defaults())
            .check(kind, &configs)
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn what_is_refused_says_why() {
        assert_eq!(check(ResourceKind::Topic, "retention.ms", "-1"), "");
        assert_eq!(
            check(ResourceKind::Topic, "retention.ms", "-2"),
            "retention.ms=-2 is not allowed: it must be an integer of 64 bits, -1 or more"
        );
        assert_eq!(
            check(ResourceKind::Topic, "retention", "1"),
            "topics have no setting retention"
        );
        assert_eq!(
            check(ResourceKind::Topic, "retention.byte", "1"),
            "topics have no setting retention.byte; did you mean retention.bytes?"
        );
        assert!(check(ResourceKind::Broker, "node.id", "2").contains("set it in server.properties"));
        assert_eq!(check(ResourceKind::Broker, "log.retention.ms", "5"), "");
        assert!(check(ResourceKind::Topic, "max.compaction.lag.ms", "0").contains("1 or more"));
        assert!(check(ResourceKind::Topic, "remote.storage.enable", "true").contains("not built yet"));
        assert!(check(ResourceKind::Topic, "internal.segment.bytes", "0").contains("1 or more"));
        let lags = [
            ("min.compaction.lag.ms".into(), "5".into()),
            ("max.compaction.lag.ms".into(), "4".into()),
        ];
        let error = Rules::new(Settings::defaults())
            .check(ResourceKind::Topic, &lags.into())
            .unwrap_err();
        assert!(error.contains("at most max.compaction.lag.ms, 4"), "{error}");
    }

    #[test]
    fn a_topic_inherits_from_the_broker() {
        let rules = Rules::new(Settings::defaults());
        assert_eq!(
            rules.inherited(ResourceKind::Topic, "cleanup.policy").as_deref(),
            Some("delete")
        );
        assert_eq!(rules.is_list(ResourceKind::Topic, "cleanup.policy"), Some(true));
        assert_eq!(rules.is_list(ResourceKind::Topic, "what"), None);
        assert!(
            rules
                .describe_topic(&BTreeMap::new())
                .iter()
                .any(|row| row.name == "write.caching")
        );
    }
}
