//! Settings that Kafka does not have.

use crate::settings::row::{Kind, Setting, boolean, long, string, unset};

pub const ROWS: &[Setting] = &[
    boolean("write.caching", "false").dynamic().ours()
        .doc("The default of the topic setting write.caching."),
    string("odradek.metrics.listener", "127.0.0.1:9308").ours()
        .doc("host:port of the HTTP server with /metrics and /health. Port 0 takes a free port; empty: no HTTP server."),
    long("odradek.scrub.interval.ms", "86400000").at_least(0).ours()
        .doc("Every segment that is not written any more is read and verified again after this time, as far as odradek.scrub.bytes.per.second allows. 0 turns the scrubber off."),
    long("odradek.scrub.bytes.per.second", "10485760").at_least(1).ours()
        .doc("How fast the scrubber reads. It finds rot within odradek.scrub.interval.ms, or bytes of log / this, whichever is longer."),
    unset("odradek.cluster.id", Kind::String)
        .ours()
        .doc("The id that a fresh folder's cluster gets, and that a formatted folder must have. Unset: a fresh cluster gets a random one, and any is taken."),
];
