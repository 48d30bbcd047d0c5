//! A Kafka broker: listeners, handlers, partitions, and the shell of the controller.
//!
//! ```text
//!  listener ──frame──> api ──> partitions ──> storage::Log
//!     ^                 │          ^
//!     └──── reply ──────┘          └── image ── controller ──> metadata log
//! ```
//!
//! The binary and the simulator start a node in the same way: [`Broker::start`].
//!
//! Invariants:
//! 1. Answers leave a connection in the order of its requests.
//! 2. What was begun for a request is finished or not begun, whatever becomes of its connection.
//! 3. acks=all is answered when the high watermark has passed the batch; nothing above it is read.
//! 4. No count, no queue and no allocation is bounded by a peer's word alone.
//! 5. All state is a value of the node: two nodes in one process share nothing.
//!
//! Deliberately absent: replication, coordinators of groups and transactions, TLS, SASL, authorization, quotas.

mod api;
mod broker;
mod cluster_view;
pub mod controller;
mod error;
mod fetch_response;
mod fetch_session;
mod http;
mod listener;
mod metadata_log;
mod metrics;
mod metrics_page;
mod node;
mod partitions;
mod producer_ids;
mod reply;
pub mod settings;

pub use broker::{Broker, BrokerHandle};
pub use error::StartError;
