//! Settings of topics, each with the broker settings that give its default.

use crate::settings::row::{Kind, Setting, boolean, double, int, list, long, same, scaled, string, unset};

pub const ROWS: &[Setting] = &[
    list("cleanup.policy", "delete").items(&["compact", "delete"]).topic(&[same("log.cleanup.policy")])
        .doc("What becomes of old segments: delete by age and size, compact by key, or both. Compaction is accepted, not yet in effect."),
    int("compression.gzip.level", "-1").between_or(1, 9, -1).topic(&[same("compression.gzip.level")])
        .doc("Level of gzip where the broker compresses; -1 is the codec's default."),
    int("compression.lz4.level", "9").between(1, 17).topic(&[same("compression.lz4.level")])
        .doc("Level of lz4 where the broker compresses. The lz4 used here has one level."),
    string("compression.type", "producer").one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]).topic(&[same("compression.type")])
        .doc("The codec in which batches are stored. \"producer\" keeps what the producer chose, \"uncompressed\" decompresses."),
    int("compression.zstd.level", "3").between(-131_072, 22).topic(&[same("compression.zstd.level")])
        .doc("Level of zstd where the broker compresses."),
    long("delete.retention.ms", "86400000").at_least(0).topic(&[same("log.cleaner.delete.retention.ms")]).later()
        .doc("How long tombstones are kept after their compaction."),
    long("file.delete.delay.ms", "60000").at_least(0).topic(&[same("log.segment.delete.delay.ms")])
        .doc("Time between the removal of a segment from the log and the removal of its files."),
    long("flush.messages", "9223372036854775807").at_least(1).topic(&[same("log.flush.interval.messages")])
        .doc("With write.caching, sync after so many records. Without it every append is synced."),
    long("flush.ms", "9223372036854775807").at_least(0).topic(&[same("log.flush.interval.ms"), same("log.flush.scheduler.interval.ms")])
        .doc("With write.caching, sync at least this often. Without it every append is synced."),
    list("follower.replication.throttled.replicas", "").throttled_replicas().topic(&[]).later()
        .doc("Replicas whose fetching is throttled."),
    int("index.interval.bytes", "4096").at_least(0).topic(&[same("log.index.interval.bytes")])
        .doc("An index entry is written for each so many bytes of log."),
    unset("internal.segment.bytes", Kind::Int).at_least(1).topic(&[]).internal()
        .doc("For tests: segment.bytes without its lower bound. It beats segment.bytes."),
    list("leader.replication.throttled.replicas", "").throttled_replicas().topic(&[]).later()
        .doc("Replicas whose sending is throttled."),
    long("local.retention.bytes", "-2").at_least(-2).topic(&[same("log.local.retention.bytes")]).later()
        .doc("Size above which local segments of a tiered topic are deleted; -2 is retention.bytes."),
    long("local.retention.ms", "-2").at_least(-2).topic(&[same("log.local.retention.ms")]).later()
        .doc("Age at which local segments of a tiered topic are deleted; -2 is retention.ms."),
    long("max.compaction.lag.ms", "9223372036854775807").at_least(1).topic(&[same("log.cleaner.max.compaction.lag.ms")]).later()
        .doc("Age after which a record must be compacted."),
    int("max.message.bytes", "1048588").at_least(0).topic(&[same("message.max.bytes")])
        .doc("The largest batch accepted, after compression."),
    long("message.timestamp.after.max.ms", "3600000").at_least(0).topic(&[same("log.message.timestamp.after.max.ms")])
        .doc("How far a producer's timestamp may lie after the broker's clock."),
    long("message.timestamp.before.max.ms", "9223372036854775807").at_least(0).topic(&[same("log.message.timestamp.before.max.ms")])
        .doc("How far a producer's timestamp may lie before the broker's clock."),
    string("message.timestamp.type", "CreateTime").one_of(&["CreateTime", "LogAppendTime"]).topic(&[same("log.message.timestamp.type")])
        .doc("Whether a record's timestamp is the producer's or the time of its append."),
    double("min.cleanable.dirty.ratio", "0.5").fraction(0.0, 1.0).topic(&[same("log.cleaner.min.cleanable.ratio")]).later()
        .doc("Share of the log that must be dirty before it is compacted."),
    long("min.compaction.lag.ms", "0").at_least(0).topic(&[same("log.cleaner.min.compaction.lag.ms")]).later()
        .doc("Age before which a record is not compacted."),
    int("min.insync.replicas", "1").at_least(1).topic(&[same("min.insync.replicas")])
        .doc("With acks=all a write needs so many replicas in sync, and without them the high watermark waits."),
    boolean("preallocate", "false").topic(&[same("log.preallocate")]).moot()
        .doc("Accepted: segments grow as they are written."),
    boolean("remote.log.copy.disable", "false").topic(&[]).later()
        .doc("Part of tiered storage, which is not built yet."),
    boolean("remote.log.delete.on.disable", "false").topic(&[]).later()
        .doc("Part of tiered storage, which is not built yet."),
    boolean("remote.storage.enable", "false").topic(&[]).later()
        .doc("Part of tiered storage, which is not built yet."),
    long("retention.bytes", "-1").topic(&[same("log.retention.bytes")])
        .doc("Oldest segments are deleted while a partition is larger than this; -1 is no limit."),
    long("retention.ms", "604800000").at_least(-1).topic(&[same("log.retention.ms"), scaled("log.retention.minutes", 60_000), scaled("log.retention.hours", 3_600_000)])
        .doc("Segments whose newest record is older than this are deleted; -1 keeps them for ever."),
    int("segment.bytes", "1073741824").at_least(1_048_576).topic(&[same("log.segment.bytes")])
        .doc("A segment that would grow beyond this many bytes is rolled."),
    int("segment.index.bytes", "10485760").at_least(4).topic(&[same("log.index.size.max.bytes")])
        .doc("A segment is rolled when its offset index reaches this size."),
    long("segment.jitter.ms", "0").at_least(0).topic(&[same("log.roll.jitter.ms"), scaled("log.roll.jitter.hours", 3_600_000)])
        .doc("Up to this much is taken off segment.ms at random, so that segments do not roll all at once."),
    long("segment.ms", "604800000").at_least(1).topic(&[same("log.roll.ms"), scaled("log.roll.hours", 3_600_000)])
        .doc("A segment older than this is rolled."),
    boolean("unclean.leader.election.enable", "false").topic(&[same("unclean.leader.election.enable")]).later()
        .doc("Whether a replica out of sync may become leader when no other can, losing what it lacks."),
    boolean("write.caching", "false").topic(&[same("write.caching")]).ours()
        .doc("Acknowledge what is in the page cache, as Kafka does, instead of what is on disk: faster, and a power loss may take acknowledged records. Off: acks=all waits for the disk."),
];
