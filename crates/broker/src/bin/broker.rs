//! `broker [path/to/server.properties] [--override key=value]...`: one node, until SIGTERM or SIGINT.
//!
//! Exit codes: 0 stopped when asked to, 1 failed, 2 wrong usage. What to paste goes to stdout, notes and logs to stderr.

use anyhow::Context;
use broker::settings::{self, Settings};
use broker::{Broker, BrokerHandle};
use clap::Parser;
use runtime::{disk, process};
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing::level_filters::LevelFilter;
use tracing::{error, warn};

const LOG_VARIABLE: &str = "ODRADEK_LOG";

/// An Apache Kafka broker. Without arguments it formats ./odradek-data and listens on 127.0.0.1:9092.
#[derive(Parser)]
#[command(name = "broker", version)]
struct Arguments {
    /// Settings under Kafka's names, as in Kafka's config/server.properties
    properties: Option<String>,
    /// A setting that wins over the file; may be given many times
    #[arg(long = "override", value_name = "key=value")]
    overrides: Vec<String>,
    /// How much to log: off, error, warn, info, debug or trace [default: $ODRADEK_LOG, or info]
    #[arg(long, value_name = "level")]
    log: Option<LevelFilter>,
}

fn main() -> ExitCode {
    // Wrong usage exits with 2, --help and --version with 0.
    let arguments = Arguments::parse();
    if let Err(reason) = init_log(arguments.log) {
        eprintln!("{reason}");
        return ExitCode::from(2);
    }
    match process::main(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, each said once: many of ours tell their cause themselves.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(|cause| cause.to_string()) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn init_log(level: Option<LevelFilter>) -> Result<(), String> {
    let level = match (level, std::env::var(LOG_VARIABLE)) {
        (Some(level), _) => level,
        (None, Ok(text)) => text.parse().map_err(|_| {
            format!("{LOG_VARIABLE}={text}: it must be off, error, warn, info, debug or trace")
        })?,
        (None, Err(_)) => LevelFilter::INFO,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    Ok(())
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let settings = load(&arguments).await?;
    let handle = Broker::start(settings.clone()).await?;
    print_what_to_paste(&handle, &settings);
    let failure = runtime::select! {
        biased;
        () = process::shutdown_signal() => None,
        reason = handle.wait() => Some(reason),
    };
    if let Some(reason) = &failure {
        error!(reason, "the broker cannot go on");
    }
    handle.shutdown().await;
    match failure {
        None => Ok(()),
        Some(reason) => Err(anyhow::anyhow!(reason)),
    }
}

async fn load(arguments: &Arguments) -> anyhow::Result<Settings> {
    let text = match &arguments.properties {
        None => None,
        Some(path) => {
            let bytes = disk::read(path)
                .await
                .with_context(|| format!("cannot read {path}"))?;
            let text =
                String::from_utf8(bytes.to_vec()).with_context(|| format!("{path} is not UTF-8 text"))?;
            Some((path.as_str(), text))
        }
    };
    let file = text.as_ref().map(|(path, text)| (*path, text.as_str()));
    let loaded = settings::load(file, &arguments.overrides)?;
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    Ok(loaded.settings)
}

fn print_what_to_paste(handle: &BrokerHandle, settings: &Settings) {
    let address = handle.address();
    println!(
        "broker {} is ready on {address}, its data in {}",
        settings.node_id(),
        settings.log_dir()
    );
    println!("  echo 'hello' | kcat -b {address} -P -t greetings");
    println!("  kcat -b {address} -C -t greetings -o beginning -e");
    if let Some(metrics) = handle.metrics_address() {
        println!("  curl http://{metrics}/metrics");
    }
}
