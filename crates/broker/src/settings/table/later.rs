//! TLS, SASL and tiered storage, none of which is built yet.

use crate::settings::row::{Kind, Setting, boolean, class, double, int, list, long, short, string, unset};

pub const ROWS: &[Setting] = &[
    int("remote.fetch.max.wait.ms", "500")
        .at_least(1)
        .dynamic()
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    long("remote.list.offsets.request.timeout.ms", "30000")
        .at_least(1)
        .dynamic()
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    long("remote.log.index.file.cache.total.size.bytes", "1073741824")
        .at_least(1)
        .dynamic()
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    int("remote.log.manager.copier.thread.pool.size", "10")
        .at_least(1)
        .dynamic()
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    long(
        "remote.log.manager.copy.max.bytes.per.second",
        "9223372036854775807",
    )
    .at_least(1)
    .dynamic()
    .later()
    .doc("Part of Tiered storage, which is not built yet."),
    int("remote.log.manager.copy.quota.window.num", "11")
        .at_least(1)
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    int("remote.log.manager.copy.quota.window.size.seconds", "1")
        .at_least(1)
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    int("remote.log.manager.expiration.thread.pool.size", "10")
        .at_least(1)
        .dynamic()
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    long(
        "remote.log.manager.fetch.max.bytes.per.second",
        "9223372036854775807",
    )
    .at_least(1)
    .dynamic()
    .later()
    .doc("Part of Tiered storage, which is not built yet."),
    int("remote.log.manager.fetch.quota.window.num", "11")
        .at_least(1)
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    int("remote.log.manager.fetch.quota.window.size.seconds", "1")
        .at_least(1)
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    int("remote.log.manager.follower.thread.pool.size", "2")
        .at_least(1)
        .dynamic()
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    long("remote.log.manager.task.interval.ms", "30000")
        .at_least(1)
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    long("remote.log.manager.task.retry.backoff.max.ms", "30000")
        .at_least(1)
        .later()
        .internal()
        .doc("Part of Tiered storage, which is not built yet."),
    long("remote.log.manager.task.retry.backoff.ms", "500")
        .at_least(1)
        .later()
        .internal()
        .doc("Part of Tiered storage, which is not built yet."),
    double("remote.log.manager.task.retry.jitter", "0.2")
        .fraction(0.0, 0.5)
        .later()
        .internal()
        .doc("Part of Tiered storage, which is not built yet."),
    int("remote.log.manager.thread.pool.size", "2")
        .at_least(1)
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    int("remote.log.metadata.custom.metadata.max.bytes", "128")
        .at_least(0)
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    string(
        "remote.log.metadata.manager.class.name",
        "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager",
    )
    .later()
    .doc("Part of Tiered storage, which is not built yet."),
    unset("remote.log.metadata.manager.class.path", Kind::String)
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    string("remote.log.metadata.manager.impl.prefix", "rlmm.config.")
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    unset("remote.log.metadata.manager.listener.name", Kind::String)
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    int("remote.log.reader.max.pending.tasks", "100")
        .at_least(1)
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    int("remote.log.reader.threads", "10")
        .at_least(1)
        .dynamic()
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    unset("remote.log.storage.manager.class.name", Kind::String)
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    unset("remote.log.storage.manager.class.path", Kind::String)
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    string("remote.log.storage.manager.impl.prefix", "rsm.config.")
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    boolean("remote.log.storage.system.enable", "false")
        .later()
        .doc("Part of Tiered storage, which is not built yet."),
    unset("sasl.client.callback.handler.class", Kind::Class)
        .later()
        .doc("Part of SASL, which is not built yet."),
    list("sasl.enabled.mechanisms", "GSSAPI")
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.jaas.config", Kind::Password)
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    string("sasl.kerberos.kinit.cmd", "/usr/bin/kinit")
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    long("sasl.kerberos.min.time.before.relogin", "60000")
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    list("sasl.kerberos.principal.to.local.rules", "DEFAULT")
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.kerberos.service.name", Kind::String)
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    double("sasl.kerberos.ticket.renew.jitter", "0.05")
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    double("sasl.kerberos.ticket.renew.window.factor", "0.8")
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.login.callback.handler.class", Kind::Class)
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.login.class", Kind::Class)
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.login.connect.timeout.ms", Kind::Int)
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.login.read.timeout.ms", Kind::Int)
        .later()
        .doc("Part of SASL, which is not built yet."),
    short("sasl.login.refresh.buffer.seconds", "300")
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    short("sasl.login.refresh.min.period.seconds", "60")
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    double("sasl.login.refresh.window.factor", "0.8")
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    double("sasl.login.refresh.window.jitter", "0.05")
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    long("sasl.login.retry.backoff.max.ms", "10000")
        .later()
        .doc("Part of SASL, which is not built yet."),
    long("sasl.login.retry.backoff.ms", "100")
        .later()
        .doc("Part of SASL, which is not built yet."),
    string("sasl.mechanism.controller.protocol", "GSSAPI")
        .later()
        .doc("Part of SASL, which is not built yet."),
    string("sasl.mechanism.inter.broker.protocol", "GSSAPI")
        .dynamic()
        .later()
        .doc("Part of SASL, which is not built yet."),
    string("sasl.oauthbearer.assertion.algorithm", "RS256")
        .one_of_ignoring_case(&["ES256", "RS256"])
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.oauthbearer.assertion.claim.aud", Kind::String)
        .later()
        .doc("Part of SASL, which is not built yet."),
    int("sasl.oauthbearer.assertion.claim.exp.seconds", "300")
        .between(0, 86_400)
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.oauthbearer.assertion.claim.iss", Kind::String)
        .later()
        .doc("Part of SASL, which is not built yet."),
    boolean("sasl.oauthbearer.assertion.claim.jti.include", "false")
        .later()
        .doc("Part of SASL, which is not built yet."),
    int("sasl.oauthbearer.assertion.claim.nbf.seconds", "60")
        .between(0, 3600)
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.oauthbearer.assertion.claim.sub", Kind::String)
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.oauthbearer.assertion.file", Kind::String)
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.oauthbearer.assertion.private.key.file", Kind::String)
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset(
        "sasl.oauthbearer.assertion.private.key.passphrase",
        Kind::Password,
    )
    .later()
    .doc("Part of SASL, which is not built yet."),
    unset("sasl.oauthbearer.assertion.template.file", Kind::String)
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.oauthbearer.client.credentials.client.id", Kind::String)
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset(
        "sasl.oauthbearer.client.credentials.client.secret",
        Kind::Password,
    )
    .later()
    .doc("Part of SASL, which is not built yet."),
    int("sasl.oauthbearer.clock.skew.seconds", "30")
        .later()
        .doc("Part of SASL, which is not built yet."),
    list("sasl.oauthbearer.expected.audience", "")
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.oauthbearer.expected.issuer", Kind::String)
        .later()
        .doc("Part of SASL, which is not built yet."),
    long("sasl.oauthbearer.jwks.endpoint.refresh.ms", "3600000")
        .later()
        .doc("Part of SASL, which is not built yet."),
    long("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", "10000")
        .later()
        .doc("Part of SASL, which is not built yet."),
    long("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", "100")
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.oauthbearer.jwks.endpoint.url", Kind::String)
        .later()
        .doc("Part of SASL, which is not built yet."),
    class(
        "sasl.oauthbearer.jwt.retriever.class",
        "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever",
    )
    .later()
    .doc("Part of SASL, which is not built yet."),
    class(
        "sasl.oauthbearer.jwt.validator.class",
        "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator",
    )
    .later()
    .doc("Part of SASL, which is not built yet."),
    unset("sasl.oauthbearer.scope", Kind::String)
        .later()
        .doc("Part of SASL, which is not built yet."),
    string("sasl.oauthbearer.scope.claim.name", "scope")
        .later()
        .doc("Part of SASL, which is not built yet."),
    string("sasl.oauthbearer.sub.claim.name", "sub")
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.oauthbearer.token.endpoint.url", Kind::String)
        .later()
        .doc("Part of SASL, which is not built yet."),
    unset("sasl.server.callback.handler.class", Kind::Class)
        .later()
        .doc("Part of SASL, which is not built yet."),
    int("sasl.server.max.receive.size", "524288")
        .later()
        .doc("Part of SASL, which is not built yet."),
    boolean("ssl.allow.dn.changes", "false")
        .later()
        .doc("Part of TLS, which is not built yet."),
    boolean("ssl.allow.san.changes", "false")
        .later()
        .doc("Part of TLS, which is not built yet."),
    list("ssl.cipher.suites", "")
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    string("ssl.client.auth", "none")
        .one_of(&["required", "requested", "none"])
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    list("ssl.enabled.protocols", "TLSv1.2,TLSv1.3")
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    string("ssl.endpoint.identification.algorithm", "https")
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    unset("ssl.engine.factory.class", Kind::Class)
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    unset("ssl.key.password", Kind::Password)
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    string("ssl.keymanager.algorithm", "SunX509")
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    unset("ssl.keystore.certificate.chain", Kind::Password)
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    unset("ssl.keystore.key", Kind::Password)
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    unset("ssl.keystore.location", Kind::String)
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    unset("ssl.keystore.password", Kind::Password)
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    string("ssl.keystore.type", "JKS")
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    string("ssl.principal.mapping.rules", "DEFAULT")
        .later()
        .doc("Part of TLS, which is not built yet."),
    string("ssl.protocol", "TLSv1.3")
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    unset("ssl.provider", Kind::String)
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    unset("ssl.secure.random.implementation", Kind::String)
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    string("ssl.trustmanager.algorithm", "PKIX")
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    unset("ssl.truststore.certificates", Kind::Password)
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    unset("ssl.truststore.location", Kind::String)
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    unset("ssl.truststore.password", Kind::Password)
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
    string("ssl.truststore.type", "JKS")
        .dynamic()
        .later()
        .doc("Part of TLS, which is not built yet."),
];
