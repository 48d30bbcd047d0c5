//! `replication-offset-checkpoint`: where each partition's high watermark was, for the next start.

use super::Partitions;
use std::collections::BTreeMap;
use storage::{DataDir, TopicPartition};
use tracing::warn;

/// Writes all of them. A failure is logged: recovery finds the high watermark without the file, only later.
pub async fn checkpoint(partitions: &Partitions, data_dir: &DataDir) {
    let all = partitions.all();
    let each = all.iter().map(|partition| {
        (
            TopicPartition::new(partition.topic.clone(), partition.index),
            partition.high_watermark(),
        )
    });
    let high_watermarks: BTreeMap<TopicPartition, i64> = each.collect();
    if let Err(error) = data_dir.write_high_watermarks(high_watermarks).await {
        warn!(%error, "cannot write the high watermarks");
    }
}
