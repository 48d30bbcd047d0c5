//! The node, its listeners, connections and requests.

use crate::settings::row::{Kind, Setting, boolean, int, list, long, string, unset};

pub const ROWS: &[Setting] = &[
    int("node.id", "1").at_least(0).kafka_default("")
        .doc("The id of this node in the cluster. broker.id is another name for it."),
    int("broker.id", "-1")
        .doc("The older name of node.id; when both are set they must be equal."),
    list("process.roles", "broker,controller").items(&["broker", "controller"]).kafka_default("")
        .doc("The roles of this node. For now a node is always both broker and controller."),
    list("listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093").kafka_default("PLAINTEXT://:9092")
        .doc("Comma-separated NAME://host:port on which to listen. An empty host listens on every interface. Port 0 takes a free port. The first run, without a file, stays on this machine."),
    unset("advertised.listeners", Kind::List)
        .doc("The addresses that clients are told to connect to. Unset: those of listeners; an empty host is then advertised as localhost."),
    string("listener.security.protocol.map", "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT")
        .doc("Security protocol of each listener name. A name that is not in the map is taken as a protocol's name; controller listeners are PLAINTEXT unless the map is set. Only PLAINTEXT is built."),
    list("controller.listener.names", "CONTROLLER").kafka_default("")
        .doc("Names of the listeners that belong to the controller. They are not advertised to clients."),
    unset("inter.broker.listener.name", Kind::String)
        .doc("The listener that brokers use among themselves. Unset: the first one whose protocol is security.inter.broker.protocol."),
    string("security.inter.broker.protocol", "PLAINTEXT").one_of(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
        .doc("The security protocol among brokers, when inter.broker.listener.name is unset."),
    unset("early.start.listeners", Kind::List).later()
        .doc("Listeners that may start before the node is ready."),
    unset("broker.rack", Kind::String)
        .doc("The rack of this broker, kept in its registration and told to clients."),
    int("initial.broker.registration.timeout.ms", "60000").later()
        .doc("How long a starting broker may wait for its registration."),
    int("broker.heartbeat.interval.ms", "2000").later()
        .doc("Time between a broker's heartbeats to the controller."),
    int("broker.session.timeout.ms", "9000").later()
        .doc("A broker without heartbeats for this long is fenced."),
    boolean("controlled.shutdown.enable", "true").later()
        .doc("Whether a stopping broker first moves its leaderships away."),
    int("num.network.threads", "3").at_least(1).dynamic().moot()
        .doc("Accepted: connections are tasks on the runtime's workers, one worker for each core."),
    int("num.io.threads", "8").at_least(1).dynamic().moot()
        .doc("Accepted: requests run as tasks on the runtime's workers, one worker for each core."),
    int("background.threads", "10").at_least(1).dynamic().moot()
        .doc("Accepted: background work is tasks on the runtime's workers."),
    int("queued.max.requests", "500").at_least(1)
        .moot().doc("Accepted: requests in hand are bounded on each connection, and by queued.max.request.bytes."),
    long("queued.max.request.bytes", "-1")
        .doc("How many bytes of requests may be held in memory at once; above that, sockets are not read. -1 leaves the bound to the broker."),
    int("request.timeout.ms", "30000")
        .later().doc("How long a request to the controller, such as the creation of a topic on demand, may take."),
    int("socket.send.buffer.bytes", "102400").moot()
        .doc("Accepted: the operating system sizes the send buffer of each connection."),
    int("socket.receive.buffer.bytes", "102400").moot()
        .doc("Accepted: the operating system sizes the receive buffer of each connection."),
    int("socket.request.max.bytes", "104857600").at_least(1)
        .doc("The largest request accepted; a larger one closes its connection."),
    int("socket.listen.backlog.size", "50").at_least(1).moot()
        .doc("Accepted: the backlog is the runtime's."),
    long("socket.connection.setup.timeout.ms", "10000").later()
        .doc("Time allowed for the first attempt to connect to another broker."),
    long("socket.connection.setup.timeout.max.ms", "30000").later()
        .doc("Upper bound of the time allowed to connect to another broker."),
    int("max.connections", "2147483647").at_least(0).dynamic()
        .doc("How many connections the broker holds at once."),
    int("max.connections.per.ip", "2147483647").at_least(0).dynamic()
        .doc("How many connections one address may hold at once."),
    string("max.connections.per.ip.overrides", "").dynamic()
        .doc("Exceptions from max.connections.per.ip, as address:count with commas between."),
    int("max.connection.creation.rate", "2147483647").at_least(0).dynamic().later()
        .doc("How many connections are accepted in a second."),
    long("connections.max.idle.ms", "600000")
        .doc("A connection without traffic for this long is closed. A negative value never closes one."),
    long("connections.max.reauth.ms", "0").later()
        .doc("Lifetime of a SASL session after which it must authenticate again."),
    int("connection.failed.authentication.delay.ms", "100").at_least(0).later()
        .doc("Delay before a connection that failed to authenticate is closed."),
    int("fetch.max.bytes", "57671680").at_least(1024)
        .doc("Upper bound of the records in one answer to a Fetch. The first batch is returned even when it is larger."),
    int("max.incremental.fetch.session.cache.slots", "1000").at_least(0)
        .doc("How many fetch sessions are kept at once; 0 grants none."),
    int("max.request.partition.size.limit", "2000").at_least(1)
        .doc("How many partitions one answer to DescribeTopicPartitions lists at most."),
    int("fetch.purgatory.purge.interval.requests", "1000").moot()
        .doc("Accepted: a waiting fetch is a task, there is no list to purge."),
    int("producer.purgatory.purge.interval.requests", "1000").moot()
        .doc("Accepted: a waiting produce is a task, there is no list to purge."),
    int("delete.records.purgatory.purge.interval.requests", "1").moot()
        .doc("Accepted: a waiting request is a task, there is no list to purge."),
    int("share.fetch.purgatory.purge.interval.requests", "1000").moot()
        .doc("Accepted: a waiting fetch is a task, there is no list to purge."),
    boolean("auto.create.topics.enable", "true")
        .doc("Whether a client's Metadata request may create the topics that it names."),
    boolean("delete.topic.enable", "true")
        .doc("Whether topics may be deleted."),
    int("num.partitions", "1").at_least(1)
        .doc("Partitions of a topic whose creator does not say, created on demand or not."),
    int("default.replication.factor", "1")
        .doc("Replicas of a topic whose creator does not say."),
    unset("create.topic.policy.class.name", Kind::Class).moot()
        .doc("Accepted: a class of the JVM, which does not exist here."),
    unset("alter.config.policy.class.name", Kind::Class).moot()
        .doc("Accepted: a class of the JVM, which does not exist here."),
    list("config.providers", "").dynamic().moot()
        .doc("Accepted: classes of the JVM, which do not exist here."),
    list("metric.reporters", "org.apache.kafka.common.metrics.JmxReporter").dynamic().moot()
        .doc("Accepted: classes of the JVM; metrics are served over HTTP, see odradek.metrics.listener."),
    list("kafka.metrics.reporters", "").moot()
        .doc("Accepted: classes of the JVM; metrics are served over HTTP, see odradek.metrics.listener."),
    int("kafka.metrics.polling.interval.secs", "10").at_least(1).moot()
        .doc("Accepted: metrics are read when they are asked for."),
    int("metrics.num.samples", "2").at_least(1).moot()
        .doc("Accepted: metrics are counters, read when they are asked for."),
    long("metrics.sample.window.ms", "30000").at_least(1).moot()
        .doc("Accepted: metrics are counters, read when they are asked for."),
    string("metrics.recording.level", "INFO").moot()
        .doc("Accepted: all metrics are always kept."),
    int("telemetry.max.bytes", "1048576").at_least(1).later()
        .doc("Largest push of a client's own metrics."),
];
