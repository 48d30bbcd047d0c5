//! The producer's configuration, by Kafka's names and with Kafka's defaults.

use records::Compression;
use runtime::time::Duration;

use crate::{ClientConfig, Error, Properties};

/// `acks`: what an acknowledgement means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// 0: nothing; no answer is waited for, and offsets are unknown.
    None,
    /// 1: the leader has appended.
    Leader,
    /// all (−1): every replica in sync has it, and on a durable topic on its disk.
    All,
}

impl Acks {
    pub(super) fn code(self) -> i16 {
        match self {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        }
    }
}

/// See [`crate::Producer`]. Fields carry Kafka's names; set them directly or by
/// [`ProducerConfig::from_properties`].
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerConfig {
    pub client: ClientConfig,
    /// `acks` (all).
    pub acks: Acks,
    /// `linger.ms` (5): how long a batch waits for more records.
    pub linger: Duration,
    /// `batch.size` (16 KiB): bytes of records, before compression, in one batch. A larger record has a batch alone.
    pub batch_size: usize,
    /// `buffer.memory` (32 MiB): bytes of records that wait for their acknowledgement.
    pub buffer_memory: usize,
    /// `max.block.ms` (60 s): how long `send` waits for metadata and memory.
    pub max_block: Duration,
    /// `max.request.size` (1 MiB): bytes of one request, and of one record.
    pub max_request_size: usize,
    /// `max.in.flight.requests.per.connection` (5).
    pub max_in_flight: usize,
    /// `retries` (2³¹ − 1): further attempts, as far as the delivery time-out allows.
    pub retries: u32,
    /// `delivery.timeout.ms` (2 min): from `send` to the report.
    pub delivery_timeout: Duration,
    /// `enable.idempotence` (true): no duplicates and no reordering by retries.
    pub enable_idempotence: bool,
    /// `compression.type` (none).
    pub compression: Compression,
    /// `compression.gzip.level`, `compression.zstd.level`: the codec's own scale.
    pub compression_level: Option<i32>,
    /// `partitioner.ignore.keys` (false): records with keys are spread like those without.
    pub partitioner_ignore_keys: bool,
}

impl ProducerConfig {
    pub fn new(bootstrap_servers: impl Into<String>) -> ProducerConfig {
        ProducerConfig {
            client: ClientConfig::new(bootstrap_servers),
            acks: Acks::All,
            linger: Duration::from_millis(5),
            batch_size: 16_384,
            buffer_memory: 32 << 20,
            max_block: Duration::from_secs(60),
            max_request_size: 1 << 20,
            max_in_flight: 5,
            retries: i32::MAX as u32,
            delivery_timeout: Duration::from_secs(120),
            enable_idempotence: true,
            compression: Compression::None,
            compression_level: None,
            partitioner_ignore_keys: false,
        }
    }

    /// Reads Kafka's keys. `acks`, `retries` or `max.in.flight…` values that idempotence cannot have turn it off,
    /// unless it was asked for: then they are an error, as in Kafka.
    pub fn from_properties(mut properties: Properties) -> Result<ProducerConfig, Error> {
        let mut config = ProducerConfig::new("127.0.0.1:9092");
        config.client.take_properties(&mut properties)?;
        let acks = [
            ("0", Acks::None),
            ("1", Acks::Leader),
            ("all", Acks::All),
            ("-1", Acks::All),
        ];
        properties.one_of("acks", &acks, &mut config.acks)?;
        properties.millis("linger.ms", 0..=DAY_MS, &mut config.linger)?;
        properties.number("batch.size", 0..=BYTES_MAX, &mut config.batch_size)?;
        properties.number("buffer.memory", 1..=BYTES_MAX, &mut config.buffer_memory)?;
        properties.millis("max.block.ms", 0..=DAY_MS, &mut config.max_block)?;
        properties.number("max.request.size", 1..=BYTES_MAX, &mut config.max_request_size)?;
        let in_flight = "max.in.flight.requests.per.connection";
        properties.number(in_flight, 1..=1000, &mut config.max_in_flight)?;
        properties.number("retries", 0..=i32::MAX as u32, &mut config.retries)?;
        properties.millis("delivery.timeout.ms", 1..=DAY_MS, &mut config.delivery_timeout)?;
        let mut idempotence = None;
        let switch = [("true", Some(true)), ("false", Some(false))];
        properties.one_of("enable.idempotence", &switch, &mut idempotence)?;
        config.enable_idempotence = idempotence.unwrap_or_else(|| config.idempotence_fault().is_none());
        let codecs = Compression::ALL.map(|codec| (codec.name(), codec));
        properties.one_of("compression.type", &codecs, &mut config.compression)?;
        config.take_levels(&mut properties)?;
        properties.boolean("partitioner.ignore.keys", &mut config.partitioner_ignore_keys)?;
        properties.finish()?;
        config.check()?;
        Ok(config)
    }

    fn take_levels(&mut self, properties: &mut Properties) -> Result<(), Error> {
        let (mut gzip, mut zstd, mut lz4) = (NO_LEVEL, NO_LEVEL, NO_LEVEL);
        properties.number("compression.gzip.level", -1..=9, &mut gzip)?;
        properties.number("compression.zstd.level", -131_072..=22, &mut zstd)?;
        properties.number("compression.lz4.level", 1..=17, &mut lz4)?;
        let level = match self.compression {
            Compression::Gzip => gzip,
            Compression::Zstd => zstd,
            Compression::None | Compression::Snappy | Compression::Lz4 => NO_LEVEL,
        };
        self.compression_level = Some(level).filter(|level| *level != NO_LEVEL);
        Ok(())
    }

    /// Settings that contradict each other; [`crate::Producer::new`] calls it.
    pub fn check(&self) -> Result<(), Error> {
        if self.enable_idempotence
            && let Some((key, value, allowed)) = self.idempotence_fault()
        {
            return Err(Error::config(key, &value, allowed.into()));
        }
        let least = self.linger + self.client.request_timeout;
        if self.delivery_timeout < least {
            let allowed = format!(
                "at least linger.ms + request.timeout.ms, {} ms",
                least.as_millis()
            );
            return Err(Error::config(
                "delivery.timeout.ms",
                &self.delivery_timeout.as_millis().to_string(),
                allowed,
            ));
        }
        if self.max_in_flight == 0 {
            return Err(Error::config(
                "max.in.flight.requests.per.connection",
                "0",
                "1 or more".into(),
            ));
        }
        Ok(())
    }

    fn idempotence_fault(&self) -> Option<(&'static str, String, &'static str)> {
        if self.acks != Acks::All {
            return Some((
                "acks",
                self.acks.code().to_string(),
                "all, where enable.idempotence=true",
            ));
        }
        if self.retries == 0 {
            return Some(("retries", "0".into(), "above 0, where enable.idempotence=true"));
        }
        if self.max_in_flight > IDEMPOTENT_IN_FLIGHT_MAX {
            let value = self.max_in_flight.to_string();
            let key = "max.in.flight.requests.per.connection";
            return Some((key, value, "1 to 5, where enable.idempotence=true"));
        }
        None
    }
}

/// A broker remembers so many batches of a producer and partition, and recognises a retry of those.
pub(super) const IDEMPOTENT_IN_FLIGHT_MAX: usize = 5;

const DAY_MS: u64 = 86_400_000;
const BYTES_MAX: usize = i32::MAX as usize;
/// A level outside of every codec's scale.
const NO_LEVEL: i32 = i32::MIN;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<ProducerConfig, Error> {
        ProducerConfig::from_properties(Properties::new(pairs.iter().copied()))
    }

    #[test]
    fn kafkas_names_and_defaults() {
        assert_eq!(
            read(&[]).expect("defaults"),
            ProducerConfig::new("127.0.0.1:9092")
        );
        let config = read(&[
            ("linger.ms", "20"),
            ("compression.type", "zstd"),
            ("compression.zstd.level", "7"),
            ("acks", "-1"),
            ("bootstrap.servers", "a:1"),
        ]);
        let config = config.expect("all are known");
        assert_eq!(config.linger, Duration::from_millis(20));
        assert_eq!(
            (config.compression, config.compression_level),
            (Compression::Zstd, Some(7))
        );
    }

    #[test]
    fn idempotence_yields_unless_it_was_asked_for() {
        assert!(!read(&[("acks", "1")]).expect("turns it off").enable_idempotence);
        let error = read(&[("acks", "1"), ("enable.idempotence", "true")]).expect_err("a contradiction");
        assert!(error.to_string().contains("acks=1"), "{error}");
        assert!(
            read(&[
                ("enable.idempotence", "true"),
                ("max.in.flight.requests.per.connection", "6")
            ])
            .is_err()
        );
        assert!(read(&[("delivery.timeout.ms", "1000")]).is_err());
    }

    #[test]
    fn bad_values_are_named() {
        let error = read(&[("compression.type", "brotli")])
            .expect_err("no such codec")
            .to_string();
        assert!(error.contains("brotli") && error.contains("zstd"), "{error}");
    }
}
