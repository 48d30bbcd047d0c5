//! Security and quotas.

use crate::settings::row::{Kind, Setting, class, int, long, string, unset};

pub const ROWS: &[Setting] = &[
    string("authorizer.class.name", "")
        .later()
        .doc("Decides who may do what."),
    class(
        "principal.builder.class",
        "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder",
    )
    .dynamic()
    .moot()
    .doc("Accepted: a class of the JVM, which does not exist here."),
    unset("security.providers", Kind::String)
        .moot()
        .doc("Accepted: classes of the JVM, which do not exist here."),
    unset("delegation.token.secret.key", Kind::Password)
        .later()
        .doc("The secret that signs delegation tokens."),
    long("delegation.token.max.lifetime.ms", "604800000")
        .at_least(1)
        .later()
        .doc("Longest life of a delegation token."),
    long("delegation.token.expiry.time.ms", "86400000")
        .at_least(1)
        .later()
        .doc("Life of a delegation token unless renewed."),
    long("delegation.token.expiry.check.interval.ms", "3600000")
        .at_least(1)
        .later()
        .doc("Time between two looks for expired delegation tokens."),
    unset("client.quota.callback.class", Kind::Class)
        .moot()
        .doc("Accepted: a class of the JVM, which does not exist here."),
    int("quota.window.num", "11")
        .at_least(1)
        .later()
        .doc("Samples of a client quota."),
    int("quota.window.size.seconds", "1")
        .at_least(1)
        .later()
        .doc("Span of each sample of a client quota."),
    int("controller.quota.window.num", "11")
        .at_least(1)
        .later()
        .doc("Samples of a controller quota."),
    int("controller.quota.window.size.seconds", "1")
        .at_least(1)
        .later()
        .doc("Span of each sample of a controller quota."),
    int("replication.quota.window.num", "11")
        .at_least(1)
        .later()
        .doc("Samples of a replication quota."),
    int("replication.quota.window.size.seconds", "1")
        .at_least(1)
        .later()
        .doc("Span of each sample of a replication quota."),
    int("alter.log.dirs.replication.quota.window.num", "11")
        .at_least(1)
        .later()
        .doc("Samples of the quota on moves between folders."),
    int("alter.log.dirs.replication.quota.window.size.seconds", "1")
        .at_least(1)
        .later()
        .doc("Span of each sample of the quota on moves between folders."),
];
