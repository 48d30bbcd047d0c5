//! Real processes, real sockets, real foreign clients. What is needed is installed by `scripts/tools`; a test whose
//! tool is missing fails and prints the command that installs it.
//!
//! | module | judges |
//! |---|---|
//! | `start` | the broker's first minute: empty folder, bad settings, exit codes, a clean stop |
//! | `foreign` | clients of other languages write and read each other's records |
//! | `java_tools` | Apache Kafka's command-line tools, on the wire and on our segments |
//! | `native` | our own client, against our broker and Apache Kafka's |
//! | `doubtful` | requests that are wrong in one way each, asked of both brokers: the same answers |
//! | `moving` | a data folder that moves between our broker and Apache Kafka's |
//! | `rough` | neighbours that misbehave: garbage, half requests, slow readers |
//! | `kill` | kill -9 in mid-load: no acknowledged record lost |
//! | `durable` | the system calls: no acknowledgement before the fdatasync that covers it |
//! | `capture` | not a test: captures golden bytes from Apache Kafka when asked to |
// Here the operating system itself is the subject: processes, signals, files as a user sees them.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod capture;
mod doubtful;
mod durable;
mod foreign;
mod java_tools;
mod kill;
mod moving;
mod native;
mod rough;
#[path = "../../crates/client/tests/scenarios/mod.rs"]
mod scenarios;
mod start;
mod support;
