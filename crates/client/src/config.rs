//! What producer, consumer and admin share: where the cluster is, and how patient to be with it.

use crate::{Error, Properties};
use runtime::time::Duration;

/// The configuration of a connection to a cluster. Fields carry Kafka's names; times are milliseconds in
/// properties.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientConfig {
    /// `bootstrap.servers`: `host:port`, tried in turn until one answers.
    pub bootstrap_servers: Vec<String>,
    /// `client.id`: what the broker's logs and metrics call us.
    pub client_id: String,
    /// `request.timeout.ms` (30 s): how long one request may stay unanswered before its connection is given up.
    pub request_timeout: Duration,
    /// `default.api.timeout.ms` (60 s): how long one call may take, retries included.
    pub default_api_timeout: Duration,
    /// `socket.connection.setup.timeout.ms` (10 s).
    pub connection_setup_timeout: Duration,
    /// `reconnect.backoff.ms` (50 ms): the wait before the second attempt to connect; it doubles with each.
    pub reconnect_backoff: Duration,
    /// `reconnect.backoff.max.ms` (1 s).
    pub reconnect_backoff_max: Duration,
    /// `retry.backoff.ms` (100 ms): the wait before a request is tried again; it doubles with each.
    pub retry_backoff: Duration,
    /// `retry.backoff.max.ms` (1 s).
    pub retry_backoff_max: Duration,
    /// `metadata.max.age.ms` (5 min): older metadata is asked for anew.
    pub metadata_max_age: Duration,
    /// `allow.auto.create.topics`: whether asking for a topic may create it, where the broker agrees.
    pub allow_auto_create_topics: bool,
    /// `receive.message.max.bytes` (100 MB): a larger answer breaks the connection.
    pub receive_message_max_bytes: u32,
}

impl ClientConfig {
    pub fn new(bootstrap_servers: impl Into<String>) -> ClientConfig {
        let servers: String = bootstrap_servers.into();
        ClientConfig {
            bootstrap_servers: servers
                .split(',')
                .map(|server| server.trim().to_string())
                .collect(),
            client_id: "odradek".into(),
            request_timeout: Duration::from_secs(30),
            default_api_timeout: Duration::from_secs(60),
            connection_setup_timeout: Duration::from_secs(10),
            reconnect_backoff: Duration::from_millis(50),
            reconnect_backoff_max: Duration::from_secs(1),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            metadata_max_age: Duration::from_secs(300),
            allow_auto_create_topics: true,
            receive_message_max_bytes: 100_000_000,
        }
    }

    /// Takes the keys that this struct knows and leaves the others.
    pub fn take_properties(&mut self, properties: &mut Properties) -> Result<(), Error> {
        const DAY_MS: u64 = 86_400_000;
        properties.list("bootstrap.servers", &mut self.bootstrap_servers)?;
        properties.text("client.id", &mut self.client_id);
        properties.millis("request.timeout.ms", 1..=DAY_MS, &mut self.request_timeout)?;
        properties.millis(
            "default.api.timeout.ms",
            1..=DAY_MS,
            &mut self.default_api_timeout,
        )?;
        let setup = "socket.connection.setup.timeout.ms";
        properties.millis(setup, 1..=DAY_MS, &mut self.connection_setup_timeout)?;
        properties.millis("reconnect.backoff.ms", 0..=DAY_MS, &mut self.reconnect_backoff)?;
        properties.millis(
            "reconnect.backoff.max.ms",
            0..=DAY_MS,
            &mut self.reconnect_backoff_max,
        )?;
        properties.millis("retry.backoff.ms", 0..=DAY_MS, &mut self.retry_backoff)?;
        properties.millis("retry.backoff.max.ms", 0..=DAY_MS, &mut self.retry_backoff_max)?;
        properties.millis(
            "metadata.max.age.ms",
            0..=u64::from(u32::MAX),
            &mut self.metadata_max_age,
        )?;
        properties.boolean("allow.auto.create.topics", &mut self.allow_auto_create_topics)?;
        let bytes = &mut self.receive_message_max_bytes;
        properties.number("receive.message.max.bytes", 1_000..=2_147_483_647, bytes)
    }

    /// A configuration of nothing but these keys; an unknown one is an error.
    pub fn from_properties(mut properties: Properties) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::new("127.0.0.1:9092");
        config.take_properties(&mut properties)?;
        properties.finish()?;
        Ok(config)
    }
}

/// Waits that double from a first one up to a bound, each shortened at random by up to a fifth so that clients that
/// failed together do not return together.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
    max: Duration,
}

impl Backoff {
    pub fn new(first: Duration, max: Duration) -> Backoff {
        Backoff {
            next: first.min(max),
            max,
        }
    }

    /// The wait before the next attempt.
    pub fn take(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.max);
        let fifth = u64::try_from(wait.as_micros() / 5).unwrap_or(0);
        wait - Duration::from_micros(runtime::rng::below(fifth + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_use_kafkas_names() {
        let properties = [("bootstrap.servers", "a:1, b:2"), ("request.timeout.ms", "1500")];
        let config = ClientConfig::from_properties(Properties::new(properties)).expect("both are known");
        assert_eq!(config.bootstrap_servers, ["a:1", "b:2"]);
        assert_eq!(config.request_timeout, Duration::from_millis(1500));
    }

    #[test]
    fn a_backoff_doubles_up_to_its_bound() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
        let waits: Vec<_> = (0..4).map(|_| backoff.take().as_millis()).collect();
        for (wait, full) in waits.iter().zip([100, 200, 350, 350]) {
            assert!((full * 4 / 5..=full).contains(wait), "{wait} of {full}");
        }
    }
}
