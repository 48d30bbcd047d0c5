//! The topics that a plan creates before the workloads begin.

use crate::app::dice::Dice;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicPlan {
    pub name: String,
    pub partitions: i32,
    /// Topic settings in Kafka's words.
    pub config: BTreeMap<String, String>,
    /// Records of this topic may be removed by DeleteRecords.
    pub delete_records: bool,
}

impl TopicPlan {
    /// write.caching: what was acknowledged may be lost with power.
    pub fn caching(&self) -> bool {
        self.config.get("write.caching").is_some_and(|v| v == "true")
    }

    pub fn retention(&self) -> bool {
        ["retention.ms", "retention.bytes"]
            .iter()
            .any(|key| self.config.get(*key).is_some_and(|v| v != "-1"))
    }

    /// A topic with tiny segments, so that rolls happen within a run.
    pub fn draw(name: String, dice: &mut Dice) -> TopicPlan {
        let mut config = BTreeMap::new();
        let mut set = |key: &str, value: String| config.insert(key.to_owned(), value);
        // Most topics keep everything: only there can a lost record be told from a removed one.
        let retains_little = dice.chance(350);
        let segment_bytes = match retains_little {
            true => dice.pick(&[512, 1024, 1024, 4096]),
            false => dice.pick(&[4096, 8192, 16_384, 65_536]),
        };
        set("internal.segment.bytes", segment_bytes.to_string());
        set(
            "index.interval.bytes",
            dice.pick(&[0, 256, 1024, 4096]).to_string(),
        );
        if dice.chance(300) {
            set("segment.ms", dice.between(1000, 8000).to_string());
        }
        if retains_little && dice.chance(700) {
            set(
                "retention.bytes",
                (segment_bytes * dice.between(0, 2)).to_string(),
            );
        }
        let retention_ms = match retains_little {
            true => dice.between(500, 10_000).to_string(),
            false => "-1".to_owned(),
        };
        set("retention.ms", retention_ms);
        if dice.chance(200) {
            set("write.caching", "true".to_owned());
        }
        if dice.chance(250) {
            set(
                "compression.type",
                dice.pick(&["gzip", "snappy", "lz4", "zstd", "uncompressed"])
                    .to_owned(),
            );
        }
        if dice.chance(150) {
            set("message.timestamp.type", "LogAppendTime".to_owned());
        }
        TopicPlan {
            name,
            partitions: dice.between(1, 3) as i32,
            config,
            delete_records: dice.chance(250),
        }
    }
}
