//! Small histories for the invariants' tests.

use super::*;

/// Builds a history call by call; each call takes a millisecond, one after the other.
#[derive(Default)]
pub struct Script {
    pub history: History,
    now: u64,
    order: u64,
}

pub const P0: Partition = Partition {
    topic: TopicRef(0),
    index: 0,
};
pub const PLAIN: Producer = Producer {
    instance: 1,
    idempotent: false,
    ordered: false,
};
pub const IDEMPOTENT: Producer = Producer {
    instance: 2,
    idempotent: true,
    ordered: true,
};

impl Script {
    /// One durable topic with one partition that keeps everything.
    pub fn new() -> Script {
        let mut script = Script::default();
        script.history.topics.push(TopicFacts {
            name: "t".into(),
            partitions: 1,
            ..TopicFacts::default()
        });
        script
    }

    pub fn caching() -> Script {
        let mut script = Script::new();
        script.history.topics[0].caching = true;
        script
    }

    pub fn tick(&mut self) -> At {
        self.now += 1000;
        At(self.now)
    }

    pub fn op(&mut self, call: Call, outcome: Outcome) -> &mut Script {
        let (invoked, completed) = (self.tick(), Some(self.tick()));
        self.history.ops.push(Op {
            process: 1,
            invoked,
            completed,
            call,
            outcome,
        });
        self
    }

    pub fn send(&self, value: ValueId, acks: i16, offset: Option<i64>, producer: Producer) -> Send {
        Send {
            value,
            topic: TopicRef(0),
            partition: Some(0),
            offset,
            acks,
            producer,
            order: self.order,
            bytes: 10,
            by_hand: None,
        }
    }

    pub fn acked(&mut self, value: ValueId, offset: i64) -> &mut Script {
        self.acked_by(value, -1, offset, PLAIN)
    }

    pub fn acked_by(&mut self, value: ValueId, acks: i16, offset: i64, producer: Producer) -> &mut Script {
        self.order += 1;
        let send = self.send(value, acks, Some(offset), producer);
        self.op(Call::Send(send), Outcome::Ok)
    }

    pub fn sent(&mut self, value: ValueId, producer: Producer, outcome: Outcome) -> &mut Script {
        self.order += 1;
        let send = self.send(value, -1, None, producer);
        self.op(Call::Send(send), outcome)
    }

    pub fn poll(&mut self, position: i64, records: &[(i64, ValueId)]) -> &mut Script {
        self.poll_with(position, records, |_| {})
    }

    pub fn poll_with(
        &mut self,
        position: i64,
        records: &[(i64, ValueId)],
        change: impl FnOnce(&mut Poll),
    ) -> &mut Script {
        let mut poll = Poll {
            partition: P0,
            reader: 1,
            position,
            moved: false,
            records: records
                .iter()
                .map(|(offset, value)| Seen {
                    offset: *offset,
                    value: Some(*value),
                    timestamp: 0,
                })
                .collect(),
            batches: Vec::new(),
            high_watermark: None,
            log_start: None,
            out_of_range: false,
            last_read: false,
            buffered: false,
        };
        change(&mut poll);
        self.op(Call::Poll(poll), Outcome::Ok)
    }

    /// The last read, complete.
    pub fn last_read(&mut self, start: i64, records: &[(i64, ValueId)]) -> &mut Script {
        let end = records.last().map_or(start, |(offset, _)| offset + 1);
        self.poll_with(start, records, |p| {
            p.last_read = true;
            p.moved = true;
            p.reader = 99;
        });
        let at = self.tick();
        self.history.last_reads.push(LastRead {
            partition: P0,
            at,
            start,
            end,
            failed: None,
        });
        self
    }

    pub fn loss(&mut self) -> &mut Script {
        let at = self.tick();
        self.history.losses.push(Loss {
            at,
            partition: None,
            cause: Cause::PowerLoss,
        });
        self
    }

    pub fn damage(&mut self, first_offset: i64) -> &mut Script {
        let at = self.tick();
        self.history.damages.push(Damage {
            at,
            partition: P0,
            first_offset,
            file: "x.log".into(),
            position: 0,
        });
        self
    }

    /// A look at the disk, of one segment.
    pub fn view(&mut self, moment: ViewMoment, batches: Vec<BatchView>) -> &mut LogView {
        let at = self.tick();
        let segment = SegmentView {
            file: "0.log".into(),
            batches,
            ..SegmentView::default()
        };
        let log = LogView {
            partition: P0,
            segments: vec![segment],
            snapshots: Vec::new(),
            log_start: 0,
        };
        self.history.views.push(DiskView {
            at,
            broker: 0,
            moment,
            logs: vec![log],
        });
        let view = self.history.views.last_mut().expect("just pushed");
        &mut view.logs[0]
    }
}

/// A batch of a producer: offsets from `base_offset`, one value each.
pub fn batch(base_offset: i64, values: &[ValueId], producer: Option<(i64, i32)>) -> BatchView {
    let (producer_id, base_sequence) = producer.unwrap_or((-1, -1));
    BatchView {
        base_offset,
        last_offset: base_offset + values.len() as i64 - 1,
        producer_id,
        base_sequence,
        producer_epoch: if producer_id < 0 { -1 } else { 0 },
        position: base_offset as u64 * 100,
        crc_valid: true,
        values: values.iter().map(|v| Some(*v)).collect(),
        ..BatchView::default()
    }
}

/// Runs one invariant over a script, which either holds or is violated with these words in the message.
pub fn judge(invariant: &crate::app::invariants::Invariant, script: &Script, expected: Option<&str>) {
    let result = (invariant.check)(&Model::of(&script.history));
    match (result, expected) {
        (Ok(()), None) => {}
        (Err(violation), Some(words)) => {
            assert_eq!(violation.invariant, invariant.id);
            assert!(
                violation.message.contains(words),
                "{:?} should contain {words:?}",
                violation.message
            );
        }
        (Ok(()), Some(words)) => panic!("{} did not notice: {words}", invariant.id),
        (Err(violation), None) => panic!("{} raised a false alarm: {}", invariant.id, violation.message),
    }
}
