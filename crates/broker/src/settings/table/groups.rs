//! Consumer groups, share groups, streams groups.

use crate::settings::row::{Setting, boolean, int, list, long, short, string};

pub const ROWS: &[Setting] = &[
    int("group.initial.rebalance.delay.ms", "3000")
        .later()
        .doc("How long a new group waits for more members."),
    int("group.min.session.timeout.ms", "6000")
        .later()
        .doc("Shortest session time-out that a member may ask for."),
    int("group.max.session.timeout.ms", "1800000")
        .later()
        .doc("Longest session time-out that a member may ask for."),
    int("group.max.size", "2147483647")
        .at_least(1)
        .later()
        .doc("How many members a group may have."),
    list(
        "group.coordinator.rebalance.protocols",
        "classic,consumer,streams",
    )
    .items(&["consumer", "classic", "share", "streams"])
    .later()
    .doc("Group protocols that are served."),
    int("group.coordinator.threads", "4")
        .at_least(1)
        .moot()
        .doc("Accepted: coordinators are tasks on the runtime's workers."),
    int("group.coordinator.append.linger.ms", "-1")
        .at_least(-1)
        .later()
        .doc("How long group records are gathered before they are written; -1 chooses by load."),
    list("group.consumer.assignors", "uniform,range")
        .later()
        .doc("Assignors of the consumer protocol, the first one being the default."),
    int("group.consumer.heartbeat.interval.ms", "5000")
        .at_least(1)
        .later()
        .doc("Heartbeat interval of the consumer protocol."),
    int("group.consumer.min.heartbeat.interval.ms", "5000")
        .at_least(1)
        .later()
        .doc("Lower bound of a group's heartbeat interval."),
    int("group.consumer.max.heartbeat.interval.ms", "15000")
        .at_least(1)
        .later()
        .doc("Upper bound of a group's heartbeat interval."),
    int("group.consumer.session.timeout.ms", "45000")
        .at_least(1)
        .later()
        .doc("Session time-out of the consumer protocol."),
    int("group.consumer.min.session.timeout.ms", "45000")
        .at_least(1)
        .later()
        .doc("Lower bound of a group's session time-out."),
    int("group.consumer.max.session.timeout.ms", "60000")
        .at_least(1)
        .later()
        .doc("Upper bound of a group's session time-out."),
    int("group.consumer.max.size", "2147483647")
        .at_least(1)
        .later()
        .doc("How many members a group of the consumer protocol may have."),
    string("group.consumer.migration.policy", "bidirectional")
        .one_of_ignoring_case(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"])
        .later()
        .doc("Which migrations between the classic and the consumer protocol are allowed."),
    int("group.consumer.regex.refresh.interval.ms", "600000")
        .at_least(10_000)
        .later()
        .internal()
        .doc("Time between two evaluations of a regular expression subscription."),
    boolean("group.share.enable", "false")
        .later()
        .internal()
        .doc("Whether share groups are served."),
    list("group.share.assignors", "simple")
        .later()
        .doc("Assignors of share groups."),
    int("group.share.delivery.count.limit", "5")
        .between(2, 10)
        .later()
        .doc("How often a record is delivered to a share group at most."),
    int("group.share.heartbeat.interval.ms", "5000")
        .at_least(1)
        .later()
        .doc("Heartbeat interval of share groups."),
    int("group.share.min.heartbeat.interval.ms", "5000")
        .at_least(1)
        .later()
        .doc("Lower bound of a share group's heartbeat interval."),
    int("group.share.max.heartbeat.interval.ms", "15000")
        .at_least(1)
        .later()
        .doc("Upper bound of a share group's heartbeat interval."),
    int("group.share.session.timeout.ms", "45000")
        .at_least(1)
        .later()
        .doc("Session time-out of share groups."),
    int("group.share.min.session.timeout.ms", "45000")
        .at_least(1)
        .later()
        .doc("Lower bound of a share group's session time-out."),
    int("group.share.max.session.timeout.ms", "60000")
        .at_least(1)
        .later()
        .doc("Upper bound of a share group's session time-out."),
    int("group.share.max.size", "200")
        .between(1, 1000)
        .later()
        .doc("How many members a share group may have."),
    int("group.share.max.share.sessions", "2000")
        .at_least(1)
        .later()
        .doc("How many share sessions a broker holds."),
    int("group.share.record.lock.duration.ms", "30000")
        .between(1000, 3_600_000)
        .later()
        .doc("How long a record stays acquired by a member of a share group."),
    int("group.share.min.record.lock.duration.ms", "15000")
        .between(1000, 30_000)
        .later()
        .doc("Lower bound of a group's record lock duration."),
    int("group.share.max.record.lock.duration.ms", "60000")
        .between(30_000, 3_600_000)
        .later()
        .doc("Upper bound of a group's record lock duration."),
    int("group.share.partition.max.record.locks", "2000")
        .between(100, 10_000)
        .later()
        .doc("How many records of a partition may be acquired at once."),
    int("group.share.initialize.retry.interval.ms", "30000")
        .at_least(1)
        .later()
        .internal()
        .doc("Pause before a share partition's start is repeated."),
    string(
        "group.share.persister.class.name",
        "org.apache.kafka.server.share.persister.DefaultStatePersister",
    )
    .moot()
    .internal()
    .doc("Accepted: a class of the JVM, which does not exist here."),
    int("group.streams.heartbeat.interval.ms", "5000")
        .at_least(1)
        .later()
        .doc("Heartbeat interval of streams groups."),
    int("group.streams.min.heartbeat.interval.ms", "5000")
        .at_least(1)
        .later()
        .doc("Lower bound of a streams group's heartbeat interval."),
    int("group.streams.max.heartbeat.interval.ms", "15000")
        .at_least(1)
        .later()
        .doc("Upper bound of a streams group's heartbeat interval."),
    int("group.streams.session.timeout.ms", "45000")
        .at_least(1)
        .later()
        .doc("Session time-out of streams groups."),
    int("group.streams.min.session.timeout.ms", "45000")
        .at_least(1)
        .later()
        .doc("Lower bound of a streams group's session time-out."),
    int("group.streams.max.session.timeout.ms", "60000")
        .at_least(1)
        .later()
        .doc("Upper bound of a streams group's session time-out."),
    int("group.streams.initial.rebalance.delay.ms", "3000")
        .at_least(0)
        .later()
        .doc("How long a new streams group waits for more members."),
    int("group.streams.max.size", "2147483647")
        .at_least(1)
        .later()
        .doc("How many members a streams group may have."),
    int("group.streams.num.standby.replicas", "0")
        .at_least(0)
        .later()
        .doc("Standby replicas of each streams task."),
    int("group.streams.max.standby.replicas", "2")
        .at_least(0)
        .later()
        .doc("Upper bound of a streams group's standby replicas."),
    int("share.coordinator.append.linger.ms", "-1")
        .at_least(-1)
        .later()
        .doc("How long share-group records are gathered before they are written; -1 chooses by load."),
    int("share.coordinator.cold.partition.snapshot.interval.ms", "300000")
        .at_least(1)
        .later()
        .internal()
        .doc("Time between two snapshots of an idle share partition."),
    int("share.coordinator.load.buffer.size", "5242880")
        .at_least(1)
        .later()
        .doc("Bytes read at once while share state is loaded."),
    int("share.coordinator.snapshot.update.records.per.snapshot", "500")
        .at_least(0)
        .later()
        .doc("Updates of a share partition between two snapshots."),
    int("share.coordinator.state.topic.compression.codec", "0")
        .later()
        .doc("Codec of __share_group_state."),
    short("share.coordinator.state.topic.min.isr", "2")
        .at_least(1)
        .later()
        .doc("min.insync.replicas of __share_group_state."),
    int("share.coordinator.state.topic.num.partitions", "50")
        .at_least(1)
        .later()
        .doc("Partitions of __share_group_state."),
    int("share.coordinator.state.topic.prune.interval.ms", "300000")
        .at_least(1)
        .later()
        .internal()
        .doc("Time between two prunings of __share_group_state."),
    short("share.coordinator.state.topic.replication.factor", "3")
        .at_least(1)
        .later()
        .doc("Replicas of __share_group_state."),
    int("share.coordinator.state.topic.segment.bytes", "104857600")
        .at_least(1)
        .later()
        .doc("Segment size of __share_group_state."),
    int("share.coordinator.threads", "1")
        .at_least(1)
        .moot()
        .doc("Accepted: coordinators are tasks on the runtime's workers."),
    int("share.coordinator.write.timeout.ms", "5000")
        .at_least(1)
        .later()
        .doc("Time-out of a write to __share_group_state."),
    int("offset.metadata.max.bytes", "4096")
        .later()
        .doc("Longest metadata of a committed offset."),
    int("offsets.commit.timeout.ms", "5000")
        .at_least(1)
        .later()
        .doc("How long a commit of offsets may wait for its replicas."),
    int("offsets.load.buffer.size", "5242880")
        .at_least(1)
        .later()
        .doc("Bytes read at once while groups are loaded."),
    int("offsets.retention.minutes", "10080")
        .at_least(1)
        .later()
        .doc("How long the offsets of an empty group are kept."),
    long("offsets.retention.check.interval.ms", "600000")
        .at_least(1)
        .later()
        .doc("Time between two looks for offsets to forget."),
    int("offsets.topic.num.partitions", "50")
        .at_least(1)
        .later()
        .doc("Partitions of __consumer_offsets."),
    short("offsets.topic.replication.factor", "3")
        .at_least(1)
        .later()
        .doc("Replicas of __consumer_offsets."),
    int("offsets.topic.segment.bytes", "104857600")
        .at_least(1)
        .later()
        .doc("Segment size of __consumer_offsets."),
    int("offsets.topic.compression.codec", "0")
        .later()
        .doc("Codec of __consumer_offsets, by number."),
];
