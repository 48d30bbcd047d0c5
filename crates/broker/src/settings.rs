//! Every setting of a broker and of its topics, from one table.
//!
//! `table` is the only place that knows a name, a type, a default or a bound. From it come: the reading of
//! `server.properties` and overrides (`load`), the values that the broker asks for (here and `topic`), the
//! answers of DescribeConfigs (`describe`), the checks of AlterConfigs (`rules`), and SETTINGS.md (`document`).
//!
//! Invariants:
//! 1. A `Settings` holds only values that their rows allow, and that agree with each other.
//! 2. A name that is not in the table is warned about and never silently dropped.
//! 3. Nothing that would protect the broker (TLS, SASL, an authorizer) is accepted and then not done.

mod check;
mod describe;
mod document;
mod listeners;
mod load;
mod properties;
pub mod row;
mod rules;
mod suggest;
pub mod table;
mod topic;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use describe::{
    ConfigRow, ConfigSource, ConfigSynonym, describe_broker, describe_cluster_default, describe_topic,
};
pub use document::document;
pub use listeners::{Endpoint, Listener, Protocol, host_port, parse_host_port};
pub use load::{Loaded, SettingsError, load};
use row::Setting;
pub use row::{BadValue, Value};
pub use rules::Rules;
pub use topic::{CleanupPolicy, CompressionType, TimestampType, TopicSettings};

/// The broker's settings: what the file and the overrides say, over the table's defaults, under what was
/// altered while running. Clones share.
#[derive(Clone, Debug)]
pub struct Settings {
    start: Arc<AtStart>,
    altered: Arc<Altered>,
}

#[derive(Debug)]
struct AtStart {
    /// From the file and the overrides.
    fixed: BTreeMap<&'static str, Value>,
    /// Every row's value without alterations.
    values: BTreeMap<&'static str, Option<Value>>,
}

#[derive(Debug, Default)]
struct Altered {
    /// For the whole cluster (resource BROKER "").
    cluster: BTreeMap<&'static str, Value>,
    /// For this broker (resource BROKER "<id>").
    own: BTreeMap<&'static str, Value>,
}

impl Settings {
    /// The table's defaults.
    pub fn defaults() -> Settings {
        Settings::from_fixed(BTreeMap::new())
    }

    fn from_fixed(fixed: BTreeMap<&'static str, Value>) -> Settings {
        let value = |row: &Setting| fixed.get(row.name).cloned().or_else(|| row.default_value());
        let values = table::broker_rows().map(|row| (row.name, value(row))).collect();
        Settings {
            start: Arc::new(AtStart { fixed, values }),
            altered: Arc::default(),
        }
    }

    /// The same settings under what was altered while running: for the whole cluster, and for this broker.
    /// Names and values that the table does not allow, such as those of a newer version, are left out.
    pub fn with_dynamic(
        &self,
        cluster: &BTreeMap<String, String>,
        own: &BTreeMap<String, String>,
    ) -> Settings {
        let checked = |altered: &BTreeMap<String, String>| -> BTreeMap<&'static str, Value> {
            let rows = altered
                .iter()
                .filter_map(|(name, text)| Some((table::broker_row(name)?, text)));
            rows.filter(|(row, _)| row.dynamic)
                .filter_map(|(row, text)| Some((row.name, row.parse(text).ok()?)))
                .collect()
        };
        let altered = Altered {
            cluster: checked(cluster),
            own: checked(own),
        };
        Settings {
            start: self.start.clone(),
            altered: Arc::new(altered),
        }
    }

    /// The effective value of a broker setting; `None` where it is unset and has no default.
    ///
    /// Panics on a name that is not in the table: names are written in the code.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let altered = self
            .altered
            .own
            .get(name)
            .or_else(|| self.altered.cluster.get(name));
        altered.or_else(|| match self.start.values.get(name) {
            Some(value) => value.as_ref(),
            None => panic!("{name} is not in the settings table"),
        })
    }

    /// Whether the file, an override or an alteration gave it.
    pub fn is_set(&self, name: &str) -> bool {
        [&self.altered.own, &self.altered.cluster, &self.start.fixed]
            .into_iter()
            .any(|layer| layer.contains_key(name))
    }

    /// An integer setting, `None` where it is unset.
    pub fn int_or_unset(&self, name: &str) -> Option<i64> {
        self.get(name).map(|value| match value {
            Value::Int(n) => *n,
            other => panic!("{name} is {other:?}, not an integer"),
        })
    }

    /// An integer setting that has a default.
    pub fn int(&self, name: &str) -> i64 {
        self.int_or_unset(name)
            .unwrap_or_else(|| panic!("{name} has no default"))
    }

    pub fn bool(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Bool(b)) => *b,
            other => panic!("{name} is {other:?}, not a boolean"),
        }
    }

    pub fn text_or_unset(&self, name: &str) -> Option<&str> {
        self.get(name).map(|value| match value {
            Value::Text(text) => text.as_str(),
            other => panic!("{name} is {other:?}, not a text"),
        })
    }

    pub fn list(&self, name: &str) -> &[String] {
        match self.get(name) {
            Some(Value::List(items)) => items,
            None => &[],
            other => panic!("{name} is {other:?}, not a list"),
        }
    }

    /// A setting in milliseconds; `None` where it is unset or negative, which means never.
    pub fn ms(&self, name: &str) -> Option<Duration> {
        self.int_or_unset(name)
            .and_then(|n| u64::try_from(n).ok())
            .map(Duration::from_millis)
    }
}

/// The names that the broker asks for, with types.
impl Settings {
    pub fn node_id(&self) -> i32 {
        self.int("node.id") as i32
    }

    /// The folder of logs (one for now).
    pub fn log_dir(&self) -> &str {
        let dirs = self.list("log.dirs");
        let dirs = if dirs.is_empty() {
            self.list("log.dir")
        } else {
            dirs
        };
        dirs.first()
            .map(String::as_str)
            .expect("load allows exactly one folder")
    }

    /// The listeners of clients and brokers, which this node binds, with what it tells its clients.
    pub fn listeners(&self) -> Vec<Listener> {
        let advertised = check::advertised(self).expect("load checked the advertised listeners");
        let listener = |bound: Endpoint| {
            let told = advertised
                .iter()
                .find(|told| told.name == bound.name)
                .unwrap_or(&bound);
            let (advertised_host, advertised_port) = (told.host.clone(), told.port);
            let Endpoint {
                name,
                protocol,
                host,
                port,
            } = bound;
            Listener {
                name,
                security_protocol: protocol,
                host,
                port,
                advertised_host,
                advertised_port,
            }
        };
        self.client_endpoints().into_iter().map(listener).collect()
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        check::listeners(self).expect("load checked the listeners")
    }

    fn client_endpoints(&self) -> Vec<Endpoint> {
        let controller = self.controller_listener_names();
        self.endpoints()
            .into_iter()
            .filter(|l| !controller.contains(&l.name))
            .collect()
    }

    /// The listeners of the controller, as the quorum's records name them; not bound yet.
    pub fn controller_endpoints(&self) -> Vec<Endpoint> {
        let controller = self.controller_listener_names();
        self.endpoints()
            .into_iter()
            .filter(|l| controller.contains(&l.name))
            .collect()
    }

    fn controller_listener_names(&self) -> Vec<String> {
        self.list("controller.listener.names")
            .iter()
            .map(|name| name.to_ascii_uppercase())
            .collect()
    }

    /// The name of the listener that brokers use among themselves.
    pub fn inter_broker_listener_name(&self) -> String {
        match self.text_or_unset("inter.broker.listener.name") {
            Some(name) => name.to_ascii_uppercase(),
            None => self
                .client_endpoints()
                .first()
                .map(|l| l.name.clone())
                .expect("load requires one"),
        }
    }

    pub fn broker_rack(&self) -> Option<&str> {
        self.text_or_unset("broker.rack")
    }
    /// `host:port` of the HTTP server, `None` for no server.
    pub fn metrics_listener(&self) -> Option<&str> {
        self.text_or_unset("odradek.metrics.listener")
            .filter(|address| !address.is_empty())
    }
    pub fn auto_create_topics_enable(&self) -> bool {
        self.bool("auto.create.topics.enable")
    }
    pub fn delete_topic_enable(&self) -> bool {
        self.bool("delete.topic.enable")
    }
    pub fn num_partitions(&self) -> i32 {
        self.int("num.partitions") as i32
    }
    pub fn default_replication_factor(&self) -> i16 {
        self.int("default.replication.factor").min(i16::MAX.into()) as i16
    }
    pub fn socket_request_max_bytes(&self) -> usize {
        self.int("socket.request.max.bytes") as usize
    }
    pub fn max_connections(&self) -> usize {
        self.int("max.connections") as usize
    }
    /// How many connections an address may hold.
    pub fn max_connections_per_ip(&self, ip: &str) -> usize {
        let overrides = self
            .text_or_unset("max.connections.per.ip.overrides")
            .unwrap_or_default();
        let own = overrides.split(',').find_map(|item| {
            let (host, count) = item.trim().rsplit_once(':')?;
            (host.trim_matches(['[', ']']) == ip).then(|| count.trim().parse().ok())?
        });
        own.unwrap_or(self.int("max.connections.per.ip") as usize)
    }
    /// `None`: idle connections stay.
    pub fn connections_max_idle(&self) -> Option<Duration> {
        self.ms("connections.max.idle.ms")
    }
    /// `None`: no limit is set.
    pub fn queued_max_request_bytes(&self) -> Option<usize> {
        usize::try_from(self.int("queued.max.request.bytes"))
            .ok()
            .filter(|n| *n > 0)
    }
    pub fn fetch_max_bytes(&self) -> usize {
        self.int("fetch.max.bytes") as usize
    }
    pub fn max_incremental_fetch_session_cache_slots(&self) -> usize {
        self.int("max.incremental.fetch.session.cache.slots") as usize
    }
    pub fn max_request_partition_size_limit(&self) -> usize {
        self.int("max.request.partition.size.limit") as usize
    }
    pub fn num_recovery_threads_per_data_dir(&self) -> usize {
        self.int("num.recovery.threads.per.data.dir") as usize
    }
    pub fn producer_id_expiration_ms(&self) -> i64 {
        self.int("producer.id.expiration.ms")
    }
    pub fn producer_id_expiration_check_interval(&self) -> Duration {
        self.ms("producer.id.expiration.check.interval.ms")
            .expect("its row says at least 1")
    }
    pub fn log_retention_check_interval(&self) -> Duration {
        self.ms("log.retention.check.interval.ms")
            .expect("its row says at least 1")
    }
    pub fn log_flush_offset_checkpoint_interval(&self) -> Duration {
        self.ms("log.flush.offset.checkpoint.interval.ms")
            .expect("its row says at least 0")
    }
    pub fn log_flush_start_offset_checkpoint_interval(&self) -> Duration {
        self.ms("log.flush.start.offset.checkpoint.interval.ms")
            .expect("its row says at least 0")
    }
    pub fn replica_high_watermark_checkpoint_interval(&self) -> Duration {
        self.ms("replica.high.watermark.checkpoint.interval.ms")
            .unwrap_or(Duration::from_secs(5))
    }
    /// `None`: no scrubbing.
    pub fn scrub_interval(&self) -> Option<Duration> {
        self.ms("odradek.scrub.interval.ms")
            .filter(|interval| !interval.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_a_broker_that_starts() {
        let settings = Settings::defaults();
        assert_eq!(settings.node_id(), 1);
        assert_eq!(settings.listeners()[0].bind_address(), "127.0.0.1:9092");
        assert_eq!(
            settings.controller_endpoints()[0].to_string(),
            "CONTROLLER://127.0.0.1:9093"
        );
        assert_eq!(settings.inter_broker_listener_name(), "PLAINTEXT");
        assert_eq!(settings.connections_max_idle(), Some(Duration::from_secs(600)));
        assert_eq!(settings.queued_max_request_bytes(), None);
        assert_eq!(settings.log_dir(), "odradek-data");
    }

    #[test]
    fn what_was_altered_beats_the_file_and_only_where_it_may() {
        let fixed = load(None, &["num.partitions=2".into(), "message.max.bytes=10".into()])
            .unwrap()
            .settings;
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(k, v)| (k.to_string(), v.to_string()))
                .collect()
        };
        let settings = fixed.with_dynamic(
            &map(&[
                ("message.max.bytes", "20"),
                ("num.partitions", "9"),
                ("max.connections", "7"),
                ("what", "1"),
            ]),
            &map(&[("max.connections", "8"), ("min.insync.replicas", "none")]),
        );
        assert_eq!(settings.int("message.max.bytes"), 20);
        assert_eq!(settings.num_partitions(), 2, "not dynamic");
        assert_eq!(settings.max_connections(), 8);
        assert_eq!(settings.int("min.insync.replicas"), 1);
    }
}
