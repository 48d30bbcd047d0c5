//! Producers and transactions.

use crate::settings::row::{Setting, boolean, int, short};

pub const ROWS: &[Setting] = &[
    int("producer.id.expiration.ms", "86400000")
        .at_least(1)
        .dynamic()
        .doc("A producer id not seen on a partition for this long is forgotten there."),
    int("producer.id.expiration.check.interval.ms", "600000")
        .at_least(1)
        .internal()
        .doc("Time between two looks for producer ids to forget."),
    int("transactional.id.expiration.ms", "604800000")
        .at_least(1)
        .later()
        .doc("A transactional id unused for this long is forgotten."),
    int("transaction.max.timeout.ms", "900000")
        .at_least(1)
        .later()
        .doc("Longest time-out that a transactional producer may ask for."),
    int("transaction.state.log.num.partitions", "50")
        .at_least(1)
        .later()
        .doc("Partitions of __transaction_state."),
    short("transaction.state.log.replication.factor", "3")
        .at_least(1)
        .later()
        .doc("Replicas of __transaction_state."),
    int("transaction.state.log.min.isr", "2")
        .at_least(1)
        .later()
        .doc("min.insync.replicas of __transaction_state."),
    int("transaction.state.log.segment.bytes", "104857600")
        .at_least(1)
        .later()
        .doc("Segment size of __transaction_state."),
    int("transaction.state.log.load.buffer.size", "5242880")
        .at_least(1)
        .later()
        .doc("Bytes read at once while transactions are loaded."),
    int(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        "10000",
    )
    .at_least(1)
    .later()
    .doc("Time between two looks for transactions that timed out."),
    int(
        "transaction.remove.expired.transaction.cleanup.interval.ms",
        "3600000",
    )
    .at_least(1)
    .later()
    .doc("Time between two looks for transactional ids to forget."),
    boolean("transaction.partition.verification.enable", "true")
        .dynamic()
        .later()
        .doc("Whether a transactional write is verified with its coordinator."),
    boolean("transaction.two.phase.commit.enable", "false")
        .later()
        .doc("Whether a producer may take part in two-phase commits."),
    int("add.partitions.to.txn.retry.backoff.ms", "20")
        .at_least(1)
        .later()
        .doc("First pause before adding a partition to a transaction is repeated."),
    int("add.partitions.to.txn.retry.backoff.max.ms", "100")
        .at_least(0)
        .later()
        .doc("Longest pause before adding a partition to a transaction is repeated."),
];
