//! The rows that DescribeConfigs answers: each setting's value, where it comes from, and what else would give it.

use std::collections::BTreeMap;

use crate::settings::row::{Setting, Value};
use crate::settings::table::{broker_row, broker_rows};
use crate::settings::{Settings, topic};

/// One configuration entry.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigRow {
    pub name: &'static str,
    /// `None` where unset or secret.
    pub value: Option<String>,
    pub read_only: bool,
    pub source: ConfigSource,
    pub sensitive: bool,
    /// Everything that gives a value, strongest first; the first is the one in effect.
    pub synonyms: Vec<ConfigSynonym>,
    /// DescribeConfigs' config_type.
    pub config_type: i8,
    pub documentation: &'static str,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConfigSynonym {
    pub name: &'static str,
    pub value: Option<String>,
    pub source: ConfigSource,
}

/// Where a value comes from, with Kafka's ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    Topic = 1,
    DynamicBroker = 2,
    DynamicDefaultBroker = 3,
    StaticBroker = 4,
    Default = 5,
}

impl ConfigSource {
    pub fn id(self) -> i8 {
        self as i8
    }
}

/// The settings of this broker.
pub fn describe_broker(settings: &Settings) -> Vec<ConfigRow> {
    let rows = broker_rows().filter(|row| !row.internal);
    let mut rows: Vec<_> = rows.map(|row| broker_entry(settings, row)).collect();
    rows.sort_by_key(|row| row.name);
    rows
}

/// What was altered for the whole cluster.
pub fn describe_cluster_default(settings: &Settings) -> Vec<ConfigRow> {
    let altered = settings
        .altered
        .cluster
        .iter()
        .filter_map(|(name, value)| Some((broker_row(name)?, value)));
    let entry = |(row, value): (&'static Setting, &Value)| {
        let given = given(row, value, ConfigSource::DynamicDefaultBroker);
        entry(row, given.value.clone(), !row.dynamic, vec![given])
    };
    altered.filter(|(row, _)| !row.internal).map(entry).collect()
}

/// The settings of a topic with these overrides.
pub fn describe_topic(settings: &Settings, overrides: &BTreeMap<String, String>) -> Vec<ConfigRow> {
    let rows = topic::rows().filter(|row| !row.internal);
    let mut rows: Vec<_> = rows.map(|row| topic_entry(settings, overrides, row)).collect();
    rows.sort_by_key(|row| row.name);
    rows
}

fn broker_entry(settings: &Settings, row: &'static Setting) -> ConfigRow {
    entry(
        row,
        shown(row, settings.get(row.name)),
        !row.dynamic,
        synonyms(settings, row.name),
    )
}

fn topic_entry(
    settings: &Settings,
    overrides: &BTreeMap<String, String>,
    row: &'static Setting,
) -> ConfigRow {
    let mut synonyms = row
        .synonyms
        .first()
        .map(|s| synonyms(settings, s.name))
        .unwrap_or_default();
    if let Some(value) = overrides.get(row.name).and_then(|text| row.parse(text).ok()) {
        synonyms.insert(0, given(row, &value, ConfigSource::Topic));
    }
    entry(
        row,
        shown(row, topic::effective(settings, overrides, row).as_ref()),
        false,
        synonyms,
    )
}

fn entry(
    row: &'static Setting,
    value: Option<String>,
    read_only: bool,
    synonyms: Vec<ConfigSynonym>,
) -> ConfigRow {
    ConfigRow {
        name: row.name,
        value,
        read_only,
        source: synonyms
            .first()
            .map_or(ConfigSource::Default, |synonym| synonym.source),
        sensitive: row.sensitive(),
        synonyms,
        config_type: row.kind.id(),
        documentation: row.doc,
    }
}

/// All that gives a value to a broker setting: alterations, then the file, for the setting and the coarser
/// ones that stand in for it; then its default.
fn synonyms(settings: &Settings, name: &'static str) -> Vec<ConfigSynonym> {
    let names = stand_ins(name);
    let layers = [
        (&settings.altered.own, ConfigSource::DynamicBroker),
        (&settings.altered.cluster, ConfigSource::DynamicDefaultBroker),
        (&settings.start.fixed, ConfigSource::StaticBroker),
    ];
    let mut all = Vec::new();
    for (layer, source) in layers {
        let rows = names
            .iter()
            .filter_map(|name| Some((broker_row(name)?, layer.get(name)?)));
        all.extend(rows.map(|(row, value)| given(row, value, source)));
    }
    let row = broker_row(name).expect("callers pass names of the table");
    if let Some(default) = row.default_value() {
        all.push(given(row, &default, ConfigSource::Default));
    }
    all
}

/// A setting and those that stand in for it when it is unset, strongest first.
fn stand_ins(name: &'static str) -> Vec<&'static str> {
    let group = topic::rows().find(|row| row.synonyms.first().is_some_and(|first| first.name == name));
    match group {
        Some(row) => row.synonyms.iter().map(|synonym| synonym.name).collect(),
        None => vec![name],
    }
}

fn given(row: &'static Setting, value: &Value, source: ConfigSource) -> ConfigSynonym {
    ConfigSynonym {
        name: row.name,
        value: shown(row, Some(value)),
        source,
    }
}

fn shown(row: &Setting, value: Option<&Value>) -> Option<String> {
    value.filter(|_| !row.sensitive()).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::load;

    /// As `kafka-configs --describe --all` prints them for Apache Kafka 4.2.1.
    fn print(rows: &[ConfigRow], name: &str) -> String {
        let row = rows.iter().find(|row| row.name == name).expect("described");
        let source = |source| match source {
            ConfigSource::Topic => "DYNAMIC_TOPIC_CONFIG",
            ConfigSource::DynamicBroker => "DYNAMIC_BROKER_CONFIG",
            ConfigSource::DynamicDefaultBroker => "DYNAMIC_DEFAULT_BROKER_CONFIG",
            ConfigSource::StaticBroker => "STATIC_BROKER_CONFIG",
            ConfigSource::Default => "DEFAULT_CONFIG",
        };
        let null = || "null".to_string();
        let synonyms = row.synonyms.iter().map(|s| {
            format!(
                "{}:{}={}",
                source(s.source),
                s.name,
                s.value.clone().unwrap_or_else(null)
            )
        });
        let value = row.value.clone().unwrap_or_else(null);
        let synonyms = synonyms.collect::<Vec<_>>().join(", ");
        format!(
            "{name}={value} sensitive={} synonyms={{{synonyms}}}",
            row.sensitive
        )
    }

    #[test]
    fn a_topic_is_described_as_kafka_does() {
        let overrides = [
            ("cleanup.policy", "compact,delete"),
            ("retention.ms", "1000"),
            ("segment.ms", "5000"),
        ];
        let overrides = overrides.map(|(k, v)| (k.to_string(), v.to_string())).into();
        let settings = Settings::defaults().with_dynamic(
            &[("min.insync.replicas".to_string(), "1".to_string())].into(),
            &BTreeMap::new(),
        );
        let rows = describe_topic(&settings, &overrides);
        for want in [
            "cleanup.policy=compact,delete sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, DEFAULT_CONFIG:log.cleanup.policy=delete}",
            "flush.ms=9223372036854775807 sensitive=false synonyms={}",
            "min.cleanable.dirty.ratio=0.5 sensitive=false synonyms={DEFAULT_CONFIG:log.cleaner.min.cleanable.ratio=0.5}",
            "min.insync.replicas=1 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:min.insync.replicas=1, DEFAULT_CONFIG:min.insync.replicas=1}",
            "retention.ms=1000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=1000}",
            "segment.jitter.ms=0 sensitive=false synonyms={}",
            "segment.bytes=1073741824 sensitive=false synonyms={DEFAULT_CONFIG:log.segment.bytes=1073741824}",
        ] {
            assert_eq!(print(&rows, want.split('=').next().unwrap()), want);
        }
        assert!(
            rows.iter()
                .all(|row| row.name != "internal.segment.bytes" && !row.read_only)
        );
    }

    #[test]
    fn a_broker_is_described_as_kafka_does() {
        let settings = load(None, &["broker.id=1".into(), "log.retention.hours=5".into()])
            .unwrap()
            .settings;
        let rows = describe_broker(&settings);
        for want in [
            "advertised.listeners=null sensitive=false synonyms={}",
            "delegation.token.secret.key=null sensitive=true synonyms={}",
            "compression.gzip.level=-1 sensitive=false synonyms={DEFAULT_CONFIG:compression.gzip.level=-1}",
            "broker.id=1 sensitive=false synonyms={STATIC_BROKER_CONFIG:broker.id=1, DEFAULT_CONFIG:broker.id=-1}",
            "log.retention.ms=null sensitive=false synonyms={STATIC_BROKER_CONFIG:log.retention.hours=5}",
            "log.cleaner.io.max.bytes.per.second=1.7976931348623157E308 sensitive=false synonyms={DEFAULT_CONFIG:log.cleaner.io.max.bytes.per.second=1.7976931348623157E308}",
        ] {
            assert_eq!(print(&rows, want.split('=').next().unwrap()), want);
        }
        let read_only = |name| rows.iter().find(|row| row.name == name).map(|row| row.read_only);
        assert_eq!(
            (read_only("node.id"), read_only("log.retention.ms")),
            (Some(true), Some(false))
        );
    }
}
