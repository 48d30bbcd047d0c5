//! The producer: records in, batches out, a report for each record.
//!
//! ```no_run
//! # async fn example() -> Result<(), client::Error> {
//! use client::{Producer, ProducerConfig, ProducerRecord};
//!
//! let producer = Producer::new(ProducerConfig::new("127.0.0.1:9092"))?;
//! let report = producer.send(ProducerRecord::new("orders").key("42").value("paid")).await?;
//! let landed = report.await?;
//! println!("{}-{} at {:?}", landed.topic, landed.partition, landed.offset);
//! producer.close(std::time::Duration::from_secs(5)).await
//! # }
//! ```
//! With idempotence, which is the default, a record is written once and in the order of the `send`s, whatever is
//! retried. [`crate::Error::outcome`] of a report tells a record that is certainly not in the log from one that may
//! be there.

mod accumulator;
mod batch;
mod config;
mod murmur2;
mod partitioner;
mod produce;
mod record;
mod sender;

use std::sync::Arc;

use records::{BATCH_HEADER_BYTES, record_bytes};
use runtime::sync::{Mutex, OwnedSemaphorePermit, Semaphore, oneshot};
use runtime::time::{Duration, Monotonic, timeout};

pub use batch::ProducerIdentity;
pub use config::{Acks, ProducerConfig};
pub use murmur2::murmur2;
pub use partitioner::partition_for_key;
pub use record::{Delivery, ProducerRecord, RecordMetadata};

use crate::metadata::TopicMetadata;
use crate::{Cluster, Error, Outcome, TopicPartition};
use accumulator::Accumulator;
use partitioner::StickyPartitioner;
use sender::Shared;

/// A handle, cheap to clone; when the last is dropped, what was not sent is given up. See the
/// [module](crate::producer).
#[derive(Clone)]
pub struct Producer(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    partitioner: Mutex<StickyPartitioner>,
    /// A permit a byte of buffer.memory.
    memory: Arc<Semaphore>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.stop.close();
    }
}

impl Producer {
    /// Starts the producer's tasks; nothing is sent before the first record.
    ///
    /// # Errors
    /// [`Error::Config`] for settings that contradict each other.
    pub fn new(config: ProducerConfig) -> Result<Producer, Error> {
        let cluster = Cluster::new(config.client.clone())?;
        Producer::on(cluster, config)
    }

    /// As [`Producer::new`], sharing the connections of others.
    pub fn on(cluster: Cluster, config: ProducerConfig) -> Result<Producer, Error> {
        config.check()?;
        let memory = Arc::new(Semaphore::new(config.buffer_memory));
        let shared = Arc::new(Shared::new(config, cluster));
        runtime::task::spawn(sender::watch(shared.clone()));
        Ok(Producer(Arc::new(Handle {
            shared,
            partitioner: Mutex::default(),
            memory,
        })))
    }

    pub fn cluster(&self) -> &Cluster {
        &self.0.shared.cluster
    }

    /// The current producer id and epoch; `None` without idempotence and before the first record is sent.
    pub fn identity(&self) -> Option<ProducerIdentity> {
        self.0.shared.accumulator.lock().identity()
    }

    /// The topic's partitions, waiting for them at most max.block.ms.
    pub async fn partitions_for(&self, topic: &str) -> Result<Arc<TopicMetadata>, Error> {
        self.topic(topic, self.0.shared.config.max_block).await
    }

    /// Puts a record into a batch. Waits, at most max.block.ms, for the topic's metadata and for memory; the report
    /// comes with the [`Delivery`]. Records of one task go out in the order of its calls.
    ///
    /// # Errors
    /// All of them mean that the record was not taken: [`Error::outcome`] is `Failed`.
    pub async fn send(&self, record: ProducerRecord) -> Result<Delivery, Error> {
        let shared = &self.0.shared;
        let deadline = Monotonic::now() + shared.config.max_block;
        let bytes = self.check_size(&record)?;
        if shared.stop.is_closed() {
            return Err(Error::Closed("producer"));
        }
        let topic = self.topic(&record.topic, shared.config.max_block).await?;
        let memory = self.take_memory(bytes, deadline).await?;
        let partition = TopicPartition {
            partition: self.choose_partition(&record, &topic, bytes)?,
            topic: record.topic.clone(),
        };
        let (report, delivery) = oneshot::channel();
        let timestamp = Accumulator::timestamp_of(&record);
        let is_worth_a_look = {
            let mut accumulator = shared.accumulator.lock();
            if shared.stop.is_closed() {
                return Err(Error::Closed("producer"));
            }
            accumulator.append(&partition, &record, timestamp, memory, report, Monotonic::now())?
        };
        if is_worth_a_look {
            shared.wake.notify_one();
        }
        Ok(Delivery(delivery))
    }

    /// Sends one record and waits for its report.
    pub async fn send_and_wait(&self, record: ProducerRecord) -> Result<RecordMetadata, Error> {
        self.send(record).await?.await
    }

    /// Sends what lingers, and returns when every record that was given to `send` before is reported.
    pub async fn flush(&self) {
        let shared = &self.0.shared;
        let mark = shared.accumulator.lock().flush();
        shared.wake.notify_one();
        loop {
            let progress = shared.progress.notified();
            runtime::pin!(progress);
            progress.as_mut().enable();
            if shared.accumulator.lock().is_flushed(mark) || shared.stop.is_closed() {
                return;
            }
            progress.await;
        }
    }

    /// Flushes for at most `limit`, then ends the producer; what is left is reported as failed, or as unknown where
    /// it was on its way.
    pub async fn close(&self, limit: Duration) -> Result<(), Error> {
        let flushed = timeout(limit, self.flush()).await;
        let shared = &self.0.shared;
        {
            let mut accumulator = shared.accumulator.lock();
            shared.stop.close();
            accumulator.fail_queued(None, &Error::Closed("producer"));
        }
        shared.progress.notify_waiters();
        flushed.map_err(|_| Error::Expired {
            what: "flushing the producer".into(),
            after: limit,
            last: "records were left".into(),
            outcome: Outcome::Unknown,
        })
    }

    /// The bytes that the record takes, if it may be sent at all.
    fn check_size(&self, record: &ProducerRecord) -> Result<usize, Error> {
        let config = &self.0.shared.config;
        let bytes = record_bytes(record.key.as_deref(), record.value.as_deref(), &record.headers);
        let (key, limit) = match config.max_request_size.min(config.buffer_memory) {
            limit if limit == config.max_request_size => ("max.request.size", limit),
            limit => ("buffer.memory", limit),
        };
        if bytes + BATCH_HEADER_BYTES <= limit {
            return Ok(bytes);
        }
        let total = bytes + BATCH_HEADER_BYTES;
        Err(Error::Invalid(format!(
            "a record of {total} bytes is too large: {key} is {limit}; raise it"
        )))
    }

    async fn topic(&self, name: &str, limit: Duration) -> Result<Arc<TopicMetadata>, Error> {
        // Asking for metadata changes nothing, however it ended.
        let asked = self.0.shared.cluster.topic(name, limit).await;
        asked.map_err(|error| match error {
            Error::Expired {
                what, after, last, ..
            } => Error::Expired {
                what,
                after,
                last,
                outcome: Outcome::Failed,
            },
            other => other,
        })
    }

    async fn take_memory(&self, bytes: usize, deadline: Monotonic) -> Result<OwnedSemaphorePermit, Error> {
        let permits = u32::try_from(bytes).map_err(|_| Error::Invalid("a record above 4 GiB".into()))?;
        if let Ok(permit) = self.0.memory.clone().try_acquire_many_owned(permits) {
            return Ok(permit);
        }
        let shared = &self.0.shared;
        let waiting = MemoryWaiter::new(shared);
        shared.wake.notify_one();
        let limit = deadline.saturating_since(Monotonic::now());
        let acquire = self.0.memory.clone().acquire_many_owned(permits);
        let result = runtime::select! {
            biased;
            _ = shared.stop.acquire() => Err(Error::Closed("producer")),
            result = timeout(limit, acquire) => match result {
                Ok(permit) => Ok(permit.expect("this semaphore is never closed")),
                Err(_) => Err(Error::BufferFull { bytes, after: shared.config.max_block }),
            },
        };
        drop(waiting);
        result
    }

    fn choose_partition(
        &self,
        record: &ProducerRecord,
        topic: &TopicMetadata,
        bytes: usize,
    ) -> Result<i32, Error> {
        let config = &self.0.shared.config;
        let count = topic.partitions.len() as i32;
        if let Some(partition) = record.partition {
            if (0..count).contains(&partition) {
                return Ok(partition);
            }
            let last = count - 1;
            return Err(Error::Invalid(format!(
                "partition {partition} of {} does not exist: 0 to {last} do",
                record.topic
            )));
        }
        if count == 0 {
            return Err(Error::Invalid(format!(
                "topic {} has no partitions",
                record.topic
            )));
        }
        if let (Some(key), false) = (&record.key, config.partitioner_ignore_keys) {
            return Ok(partition_for_key(key, count));
        }
        let all = &topic.partitions;
        let mut available: Vec<i32> = all
            .iter()
            .filter(|p| p.leader.is_some())
            .map(|p| p.partition)
            .collect();
        if available.is_empty() {
            available = (0..count).collect();
        }
        let mut partitioner = self.0.partitioner.lock();
        Ok(partitioner.choose(
            &record.topic,
            &available,
            bytes,
            config.batch_size,
            runtime::rng::u64(),
        ))
    }
}

/// Counts a `send` that waits for memory, so that batches do not linger meanwhile.
struct MemoryWaiter<'a>(&'a Shared);

impl<'a> MemoryWaiter<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.accumulator.lock().memory_waiters += 1;
        MemoryWaiter(shared)
    }
}

impl Drop for MemoryWaiter<'_> {
    fn drop(&mut self) {
        self.0.accumulator.lock().memory_waiters -= 1;
    }
}
