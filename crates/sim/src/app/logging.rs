//! The nodes' logs on stderr, with virtual time and the node's name.

use super::cli::Level;
use std::fmt;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

pub fn install(level: Level) {
    let filter = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_writer(std::io::stderr)
        .event_format(VirtualTime)
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("logging is installed once per process");
}

/// `14.203117s broker-1 WARN storage::log: …`
struct VirtualTime;

impl<S, N> FormatEvent<S, N> for VirtualTime
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let now = super::clock::now();
        let node = runtime::sim::current_node_name().unwrap_or_else(|| "harness".to_owned());
        let meta = event.metadata();
        write!(
            out,
            "{}.{:06}s {node} {:<5} {}: ",
            now.0 / 1_000_000,
            now.0 % 1_000_000,
            meta.level(),
            meta.target()
        )?;
        context.format_fields(out.by_ref(), event)?;
        writeln!(out)
    }
}
