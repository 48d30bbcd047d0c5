//! The settings of one topic, all in effect: its own overrides, over what the broker's settings give, over the
//! table's defaults.

use std::collections::BTreeMap;

use crate::settings::Settings;
use crate::settings::row::{Setting, Value};
use crate::settings::table::{TOPIC, topic_row};

/// What holds for a topic. Times are in milliseconds, -1 being for ever where a setting allows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicSettings {
    pub cleanup_policy: CleanupPolicy,
    pub compression_type: CompressionType,
    pub compression_gzip_level: i32,
    pub compression_lz4_level: i32,
    pub compression_zstd_level: i32,
    pub file_delete_delay_ms: i64,
    pub flush_messages: i64,
    pub flush_ms: i64,
    pub index_interval_bytes: i32,
    pub max_message_bytes: i32,
    pub message_timestamp_type: TimestampType,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_after_max_ms: i64,
    pub min_insync_replicas: i32,
    pub retention_bytes: i64,
    pub retention_ms: i64,
    pub segment_bytes: i32,
    pub segment_index_bytes: i32,
    pub segment_jitter_ms: i64,
    pub segment_ms: i64,
    pub unclean_leader_election_enable: bool,
    /// Acknowledge what is in the page cache.
    pub write_caching: bool,
}

/// `cleanup.policy`; neither is legal and keeps everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    pub delete: bool,
    pub compact: bool,
}

/// `compression.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// As the producer chose.
    Producer,
    Uncompressed,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// `message.timestamp.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    CreateTime,
    LogAppendTime,
}

impl TopicSettings {
    /// What holds for a topic with these overrides. Names and values that the table does not allow, such as
    /// those of a newer version, count as absent.
    pub fn effective(settings: &Settings, overrides: &BTreeMap<String, String>) -> TopicSettings {
        let of = Lookup { settings, overrides };
        TopicSettings {
            cleanup_policy: of.cleanup_policy(),
            compression_type: of.compression_type(),
            compression_gzip_level: of.int("compression.gzip.level") as i32,
            compression_lz4_level: of.int("compression.lz4.level") as i32,
            compression_zstd_level: of.int("compression.zstd.level") as i32,
            file_delete_delay_ms: of.int("file.delete.delay.ms"),
            flush_messages: of.int("flush.messages"),
            flush_ms: of.int("flush.ms"),
            index_interval_bytes: of.int("index.interval.bytes") as i32,
            max_message_bytes: of.int("max.message.bytes") as i32,
            message_timestamp_type: of.timestamp_type(),
            message_timestamp_before_max_ms: of.int("message.timestamp.before.max.ms"),
            message_timestamp_after_max_ms: of.int("message.timestamp.after.max.ms"),
            min_insync_replicas: of.int("min.insync.replicas") as i32,
            retention_bytes: of.int("retention.bytes").max(-1),
            retention_ms: of.int("retention.ms").max(-1),
            segment_bytes: of.segment_bytes(),
            segment_index_bytes: of.int("segment.index.bytes") as i32,
            segment_jitter_ms: of.int("segment.jitter.ms"),
            segment_ms: of.int("segment.ms"),
            unclean_leader_election_enable: of.bool("unclean.leader.election.enable"),
            write_caching: of.bool("write.caching"),
        }
    }
}

impl Settings {
    /// What holds for a topic with these overrides.
    pub fn topic(&self, overrides: &BTreeMap<String, String>) -> TopicSettings {
        TopicSettings::effective(self, overrides)
    }
}

/// What the broker's settings give for a topic setting; `None` where there is no such broker setting or it is
/// unset throughout.
pub(super) fn from_broker(settings: &Settings, row: &Setting) -> Option<Value> {
    row.synonyms.iter().find_map(|synonym| {
        Some(match settings.get(synonym.name)?.clone() {
            Value::Int(n) if n < 0 && synonym.times > 1 => Value::Int(-1),
            Value::Int(n) => Value::Int(n.saturating_mul(synonym.times)),
            other => other,
        })
    })
}

/// The effective value of a topic setting; `None` for the one without a default.
pub(super) fn effective(
    settings: &Settings,
    overrides: &BTreeMap<String, String>,
    row: &Setting,
) -> Option<Value> {
    let own = overrides.get(row.name).and_then(|text| row.parse(text).ok());
    own.or_else(|| from_broker(settings, row))
        .or_else(|| row.default_value())
}

struct Lookup<'a> {
    settings: &'a Settings,
    overrides: &'a BTreeMap<String, String>,
}

impl Lookup<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        let row = topic_row(name).expect("names here are in the table: a test reads each");
        effective(self.settings, self.overrides, row)
    }

    fn int(&self, name: &str) -> i64 {
        match self.value(name) {
            Some(Value::Int(n)) => n,
            other => panic!("{name} is {other:?}, not an integer"),
        }
    }

    fn bool(&self, name: &str) -> bool {
        match self.value(name) {
            Some(Value::Bool(b)) => b,
            other => panic!("{name} is {other:?}, not a boolean"),
        }
    }

    fn text(&self, name: &str) -> String {
        self.value(name)
            .map(|value| value.to_string())
            .unwrap_or_default()
    }

    fn segment_bytes(&self) -> i32 {
        match self.value("internal.segment.bytes") {
            Some(Value::Int(n)) => n as i32,
            _ => self.int("segment.bytes") as i32,
        }
    }

    fn cleanup_policy(&self) -> CleanupPolicy {
        let policies = match self.value("cleanup.policy") {
            Some(Value::List(policies)) => policies,
            other => panic!("cleanup.policy is {other:?}, not a list"),
        };
        let has = |name: &str| policies.iter().any(|policy| policy == name);
        CleanupPolicy {
            delete: has("delete"),
            compact: has("compact"),
        }
    }

    fn compression_type(&self) -> CompressionType {
        match self.text("compression.type").as_str() {
            "uncompressed" => CompressionType::Uncompressed,
            "gzip" => CompressionType::Gzip,
            "snappy" => CompressionType::Snappy,
            "lz4" => CompressionType::Lz4,
            "zstd" => CompressionType::Zstd,
            _ => CompressionType::Producer,
        }
    }

    fn timestamp_type(&self) -> TimestampType {
        match self.text("message.timestamp.type").as_str() {
            "LogAppendTime" => TimestampType::LogAppendTime,
            _ => TimestampType::CreateTime,
        }
    }
}

/// A fault of a topic's overrides taken together, if there is one.
pub(super) fn together(overrides: &BTreeMap<String, String>) -> Option<String> {
    let of = |name: &str| -> Option<Value> {
        let row = topic_row(name)?;
        let own = overrides.get(name).and_then(|text| row.parse(text).ok());
        own.or_else(|| row.default_value())
    };
    if of("remote.storage.enable") == Some(Value::Bool(true)) {
        return Some(
            "remote.storage.enable=true is not allowed: tiered storage is not built yet".to_string(),
        );
    }
    match (of("min.compaction.lag.ms"), of("max.compaction.lag.ms")) {
        (Some(Value::Int(least)), Some(Value::Int(most))) if least > most => Some(format!(
            "min.compaction.lag.ms={least} is not allowed: it must be at most max.compaction.lag.ms, {most}"
        )),
        _ => None,
    }
}

/// Every topic setting by name, for tests and documents.
pub(super) fn rows() -> impl Iterator<Item = &'static Setting> {
    TOPIC.iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::load;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect()
    }

    fn settings(overrides: &[&str]) -> Settings {
        load(None, &overrides.iter().map(|o| o.to_string()).collect::<Vec<_>>())
            .unwrap()
            .settings
    }

    #[test]
    fn the_defaults_are_the_tables() {
        let topic = Settings::defaults().topic(&map(&[]));
        assert_eq!(topic.retention_ms, 604_800_000);
        assert_eq!(topic.segment_ms, 604_800_000);
        assert_eq!(topic.segment_bytes, 1 << 30);
        assert_eq!(topic.flush_ms, i64::MAX);
        assert_eq!(
            topic.cleanup_policy,
            CleanupPolicy {
                delete: true,
                compact: false
            }
        );
        assert_eq!(topic.compression_type, CompressionType::Producer);
        assert!(!topic.write_caching);
    }

    #[test]
    fn units_and_strength_of_synonyms() {
        let none = map(&[]);
        assert_eq!(
            settings(&["log.retention.hours=2"]).topic(&none).retention_ms,
            7_200_000
        );
        assert_eq!(
            settings(&["log.retention.hours=2", "log.retention.minutes=3"])
                .topic(&none)
                .retention_ms,
            180_000
        );
        assert_eq!(
            settings(&["log.retention.ms=4", "log.retention.minutes=3"])
                .topic(&none)
                .retention_ms,
            4
        );
        assert_eq!(
            settings(&["log.retention.hours=-1"]).topic(&none).retention_ms,
            -1
        );
        assert_eq!(
            settings(&["write.caching=true"]).topic(&map(&[("write.caching", "false")])),
            { Settings::defaults().topic(&none) }
        );
        let tiny = map(&[("segment.bytes", "2000000"), ("internal.segment.bytes", "100")]);
        assert_eq!(settings(&[]).topic(&tiny).segment_bytes, 100);
    }

    #[test]
    fn unknown_overrides_count_as_absent() {
        let strange = map(&[("retention.ms", "soon"), ("of.the.future", "1")]);
        assert_eq!(
            Settings::defaults().topic(&strange),
            Settings::defaults().topic(&map(&[]))
        );
    }
}
