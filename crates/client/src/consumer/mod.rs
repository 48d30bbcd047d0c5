//! The consumer of assigned partitions: positions in, records out.
//!
//! ```no_run
//! # async fn example() -> Result<(), client::Error> {
//! use client::{Consumer, ConsumerConfig, TopicPartition};
//! use std::time::Duration;
//!
//! let mut consumer = Consumer::new(ConsumerConfig::new("127.0.0.1:9092"))?;
//! let orders = TopicPartition::new("orders", 0);
//! consumer.assign([orders.clone()]);
//! consumer.seek_to_beginning([&orders])?;
//! for record in consumer.poll(Duration::from_secs(1)).await? {
//!     println!("{} at {}: {:?}", orders, record.offset, record.value);
//! }
//! # Ok(())
//! # }
//! ```
//! Tasks of its own fetch ahead, one request a broker at a time, and report to the consumer, which looks at the
//! reports within `poll`: it has one owner and no locks. Dropping the future of `poll` loses nothing.
//!
//! Invariants:
//! 1. A partition's position is the offset after the last record that `poll` gave out (or a seek's); what is fetched
//!    and not given out is dropped by a seek, and fetched again.
//! 2. An answer counts only if nobody sought meanwhile and it was asked for at the position.
//! 3. At most one answer's bytes per assigned partition are held.

mod config;
mod fetch;
mod fetched;
mod offsets;
mod partition;
mod record;
mod reports;
mod session;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use runtime::sync::mpsc;
use runtime::time::{Duration, Monotonic, sleep_until, timeout};
use wire::fetch::FetchRequest;

pub use config::{AutoOffsetReset, ConsumerConfig, IsolationLevel};
pub use record::ConsumerRecord;

use crate::{Cluster, Error, OffsetAt, OffsetSpec, Outcome, TopicPartition};
use fetch::Fetch;
use partition::{Partition, Position};
use reports::Report;
use session::{FINAL_EPOCH, FetchSession, SessionPlan, Wanted};

/// Reports of tasks that wait to be looked at; a task beyond that waits with its own.
const REPORTS_MAX: usize = 256;

/// See the [module](crate::consumer).
pub struct Consumer {
    config: Arc<ConsumerConfig>,
    cluster: Cluster,
    partitions: BTreeMap<TopicPartition, Partition>,
    /// The sessions of brokers; absent while a fetch of that broker is on its way.
    sessions: BTreeMap<i32, FetchSession>,
    fetching: BTreeSet<i32>,
    /// Brokers that had nothing to add to what is buffered from them: they are left alone until that is given out.
    dry: BTreeSet<i32>,
    asking_topics: BTreeSet<Arc<str>>,
    /// Whose records were given out last, so that the others come first next time.
    last_served: Option<TopicPartition>,
    reports: mpsc::Receiver<Report>,
    reporter: mpsc::Sender<Report>,
}

impl Consumer {
    /// No traffic yet: the first poll connects.
    pub fn new(config: ConsumerConfig) -> Result<Consumer, Error> {
        let cluster = Cluster::new(config.client.clone())?;
        Ok(Consumer::on(cluster, config))
    }

    /// As [`Consumer::new`], sharing the connections of others. A long poll holds up what comes behind it on the
    /// same connection.
    pub fn on(cluster: Cluster, config: ConsumerConfig) -> Consumer {
        let (reporter, reports) = mpsc::channel(REPORTS_MAX);
        Consumer {
            config: Arc::new(config),
            cluster,
            partitions: BTreeMap::new(),
            sessions: BTreeMap::new(),
            fetching: BTreeSet::new(),
            dry: BTreeSet::new(),
            asking_topics: BTreeSet::new(),
            last_served: None,
            reports,
            reporter,
        }
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Reads these partitions from now on, and no others. Those that were assigned before keep their positions; new
    /// ones begin where `auto.offset.reset` says, unless a seek says otherwise.
    pub fn assign(&mut self, partitions: impl IntoIterator<Item = TopicPartition>) {
        let mut before = std::mem::take(&mut self.partitions);
        let start = self
            .config
            .auto_offset_reset
            .spec()
            .map_or(Position::Lost, Position::Ask);
        for name in partitions {
            let partition = before.remove(&name).unwrap_or_else(|| Partition::new(start));
            self.partitions.insert(name, partition);
        }
    }

    pub fn assignment(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.keys()
    }

    /// Goes on at `offset`. One that does not exist is noticed by the next fetch, and `auto.offset.reset` decides.
    pub fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), Error> {
        if offset < 0 {
            return Err(Error::Invalid(format!(
                "offset {offset} to seek in {partition} is negative"
            )));
        }
        self.assigned(partition)?.seek(Position::At(offset));
        Ok(())
    }

    /// Goes on at the first record there is when the next poll comes.
    pub fn seek_to_beginning<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
    ) -> Result<(), Error> {
        self.seek_by_spec(partitions, OffsetSpec::Earliest)
    }

    /// Goes on after the last record there is when the next poll comes.
    pub fn seek_to_end<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
    ) -> Result<(), Error> {
        self.seek_by_spec(partitions, OffsetSpec::Latest)
    }

    fn seek_by_spec<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
        spec: OffsetSpec,
    ) -> Result<(), Error> {
        for name in partitions {
            self.assigned(name)?.seek(Position::Ask(spec));
        }
        Ok(())
    }

    /// Gives no records of these until [`Consumer::resume`]; positions and what was fetched stay.
    pub fn pause<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
    ) -> Result<(), Error> {
        for name in partitions {
            self.assigned(name)?.is_paused = true;
        }
        Ok(())
    }

    pub fn resume<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
    ) -> Result<(), Error> {
        for name in partitions {
            self.assigned(name)?.is_paused = false;
        }
        Ok(())
    }

    pub fn paused(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions
            .iter()
            .filter(|(_, partition)| partition.is_paused)
            .map(|(name, _)| name)
    }

    /// The offset of the next record, asking for it where it is not known yet.
    pub async fn position(&mut self, partition: &TopicPartition) -> Result<i64, Error> {
        let limit = self.config.client.default_api_timeout;
        let deadline = Monotonic::now() + limit;
        loop {
            let state = self.assigned(partition)?;
            if let Some(error) = state.error.take() {
                return Err(error);
            }
            match state.position {
                Position::At(offset) => return Ok(offset),
                Position::Lost => return Err(no_position(partition)),
                Position::Ask(_) => {}
            }
            self.start_tasks();
            if Monotonic::now() >= deadline {
                let what = format!("finding the position in {partition}");
                let last = "no answer yet".into();
                return Err(Error::Expired {
                    what,
                    after: limit,
                    last,
                    outcome: Outcome::Failed,
                });
            }
            self.wait(deadline).await;
        }
    }

    /// How many records (offsets, to be exact) lie between the position and the end that the last answer told;
    /// `None` before the first. 0 is the end of the partition.
    pub fn lag(&self, partition: &TopicPartition) -> Option<i64> {
        let state = self.partitions.get(partition)?;
        Some((state.end(self.config.isolation_level)? - state.offset()?).max(0))
    }

    /// The end as the last answer told: the high watermark, or under read_committed the last stable offset.
    pub fn known_end(&self, partition: &TopicPartition) -> Option<i64> {
        self.partitions.get(partition)?.end(self.config.isolation_level)
    }

    /// The log start as the last answer told.
    pub fn known_start(&self, partition: &TopicPartition) -> Option<i64> {
        self.partitions.get(partition)?.log_start_offset
    }

    /// For each partition the first record at or after a time (ms); `None` where there is none. They need not be
    /// assigned.
    pub async fn offsets_for_times(
        &self,
        times: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<BTreeMap<TopicPartition, Option<OffsetAt>>, Error> {
        let wanted = times
            .into_iter()
            .map(|(name, time)| (name, OffsetSpec::At(time)))
            .collect();
        self.list_offsets(wanted).await
    }

    /// For each partition the first offset that can be read.
    pub async fn beginning_offsets(
        &self,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<BTreeMap<TopicPartition, i64>, Error> {
        self.ends(partitions, OffsetSpec::Earliest).await
    }

    /// For each partition the offset after the last record that this consumer may read.
    pub async fn end_offsets(
        &self,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<BTreeMap<TopicPartition, i64>, Error> {
        self.ends(partitions, OffsetSpec::Latest).await
    }

    async fn ends(
        &self,
        partitions: impl IntoIterator<Item = TopicPartition>,
        spec: OffsetSpec,
    ) -> Result<BTreeMap<TopicPartition, i64>, Error> {
        let found = self
            .list_offsets(partitions.into_iter().map(|name| (name, spec)).collect())
            .await?;
        Ok(found
            .into_iter()
            .filter_map(|(name, at)| Some((name, at?.offset)))
            .collect())
    }

    async fn list_offsets(
        &self,
        wanted: BTreeMap<TopicPartition, OffsetSpec>,
    ) -> Result<offsets::FoundOffsets, Error> {
        let limit = self.config.client.default_api_timeout;
        offsets::list_offsets(&self.cluster, self.config.isolation_level, wanted, limit).await
    }

    /// Gives records as soon as there are some, at most max.poll.records; none when `limit` is over.
    ///
    /// # Errors
    /// What a partition cannot go on from by itself: damaged records, no permission, an offset out of range where
    /// `auto.offset.reset` is `none`. The position stays, the others go on, and the next poll tries again.
    pub async fn poll(&mut self, limit: Duration) -> Result<Vec<ConsumerRecord>, Error> {
        let deadline = Monotonic::now() + limit;
        loop {
            while let Ok(report) = self.reports.try_recv() {
                self.on_report(report);
            }
            let records = self.take_records();
            self.start_tasks();
            if !records.is_empty() {
                return Ok(records);
            }
            if let Some(error) = self.take_error() {
                return Err(error);
            }
            if Monotonic::now() >= deadline {
                return Ok(records);
            }
            self.wait(deadline).await;
        }
    }

    /// Tells the brokers that the fetch sessions are over, for at most `limit`.
    pub async fn close(self, limit: Duration) {
        let config = self.config.clone();
        let close_all = async {
            for (node, session) in self.sessions.iter().filter(|(_, session)| session.id() != 0) {
                let Ok(connection) = self.cluster.connection(*node).await else {
                    continue;
                };
                let plan = SessionPlan {
                    id: session.id(),
                    epoch: FINAL_EPOCH,
                    ..SessionPlan::default()
                };
                let request = FetchRequest {
                    min_bytes: 0,
                    ..fetch::request(&config, plan, Duration::ZERO)
                };
                if let Err(error) = connection.call(&request).await {
                    tracing::debug!("closing a fetch session: {error}");
                }
            }
        };
        // A session that is not closed ends by itself when the broker needs its place.
        let _ = timeout(limit, close_all).await;
    }

    fn assigned(&mut self, partition: &TopicPartition) -> Result<&mut Partition, Error> {
        let missing = || {
            Error::Invalid(format!(
                "{partition} is not assigned to this consumer; assign it first"
            ))
        };
        self.partitions.get_mut(partition).ok_or_else(missing)
    }

    /// Decodes buffers into records, beginning after the partition that was served last.
    fn take_records(&mut self) -> Vec<ConsumerRecord> {
        let mut names: Vec<TopicPartition> = self.partitions.keys().cloned().collect();
        let start = self
            .last_served
            .as_ref()
            .map_or(0, |last| names.partition_point(|name| name <= last));
        names.rotate_left(start);
        let mut records = Vec::new();
        for name in names {
            if records.len() >= self.config.max_poll_records {
                break;
            }
            let partition = self.partitions.get_mut(&name).expect("the names are its keys");
            if partition.is_paused || partition.error.is_some() {
                continue;
            }
            let Some(buffer) = &mut partition.buffer else {
                continue;
            };
            let taken = buffer.take_into(&mut records, self.config.max_poll_records);
            partition.position = Position::At(buffer.next_offset());
            match taken {
                Ok(false) => {}
                Ok(true) => partition.buffer = None,
                Err(error) => {
                    partition.buffer = None;
                    partition.error = Some(error);
                }
            }
            self.last_served = Some(name);
        }
        records
    }

    fn take_error(&mut self) -> Option<Error> {
        let retry_at = Monotonic::now() + self.config.client.retry_backoff;
        self.partitions
            .iter_mut()
            .filter(|(_, partition)| !partition.is_paused)
            .find_map(|(name, partition)| {
                let error = match partition.position {
                    Position::Lost => Some(partition.error.take().unwrap_or_else(|| no_position(name))),
                    Position::At(_) | Position::Ask(_) => partition.error.take(),
                };
                partition.retry_at = if error.is_some() {
                    Some(retry_at)
                } else {
                    partition.retry_at
                };
                error
            })
    }

    /// Waits for a report, for a partition whose wait is over, or for the deadline.
    async fn wait(&mut self, deadline: Monotonic) {
        let now = Monotonic::now();
        let retries = self
            .partitions
            .values()
            .filter_map(|partition| partition.retry_at);
        let next = retries
            .filter(|retry_at| *retry_at > now)
            .min()
            .map_or(deadline, |next| next.min(deadline));
        let report = runtime::select! {
            biased;
            report = self.reports.recv() => report,
            () = sleep_until(next) => None,
        };
        if let Some(report) = report {
            self.on_report(report);
        }
    }

    /// Starts what is to be asked now and is not asked yet: leaders, positions, records.
    fn start_tasks(&mut self) {
        let now = Monotonic::now();
        let mut to_ask = Vec::new();
        for (name, partition) in &mut self.partitions {
            if let Position::Ask(spec) = partition.position
                && !partition.is_asking
                && partition.retry_at.is_none_or(|retry_at| retry_at <= now)
            {
                partition.is_asking = true;
                to_ask.push((name.clone(), spec, partition.version));
            }
        }
        if !to_ask.is_empty() {
            self.ask_positions(to_ask);
        }
        let work = self.fetch_work(now);
        for (topic, is_useless) in work.unknown {
            self.ask_topic(topic, is_useless);
        }
        for (node, wanted) in work.wanted {
            // A broker must not hold back an answer while buffers run dry that it could fill.
            let has_buffered = work.buffered.contains(&node);
            if !has_buffered {
                self.dry.remove(&node);
                self.start_fetch(node, wanted, self.config.fetch_max_wait);
            } else if !self.dry.contains(&node) {
                self.start_fetch(node, wanted, Duration::ZERO);
            }
        }
    }

    /// Who leads what is to be fetched now.
    fn fetch_work(&self, now: Monotonic) -> FetchWork {
        let metadata = self.cluster.metadata();
        let mut work = FetchWork::default();
        for (name, partition) in self
            .partitions
            .iter()
            .filter(|(_, partition)| !partition.is_paused)
        {
            let topic = metadata.topic(&name.topic);
            let leader = topic.as_ref().and_then(|topic| topic.leader(name.partition).ok());
            if partition.buffer.is_some() {
                work.buffered.extend(leader.map(|leader| leader.node));
            }
            let Some(offset) = partition.fetchable(now) else {
                continue;
            };
            let (Some(topic), Some(leader)) = (topic, leader) else {
                work.unknown.insert(name.topic.clone(), true);
                continue;
            };
            let bytes_max = self.config.max_partition_fetch_bytes;
            let wanted = Wanted {
                topic_id: topic.id,
                offset,
                leader_epoch: leader.epoch,
                bytes_max,
            };
            work.wanted
                .entry(leader.node)
                .or_default()
                .insert(name.clone(), wanted);
            if self.cluster.young_topic(&name.topic).is_none() {
                work.unknown.entry(name.topic.clone()).or_insert(false);
            }
        }
        work
    }
}

#[derive(Default)]
struct FetchWork {
    wanted: BTreeMap<i32, BTreeMap<TopicPartition, Wanted>>,
    /// Brokers of whose partitions something is buffered.
    buffered: BTreeSet<i32>,
    /// Topics to ask about; `true` where what is known is of no use, `false` where it is merely old.
    unknown: BTreeMap<Arc<str>, bool>,
}

fn no_position(partition: &TopicPartition) -> Error {
    Error::Invalid(format!(
        "{partition} has no position and auto.offset.reset is none; seek first"
    ))
}
