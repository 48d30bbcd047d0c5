//! Fetch sessions (KIP-227): what an incremental fetcher asked for, and what it was last told.
//!
//! A full fetch (epoch 0) may open a session; later fetches then name only the partitions that changed, and
//! answers carry only the partitions that have something to say. A pure machine: the Fetch handler holds it
//! behind a lock, and calls `begin` before it reads and `finish` before it answers.
//!
//! ```text
//!  epoch -1 (final)        -> closes the named session, no new one
//!  epoch  0 (initial)      -> closes the named session, tries to open another
//!  epoch  n, session id i  -> the next step of session i; n must be what the session expects
//! ```
//!
//! Invariants:
//! 1. `by_use` and `sessions` hold the same ids, and never more than `slots`.
//! 2. A session's `order` and `partitions` hold the same keys; a partition that returned data moves to the end,
//!    so that each gets its turn at the front.
//! 3. An epoch is used once: `begin` moves it on, so a duplicate of the request is refused.
//!
//! Facts: `FetchSession.scala`, Kafka 4.2. A session younger than two minutes is not evicted, but for one of a
//! follower; older ones give way to a session that holds more partitions, the smallest first.

use runtime::time::{Duration, Monotonic};
use std::collections::BTreeMap;
use wire::{ErrorCode, Uuid};

/// Declines a session, in requests and answers.
pub const SESSION_NONE: i32 = 0;
const EPOCH_INITIAL: i32 = 0;
const EPOCH_FINAL: i32 = -1;
/// `FetchSession.scala`: `MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS`.
const EVICTION_AGE_MIN: Duration = Duration::from_secs(120);

/// A topic as the request names it: by id from version 13 on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicKey {
    Id(Uuid),
    Name(String),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionKey {
    pub topic: TopicKey,
    pub index: i32,
}

/// What a fetcher asks of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionFetch {
    pub fetch_offset: i64,
    pub max_bytes: i32,
    /// −1: unknown.
    pub current_leader_epoch: i32,
    /// −1: unknown, or not a follower.
    pub last_fetched_epoch: i32,
    pub log_start_offset: i64,
}

/// What the answer says of one partition, as far as a session cares.
#[derive(Clone, Copy, Debug)]
pub struct PartitionSeen {
    pub has_records: bool,
    pub high_watermark: i64,
    pub log_start_offset: i64,
    pub error: ErrorCode,
    /// A diverging epoch or a preferred replica: always said.
    pub must_say: bool,
}

/// The session fields of a request.
#[derive(Clone, Copy, Debug)]
pub struct SessionRequest {
    pub session_id: i32,
    pub epoch: i32,
    pub uses_topic_ids: bool,
    pub is_follower: bool,
}

/// What `finish` must do with the answer.
#[derive(Debug)]
pub enum Step {
    Sessionless,
    /// A full fetch that would like a session.
    Open {
        uses_topic_ids: bool,
        is_follower: bool,
    },
    /// The epoch that the session had moved on to.
    Incremental {
        session_id: i32,
        epoch: i32,
    },
}

/// The partitions to read, in their turn.
#[derive(Debug)]
pub struct Begun {
    pub step: Step,
    pub partitions: Vec<(PartitionKey, PartitionFetch)>,
}

/// The session id to answer, and which of the partitions to say anything about.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished {
    pub session_id: i32,
    pub include: Vec<bool>,
}

pub struct FetchSessions {
    slots: usize,
    sessions: BTreeMap<i32, Session>,
    /// (last use, id): the stalest first.
    by_use: BTreeMap<(Monotonic, i32), ()>,
    evictions: u64,
}

struct Session {
    uses_topic_ids: bool,
    is_follower: bool,
    created: Monotonic,
    last_used: Monotonic,
    /// Invariant: the epoch that the next request must carry; at least 1.
    epoch: i32,
    next_turn: u64,
    order: BTreeMap<u64, PartitionKey>,
    partitions: BTreeMap<PartitionKey, Cached>,
}

struct Cached {
    turn: u64,
    fetch: PartitionFetch,
    /// What the fetcher was last told; −1 after an error, so that the recovery is said.
    high_watermark: i64,
    log_start_offset: i64,
}

impl FetchSessions {
    /// At most `slots` sessions (`max.incremental.fetch.session.cache.slots`); 0 declines all.
    pub fn new(slots: usize) -> Self {
        FetchSessions {
            slots,
            sessions: BTreeMap::new(),
            by_use: BTreeMap::new(),
            evictions: 0,
        }
    }

    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    pub fn partition_count(&self) -> usize {
        self.sessions
            .values()
            .map(|session| session.partitions.len())
            .sum()
    }

    pub fn eviction_count(&self) -> u64 {
        self.evictions
    }

    /// Resolves a request to the partitions to read.
    ///
    /// Errors: `FetchSessionIdNotFound`, `InvalidFetchSessionEpoch`, `FetchSessionTopicIdError`; the answer
    /// then carries no partitions and session id 0.
    pub fn begin(
        &mut self,
        now: Monotonic,
        request: SessionRequest,
        partitions: Vec<(PartitionKey, PartitionFetch)>,
        forgotten: &[PartitionKey],
    ) -> Result<Begun, ErrorCode> {
        if request.epoch == EPOCH_INITIAL || request.epoch == EPOCH_FINAL {
            self.remove(request.session_id);
            let step = if request.epoch == EPOCH_FINAL || self.slots == 0 {
                Step::Sessionless
            } else {
                Step::Open {
                    uses_topic_ids: request.uses_topic_ids,
                    is_follower: request.is_follower,
                }
            };
            return Ok(Begun {
                step,
                partitions: without_duplicates(partitions),
            });
        }
        let session = self
            .sessions
            .get_mut(&request.session_id)
            .ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != request.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.uses_topic_ids != request.uses_topic_ids {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.update(partitions, forgotten);
        if session.partitions.is_empty() {
            self.remove(request.session_id);
            return Ok(Begun {
                step: Step::Sessionless,
                partitions: Vec::new(),
            });
        }
        session.epoch = next_epoch(session.epoch);
        let step = Step::Incremental {
            session_id: request.session_id,
            epoch: session.epoch,
        };
        let partitions = session.in_turn();
        self.by_use.remove(&(session.last_used, request.session_id));
        session.last_used = now;
        self.by_use.insert((now, request.session_id), ());
        Ok(Begun { step, partitions })
    }

    /// Opens or advances the session, and says which partitions the answer must carry. `answers` are in the
    /// order of `Begun::partitions`. `fresh_id` gives random candidates for a session's id.
    ///
    /// Error: `InvalidFetchSessionEpoch` when a duplicate of the request moved the session meanwhile, or it
    /// was evicted.
    pub fn finish(
        &mut self,
        now: Monotonic,
        begun: Begun,
        answers: &[PartitionSeen],
        fresh_id: impl FnMut() -> u64,
    ) -> Result<Finished, ErrorCode> {
        assert_eq!(
            begun.partitions.len(),
            answers.len(),
            "one answer for each partition that was read"
        );
        match begun.step {
            Step::Sessionless => Ok(Finished {
                session_id: SESSION_NONE,
                include: vec![true; answers.len()],
            }),
            Step::Open {
                uses_topic_ids,
                is_follower,
            } => {
                let include = vec![true; answers.len()];
                if !self.has_room_for(now, is_follower, answers.len()) {
                    return Ok(Finished {
                        session_id: SESSION_NONE,
                        include,
                    });
                }
                let session = Session::new(now, uses_topic_ids, is_follower, begun.partitions, answers);
                Ok(Finished {
                    session_id: self.insert(session, fresh_id),
                    include,
                })
            }
            Step::Incremental { session_id, epoch } => {
                let session = self
                    .sessions
                    .get_mut(&session_id)
                    .ok_or(ErrorCode::InvalidFetchSessionEpoch)?;
                if session.epoch != epoch {
                    return Err(ErrorCode::InvalidFetchSessionEpoch);
                }
                let keys = begun.partitions.iter().map(|(key, _)| key);
                let include = keys
                    .zip(answers)
                    .map(|(key, seen)| session.tell(key, seen))
                    .collect();
                Ok(Finished { session_id, include })
            }
        }
    }

    fn insert(&mut self, session: Session, mut fresh_id: impl FnMut() -> u64) -> i32 {
        let id = loop {
            let id = (fresh_id() % i32::MAX as u64) as i32 + 1;
            if !self.sessions.contains_key(&id) {
                break id;
            }
        };
        self.by_use.insert((session.last_used, id), ());
        self.sessions.insert(id, session);
        assert!(self.sessions.len() <= self.slots && self.sessions.len() == self.by_use.len());
        id
    }

    fn remove(&mut self, session_id: i32) -> bool {
        let Some(session) = self.sessions.remove(&session_id) else {
            return false;
        };
        self.by_use.remove(&(session.last_used, session_id));
        true
    }

    /// Whether one more session fits, after evicting one that is stale or worth less.
    fn has_room_for(&mut self, now: Monotonic, is_follower: bool, partition_count: usize) -> bool {
        if self.sessions.len() < self.slots {
            return true;
        }
        let Some((&(last_used, stalest), ())) = self.by_use.first_key_value() else {
            return false;
        };
        if now.saturating_since(last_used) > EVICTION_AGE_MIN {
            self.evictions += 1;
            return self.remove(stalest);
        }
        let evictable = |session: &Session| {
            let is_old = now.saturating_since(session.created) > EVICTION_AGE_MIN;
            is_old || (is_follower && !session.is_follower)
        };
        let candidates = self.sessions.iter().filter(|(_, session)| evictable(session));
        let least = candidates.map(|(id, session)| (session.worth(), *id)).min();
        match least {
            Some((worth, id)) if worth < (is_follower, partition_count) => {
                self.evictions += 1;
                self.remove(id)
            }
            _ => false,
        }
    }
}

impl Session {
    fn new(
        now: Monotonic,
        uses_topic_ids: bool,
        is_follower: bool,
        partitions: Vec<(PartitionKey, PartitionFetch)>,
        answers: &[PartitionSeen],
    ) -> Session {
        let mut session = Session {
            uses_topic_ids,
            is_follower,
            created: now,
            last_used: now,
            epoch: next_epoch(EPOCH_INITIAL),
            next_turn: 0,
            order: BTreeMap::new(),
            partitions: BTreeMap::new(),
        };
        for ((key, fetch), seen) in partitions.into_iter().zip(answers) {
            session.add(key, fetch, seen.high_watermark, seen.log_start_offset);
        }
        session
    }

    /// How dear the session is to keep: followers' first, then by size.
    fn worth(&self) -> (bool, usize) {
        (self.is_follower, self.partitions.len())
    }

    fn add(&mut self, key: PartitionKey, fetch: PartitionFetch, high_watermark: i64, log_start_offset: i64) {
        let turn = self.take_turn();
        self.order.insert(turn, key.clone());
        self.partitions.insert(
            key,
            Cached {
                turn,
                fetch,
                high_watermark,
                log_start_offset,
            },
        );
    }

    fn take_turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
    }

    fn update(&mut self, partitions: Vec<(PartitionKey, PartitionFetch)>, forgotten: &[PartitionKey]) {
        for (key, fetch) in partitions {
            match self.partitions.get_mut(&key) {
                Some(cached) => cached.fetch = fetch,
                None => self.add(key, fetch, -1, -1),
            }
        }
        for key in forgotten {
            if let Some(cached) = self.partitions.remove(key) {
                self.order.remove(&cached.turn);
            }
        }
    }

    fn in_turn(&self) -> Vec<(PartitionKey, PartitionFetch)> {
        self.order
            .values()
            .map(|key| (key.clone(), self.partitions[key].fetch))
            .collect()
    }

    /// Whether the partition has something new to say; notes that it was said.
    fn tell(&mut self, key: &PartitionKey, seen: &PartitionSeen) -> bool {
        let turn = self.take_turn();
        let Some(cached) = self.partitions.get_mut(key) else {
            return true;
        };
        let failed = seen.error != ErrorCode::None;
        let moved =
            cached.high_watermark != seen.high_watermark || cached.log_start_offset != seen.log_start_offset;
        cached.high_watermark = if failed { -1 } else { seen.high_watermark };
        cached.log_start_offset = seen.log_start_offset;
        if seen.has_records {
            self.order.remove(&cached.turn);
            cached.turn = turn;
            self.order.insert(turn, key.clone());
        }
        seen.has_records || moved || failed || seen.must_say
    }
}

fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}

/// The last mention of a partition counts, at the place of its first.
fn without_duplicates(
    partitions: Vec<(PartitionKey, PartitionFetch)>,
) -> Vec<(PartitionKey, PartitionFetch)> {
    let mut places: BTreeMap<PartitionKey, usize> = BTreeMap::new();
    let mut kept: Vec<(PartitionKey, PartitionFetch)> = Vec::with_capacity(partitions.len());
    for (key, fetch) in partitions {
        match places.get(&key) {
            Some(&place) => kept[place].1 = fetch,
            None => {
                places.insert(key.clone(), kept.len());
                kept.push((key, fetch));
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(index: i32) -> PartitionKey {
        PartitionKey {
            topic: TopicKey::Name("t".into()),
            index,
        }
    }

    fn fetch(offset: i64) -> PartitionFetch {
        PartitionFetch {
            fetch_offset: offset,
            max_bytes: 1024,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            log_start_offset: -1,
        }
    }

    fn seen(has_records: bool, high_watermark: i64) -> PartitionSeen {
        let error = ErrorCode::None;
        PartitionSeen {
            has_records,
            high_watermark,
            log_start_offset: 0,
            error,
            must_say: false,
        }
    }

    fn request(session_id: i32, epoch: i32) -> SessionRequest {
        SessionRequest {
            session_id,
            epoch,
            uses_topic_ids: false,
            is_follower: false,
        }
    }

    fn ids() -> impl FnMut() -> u64 {
        let mut next = 0;
        move || {
            next += 1;
            next
        }
    }

    fn open(sessions: &mut FetchSessions, now: Monotonic, count: i32, id: u64) -> i32 {
        let partitions: Vec<_> = (0..count).map(|index| (key(index), fetch(0))).collect();
        let begun = sessions.begin(now, request(0, 0), partitions, &[]).unwrap();
        let answers = vec![seen(false, 0); count as usize];
        sessions
            .finish(now, begun, &answers, move || id)
            .unwrap()
            .session_id
    }

    #[test]
    fn an_incremental_fetch_says_only_what_is_new_and_rotates_those_with_data() {
        let now = Monotonic::now();
        let mut sessions = FetchSessions::new(10);
        let id = open(&mut sessions, now, 3, 41);
        assert_eq!(id, 42);

        let begun = sessions
            .begin(now, request(id, 1), vec![(key(1), fetch(5))], &[])
            .unwrap();
        assert_eq!(
            begun
                .partitions
                .iter()
                .map(|(key, _)| key.index)
                .collect::<Vec<_>>(),
            [0, 1, 2]
        );
        assert_eq!(begun.partitions[1].1.fetch_offset, 5);
        let answers = [seen(true, 7), seen(false, 0), seen(false, 3)];
        let finished = sessions.finish(now, begun, &answers, ids()).unwrap();
        assert_eq!(
            finished,
            Finished {
                session_id: id,
                include: vec![true, false, true]
            }
        );

        let begun = sessions.begin(now, request(id, 2), vec![], &[key(1)]).unwrap();
        assert_eq!(
            begun
                .partitions
                .iter()
                .map(|(key, _)| key.index)
                .collect::<Vec<_>>(),
            [2, 0]
        );
    }

    #[test]
    fn an_error_is_said_and_so_is_its_end() {
        let now = Monotonic::now();
        let mut sessions = FetchSessions::new(10);
        let id = open(&mut sessions, now, 1, 1);
        let mut failed = seen(false, 0);
        failed.error = ErrorCode::NotLeaderOrFollower;
        for (epoch, answer, said) in [
            (1, failed, true),
            (2, failed, true),
            (3, seen(false, 0), true),
            (4, seen(false, 0), false),
        ] {
            let begun = sessions.begin(now, request(id, epoch), vec![], &[]).unwrap();
            let finished = sessions.finish(now, begun, &[answer], ids()).unwrap();
            assert_eq!(finished.include, [said], "epoch {epoch}");
        }
    }

    #[test]
    fn wrong_ids_epochs_and_kinds_are_refused() {
        let now = Monotonic::now();
        let mut sessions = FetchSessions::new(10);
        let id = open(&mut sessions, now, 1, 1);
        let error =
            |sessions: &mut FetchSessions, request| sessions.begin(now, request, vec![], &[]).unwrap_err();
        assert_eq!(
            error(&mut sessions, request(99, 1)),
            ErrorCode::FetchSessionIdNotFound
        );
        assert_eq!(
            error(&mut sessions, request(id, 2)),
            ErrorCode::InvalidFetchSessionEpoch
        );
        let by_id = SessionRequest {
            uses_topic_ids: true,
            ..request(id, 1)
        };
        assert_eq!(error(&mut sessions, by_id), ErrorCode::FetchSessionTopicIdError);

        let first = sessions.begin(now, request(id, 1), vec![], &[]).unwrap();
        assert_eq!(
            error(&mut sessions, request(id, 1)),
            ErrorCode::InvalidFetchSessionEpoch,
            "a duplicate"
        );
        sessions.begin(now, request(id, 2), vec![], &[]).unwrap();
        let late = sessions.finish(now, first, &[seen(false, 0)], ids());
        assert_eq!(late.unwrap_err(), ErrorCode::InvalidFetchSessionEpoch);
    }

    #[test]
    fn the_final_epoch_and_an_emptied_session_close_it() {
        let now = Monotonic::now();
        let mut sessions = FetchSessions::new(10);
        let first = open(&mut sessions, now, 1, 1);
        let begun = sessions
            .begin(now, request(first, -1), vec![(key(0), fetch(0))], &[])
            .unwrap();
        let finished = sessions.finish(now, begun, &[seen(false, 0)], ids()).unwrap();
        assert_eq!((finished.session_id, sessions.session_count()), (0, 0));

        let second = open(&mut sessions, now, 1, 2);
        let begun = sessions
            .begin(now, request(second, 1), vec![], &[key(0)])
            .unwrap();
        assert!(begun.partitions.is_empty());
        assert_eq!(sessions.session_count(), 0);
    }

    #[test]
    fn a_full_cache_declines_then_evicts_the_stale_and_the_small() {
        let start = Monotonic::now();
        let mut sessions = FetchSessions::new(2);
        let small = open(&mut sessions, start, 1, 1);
        let large = open(&mut sessions, start, 5, 2);
        assert_eq!(open(&mut sessions, start, 9, 3), SESSION_NONE, "all are young");

        let later = start + Duration::from_secs(121);
        for id in [small, large] {
            sessions.begin(later, request(id, 1), vec![], &[]).unwrap();
        }
        let middle = open(&mut sessions, later, 3, 4);
        assert_ne!(middle, SESSION_NONE);
        assert!(!sessions.sessions.contains_key(&small) && sessions.sessions.contains_key(&large));
        assert_eq!(
            open(&mut sessions, later, 4, 5),
            SESSION_NONE,
            "the old one is larger, the other is young"
        );

        let much_later = later + Duration::from_secs(121);
        assert_ne!(
            open(&mut sessions, much_later, 1, 6),
            SESSION_NONE,
            "a stale one gives way to any"
        );
        assert_eq!(sessions.eviction_count(), 2);
    }

    #[test]
    fn an_epoch_wraps_to_one() {
        assert_eq!((next_epoch(0), next_epoch(i32::MAX)), (1, 1));
    }
}
