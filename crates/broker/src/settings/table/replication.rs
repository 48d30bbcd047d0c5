//! Replication and its durability.

use crate::settings::row::{Kind, Setting, boolean, int, long, unset};

pub const ROWS: &[Setting] = &[
    int("min.insync.replicas", "1").at_least(1).dynamic().doc(
        "With acks=all a write needs so many replicas in sync, and without them the high watermark waits.",
    ),
    boolean("unclean.leader.election.enable", "false")
        .dynamic()
        .later()
        .doc("Whether a replica out of sync may become leader when no other can, losing what it lacks."),
    long("unclean.leader.election.interval.ms", "300000")
        .at_least(1)
        .later()
        .internal()
        .doc("Time between two looks for leaders to elect uncleanly."),
    long("replica.lag.time.max.ms", "30000")
        .later()
        .doc("A follower that has not caught up for this long leaves the in-sync replicas."),
    int("replica.fetch.max.bytes", "1048576")
        .at_least(0)
        .later()
        .doc("Bytes that a follower asks for from each partition."),
    int("replica.fetch.min.bytes", "1")
        .later()
        .doc("Bytes that an answer to a follower should hold."),
    int("replica.fetch.response.max.bytes", "10485760")
        .at_least(0)
        .later()
        .doc("Bytes of a whole answer to a follower."),
    int("replica.fetch.wait.max.ms", "500")
        .later()
        .doc("How long the leader may hold back a follower's fetch."),
    int("replica.fetch.backoff.ms", "1000")
        .at_least(0)
        .later()
        .doc("Sleep of a follower after a failed fetch."),
    int("replica.socket.timeout.ms", "30000")
        .later()
        .doc("Time-out of a follower's requests."),
    int("replica.socket.receive.buffer.bytes", "65536")
        .later()
        .doc("Receive buffer of a follower's connections."),
    long("replica.high.watermark.checkpoint.interval.ms", "5000")
        .doc("Time between two writes of the high watermarks."),
    unset("replica.selector.class", Kind::String)
        .later()
        .doc("Chooses the replica that a consumer reads from."),
    int("num.replica.fetchers", "1")
        .at_least(1)
        .dynamic()
        .later()
        .doc("Connections to each leader that a follower fetches over."),
    unset("num.replica.alter.log.dirs.threads", Kind::Int)
        .later()
        .doc("How many partitions move between folders at once."),
    boolean("auto.leader.rebalance.enable", "true")
        .later()
        .doc("Whether leadership goes back to preferred replicas."),
    long("leader.imbalance.check.interval.seconds", "300")
        .at_least(1)
        .later()
        .doc("Time between two looks for leaders that are not the preferred ones."),
];
