//! A cluster as a client sees it: one connection a broker, metadata that is asked for when needed, requests sent
//! to whom they concern, and patience with what passes.

use crate::config::Backoff;
use crate::metadata::{ClusterMetadata, Leader, TopicMetadata};
use crate::{ClientConfig, Connection, Error, Outcome};
use runtime::sync::{AsyncMutex, Mutex};
use runtime::time::{Duration, Monotonic, sleep};
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::metadata::{MetadataRequest, MetadataRequestTopic};
use wire::{ErrorCode, Request};

/// A cheap handle, shared by producers, consumers and admins.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    config: ClientConfig,
    metadata: Mutex<Arc<ClusterMetadata>>,
    /// One refresh at a time; those who wait for it look again before they ask too.
    refreshing: AsyncMutex<()>,
    links: Mutex<BTreeMap<i32, Arc<Link>>>,
    bootstrap: Arc<Link>,
}

/// The connection to one broker, dialled when it is first needed and again after it broke.
#[derive(Default)]
struct Link(AsyncMutex<LinkState>);

#[derive(Default)]
struct LinkState {
    connection: Option<Connection>,
    /// Set while attempts fail: the wait before the next one.
    backoff: Option<Backoff>,
}

impl Cluster {
    /// No traffic yet: the first call connects.
    pub fn new(config: ClientConfig) -> Result<Cluster, Error> {
        if config.bootstrap_servers.iter().all(String::is_empty) {
            return Err(Error::config(
                "bootstrap.servers",
                "",
                "at least one host:port".into(),
            ));
        }
        Ok(Cluster(Arc::new(Inner {
            config,
            metadata: Mutex::default(),
            refreshing: AsyncMutex::default(),
            links: Mutex::default(),
            bootstrap: Arc::default(),
        })))
    }

    pub fn config(&self) -> &ClientConfig {
        &self.0.config
    }

    /// The picture as it is, however old.
    pub fn metadata(&self) -> Arc<ClusterMetadata> {
        self.0.metadata.lock().clone()
    }

    /// The topic's partitions and leaders: from the picture if that is young enough, else asked for, again and again
    /// while the error may pass, for as long as `limit`.
    pub async fn topic(&self, name: &str, limit: Duration) -> Result<Arc<TopicMetadata>, Error> {
        self.retry(&format!("learning about topic {name}"), limit, || {
            self.topic_once(name)
        })
        .await
    }

    async fn topic_once(&self, name: &str) -> Result<Arc<TopicMetadata>, Error> {
        if let Some(topic) = self.young_topic(name) {
            return Ok(topic);
        }
        let asked = Monotonic::now();
        let _one_at_a_time = self.0.refreshing.lock().await;
        let known = match self.metadata().topic_since(name, asked) {
            Some(known) => known,
            None => {
                let metadata = self.ask_metadata(Some(&[name])).await?;
                metadata
                    .topic_since(name, asked)
                    .unwrap_or(Err(ErrorCode::UnknownTopicOrPartition))
            }
        };
        known.map_err(|code| Error::Broker {
            api: "Metadata",
            code,
            message: format!("topic {name}: {}", code.message()),
        })
    }

    pub(crate) fn young_topic(&self, name: &str) -> Option<Arc<TopicMetadata>> {
        let (topic, age) = self.metadata().topic_and_age(name)?;
        (age < self.0.config.metadata_max_age).then_some(topic)
    }

    /// The partition's leader, by [`Cluster::topic`].
    pub async fn leader(&self, topic: &str, partition: i32, limit: Duration) -> Result<Leader, Error> {
        let what = format!("finding the leader of {topic}-{partition}");
        self.retry(&what, limit, || async {
            let leader = self.topic_once(topic).await?.leader(partition);
            if leader.is_err() {
                self.forget_topic(topic);
            }
            leader
        })
        .await
    }

    /// What is known of the topic proved wrong: ask anew when it is needed next.
    pub fn forget_topic(&self, name: &str) {
        let mut metadata = self.0.metadata.lock();
        *metadata = Arc::new(metadata.without(name));
    }

    /// Asks for all topics, or only for the cluster's brokers.
    pub async fn refresh(&self, all_topics: bool) -> Result<Arc<ClusterMetadata>, Error> {
        let _one_at_a_time = self.0.refreshing.lock().await;
        self.ask_metadata(if all_topics { None } else { Some(&[]) }).await
    }

    async fn ask_metadata(&self, names: Option<&[&str]>) -> Result<Arc<ClusterMetadata>, Error> {
        let topic = |name: &&str| MetadataRequestTopic {
            name: Some(name.to_string()),
            ..Default::default()
        };
        let connection = self.any_connection().await?;
        let request = MetadataRequest {
            topics: names.map(|names| names.iter().map(topic).collect()),
            allow_auto_topic_creation: self.0.config.allow_auto_create_topics,
            ..Default::default()
        };
        let answer = connection.call(&request).await?;
        let mut metadata = self.0.metadata.lock();
        *metadata = Arc::new(metadata.with_answer(answer, Monotonic::now())?);
        Ok(metadata.clone())
    }

    /// The connection to a broker, by its id.
    pub async fn connection(&self, node: i32) -> Result<Connection, Error> {
        let address = self
            .metadata()
            .brokers
            .get(&node)
            .map(|broker| broker.address.clone());
        let address = match address {
            Some(address) => address,
            None => {
                let metadata = self.refresh(false).await?;
                let broker = metadata.brokers.get(&node);
                broker
                    .map(|broker| broker.address.clone())
                    .ok_or_else(|| Error::Broker {
                        api: "Metadata",
                        code: ErrorCode::BrokerNotAvailable,
                        message: format!("broker {node} is not in the cluster now"),
                    })?
            }
        };
        let link = self.0.links.lock().entry(node).or_default().clone();
        link.connection(&[address], &self.0.config).await
    }

    /// A connection to some broker: one that is open, else the first that answers, known brokers before bootstrap
    /// servers.
    pub async fn any_connection(&self) -> Result<Connection, Error> {
        let links: Vec<_> = self.0.links.lock().values().cloned().collect();
        for link in links.iter().chain([&self.0.bootstrap]) {
            if let Some(connection) = link.open_connection() {
                return Ok(connection);
            }
        }
        let metadata = self.metadata();
        let known = metadata.brokers.values().map(|broker| broker.address.clone());
        let addresses: Vec<_> = known
            .chain(self.0.config.bootstrap_servers.iter().cloned())
            .collect();
        self.0.bootstrap.connection(&addresses, &self.0.config).await
    }

    /// Sends a request to whichever broker, once.
    pub async fn call_any<R: Request>(&self, request: &R) -> Result<R::Response, Error> {
        self.any_connection().await?.call(request).await
    }

    /// Sends a request to one broker, once.
    pub async fn call<R: Request>(&self, node: i32, request: &R) -> Result<R::Response, Error> {
        self.connection(node).await?.call(request).await
    }

    /// Does something again while its error may pass and `limit` is not over. The last error comes back as it is (as
    /// [`Error::Uncertain`] if an earlier attempt may have had an effect), or, when time ran out, within one that says
    /// so.
    pub async fn retry<T, F>(
        &self,
        what: &str,
        limit: Duration,
        attempt: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.retry_doubtful(what, limit, attempt)
            .await
            .map(|(value, _)| value)
    }

    /// As [`Cluster::retry`]; beside the value comes the worst outcome of the attempts before: for an answer that may
    /// be about what an earlier attempt did, such as "the topic exists".
    pub async fn retry_doubtful<T, F>(
        &self,
        what: &str,
        limit: Duration,
        mut attempt: impl FnMut() -> F,
    ) -> Result<(T, Outcome), Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let deadline = Monotonic::now() + limit;
        let config = &self.0.config;
        let mut backoff = Backoff::new(config.retry_backoff, config.retry_backoff_max);
        let mut outcome = Outcome::Failed;
        loop {
            let rest = deadline.saturating_since(Monotonic::now());
            let error = match runtime::time::timeout(rest, attempt()).await {
                Ok(Ok(value)) => return Ok((value, outcome)),
                Ok(Err(error)) if !error.is_retriable() => return Err(error.after(outcome)),
                Ok(Err(error)) => error,
                Err(_) => return Err(expired(what, limit, "no answer yet".into(), Outcome::Unknown)),
            };
            outcome = outcome.or(error.outcome());
            let wait = backoff.take();
            if Monotonic::now() + wait >= deadline {
                return Err(expired(what, limit, error.to_string(), outcome));
            }
            sleep(wait).await;
        }
    }
}

fn expired(what: &str, after: Duration, last: String, outcome: Outcome) -> Error {
    Error::Expired {
        what: what.to_string(),
        after,
        last,
        outcome,
    }
}

impl Link {
    fn open_connection(&self) -> Option<Connection> {
        let state = self.0.try_lock().ok()?;
        state
            .connection
            .clone()
            .filter(|connection| !connection.is_broken())
    }

    /// The open connection, else a new one to the first address that answers, after a wait if the last attempt
    /// failed.
    async fn connection(&self, addresses: &[String], config: &ClientConfig) -> Result<Connection, Error> {
        let mut state = self.0.lock().await;
        if let Some(connection) = &state.connection
            && !connection.is_broken()
        {
            return Ok(connection.clone());
        }
        state.connection = None;
        if let Some(backoff) = &mut state.backoff {
            sleep(backoff.take()).await;
        }
        let mut last = None;
        for address in addresses {
            match Connection::connect(address, config).await {
                Ok(connection) => {
                    *state = LinkState {
                        connection: Some(connection.clone()),
                        backoff: None,
                    };
                    return Ok(connection);
                }
                Err(error) => last = Some(error),
            }
        }
        let first = || Backoff::new(config.reconnect_backoff, config.reconnect_backoff_max);
        state.backoff.get_or_insert_with(first);
        Err(last.unwrap_or_else(|| Error::Invalid("there is no address to connect to".into())))
    }
}
