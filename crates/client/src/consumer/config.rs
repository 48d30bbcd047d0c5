//! The consumer's configuration, by Kafka's names and with Kafka's defaults.

use runtime::time::Duration;

use crate::{ClientConfig, Error, OffsetSpec, Properties};

/// `isolation.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsolationLevel {
    /// All records up to the high watermark, those of aborted transactions included.
    ReadUncommitted,
    /// Up to the last stable offset, without aborted records.
    ReadCommitted,
}

impl IsolationLevel {
    pub(crate) fn code(self) -> i8 {
        match self {
            IsolationLevel::ReadUncommitted => 0,
            IsolationLevel::ReadCommitted => 1,
        }
    }
}

/// `auto.offset.reset`: where to go on without a position, or with one that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoOffsetReset {
    Earliest,
    Latest,
    /// `poll` gives the error, and the position stays.
    None,
}

impl AutoOffsetReset {
    pub(super) fn spec(self) -> Option<OffsetSpec> {
        match self {
            AutoOffsetReset::Earliest => Some(OffsetSpec::Earliest),
            AutoOffsetReset::Latest => Some(OffsetSpec::Latest),
            AutoOffsetReset::None => None,
        }
    }
}

/// See [`crate::Consumer`]. Fields carry Kafka's names; set them directly or by
/// [`ConsumerConfig::from_properties`].
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerConfig {
    pub client: ClientConfig,
    /// `fetch.min.bytes` (1): the broker waits until it has so many,
    pub fetch_min_bytes: i32,
    /// `fetch.max.wait.ms` (500): or so long.
    pub fetch_max_wait: Duration,
    /// `fetch.max.bytes` (50 MiB): of one answer. A first batch that is larger comes whole.
    pub fetch_max_bytes: i32,
    /// `max.partition.fetch.bytes` (1 MiB): of one partition in one answer.
    pub max_partition_fetch_bytes: i32,
    /// `max.poll.records` (500).
    pub max_poll_records: usize,
    /// `isolation.level` (read_uncommitted).
    pub isolation_level: IsolationLevel,
    /// `auto.offset.reset` (latest).
    pub auto_offset_reset: AutoOffsetReset,
    /// `check.crcs` (true).
    pub check_crcs: bool,
    /// `client.rack`.
    pub client_rack: String,
}

impl ConsumerConfig {
    pub fn new(bootstrap_servers: impl Into<String>) -> ConsumerConfig {
        let mut client = ClientConfig::new(bootstrap_servers);
        client.allow_auto_create_topics = true;
        ConsumerConfig {
            client,
            fetch_min_bytes: 1,
            fetch_max_wait: Duration::from_millis(500),
            fetch_max_bytes: 50 << 20,
            max_partition_fetch_bytes: 1 << 20,
            max_poll_records: 500,
            isolation_level: IsolationLevel::ReadUncommitted,
            auto_offset_reset: AutoOffsetReset::Latest,
            check_crcs: true,
            client_rack: String::new(),
        }
    }

    pub fn from_properties(mut properties: Properties) -> Result<ConsumerConfig, Error> {
        let mut config = ConsumerConfig::new("127.0.0.1:9092");
        config.client.take_properties(&mut properties)?;
        properties.number("fetch.min.bytes", 0..=i32::MAX, &mut config.fetch_min_bytes)?;
        properties.millis("fetch.max.wait.ms", 0..=86_400_000, &mut config.fetch_max_wait)?;
        properties.number("fetch.max.bytes", 0..=i32::MAX, &mut config.fetch_max_bytes)?;
        let bytes = &mut config.max_partition_fetch_bytes;
        properties.number("max.partition.fetch.bytes", 0..=i32::MAX, bytes)?;
        properties.number(
            "max.poll.records",
            1..=i32::MAX as usize,
            &mut config.max_poll_records,
        )?;
        let levels = [
            ("read_uncommitted", IsolationLevel::ReadUncommitted),
            ("read_committed", IsolationLevel::ReadCommitted),
        ];
        properties.one_of("isolation.level", &levels, &mut config.isolation_level)?;
        let resets = [
            ("earliest", AutoOffsetReset::Earliest),
            ("latest", AutoOffsetReset::Latest),
            ("none", AutoOffsetReset::None),
        ];
        properties.one_of("auto.offset.reset", &resets, &mut config.auto_offset_reset)?;
        properties.boolean("check.crcs", &mut config.check_crcs)?;
        properties.text("client.rack", &mut config.client_rack);
        properties.finish()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_names_and_defaults() {
        let read =
            |pairs: &[(&str, &str)]| ConsumerConfig::from_properties(Properties::new(pairs.iter().copied()));
        assert_eq!(
            read(&[]).expect("defaults"),
            ConsumerConfig::new("127.0.0.1:9092")
        );
        let config = read(&[
            ("isolation.level", "read_committed"),
            ("auto.offset.reset", "none"),
        ]);
        let config = config.expect("both are known");
        assert_eq!(config.isolation_level, IsolationLevel::ReadCommitted);
        assert_eq!(config.auto_offset_reset, AutoOffsetReset::None);
        let error = read(&[("auto.offset.reset", "newest")])
            .expect_err("no such")
            .to_string();
        assert!(error.contains("newest") && error.contains("earliest"), "{error}");
    }
}
