//! From a `server.properties` text and overrides to `Settings`, with every fault named and every unknown name
//! warned about.

use std::collections::BTreeMap;

use crate::settings::properties;
use crate::settings::row::{BadValue, Effect, Setting, Value};
use crate::settings::suggest::nearest;
use crate::settings::table::{broker_row, broker_rows};
use crate::settings::{Settings, check};

/// Settings, and what a person should be told about them.
#[derive(Debug)]
pub struct Loaded {
    pub settings: Settings,
    pub warnings: Vec<String>,
}

/// Why settings were refused; one line for each fault.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SettingsError(pub Vec<String>);

/// Reads the file, given as (name, text), then each `key=value` override in order; the last one wins.
pub fn load(file: Option<(&str, &str)>, overrides: &[String]) -> Result<Loaded, SettingsError> {
    let mut reader = Reader::default();
    if let Some((name, text)) = file {
        for entry in properties::parse(text) {
            reader.take(&entry.key, &entry.value, &format!("{name}:{}", entry.line));
        }
    }
    for text in overrides {
        match text.split_once('=') {
            Some((key, value)) => reader.take(key.trim(), value, "--override"),
            None => reader
                .faults
                .push(format!("--override {text}: it must be key=value")),
        }
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    values: BTreeMap<&'static str, (Value, String)>,
    faults: Vec<String>,
    warnings: Vec<String>,
}

impl Reader {
    fn take(&mut self, key: &str, text: &str, from: &str) {
        let Some(row) = broker_row(key) else {
            return self.warnings.extend(unknown(key, from));
        };
        match row.parse(text) {
            Ok(value) => {
                self.values.insert(row.name, (value, from.to_string()));
            }
            Err(bad) => self.faults.push(format!("{from}: {bad}")),
        }
    }

    fn finish(mut self) -> Result<Loaded, SettingsError> {
        self.unify_ids();
        let from = |key: &str| {
            self.values
                .get(key)
                .map(|(_, from)| format!("{from}: "))
                .unwrap_or_default()
        };
        let fixed = self
            .values
            .iter()
            .map(|(name, (value, _))| (*name, value.clone()))
            .collect();
        let settings = Settings::from_fixed(fixed);
        if self.faults.is_empty() {
            let bad = check::together(&settings);
            self.faults.extend(
                bad.into_iter()
                    .map(|bad: BadValue| format!("{}{bad}", from(&bad.key))),
            );
        }
        if !self.faults.is_empty() {
            return Err(SettingsError(self.faults));
        }
        self.warnings.extend(check::warnings(&settings));
        let rows = || self.values.keys().filter_map(|name| broker_row(name));
        self.warnings.extend(without_effect(
            "accepted, not yet in effect",
            rows(),
            Effect::Later,
        ));
        self.warnings.extend(without_effect(
            "accepted, without effect here",
            rows(),
            Effect::Moot,
        ));
        Ok(Loaded {
            settings,
            warnings: self.warnings,
        })
    }

    /// node.id and broker.id are one setting.
    fn unify_ids(&mut self) {
        match (
            self.values.get("node.id").cloned(),
            self.values.get("broker.id").cloned(),
        ) {
            (Some((node, _)), Some((broker, from))) if node != broker => self.faults.push(format!(
                "{from}: broker.id={broker} is not allowed: it must equal node.id, which is {node}"
            )),
            (Some(node), None) => drop(self.values.insert("broker.id", node)),
            (None, Some((Value::Int(n), _))) if n < 0 => drop(self.values.remove("broker.id")),
            (None, Some(broker)) => drop(self.values.insert("node.id", broker)),
            _ => {}
        }
    }
}

fn unknown(key: &str, from: &str) -> Option<String> {
    // a listener's own variant of a known name, such as listener.name.internal.ssl.key.password
    if let Some(rest) = key.strip_prefix("listener.name.") {
        let known = rest
            .match_indices('.')
            .any(|(at, _)| broker_row(&rest[at + 1..]).is_some());
        let why = if known {
            "settings of a single listener are not yet in effect"
        } else {
            "unknown setting"
        };
        return Some(format!("{from}: {key}: ignored: {why}"));
    }
    let hint = match nearest(key, broker_rows().map(|row| row.name)) {
        Some(name) => format!("; did you mean {name}?"),
        None if key.starts_with("zookeeper.") => "; Kafka 4 has no ZooKeeper".to_string(),
        None => String::new(),
    };
    Some(format!("{from}: {key}: ignored: unknown setting{hint}"))
}

/// One line for all the rows with this effect, those left at their defaults not counted.
fn without_effect(
    what: &str,
    rows: impl Iterator<Item = &'static Setting>,
    effect: Effect,
) -> Option<String> {
    let names: Vec<_> = rows
        .filter(|row| row.effect == effect)
        .map(|row| row.name)
        .collect();
    (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overrides(texts: &[&str]) -> Result<Loaded, SettingsError> {
        load(
            None,
            &texts.iter().map(|text| text.to_string()).collect::<Vec<_>>(),
        )
    }

    #[test]
    fn overrides_come_after_the_file_in_order() {
        let text = "num.partitions=2\nlog.dirs=/data\n";
        let given = ["num.partitions=3".to_string(), "num.partitions=4".to_string()];
        let loaded = load(Some(("server.properties", text)), &given).unwrap();
        assert_eq!(loaded.settings.num_partitions(), 4);
        assert_eq!(loaded.settings.log_dir(), "/data");
        assert_eq!(loaded.warnings, Vec::<String>::new());
    }

    #[test]
    fn every_bad_value_is_named() {
        let error = load(
            Some(("s.properties", "num.partitions=0\n\nlog.dirs=x\nnode.id=one")),
            &["x".into()],
        );
        assert_eq!(
            error.unwrap_err().0,
            [
                "s.properties:1: num.partitions=0 is not allowed: it must be an integer of 32 bits, 1 or more",
                "s.properties:4: node.id=one is not allowed: it must be an integer of 32 bits, 0 or more",
                "--override x: it must be key=value",
            ]
        );
    }

    #[test]
    fn unknown_names_are_warned_about() {
        let loaded = overrides(&[
            "num.partition=3",
            "zookeeper.connect=h:1",
            "listener.name.a.ssl.key.password=x",
        ]);
        assert_eq!(
            loaded.unwrap().warnings,
            [
                "--override: num.partition: ignored: unknown setting; did you mean num.partitions?",
                "--override: zookeeper.connect: ignored: unknown setting; Kafka 4 has no ZooKeeper",
                "--override: listener.name.a.ssl.key.password: ignored: settings of a single listener are not yet in effect",
            ]
        );
    }

    #[test]
    fn what_has_no_effect_is_said_once() {
        let loaded = overrides(&[
            "num.io.threads=8",
            "group.max.size=7",
            "group.initial.rebalance.delay.ms=0",
        ]);
        assert_eq!(
            loaded.unwrap().warnings,
            [
                "accepted, not yet in effect: group.initial.rebalance.delay.ms, group.max.size",
                "accepted, without effect here: num.io.threads",
            ]
        );
    }

    #[test]
    fn node_id_and_broker_id_are_one() {
        assert_eq!(overrides(&["broker.id=7"]).unwrap().settings.node_id(), 7);
        let error = overrides(&["broker.id=7", "node.id=8"]).unwrap_err().to_string();
        assert!(error.contains("it must equal node.id, which is 8"), "{error}");
    }

    /// The files that Apache Kafka ships as config/server.properties and config/broker.properties look so.
    #[test]
    fn a_stock_file_is_taken() {
        let stock = "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\n\
            listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n\
            advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n\
            controller.listener.names=CONTROLLER\n\
            listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\n\
            num.network.threads=3\nnum.io.threads=8\nsocket.send.buffer.bytes=102400\n\
            socket.receive.buffer.bytes=102400\nsocket.request.max.bytes=104857600\n\
            log.dirs=/tmp/kraft-combined-logs\nnum.partitions=1\nnum.recovery.threads.per.data.dir=2\n\
            offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
            transaction.state.log.min.isr=1\nlog.retention.hours=168\nlog.segment.bytes=1073741824\n\
            log.retention.check.interval.ms=300000\n";
        let loaded = load(Some(("server.properties", stock)), &[]).unwrap();
        let advertised = loaded.settings.listeners();
        assert_eq!(advertised.len(), 1);
        assert_eq!(advertised[0].bind_address(), "0.0.0.0:9092");
        assert_eq!(
            (
                advertised[0].advertised_host.as_str(),
                advertised[0].advertised_port
            ),
            ("localhost", 9092)
        );
        assert_eq!(loaded.warnings.len(), 3, "{:?}", loaded.warnings);
    }
}
