//! Settings that Kafka does not have.

use crate::settings::row::{Kind, Setting, boolean, long, string, unset};

pub const ROWS: &[Setting] = &[
    boolean("write.caching", "false").dynamic().ours()
        .doc("The default of the topic setting write.caching."),
    string("odradek.metrics.listener", "127.0.0.1:9308").ours()
        .doc("host:port of the HTTP server with /metrics and /health. Port 0 takes a free port; empty: no HTTP server."),
    long("odradek.scrub.interval.ms", "86400000").at_least(0).ours()
        .doc("Everything durable is read and verified again within this time, disk permitting; damage is found within twice of it. 0 turns the scrubber off."),
    unset("odradek.cluster.id", Kind::String)
        .ours()
        .doc("The id that a fresh folder's cluster gets, and that a formatted folder must have. Unset: a fresh cluster gets a random one, and any is taken."),
];
