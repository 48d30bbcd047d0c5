//! The Prometheus text format: samples gathered by metric, then printed with their help and type.

use super::table::Kind;
use super::{ApiCounters, Histogram, ListenerCounters, Metric, Metrics, TopicCounters};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Quantiles that Kafka's exporters print.
const QUANTILES: [(&str, f64); 4] = [("0.50", 0.5), ("0.95", 0.95), ("0.99", 0.99), ("0.999", 0.999)];
const MICROS_PER_MS: f64 = 1000.0;

pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// Samples on their way to a scrape.
#[derive(Default)]
pub struct Page {
    /// By place in the table: lines without the metric's name.
    lines: BTreeMap<usize, String>,
}

impl Page {
    pub fn add(&mut self, metric: Metric, labels: Labels, value: f64) {
        self.line(metric, "", labels, value);
    }

    /// A histogram in µs, as a summary in ms.
    pub fn add_summary(&mut self, metric: Metric, labels: Labels, histogram: &Histogram) {
        for (name, quantile) in QUANTILES {
            let labels: Vec<_> = labels.iter().copied().chain([("quantile", name)]).collect();
            self.line(
                metric,
                "",
                &labels,
                histogram.quantile(quantile) as f64 / MICROS_PER_MS,
            );
        }
        self.line(metric, "_sum", labels, histogram.sum() as f64 / MICROS_PER_MS);
        self.line(metric, "_count", labels, histogram.count() as f64);
    }

    fn line(&mut self, metric: Metric, suffix: &str, labels: Labels, value: f64) {
        let lines = self.lines.entry(metric as usize).or_default();
        lines.push_str(metric.row().name);
        lines.push_str(suffix);
        for (index, (name, value)) in labels.iter().enumerate() {
            lines.push(if index == 0 { '{' } else { ',' });
            // Writing to a String cannot fail.
            let _ = write!(lines, "{name}=\"{}\"", escaped(value));
        }
        if !labels.is_empty() {
            lines.push('}');
        }
        let _ = writeln!(lines, " {value}");
    }

    pub fn finish(self) -> String {
        let mut text = String::new();
        for (place, lines) in self.lines {
            let row = Metric::ALL[place].row();
            let kind = match row.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Summary => "summary",
            };
            let _ = write!(
                text,
                "# HELP {0} {1}\n# TYPE {0} {kind}\n{lines}",
                row.name, row.help
            );
        }
        text
    }
}

/// Everything that `Metrics` itself counts.
pub fn render(metrics: &Metrics, page: &mut Page) {
    topic(page, &[], &metrics.all_topics);
    for (name, counters) in metrics.topics() {
        topic(page, &[("topic", &name)], &counters);
    }
    metrics.apis().for_each(|counters| api(page, counters));
    for (name, counters) in metrics.listeners() {
        listener(page, &[("listener", &name)], &counters);
    }
    page.add(
        Metric::QueuedRequestBytes,
        &[],
        metrics.queued_request_bytes.get() as f64,
    );
    page.add(Metric::FlushCount, &[], metrics.flush_time.count() as f64);
    page.add_summary(Metric::FlushTime, &[], &metrics.flush_time);
    page.add(
        Metric::ScrubCorruptions,
        &[],
        metrics.scrub_corruptions.get() as f64,
    );
    page.add(Metric::BrokerState, &[], metrics.broker_state.get() as f64);
}

fn topic(page: &mut Page, labels: Labels, counters: &TopicCounters) {
    for (metric, counter) in [
        (Metric::MessagesIn, &counters.messages_in),
        (Metric::BytesIn, &counters.bytes_in),
        (Metric::BytesOut, &counters.bytes_out),
        (Metric::ProduceRequests, &counters.produce_requests),
        (Metric::FetchRequests, &counters.fetch_requests),
        (Metric::FailedProduceRequests, &counters.failed_produce_requests),
        (Metric::FailedFetchRequests, &counters.failed_fetch_requests),
    ] {
        page.add(metric, labels, counter.get() as f64);
    }
}

fn api(page: &mut Page, counters: &ApiCounters) {
    let name = ("request", counters.key.name());
    for (version, count) in counters.requests() {
        page.add(
            Metric::Requests,
            &[name, ("version", &version.to_string())],
            count as f64,
        );
    }
    if counters.total_time.count() > 0 {
        page.add_summary(Metric::TotalTime, &[name], &counters.total_time);
        page.add_summary(Metric::LocalTime, &[name], &counters.local_time);
    }
    if counters.errors.get() > 0 {
        page.add(Metric::RequestErrors, &[name], counters.errors.get() as f64);
    }
}

fn listener(page: &mut Page, labels: Labels, counters: &ListenerCounters) {
    page.add(Metric::ConnectionCount, labels, counters.open.get() as f64);
    for (metric, counter) in [
        (Metric::ConnectionCreations, &counters.created),
        (Metric::ConnectionCloses, &counters.closed),
        (Metric::ConnectionRefusals, &counters.refused),
        (Metric::IdleConnectionCloses, &counters.idle),
    ] {
        page.add(metric, labels, counter.get() as f64);
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::ApiKey;

    #[test]
    fn a_page_groups_samples_under_their_help() {
        let metrics = Metrics::new([(ApiKey::Metadata, 13)].into_iter());
        metrics.all_topics.bytes_in.add(7);
        metrics.topic("orders").bytes_in.add(7);
        let counters = metrics.api(ApiKey::Metadata).unwrap();
        counters.count_request(12);
        counters.total_time.record(1500);
        let mut page = Page::default();
        render(&metrics, &mut page);
        page.add(Metric::LogSize, &[("topic", "a\"b"), ("partition", "0")], 12.5);
        let text = page.finish();
        for line in [
            "# TYPE kafka_server_brokertopicmetrics_bytesin_total counter",
            "kafka_server_brokertopicmetrics_bytesin_total 7",
            "kafka_server_brokertopicmetrics_bytesin_total{topic=\"orders\"} 7",
            "kafka_network_requestmetrics_requests_total{request=\"Metadata\",version=\"12\"} 1",
            "kafka_network_requestmetrics_totaltimems{request=\"Metadata\",quantile=\"0.50\"} 1.5",
            "kafka_network_requestmetrics_totaltimems_count{request=\"Metadata\"} 1",
            "kafka_log_log_size{topic=\"a\\\"b\",partition=\"0\"} 12.5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nin\n{text}");
        }
        assert_eq!(
            text.matches("# TYPE kafka_server_brokertopicmetrics_bytesin_total")
                .count(),
            1
        );
    }
}
