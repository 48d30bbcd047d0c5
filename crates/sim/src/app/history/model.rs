//! What the invariants share: the history, indexed by partition.
//!
//! The oracle's view of one partition: which offsets were said to hold which value, by whom and when, and which of
//! these statements bind. A statement binds when it was made about something durable:
//!
//! | topic | acks=all ack | acks=1 ack | read | last read |
//! |---|---|---|---|---|
//! | durable | binds | until a loss | binds | binds |
//! | write.caching | until a loss | until a loss | until a loss | until a loss |
//!
//! A *loss* is a power loss, or an I/O error that fenced the log. *Damage* (rot, misdirected writes) releases offsets
//! from the damaged one on, since the next recovery may cut there; it never excuses a wrong value.

use super::*;

pub struct Model<'h> {
    pub history: &'h History,
    pub logs: BTreeMap<Partition, LogModel<'h>>,
    pub by_value: BTreeMap<ValueId, (&'h Op, &'h Send)>,
}

/// What is known of one partition.
#[derive(Default)]
pub struct LogModel<'h> {
    pub acked: Vec<Acked<'h>>,
    /// By offset, then by time.
    pub observations: Vec<Observation>,
    pub last_read: Option<&'h LastRead>,
}

/// A record whose send was answered with its offset.
#[derive(Clone, Copy)]
pub struct Acked<'h> {
    pub op: &'h Op,
    pub send: &'h Send,
    pub offset: i64,
    pub at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    Ack,
    Read,
    LastRead,
}

impl Source {
    pub fn words(self) -> &'static str {
        match self {
            Source::Ack => "acknowledged",
            Source::Read => "read",
            Source::LastRead => "read at the end",
        }
    }
}

/// A statement that an offset holds a value.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    pub offset: i64,
    pub value: Option<ValueId>,
    pub invoked: At,
    pub at: At,
    pub source: Source,
    pub binding: bool,
}

impl<'h> Model<'h> {
    pub fn of(history: &'h History) -> Model<'h> {
        let mut model = Model {
            history,
            logs: BTreeMap::new(),
            by_value: history.sends_by_value(),
        };
        for (i, facts) in history.topics.iter().enumerate() {
            for index in 0..facts.partitions {
                model
                    .logs
                    .entry(Partition {
                        topic: TopicRef(i as u32),
                        index,
                    })
                    .or_default();
            }
        }
        for (op, send) in history.sends() {
            model.add_ack(op, send);
        }
        for (op, poll) in history.polls() {
            model.add_poll(op, poll);
        }
        for last_read in &history.last_reads {
            model.logs.entry(last_read.partition).or_default().last_read = Some(last_read);
        }
        for log in model.logs.values_mut() {
            log.observations.sort_by_key(|o| (o.offset, o.at, o.source));
        }
        model
    }

    fn add_ack(&mut self, op: &'h Op, send: &'h Send) {
        let (true, Some(at), Some(index), Some(offset)) =
            (op.outcome.is_ok(), op.completed, send.partition, send.offset)
        else {
            return;
        };
        let partition = Partition {
            topic: send.topic,
            index,
        };
        let binding = send.acks == -1 && !self.history.topic(send.topic).caching;
        let log = self.logs.entry(partition).or_default();
        log.acked.push(Acked { op, send, offset, at });
        let value = Some(send.value);
        log.observations.push(Observation {
            offset,
            value,
            invoked: op.invoked,
            at,
            source: Source::Ack,
            binding,
        });
    }

    fn add_poll(&mut self, op: &'h Op, poll: &'h Poll) {
        let Some(at) = op.completed else { return };
        let binding = !self.history.topic(poll.partition.topic).caching;
        let source = if poll.last_read {
            Source::LastRead
        } else {
            Source::Read
        };
        let by_value = &self.by_value;
        // What a consumer had buffered it read at some time after the record was sent.
        let earliest = |value: Option<ValueId>| {
            let sent = value.and_then(|v| by_value.get(&v)).map(|(sent, _)| sent.invoked);
            sent.filter(|sent| poll.buffered && *sent < op.invoked)
                .unwrap_or(op.invoked)
        };
        let log = self.logs.entry(poll.partition).or_default();
        for seen in &poll.records {
            let Seen { offset, value, .. } = *seen;
            let invoked = earliest(value);
            log.observations.push(Observation {
                offset,
                value,
                invoked,
                at,
                source,
                binding,
            });
        }
    }

    /// Whether an acknowledged record must still be there at `until`, if retention and DeleteRecords leave it.
    pub fn must_survive(&self, partition: Partition, acked: &Acked, until: At) -> bool {
        let history = self.history;
        let facts = history.topic(partition.topic);
        if facts.deleted.is_some_and(|at| at <= until) || acked.send.acks == 0 {
            return false;
        }
        if history
            .damaged_from(partition, until)
            .is_some_and(|from| acked.offset >= from)
        {
            return false;
        }
        let durable = acked.send.acks == -1 && !facts.caching;
        durable || !history.lossy_between(partition, acked.op.invoked, until)
    }

    /// Two statements of which one must be wrong: is that explained by a loss or by damage?
    pub fn excused(&self, partition: Partition, a: &Observation, b: &Observation) -> bool {
        let end = a.at.max(b.at);
        if self
            .history
            .damaged_from(partition, end)
            .is_some_and(|from| a.offset.max(b.offset) >= from)
        {
            return true;
        }
        let lossy = |from, to| self.history.lossy_between(partition, from, to);
        match (a.binding, b.binding) {
            (true, true) => false,
            (true, false) => lossy(b.invoked, a.at),
            (false, true) => lossy(a.invoked, b.at),
            (false, false) => lossy(a.invoked.min(b.invoked), end),
        }
    }

    /// Names a value with its sender: `w3.17`.
    pub fn value_name(&self, value: Option<ValueId>) -> String {
        match value {
            Some(value) => value_name(value),
            None => "bytes that nobody sent".to_owned(),
        }
    }
}

fn value_name(value: ValueId) -> String {
    let refused = if crate::app::value::is_refused(value) {
        "refused "
    } else {
        ""
    };
    format!(
        "{refused}w{}.{}",
        (value >> 32) & 0x7fff_ffff,
        value & 0xffff_ffff
    )
}

impl LogModel<'_> {
    /// Groups of observations of one offset.
    pub fn by_offset(&self) -> impl Iterator<Item = &[Observation]> {
        self.observations.chunk_by(|a, b| a.offset == b.offset)
    }

    pub fn highest_read(&self) -> Option<i64> {
        self.observations
            .iter()
            .rev()
            .find(|o| o.source != Source::Ack)
            .map(|o| o.offset)
    }

    pub fn was_read(&self, offset: i64, value: ValueId) -> bool {
        let from = self.observations.partition_point(|o| o.offset < offset);
        self.observations[from..]
            .iter()
            .take_while(|o| o.offset == offset)
            .any(|o| o.source != Source::Ack && o.value == Some(value))
    }
}
