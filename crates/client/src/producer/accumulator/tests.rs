//! The accumulator against a small model of a broker that remembers sequences.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use runtime::sync::{Semaphore, oneshot};
use wire::ApiKey;

use super::super::record::{Delivery, RecordMetadata};
use super::*;

const IDENTITY: ProducerIdentity = ProducerIdentity { id: 7, epoch: 0 };

struct Bench {
    accumulator: Accumulator,
    memory: Arc<Semaphore>,
    now: Monotonic,
    deliveries: Vec<oneshot::Receiver<Result<RecordMetadata, Error>>>,
}

fn partition() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn failure(code: ErrorCode) -> Attempt {
    Err(Error::from_code(ApiKey::Produce, code.code(), None).expect("an error"))
}

fn appended(base_offset: i64) -> Attempt {
    Ok(Appended {
        base_offset,
        log_append_time: -1,
    })
}

impl Bench {
    fn new(change: impl FnOnce(&mut ProducerConfig)) -> Bench {
        let mut config = ProducerConfig::new("unused:1");
        config.linger = Duration::ZERO;
        change(&mut config);
        let mut accumulator = Accumulator::new(&config);
        if config.enable_idempotence {
            accumulator.set_identity(IDENTITY);
        }
        let memory = Arc::new(Semaphore::new(1 << 20));
        Bench {
            accumulator,
            memory,
            now: Monotonic::now(),
            deliveries: Vec::new(),
        }
    }

    /// Each record gets a batch alone: the batch size is 0, or the one before was taken.
    fn append(&mut self, value: &[u8]) -> bool {
        let record = ProducerRecord::new("t").value(Bytes::copy_from_slice(value));
        let permit = self
            .memory
            .clone()
            .try_acquire_many_owned(100)
            .expect("there is memory");
        let (report, delivery) = oneshot::channel();
        self.deliveries.push(delivery);
        self.accumulator
            .append(&partition(), &record, 5, permit, report, self.now)
            .expect("it fits")
    }

    fn take(&mut self) -> Option<Batch> {
        self.accumulator.take_due(&[partition()], 1 << 20, self.now).pop()
    }

    fn take_base(&mut self) -> Option<(Batch, i32)> {
        let batch = self.take()?;
        let base = batch.sequence.expect("idempotent batches have one").base;
        Some((batch, base))
    }

    fn wait(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
    }

    fn complete(&mut self, batch: Batch, attempt: Attempt) {
        self.accumulator.complete(batch, attempt, self.now);
    }

    /// A first batch, acknowledged at offset 0, after which five may be in flight.
    fn establish(&mut self) {
        self.append(b"first");
        let batch = self.take().expect("due");
        assert!(self.take().is_none());
        self.complete(batch, appended(0));
    }

    fn report(&mut self, index: usize) -> Option<Result<RecordMetadata, Error>> {
        self.deliveries[index].try_recv().ok()
    }
}

#[test]
fn a_batch_waits_for_linger_or_size() {
    let mut bench = Bench::new(|config| {
        config.linger = Duration::from_millis(50);
        config.batch_size = 300;
    });
    assert!(bench.append(&[1; 100]), "a new batch is worth a look");
    assert!(!bench.append(&[2; 10]));
    assert!(bench.take().is_none());
    assert_eq!(
        bench.accumulator.next_due(bench.now),
        Some(bench.now + Duration::from_millis(50))
    );
    bench.wait(50);
    let batch = bench.take().expect("lingered");
    assert_eq!(batch.record_count(), 2);
    bench.complete(batch, appended(0));
    bench.append(&[3; 290]);
    assert!(bench.take().is_some(), "full");
}

#[test]
fn flush_ends_lingering_and_knows_when_it_is_done() {
    let mut bench = Bench::new(|config| config.linger = Duration::from_millis(50));
    bench.append(b"a");
    let mark = bench.accumulator.flush();
    assert!(!bench.accumulator.is_flushed(mark));
    let batch = bench.take().expect("flushed");
    bench.append(b"later");
    assert!(bench.take().is_none(), "the flush is not about later ones");
    bench.complete(batch, appended(10));
    assert!(bench.accumulator.is_flushed(mark));
    assert_eq!(
        bench.report(0).expect("reported").expect("appended").offset,
        Some(10)
    );
}

#[test]
fn five_batches_fly_with_sequences_in_a_row() {
    let mut bench = Bench::new(|config| config.batch_size = 0);
    bench.establish();
    for _ in 0..6 {
        bench.append(b"v");
    }
    let flying: Vec<_> = std::iter::from_fn(|| bench.take_base()).collect();
    assert_eq!(
        flying.iter().map(|(_, base)| *base).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
    let (first, _) = flying.into_iter().next().expect("five are there");
    bench.complete(first, appended(0));
    assert_eq!(bench.take_base().expect("room for one more").1, 6);
}

#[test]
fn retries_keep_their_order_and_sequence() {
    let mut bench = Bench::new(|config| config.batch_size = 0);
    bench.establish();
    for _ in 0..3 {
        bench.append(b"v");
    }
    let mut flying: Vec<_> = std::iter::from_fn(|| bench.take()).collect();
    let (third, second, first) = (flying.pop(), flying.pop(), flying.pop());
    // The answers come in the wrong order, as they do from two connections.
    bench.complete(
        second.expect("taken"),
        failure(ErrorCode::OutOfOrderSequenceNumber),
    );
    bench.wait(2000);
    assert!(bench.take().is_none(), "the first is still on its way");
    bench.complete(first.expect("taken"), failure(ErrorCode::NotEnoughReplicas));
    bench.complete(
        third.expect("taken"),
        failure(ErrorCode::OutOfOrderSequenceNumber),
    );
    bench.wait(2000);
    for base in [1, 2, 3] {
        let (batch, found) = bench.take_base().expect("its turn");
        assert_eq!(found, base);
        assert_eq!(batch.sequence.expect("kept").identity, IDENTITY);
        assert!(bench.take().is_none(), "a retry goes alone");
        bench.complete(batch, appended(i64::from(base)));
    }
    assert!((0..4).all(|index| bench.report(index).is_some_and(|report| report.is_ok())));
}

#[test]
fn a_lost_sequence_starts_a_new_epoch() {
    let mut bench = Bench::new(|config| config.batch_size = 0);
    bench.append(b"v");
    let (batch, _) = bench.take_base().expect("due");
    bench.complete(batch, failure(ErrorCode::OutOfOrderSequenceNumber));
    bench.wait(2000);
    let (batch, base) = bench.take_base().expect("renumbered");
    assert_eq!((base, batch.sequence.map(|s| s.identity.epoch)), (0, Some(1)));
    bench.complete(batch, appended(3));
    assert!(bench.report(0).expect("reported").is_ok());
}

#[test]
fn what_may_be_in_the_log_is_never_renumbered() {
    let mut bench = Bench::new(|config| config.batch_size = 0);
    bench.establish();
    bench.append(b"v");
    bench.append(b"w");
    let first = bench.take().expect("due");
    let second = bench.take().expect("due");
    bench.complete(first, failure(ErrorCode::RequestTimedOut));
    bench.complete(second, failure(ErrorCode::OutOfOrderSequenceNumber));
    bench.wait(2000);
    let first = bench.take().expect("retried");
    bench.complete(first, failure(ErrorCode::UnknownProducerId));
    bench.wait(2000);
    let second = bench.take().expect("renumbered");
    assert_eq!(second.sequence.map(|s| (s.identity.epoch, s.base)), Some((1, 0)));
    let error = bench.report(1).expect("reported").expect_err("lost");
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[test]
fn a_certain_failure_gives_its_sequence_back() {
    let mut bench = Bench::new(|config| config.batch_size = 0);
    bench.append(b"v");
    let batch = bench.take().expect("due");
    bench.complete(batch, failure(ErrorCode::InvalidRecord));
    let error = bench.report(0).expect("reported").expect_err("refused");
    assert_eq!(error.outcome(), Outcome::Failed);
    bench.append(b"w");
    let (batch, base) = bench.take_base().expect("due");
    assert_eq!((base, batch.sequence.map(|s| s.identity)), (0, Some(IDENTITY)));
}

#[test]
fn a_fenced_epoch_asks_for_another_id() {
    let mut bench = Bench::new(|config| config.batch_size = 0);
    bench.append(b"v");
    let batch = bench.take().expect("due");
    bench.complete(batch, failure(ErrorCode::InvalidProducerEpoch));
    bench.wait(2000);
    assert!(bench.take().is_none());
    assert!(bench.accumulator.wants_identity());
    let other = ProducerIdentity { id: 8, epoch: 0 };
    bench.accumulator.set_identity(other);
    let (batch, base) = bench.take_base().expect("due");
    assert_eq!((base, batch.sequence.map(|s| s.identity)), (0, Some(other)));
}

#[test]
fn too_large_batches_are_halved() {
    let mut bench = Bench::new(|_| {});
    for value in [b"a", b"b", b"c"] {
        bench.append(value);
    }
    let mut batch = bench.take().expect("due");
    batch.seal().expect("it builds");
    bench.complete(batch, failure(ErrorCode::MessageTooLarge));
    let (mut first, base) = bench.take_base().expect("the first half");
    assert_eq!((first.record_count(), base), (1, 0));
    first.seal().expect("it builds");
    bench.complete(first, appended(20));
    let (mut second, base) = bench.take_base().expect("the second half");
    assert_eq!((second.record_count(), base), (2, 1));
    second.seal().expect("it builds");
    bench.complete(second, appended(21));
    let offsets: Vec<_> = (0..3)
        .map(|i| bench.report(i).expect("reported").expect("appended").offset)
        .collect();
    assert_eq!(offsets, [Some(20), Some(21), Some(22)]);
    assert_eq!(bench.memory.available_permits(), 1 << 20, "all memory came back");
}

#[test]
fn late_batches_expire_with_their_outcome() {
    let mut bench = Bench::new(|config| config.batch_size = 0);
    bench.append(b"never sent");
    bench.wait(120_000);
    bench.accumulator.expire(bench.now);
    let error = bench.report(0).expect("reported").expect_err("late");
    assert_eq!(error.outcome(), Outcome::Failed);
    bench.append(b"sent");
    let batch = bench.take().expect("due");
    bench.complete(batch, failure(ErrorCode::RequestTimedOut));
    bench.wait(120_000);
    bench.accumulator.expire(bench.now);
    let error = bench.report(1).expect("reported").expect_err("late");
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(bench.memory.available_permits(), 1 << 20);
}

#[test]
fn one_at_a_time_without_idempotence_keeps_the_order() {
    let mut bench = Bench::new(|config| {
        config.enable_idempotence = false;
        config.max_in_flight = 1;
        config.batch_size = 0;
    });
    bench.append(b"v");
    bench.append(b"w");
    let first = bench.take().expect("due");
    assert!(bench.take().is_none());
    bench.complete(first, failure(ErrorCode::NotLeaderOrFollower));
    assert!(
        bench.take().is_none(),
        "the second does not overtake while the first waits to be retried"
    );
    bench.wait(2000);
    assert_eq!(bench.take().expect("due").order.serial, 0);
}

/// A broker's memory of one producer on one partition, and its log of values.
struct Broker {
    /// −1 before the first batch: then any sequence is taken.
    epoch: i16,
    next_sequence: i32,
    last: VecDeque<(i16, i32, i64)>,
    log: Vec<u8>,
}

impl Broker {
    fn new() -> Broker {
        Broker {
            epoch: -1,
            next_sequence: 0,
            last: VecDeque::new(),
            log: Vec::new(),
        }
    }

    fn produce(&mut self, batch: &mut Batch) -> Attempt {
        let sequence = batch.sequence.expect("idempotent");
        let (epoch, base) = (sequence.identity.epoch, sequence.base);
        if let Some((_, _, offset)) = self.last.iter().find(|(e, b, _)| (*e, *b) == (epoch, base)) {
            return appended(*offset);
        }
        let expected = match self.epoch {
            -1 => base,
            known if epoch > known => 0,
            _ => self.next_sequence,
        };
        if epoch < self.epoch || base != expected {
            return failure(ErrorCode::OutOfOrderSequenceNumber);
        }
        let bytes = batch.seal().expect("it builds");
        let batch = records::Batch::parse(&mut bytes.clone()).expect("a batch");
        assert_eq!(
            (batch.header().producer_epoch, batch.header().base_sequence),
            (epoch, base)
        );
        let offset = self.log.len() as i64;
        for record in batch.records().expect("plain") {
            let value = record.expect("whole").value.expect("not null");
            self.log.push(value[0]);
        }
        self.epoch = epoch;
        self.next_sequence = base + batch.header().record_count;
        self.last.push_back((epoch, base, offset));
        if self.last.len() > 5 {
            self.last.pop_front();
        }
        appended(offset)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append,
    Take,
    /// The n-th in flight: the broker handles it, and its answer arrives or is lost.
    Handle {
        index: usize,
        answer_is_lost: bool,
    },
    /// The n-th in flight never reaches the broker; the client cannot know.
    Lose {
        index: usize,
    },
    /// The n-th in flight is refused for a passing reason.
    Refuse {
        index: usize,
    },
    Wait,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Append),
        4 => Just(Step::Take),
        // Requests of one connection are handled in order: mostly the first.
        4 => (0usize..2, any::<bool>()).prop_map(|(index, answer_is_lost)| Step::Handle { index, answer_is_lost }),
        1 => (0usize..5).prop_map(|index| Step::Lose { index }),
        1 => (0usize..5).prop_map(|index| Step::Refuse { index }),
        2 => Just(Step::Wait),
    ]
}

proptest! {
    /// However attempts end: each value stands in the log once at most, in order, and reports tell the truth.
    #[test]
    fn no_duplicates_and_no_reordering(steps in proptest::collection::vec(any_step(), 1..120)) {
        let mut bench = Bench::new(|config| config.batch_size = 0);
        let (mut broker, mut flying, mut next) = (Broker::new(), VecDeque::new(), 0u8);
        for step in steps {
            match step {
                Step::Append if next < u8::MAX => {
                    bench.append(&[next]);
                    next += 1;
                }
                Step::Append => {}
                Step::Take => flying.extend(bench.take()),
                Step::Handle { index, answer_is_lost } => {
                    if let Some(mut batch) = flying.remove(index) {
                        let answer = broker.produce(&mut batch);
                        let lost = failure(ErrorCode::NetworkException);
                        bench.complete(batch, if answer_is_lost { lost } else { answer });
                    }
                }
                Step::Lose { index } => {
                    if let Some(batch) = flying.remove(index) {
                        bench.complete(batch, failure(ErrorCode::NetworkException));
                    }
                }
                Step::Refuse { index } => {
                    if let Some(batch) = flying.remove(index) {
                        bench.complete(batch, failure(ErrorCode::NotEnoughReplicas));
                    }
                }
                Step::Wait => bench.wait(700),
            }
            prop_assert!(flying.len() <= IDEMPOTENT_IN_FLIGHT_MAX);
        }
        // Heal: everything is handled, in order, until nothing is left.
        for _ in 0..2000 {
            bench.wait(1100);
            flying.extend(bench.take());
            if let Some(mut batch) = flying.pop_front() {
                let answer = broker.produce(&mut batch);
                bench.complete(batch, answer);
            }
        }
        prop_assert!(broker.log.is_sorted_by(|a, b| a < b), "{:?}", broker.log);
        for index in 0..usize::from(next) {
            let report = bench.report(index);
            let place = broker.log.iter().position(|value| usize::from(*value) == index);
            match report {
                Some(Ok(metadata)) => prop_assert_eq!(metadata.offset, place.map(|place| place as i64)),
                Some(Err(error)) if error.outcome() == Outcome::Failed => prop_assert_eq!(place, None),
                Some(Err(_)) => {}
                None => prop_assert!(false, "value {} was never reported", index),
            }
        }
        prop_assert_eq!(bench.memory.available_permits(), 1 << 20);
    }
}

#[test]
fn a_dropped_producer_leaves_the_outcome_open() {
    let (report, delivery) = oneshot::channel();
    drop(report);
    let mut delivery = Box::pin(Delivery(delivery));
    let waker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waker);
    match delivery.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Err(error)) => assert_eq!(error.outcome(), Outcome::Unknown),
        other => panic!("{other:?}"),
    }
}
