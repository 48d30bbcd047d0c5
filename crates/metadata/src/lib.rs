//! The cluster's metadata: what it is (`Image`), how records change it (`replay`), and what the controller
//! decides (`controller`). Pure: no clock, no entropy, no files; all of it is given.
//!
//! ```text
//!   request ──> controller::create_topics(&image, …) ──> Decision { records, reply }
//!                                                              │  the shell appends and commits them
//!   Image' <── image.replay(&record) <──────────────────────────┘  then answers with the reply
//! ```
//!
//! Invariants:
//! 1. An `Image` is a function of the records before its offset: replaying them gives it again.
//! 2. Only `replay` changes an image; deciding borrows it.
//! 3. A snapshot's records, replayed onto the empty image, give the image that wrote them.
//! 4. Broker epochs, leader epochs, partition epochs and producer ids only rise.
//!
//! Deliberately absent: access control lists, quotas, SCRAM credentials and delegation tokens. A log that holds
//! their records is refused rather than half understood.

pub mod controller;
mod image;

pub use image::{
    Broker, Controller, Endpoint, Fold, Image, PartitionRegistration, ReplayError, Resource, ResourceKind,
    Topic, Topics, VersionRange,
};

/// The name of the metadata log's own topic.
pub const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";

/// No leader, in records and answers.
pub const NO_LEADER: i32 = -1;

/// Features of this version, with their levels.
pub mod features {
    pub const METADATA_VERSION: &str = "metadata.version";
    pub const KRAFT_VERSION: &str = "kraft.version";
    pub const ELIGIBLE_LEADER_REPLICAS: &str = "eligible.leader.replicas.version";

    /// 4.2-IV1, the one level that this version writes.
    pub const METADATA_VERSION_LEVEL: i16 = 29;

    /// (name, least, most) of every feature that a node of this version can run at.
    pub const SUPPORTED: &[(&str, i16, i16)] = &[
        (ELIGIBLE_LEADER_REPLICAS, 0, 1),
        (KRAFT_VERSION, 0, 1),
        (METADATA_VERSION, METADATA_VERSION_LEVEL, METADATA_VERSION_LEVEL),
    ];

    /// Levels that a new cluster starts with. kraft.version is not among them: it lives in control records.
    pub const AT_FORMAT: &[(&str, i16)] = &[
        (METADATA_VERSION, METADATA_VERSION_LEVEL),
        (ELIGIBLE_LEADER_REPLICAS, 1),
    ];
}
