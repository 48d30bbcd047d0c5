//! DescribeLogDirs (key 35, v1–4; KIP-113): the data folder, and the size of each log in it.
//!
//! - Null topics mean all. v2: flexible. v3: an error for the whole. v4 (KIP-827): bytes of the volume, total and usable.
//! - offset_lag is 0: a leader does not lag behind itself.

use super::{Call, Head};
use std::collections::{BTreeMap, BTreeSet};
use tracing::warn;
use wire::ErrorCode;
use wire::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
    DescribeLogDirsTopic,
};

pub async fn handle(call: Call, _head: Head, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let node = call.node();
    let asked: Option<BTreeSet<(String, i32)>> = request.topics.map(|topics| {
        let each = topics.into_iter().flat_map(|topic| {
            let name = topic.topic;
            topic
                .partitions
                .into_iter()
                .map(move |index| (name.clone(), index))
        });
        each.collect()
    });
    let mut topics: BTreeMap<String, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for partition in node.partitions.all() {
        let key = (partition.topic.clone(), partition.index);
        if asked.as_ref().is_some_and(|asked| !asked.contains(&key)) {
            continue;
        }
        topics.entry(key.0).or_default().push(DescribeLogDirsPartition {
            partition_index: partition.index,
            partition_size: partition.log().size_bytes() as i64,
            offset_lag: 0,
            is_future_key: false,
        });
    }
    let space = node.data_dir.space().await;
    if let Err(error) = &space {
        warn!(%error, "cannot tell the space of the data folder");
    }
    let bytes = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (total_bytes, usable_bytes) = space.map_or((-1, -1), |space| {
        (bytes(space.total_bytes), bytes(space.free_bytes))
    });
    let result = DescribeLogDirsResult {
        error_code: ErrorCode::None.code(),
        log_dir: node.data_path.clone(),
        topics: topics
            .into_iter()
            .map(|(name, partitions)| DescribeLogDirsTopic { name, partitions })
            .collect(),
        total_bytes,
        usable_bytes,
    };
    DescribeLogDirsResponse {
        results: vec![result],
        ..Default::default()
    }
}
