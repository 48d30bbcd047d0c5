//! The controller and its metadata log.

use crate::settings::row::{Kind, Setting, boolean, int, list, long, unset};

pub const ROWS: &[Setting] = &[
    list("controller.quorum.voters", "")
        .doc("The voters of a fixed quorum, as id@host:port with commas between. One voter for now: this node."),
    list("controller.quorum.bootstrap.servers", "")
        .doc("Addresses to find the quorum at. One voter for now: this node."),
    boolean("controller.quorum.auto.join.enable", "false").later()
        .doc("Whether a new controller joins the quorum by itself."),
    int("controller.quorum.election.timeout.ms", "1000").at_least(0).later()
        .doc("How long a follower waits for a leader before it stands for election."),
    int("controller.quorum.election.backoff.max.ms", "1000").at_least(0).later()
        .doc("Upper bound of the pause between elections."),
    int("controller.quorum.fetch.timeout.ms", "2000").at_least(0).later()
        .doc("How long a follower fetches in vain before it stands for election."),
    int("controller.quorum.request.timeout.ms", "2000").at_least(0).later()
        .doc("Time-out of requests among voters."),
    int("controller.quorum.retry.backoff.ms", "20").at_least(0).later()
        .doc("Pause before a request among voters is repeated."),
    int("controller.quorum.append.linger.ms", "25").at_least(0).moot()
        .doc("Accepted: appends are grouped by the sync that they wait for."),
    int("controller.socket.timeout.ms", "30000").later()
        .doc("Time-out of a broker's requests to the controller."),
    long("controller.performance.sample.period.ms", "60000").at_least(100).later().internal()
        .doc("Time between two reports of slow controller events."),
    long("controller.performance.always.log.threshold.ms", "2000").at_least(0).later().internal()
        .doc("Controller events slower than this are always reported."),
    unset("metadata.log.dir", Kind::String)
        .doc("The folder of the metadata log. Unset: the first of log.dirs, which is also the one folder allowed for now."),
    int("metadata.log.segment.bytes", "1073741824").at_least(8_388_608)
        .doc("A segment of the metadata log that would grow beyond this is rolled."),
    long("metadata.log.segment.ms", "604800000")
        .doc("A segment of the metadata log older than this is rolled."),
    unset("internal.metadata.log.segment.bytes", Kind::Int).at_least(1).internal()
        .doc("For tests: metadata.log.segment.bytes without its lower bound."),
    long("metadata.log.max.record.bytes.between.snapshots", "20971520").at_least(1)
        .doc("A snapshot of the metadata is written after so many bytes of log."),
    long("metadata.log.max.snapshot.interval.ms", "3600000").at_least(0)
        .doc("A snapshot of the metadata is written after this time if anything changed; 0 never."),
    int("metadata.max.idle.interval.ms", "500").at_least(0).moot()
        .doc("Accepted: the metadata log is not written while nothing changes."),
    long("metadata.max.retention.bytes", "104857600")
        .doc("Metadata log and snapshots together are cut to about this size, once a newer snapshot covers what goes."),
    long("metadata.max.retention.ms", "604800000")
        .doc("Metadata segments and snapshots older than this are deleted, once a newer snapshot covers them."),
    long("internal.metadata.delete.delay.millis", "60000").moot().internal()
        .doc("Accepted: files of the metadata log are removed at once."),
    int("internal.metadata.max.batch.size.in.bytes", "8388608").internal()
        .doc("Largest batch of the metadata log."),
    int("internal.metadata.max.fetch.size.in.bytes", "8388608").later().internal()
        .doc("Largest fetch of the metadata log."),
    long("server.max.startup.time.ms", "9223372036854775807").at_least(0).later().internal()
        .doc("How long a start may take before it is given up."),
    boolean("unstable.api.versions.enable", "false").later().internal()
        .doc("Whether unreleased API versions are offered."),
    boolean("unstable.feature.versions.enable", "false").later().internal()
        .doc("Whether unreleased feature levels are offered."),
];
