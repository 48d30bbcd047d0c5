//! One partition that this node hosts: its log, its role, and how far it may be read.
//!
//! ```text
//!  append ──> log end ──(group commit)──> durable end ──> high watermark ──> readers, acks=all
//! ```
//!
//! Invariants:
//! 1. log start <= high watermark <= log end; the high watermark never falls while the partition is hosted.
//! 2. With `write.caching=false` the high watermark is at most the durable end: what is read was synced.
//! 3. Every append arms a group commit, whatever its acks, or it would never become readable.
//! 4. An append is one critical section: a handler that is dropped has appended or it has not.
//! 5. Once ended, for ever ended: the one who waits learns why.
//!
//! One replica for now: its own durable end is the minimum over the ISR. `Role` and the epochs are in place for
//! followers; fetches of followers are not.

use super::waiters::{Ticket, Waiters};
use crate::fetch_session::PartitionFetch;
use crate::metrics::{Metrics, TopicCounters};
use crate::settings::TopicSettings;
use bytes::Bytes;
use runtime::mutant::{Mutant, planted};
use runtime::sync::{Mutex, Notify, RwLock, watch};
use runtime::time::{self, Duration, Monotonic, WallMs};
use std::sync::Arc;
use storage::{AppendError, AppendInfo, AppendOrigin, Log, ReadError, ReadSlice};
use tracing::{debug, error, warn};
use wire::{ErrorCode, Uuid};

/// No leader epoch is known; never fence on it.
const EPOCH_UNKNOWN: i32 = -1;
/// In the simulator a group commit may begin this late: long enough for retention to see what is not durable.
const FLUSH_DELAY_MS_MAX: u64 = 2000;

pub struct Partition {
    pub topic: String,
    pub topic_id: Uuid,
    pub index: i32,
    log: Log,
    state: RwLock<State>,
    progress: watch::Sender<Progress>,
    waiters: Arc<Waiters>,
    flush: Mutex<Flush>,
    pub counters: Arc<TopicCounters>,
    metrics: Arc<Metrics>,
}

/// What the controller decided about the partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// −1: none.
    pub leader: i32,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub isr: Vec<i32>,
    pub replicas: Vec<i32>,
}

struct State {
    assignment: Assignment,
    role: Role,
    settings: Arc<TopicSettings>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Leader {
        /// The log end when the epoch began.
        epoch_start_offset: i64,
    },
    /// Another leads, or this node has not begun to.
    Follower,
}

#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub high_watermark: i64,
    pub ended: Option<Ended>,
}

/// Why nothing more happens here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The topic was deleted.
    Deleted,
    /// The log failed, and takes no more.
    Fenced,
    /// The node stops.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flush {
    Idle,
    Running,
    /// Something was appended since the running one began.
    RunningAndArmed,
}

/// A refused append.
#[derive(Debug)]
pub struct AppendFailure {
    pub error: ErrorCode,
    pub message: String,
    /// Index in the batch, and what is wrong with that record.
    pub records: Vec<(i32, String)>,
}

pub struct PartitionRead {
    pub high_watermark: i64,
    pub log_start_offset: i64,
    /// (epoch, its end offset): the fetcher's log diverges there, and must be truncated.
    pub diverging: Option<(i32, i64)>,
    pub slice: Option<ReadSlice>,
}

impl Partition {
    pub fn new(
        topic: String,
        topic_id: Uuid,
        index: i32,
        log: Log,
        high_watermark: i64,
        settings: Arc<TopicSettings>,
        metrics: Arc<Metrics>,
    ) -> Arc<Partition> {
        let assignment = Assignment {
            leader: -1,
            leader_epoch: EPOCH_UNKNOWN,
            partition_epoch: -1,
            isr: Vec::new(),
            replicas: Vec::new(),
        };
        let counters = metrics.topic(&topic);
        let partition = Partition {
            topic,
            topic_id,
            index,
            log,
            state: RwLock::new(State {
                assignment,
                role: Role::Follower,
                settings,
            }),
            progress: watch::Sender::new(Progress {
                high_watermark,
                ended: None,
            }),
            waiters: Arc::default(),
            flush: Mutex::new(Flush::Idle),
            counters,
            metrics,
        };
        partition.advance();
        Arc::new(partition)
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    pub fn assignment(&self) -> Assignment {
        self.state.read().assignment.clone()
    }

    pub fn settings(&self) -> Arc<TopicSettings> {
        self.state.read().settings.clone()
    }

    pub fn high_watermark(&self) -> i64 {
        self.progress.borrow().high_watermark
    }

    pub fn ended(&self) -> Option<Ended> {
        self.progress.borrow().ended
    }

    pub fn is_leader(&self) -> bool {
        matches!(self.state.read().role, Role::Leader { .. })
    }

    pub fn is_under_min_isr(&self) -> bool {
        let state = self.state.read();
        state.assignment.isr.len() < min_isr(&state)
    }

    /// Takes on what the controller decided. A new epoch that this node leads begins at the log's end, and is
    /// durable there before anything is appended in it. Called by one task only; false when it must be called again,
    /// since the epoch could not be written.
    pub async fn assign(&self, node_id: i32, assignment: Assignment, settings: Arc<TopicSettings>) -> bool {
        let (leader, leader_epoch) = (assignment.leader, assignment.leader_epoch);
        let epoch_before = {
            let mut state = self.state.write();
            let epoch_before = state.assignment.leader_epoch;
            if leader_epoch > epoch_before {
                state.role = Role::Follower;
            }
            state.settings = settings;
            state.assignment = assignment;
            epoch_before
        };
        let mut is_whole = true;
        if leader_epoch > epoch_before && leader == node_id {
            let epoch_start_offset = self.log.log_end_offset();
            runtime::trace!(
                "lead {}-{} epoch {leader_epoch} from {epoch_start_offset}",
                self.topic,
                self.index
            );
            match self.log.assign_epoch(leader_epoch).await {
                Ok(()) => self.state.write().role = Role::Leader { epoch_start_offset },
                Err(error) => {
                    warn!(topic = self.topic, partition = self.index, leader_epoch, %error, "cannot begin to lead yet");
                    self.state.write().assignment.leader_epoch = epoch_before;
                    self.note_fence();
                    is_whole = self.ended().is_some();
                }
            }
            debug!(
                topic = self.topic,
                partition = self.index,
                leader_epoch,
                epoch_start_offset,
                "leads"
            );
        }
        self.advance();
        self.waiters.wake();
        is_whole
    }

    /// Appends one batch, whole or not at all.
    pub fn append(
        self: &Arc<Self>,
        batches: Bytes,
        needs_isr: bool,
        now: WallMs,
    ) -> Result<AppendInfo, AppendFailure> {
        let state = self.state.read();
        self.check_open()?;
        if !matches!(state.role, Role::Leader { .. }) {
            return Err(ErrorCode::NotLeaderOrFollower.into());
        }
        if needs_isr && state.assignment.isr.len() < min_isr(&state) {
            return Err(ErrorCode::NotEnoughReplicas.into());
        }
        let leader_epoch = state.assignment.leader_epoch;
        let caching = state.settings.write_caching;
        let appended = self
            .log
            .append_as_leader(batches, leader_epoch, AppendOrigin::Client, now);
        drop(state);
        let info = match appended {
            Ok(info) => info,
            Err(error) => {
                self.note_fence();
                return Err(append_failure(error));
            }
        };
        runtime::trace!(
            "append {}-{} {}..={}",
            self.topic,
            self.index,
            info.first_offset,
            info.last_offset
        );
        if caching {
            self.advance();
        } else {
            self.arm_flush();
        }
        Ok(info)
    }

    /// Resolves when everything below `offset` is acknowledged by the whole ISR; the answer to acks=all.
    pub async fn replicated(&self, offset: i64, deadline: Monotonic) -> Result<(), ErrorCode> {
        if planted(Mutant::AckBeforeDurable) {
            return Ok(());
        }
        let mut progress = self.progress.subscribe();
        let wait =
            progress.wait_for(|progress| progress.high_watermark >= offset || progress.ended.is_some());
        let patience = deadline.saturating_since(Monotonic::now());
        match time::timeout(patience, wait).await {
            Err(_) => Err(ErrorCode::RequestTimedOut),
            Ok(Err(_)) => Err(ErrorCode::NotLeaderOrFollower),
            Ok(Ok(progress)) if progress.high_watermark >= offset => {
                drop(progress);
                if self.is_under_min_isr() {
                    Err(ErrorCode::NotEnoughReplicasAfterAppend)
                } else {
                    Ok(())
                }
            }
            Ok(Ok(progress)) => Err(progress.ended.map_or(ErrorCode::UnknownServerError, Ended::error)),
        }
    }

    /// Wakes `notify` at every move of the high watermark, the role or the end.
    pub fn watch(&self, notify: Arc<Notify>) -> Ticket {
        self.waiters.join(notify)
    }

    /// Reads up to the high watermark.
    pub fn read(
        &self,
        fetch: &PartitionFetch,
        max_bytes: usize,
        min_one_batch: bool,
    ) -> Result<PartitionRead, ErrorCode> {
        self.check_leader(fetch.current_leader_epoch)?;
        // Before the read, as what is appended meanwhile is not part of it.
        let high_watermark = self.high_watermark();
        let log_start_offset = self.log.log_start_offset();
        let read = |diverging, slice| PartitionRead {
            high_watermark,
            log_start_offset,
            diverging,
            slice,
        };
        if fetch.fetch_offset < log_start_offset || fetch.fetch_offset > self.log.log_end_offset() {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        if fetch.last_fetched_epoch != EPOCH_UNKNOWN {
            let (epoch, end_offset) = self.log.epoch_end_offset(fetch.last_fetched_epoch);
            if epoch == EPOCH_UNKNOWN || end_offset < 0 {
                return Err(ErrorCode::OffsetOutOfRange);
            }
            if epoch < fetch.last_fetched_epoch || end_offset < fetch.fetch_offset {
                return Ok(read(Some((epoch, end_offset)), None));
            }
        }
        // Between the high watermark and the log end there will be data: no error, and nothing to read yet.
        if fetch.fetch_offset >= high_watermark {
            return Ok(read(None, None));
        }
        match self.log.read(
            fetch.fetch_offset,
            max_bytes as u64,
            high_watermark,
            min_one_batch,
        ) {
            Ok(slice) => Ok(read(None, Some(slice))),
            Err(error) => Err(self.read_failure(error)),
        }
    }

    /// The rules of `current_leader_epoch` in requests, −1 being unknown.
    pub fn check_leader(&self, current_leader_epoch: i32) -> Result<(), ErrorCode> {
        let state = self.state.read();
        let ours = state.assignment.leader_epoch;
        if current_leader_epoch != EPOCH_UNKNOWN && current_leader_epoch < ours {
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if current_leader_epoch != EPOCH_UNKNOWN && current_leader_epoch > ours {
            return Err(ErrorCode::UnknownLeaderEpoch);
        }
        match (state.role, self.ended()) {
            (_, Some(Ended::Deleted)) => Err(ErrorCode::UnknownTopicOrPartition),
            (Role::Leader { .. }, _) => Ok(()),
            (Role::Follower, _) => Err(ErrorCode::NotLeaderOrFollower),
        }
    }

    /// Whether the high watermark has not reached the start of the leader's epoch: latest offsets are not known.
    pub fn lags_behind_its_epoch(&self) -> bool {
        match self.state.read().role {
            Role::Leader { epoch_start_offset } => epoch_start_offset > self.high_watermark(),
            Role::Follower => false,
        }
    }

    /// Moves the log's start, at most to the high watermark; returns the new low watermark, which is durable.
    pub async fn delete_records(&self, offset: i64) -> Result<i64, ErrorCode> {
        self.check_leader(EPOCH_UNKNOWN)?;
        self.check_open()?;
        let settings = self.settings();
        if settings.cleanup_policy.compact && !settings.cleanup_policy.delete {
            return Err(ErrorCode::PolicyViolation);
        }
        let high_watermark = self.high_watermark();
        let offset = if offset == -1 { high_watermark } else { offset };
        if offset < 0 || offset > high_watermark {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let raised = self.log.raise_log_start_offset(offset).await;
        let low_watermark = raised.map_err(|error| {
            error!(topic = self.topic, partition = self.index, %error, "cannot delete records");
            self.note_fence();
            ErrorCode::KafkaStorageError
        })?;
        runtime::trace!("delete_records {}-{} {offset}", self.topic, self.index);
        self.waiters.wake();
        Ok(low_watermark)
    }

    /// How far retention may go.
    pub fn retention_bound(&self) -> i64 {
        if planted(Mutant::RetentionPastHighWatermark) {
            self.log.log_end_offset()
        } else {
            self.high_watermark()
        }
    }

    /// Tells everybody that waits, and all who come later.
    pub fn end(&self, ended: Ended) {
        let is_first = self.progress.send_if_modified(|progress| {
            let is_first = progress.ended.is_none();
            progress.ended = progress.ended.or(Some(ended));
            is_first
        });
        if is_first {
            debug!(
                topic = self.topic,
                partition = self.index,
                ?ended,
                "partition ended"
            );
            self.waiters.wake();
        }
    }

    /// Raises the high watermark to what the ISR holds.
    pub fn advance(&self) {
        let caching = self.state.read().settings.write_caching;
        let held = if caching {
            self.log.log_end_offset()
        } else {
            self.log.durable_end()
        };
        let moved = self.progress.send_if_modified(|progress| {
            let moved = held > progress.high_watermark;
            progress.high_watermark = progress.high_watermark.max(held);
            moved
        });
        if moved {
            runtime::trace!("high_watermark {}-{} {held}", self.topic, self.index);
            self.waiters.wake();
        }
    }

    /// Sees to it that a sync begins after this moment.
    fn arm_flush(self: &Arc<Self>) {
        let mut flush = self.flush.lock();
        match *flush {
            Flush::Idle => {
                *flush = Flush::Running;
                runtime::task::spawn(self.clone().flush_until_idle());
            }
            Flush::Running => *flush = Flush::RunningAndArmed,
            Flush::RunningAndArmed => {}
        }
    }

    async fn flush_until_idle(self: Arc<Self>) {
        loop {
            if runtime::buggify::chance("partition.flush.delay") {
                time::sleep(Duration::from_millis(runtime::rng::below(FLUSH_DELAY_MS_MAX))).await;
            }
            let started = Monotonic::now();
            match self.log.sync().await {
                Ok(_) => {
                    self.metrics
                        .flush_time
                        .record(started.elapsed().as_micros() as u64);
                    self.advance();
                }
                Err(error) => {
                    // A deleted partition's files are gone, which is nobody's fault.
                    if self.ended() != Some(Ended::Deleted) {
                        error!(topic = self.topic, partition = self.index, %error, "cannot sync: the log takes no more");
                    }
                    self.note_fence();
                }
            }
            let mut flush = self.flush.lock();
            *flush = match *flush {
                Flush::RunningAndArmed => Flush::Running,
                Flush::Running | Flush::Idle => {
                    *flush = Flush::Idle;
                    return;
                }
            };
        }
    }

    fn read_failure(&self, error: ReadError) -> ErrorCode {
        let code = match &error {
            ReadError::OutOfRange { .. } => return ErrorCode::OffsetOutOfRange,
            ReadError::Gone(_) => return self.ended().map_or(ErrorCode::NotLeaderOrFollower, Ended::error),
            // The log said so, once, when it found the damage.
            ReadError::Corrupt { .. } => return ErrorCode::CorruptMessage,
            ReadError::Io { .. } => ErrorCode::KafkaStorageError,
        };
        error!(topic = self.topic, partition = self.index, %error, "cannot read");
        self.note_fence();
        code
    }

    fn note_fence(&self) {
        if self.log.fenced().is_some() {
            self.end(Ended::Fenced);
        }
    }

    fn check_open(&self) -> Result<(), ErrorCode> {
        self.ended().map_or(Ok(()), |ended| Err(ended.error()))
    }
}

impl Ended {
    fn error(self) -> ErrorCode {
        match self {
            Ended::Deleted => ErrorCode::UnknownTopicOrPartition,
            Ended::Fenced => ErrorCode::KafkaStorageError,
            Ended::Closed => ErrorCode::NotLeaderOrFollower,
        }
    }
}

impl From<ErrorCode> for AppendFailure {
    fn from(error: ErrorCode) -> Self {
        AppendFailure {
            error,
            message: error.message().to_string(),
            records: Vec::new(),
        }
    }
}

/// KIP-966: a partition with fewer replicas than `min.insync.replicas` needs them all.
fn min_isr(state: &State) -> usize {
    (state.settings.min_insync_replicas.max(1) as usize).min(state.assignment.replicas.len().max(1))
}

fn append_failure(error: AppendError) -> AppendFailure {
    let (code, record_index) = match &error {
        AppendError::Full { .. } | AppendError::Fenced(_) | AppendError::Closed(_) => {
            (ErrorCode::KafkaStorageError, None)
        }
        AppendError::Corrupt(_) => (ErrorCode::CorruptMessage, None),
        AppendError::UnsupportedCompression(_) => (ErrorCode::UnsupportedCompressionType, None),
        AppendError::InvalidRecord { record_index, .. } => (ErrorCode::InvalidRecord, *record_index),
        // A batch's own timestamp type counts as its first record's fault, as in Kafka.
        AppendError::InvalidTimestamp { record_index, .. } => {
            (ErrorCode::InvalidTimestamp, Some(record_index.unwrap_or(0)))
        }
        AppendError::MessageTooLarge { .. } => (ErrorCode::MessageTooLarge, None),
        AppendError::RecordListTooLarge { .. } => (ErrorCode::RecordListTooLarge, None),
        AppendError::OutOfOrderSequence(_) => (ErrorCode::OutOfOrderSequenceNumber, None),
        AppendError::InvalidProducerEpoch(_) => (ErrorCode::InvalidProducerEpoch, None),
        AppendError::InvalidTxnState(_) => (ErrorCode::InvalidTxnState, None),
        AppendError::UnsupportedFormat(_) => (ErrorCode::UnsupportedForMessageFormat, None),
        AppendError::StaleLeaderEpoch { .. } | AppendError::UnexpectedOffset { .. } => {
            (ErrorCode::UnknownServerError, None)
        }
    };
    let message = error.to_string();
    let records = record_index.map(|index| (i32::try_from(index).unwrap_or(i32::MAX), message.clone()));
    AppendFailure {
        error: code,
        message,
        records: records.into_iter().collect(),
    }
}
