//! The log: segments, retention, flushing, clean-up.

use crate::settings::row::{Kind, Setting, boolean, double, int, list, long, string, unset};

pub const ROWS: &[Setting] = &[
    unset("log.dirs", Kind::List)
        .doc("Comma-separated folders that hold the logs. Overrides log.dir. One folder for now."),
    list("log.dir", "odradek-data").kafka_default("/tmp/kafka-logs")
        .doc("The folder that holds the logs, when log.dirs is unset. A fresh one is formatted at the first start."),
    int("log.segment.bytes", "1073741824").at_least(1_048_576).dynamic()
        .doc("A segment that would grow beyond this many bytes is rolled."),
    unset("log.roll.ms", Kind::Long).dynamic()
        .doc("A segment older than this is rolled. Unset: log.roll.hours."),
    int("log.roll.hours", "168").at_least(1)
        .doc("log.roll.ms in hours."),
    unset("log.roll.jitter.ms", Kind::Long).dynamic()
        .doc("Up to this much is taken off log.roll.ms at random, so that segments do not roll all at once. Unset: log.roll.jitter.hours."),
    int("log.roll.jitter.hours", "0").at_least(0)
        .doc("log.roll.jitter.ms in hours."),
    unset("log.retention.ms", Kind::Long).dynamic()
        .doc("Segments whose newest record is older than this are deleted; -1 keeps them for ever. Unset: log.retention.minutes."),
    unset("log.retention.minutes", Kind::Int)
        .doc("log.retention.ms in minutes. Unset: log.retention.hours."),
    int("log.retention.hours", "168")
        .doc("log.retention.ms in hours. A negative value keeps segments for ever."),
    long("log.retention.bytes", "-1").dynamic()
        .doc("Oldest segments of a partition are deleted while it is larger than this; -1 is no limit."),
    long("log.retention.check.interval.ms", "300000").at_least(1)
        .doc("Time between two looks for segments to delete."),
    list("log.cleanup.policy", "delete").items(&["compact", "delete"]).dynamic()
        .doc("What becomes of old segments: delete by age and size, compact by key, or both. Compaction is accepted, not yet in effect."),
    int("log.index.interval.bytes", "4096").at_least(0).dynamic()
        .doc("An index entry is written for each so many bytes of log."),
    int("log.index.size.max.bytes", "10485760").at_least(4).dynamic()
        .doc("A segment is rolled when its offset index reaches this size."),
    long("log.segment.delete.delay.ms", "60000").at_least(0).dynamic()
        .doc("Time between the removal of a segment from the log and the removal of its files."),
    boolean("log.preallocate", "false").dynamic().moot()
        .doc("Accepted: segments grow as they are written."),
    long("log.flush.interval.messages", "9223372036854775807").at_least(1).dynamic()
        .doc("On a topic with write.caching, sync after so many records. Other topics sync every append."),
    unset("log.flush.interval.ms", Kind::Long).dynamic()
        .doc("On a topic with write.caching, sync at least this often. Unset: log.flush.scheduler.interval.ms. Other topics sync every append."),
    long("log.flush.scheduler.interval.ms", "9223372036854775807")
        .doc("log.flush.interval.ms, where that is unset."),
    int("log.flush.offset.checkpoint.interval.ms", "60000").at_least(0)
        .doc("Time between two writes of the recovery points."),
    int("log.flush.start.offset.checkpoint.interval.ms", "60000").at_least(0)
        .doc("Time between two writes of the log start offsets."),
    string("log.message.timestamp.type", "CreateTime").one_of(&["CreateTime", "LogAppendTime"]).dynamic()
        .doc("Whether a record's timestamp is the producer's or the time of its append."),
    long("log.message.timestamp.before.max.ms", "9223372036854775807").at_least(0).dynamic()
        .doc("How far a producer's timestamp may lie before the broker's clock."),
    long("log.message.timestamp.after.max.ms", "3600000").at_least(0).dynamic()
        .doc("How far a producer's timestamp may lie after the broker's clock."),
    long("log.dir.failure.timeout.ms", "30000").at_least(1).later()
        .doc("How long a failed folder may go unreported before the broker stops."),
    long("log.initial.task.delay.ms", "30000").at_least(0).internal()
        .moot().doc("Accepted: background work begins one interval after the start."),
    int("message.max.bytes", "1048588").at_least(0).dynamic()
        .doc("The largest batch accepted, after compression. Topics override it by max.message.bytes."),
    string("compression.type", "producer").one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]).dynamic()
        .doc("The codec in which batches are stored. \"producer\" keeps what the producer chose, \"uncompressed\" decompresses."),
    int("compression.gzip.level", "-1").between_or(1, 9, -1).dynamic()
        .doc("Level of gzip where the broker compresses; -1 is the codec's default."),
    int("compression.lz4.level", "9").between(1, 17).dynamic()
        .doc("Level of lz4 where the broker compresses. The lz4 used here has one level."),
    int("compression.zstd.level", "3").between(-131_072, 22).dynamic()
        .doc("Level of zstd where the broker compresses."),
    int("num.recovery.threads.per.data.dir", "2").at_least(1)
        .doc("How many logs of a folder are recovered at once at a start."),
    long("log.local.retention.ms", "-2").at_least(-2).dynamic().later()
        .doc("Age at which local segments of a tiered topic are deleted; -2 is the topic's retention."),
    long("log.local.retention.bytes", "-2").at_least(-2).dynamic().later()
        .doc("Size above which local segments of a tiered topic are deleted; -2 is the topic's retention."),
    boolean("log.cleaner.enable", "true").later()
        .doc("Whether compaction runs."),
    int("log.cleaner.threads", "1").at_least(0).dynamic().later()
        .doc("How many compactions run at once."),
    double("log.cleaner.io.max.bytes.per.second", "1.7976931348623157E308").dynamic().later()
        .doc("Bytes a second that compaction may read and write."),
    long("log.cleaner.dedupe.buffer.size", "134217728").dynamic().later()
        .doc("Memory for the keys of a compaction."),
    int("log.cleaner.io.buffer.size", "524288").at_least(0).dynamic().later()
        .doc("Memory for the reads and writes of compaction."),
    double("log.cleaner.io.buffer.load.factor", "0.9").dynamic().later()
        .doc("How full the map of keys may be."),
    long("log.cleaner.backoff.ms", "15000").at_least(0).dynamic().later()
        .doc("Sleep when there is nothing to compact."),
    double("log.cleaner.min.cleanable.ratio", "0.5").fraction(0.0, 1.0).dynamic().later()
        .doc("Share of a log that must be dirty before it is compacted."),
    long("log.cleaner.delete.retention.ms", "86400000").at_least(0).dynamic().later()
        .doc("How long tombstones are kept after their compaction."),
    long("log.cleaner.min.compaction.lag.ms", "0").at_least(0).dynamic().later()
        .doc("Age before which a record is not compacted."),
    long("log.cleaner.max.compaction.lag.ms", "9223372036854775807").at_least(1).dynamic().later()
        .doc("Age after which a record must be compacted."),
];
