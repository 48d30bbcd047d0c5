//! `/metrics` and `/health`: what a node says of itself over HTTP.

use crate::http::HttpResponse;
use crate::metrics::{Metric, Page, process_samples, render};
use crate::node::Node;

const STATE_RUNNING: i64 = 3;
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub async fn answer(node: &Node, path: &str) -> HttpResponse {
    match path {
        "/metrics" => {
            let body = metrics(node).await;
            HttpResponse {
                status: 200,
                content_type: PROMETHEUS_TEXT,
                body,
            }
        }
        "/health" => health(node),
        _ => HttpResponse::text(404, "there are /metrics and /health\n"),
    }
}

fn health(node: &Node) -> HttpResponse {
    match node.metrics.broker_state.get() {
        STATE_RUNNING if node.partitions.offline_count() == 0 => HttpResponse::text(200, "ok\n"),
        STATE_RUNNING => {
            let text = format!(
                "{} partitions are offline: see the log\n",
                node.partitions.offline_count()
            );
            HttpResponse::text(503, text)
        }
        state => HttpResponse::text(503, format!("not running: broker state {state}\n")),
    }
}

async fn metrics(node: &Node) -> String {
    let mut page = Page::default();
    render(&node.metrics, &mut page);
    partitions(node, &mut page);
    cluster(node, &mut page);
    {
        let sessions = node.fetch_sessions.lock();
        page.add(Metric::FetchSessions, &[], sessions.session_count() as f64);
        page.add(
            Metric::FetchSessionPartitions,
            &[],
            sessions.partition_count() as f64,
        );
        page.add(
            Metric::FetchSessionEvictions,
            &[],
            sessions.eviction_count() as f64,
        );
    }
    process_samples(&mut page).await;
    page.finish()
}

fn partitions(node: &Node, page: &mut Page) {
    let all = node.partitions.all();
    let leaders = all.iter().filter(|partition| partition.is_leader());
    let under_replicated = leaders.clone().filter(|partition| {
        let assignment = partition.assignment();
        assignment.isr.len() < assignment.replicas.len()
    });
    page.add(Metric::PartitionCount, &[], all.len() as f64);
    page.add(Metric::LeaderCount, &[], leaders.clone().count() as f64);
    page.add(
        Metric::UnderReplicatedPartitions,
        &[],
        under_replicated.count() as f64,
    );
    page.add(
        Metric::UnderMinIsrPartitions,
        &[],
        leaders.filter(|partition| partition.is_under_min_isr()).count() as f64,
    );
    page.add(
        Metric::OfflineReplicaCount,
        &[],
        node.partitions.offline_count() as f64,
    );
    for partition in &all {
        let index = partition.index.to_string();
        let labels = [("topic", partition.topic.as_str()), ("partition", index.as_str())];
        page.add(Metric::LogSize, &labels, partition.log().size_bytes() as f64);
        page.add(
            Metric::LogStartOffset,
            &labels,
            partition.log().log_start_offset() as f64,
        );
        page.add(
            Metric::LogEndOffset,
            &labels,
            partition.log().log_end_offset() as f64,
        );
        page.add(Metric::HighWatermark, &labels, partition.high_watermark() as f64);
    }
}

fn cluster(node: &Node, page: &mut Page) {
    let image = node.image();
    page.add(Metric::ActiveControllerCount, &[], 1.0);
    page.add(
        Metric::MetadataOffset,
        &[],
        (node.partitions.applied_offset() - 1) as f64,
    );
    page.add(Metric::GlobalTopicCount, &[], image.topic_count() as f64);
    page.add(Metric::GlobalPartitionCount, &[], image.partition_count() as f64);
}
