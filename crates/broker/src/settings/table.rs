//! The one table of settings, by area, and how a row is found.
//!
//! Defaults and bounds are those of Apache Kafka 4.2, read from its own definitions; where ours differ the
//! row says so (`kafka_default`).

mod broker;
mod groups;
mod later;
mod log;
mod ours;
mod producers;
mod quorum;
mod replication;
mod security;
mod topic;

use crate::settings::row::Setting;

/// An area of the table, in the order of SETTINGS.md.
pub struct Area {
    pub title: &'static str,
    pub rows: &'static [Setting],
}

const fn area(title: &'static str, rows: &'static [Setting]) -> Area {
    Area { title, rows }
}

/// Settings of the broker.
pub const BROKER: &[Area] = &[
    area("Node, listeners, connections, requests", broker::ROWS),
    area("Log", log::ROWS),
    area("Not in Kafka", ours::ROWS),
    area("Controller and metadata log", quorum::ROWS),
    area("Producers and transactions", producers::ROWS),
    area("Replication", replication::ROWS),
    area("Groups", groups::ROWS),
    area("Security and quotas", security::ROWS),
    area("TLS, SASL, tiered storage", later::ROWS),
];

/// Settings of a topic.
pub const TOPIC: &[Setting] = topic::ROWS;

pub fn broker_rows() -> impl Iterator<Item = &'static Setting> {
    BROKER.iter().flat_map(|area| area.rows.iter())
}

pub fn broker_row(name: &str) -> Option<&'static Setting> {
    broker_rows().find(|row| row.name == name)
}

pub fn topic_row(name: &str) -> Option<&'static Setting> {
    TOPIC.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_is_sound() {
        for rows in [broker_rows().collect::<Vec<_>>(), TOPIC.iter().collect()] {
            let mut names = BTreeSet::new();
            for row in rows {
                assert!(names.insert(row.name), "{} stands twice", row.name);
                assert!(row.doc.ends_with('.'), "{}: a doc is a sentence", row.name);
                if let Some(default) = row.default {
                    row.parse(default)
                        .unwrap_or_else(|error| panic!("default: {error}"));
                }
                for synonym in row.synonyms {
                    let broker = broker_row(synonym.name).expect("a synonym is a broker setting");
                    assert!(synonym.times > 1 || broker.kind == row.kind, "{}", row.name);
                }
            }
        }
    }
}
