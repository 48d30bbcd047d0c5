//! Any sequence of operations against a plain model of a log.

use super::*;
use proptest::prelude::*;
use storage::{decode_offset_index, decode_time_index};

#[derive(Clone, Debug)]
enum Step {
    Append {
        records: usize,
        bytes: usize,
        codec: usize,
        later_ms: i64,
    },
    Checkpoint,
    Truncate {
        back: i64,
    },
    RaiseStart {
        by: i64,
    },
    Retain {
        late_ms: i64,
    },
    Kill,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (1..5usize, 0..300usize, 0..5usize, -50..100i64)
            .prop_map(|(records, bytes, codec, later_ms)| Step::Append { records, bytes, codec, later_ms }),
        1 => Just(Step::Checkpoint),
        1 => (1..20i64).prop_map(|back| Step::Truncate { back }),
        1 => (1..10i64).prop_map(|by| Step::RaiseStart { by }),
        1 => (0..3000i64).prop_map(|late_ms| Step::Retain { late_ms }),
        1 => Just(Step::Kill),
        1 => Just(Step::Restart),
    ]
}

/// What the log should hold.
#[derive(Default)]
struct Model {
    start: i64,
    /// (offset, timestamp, value), one batch a vector
    batches: Vec<Vec<(i64, i64, Vec<u8>)>>,
    end: i64,
    sequence: i32,
}

impl Model {
    fn records(&self) -> Vec<(i64, i64, Vec<u8>)> {
        self.batches
            .iter()
            .flatten()
            .filter(|(offset, ..)| *offset >= self.start)
            .cloned()
            .collect()
    }

    fn truncate(&mut self, end: i64) {
        self.batches
            .retain(|batch| batch.last().is_some_and(|(offset, ..)| *offset < end));
        self.end = self
            .batches
            .last()
            .map_or(end, |batch| batch.last().expect("not empty").0 + 1);
        self.sequence = i32::try_from(self.end).expect("small");
    }
}

async fn check(log: &Log, model: &Model, bench: &Bench) {
    assert_eq!(log.log_end_offset(), model.end);
    assert_eq!(log.log_start_offset(), model.start);
    let wanted = model.records();
    let values: Vec<_> = wanted
        .iter()
        .map(|(offset, _, value)| (*offset, value.clone()))
        .collect();
    assert_eq!(read_all(log).await, values);
    for (_, time, _) in wanted.iter().step_by(5) {
        let first = wanted
            .iter()
            .find(|(_, t, _)| t >= time)
            .map(|(offset, ..)| *offset);
        let found = log.offset_for_timestamp(*time, model.end).await.expect("reads");
        assert_eq!(found.map(|f| f.offset), first);
    }
    let max = wanted.iter().map(|(_, time, _)| *time).max();
    if model.start == model.batches.first().map_or(model.end, |batch| batch[0].0) {
        assert_eq!(
            log.max_timestamp(model.end)
                .await
                .expect("reads")
                .map(|m| m.timestamp),
            max
        );
    }
    check_indexes(bench);
}

/// Every index entry says what a walk over the log says.
fn check_indexes(bench: &Bench) {
    for name in bench.names().iter().filter(|name| name.ends_with(".log")) {
        let base: i64 = name[..20].parse().expect("a number");
        let bytes = Bytes::from(std::fs::read(bench.path(name)).expect("reads"));
        let (mut position, mut ends, mut max) = (0, Vec::new(), Vec::new());
        for batch in records::batches(bytes) {
            let batch = batch.expect("whole");
            ends.push((batch.header().last_offset(), position));
            let time = batch.header().max_timestamp;
            if max.last().is_none_or(|(last, _)| time > *last) {
                max.push((time, batch.header().last_offset()));
            }
            position += batch.header().size_bytes() as u64;
        }
        let index =
            |suffix: &str| std::fs::read(bench.path(&name.replace(".log", suffix))).unwrap_or_default();
        for entry in decode_offset_index(&index(".index"), base) {
            assert!(ends.contains(&entry), "{name}: {entry:?} of {ends:?}");
        }
        for entry in decode_time_index(&index(".timeindex"), base) {
            assert!(max.contains(&entry), "{name}: {entry:?} of {max:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_what_was_done_to_it(steps in prop::collection::vec(step(), 1..60)) {
        run(async {
            let mut bench = Bench::new().await;
            let config = LogConfig { retention_ms: 1000, segment_bytes: 2000, ..small_segments() };
            let (mut log, _) = bench.open(&config).await;
            let mut model = Model::default();
            let mut time = NOW.0;
            for step in steps {
                match step {
                    Step::Append { records, bytes, codec, later_ms } => {
                        time += later_ms;
                        let mut builder = BatchBuilder::new(Compression::ALL[codec]).producer(3, 0, model.sequence);
                        let mut batch = Vec::new();
                        for n in 0..records {
                            let value = vec![(model.end % 251) as u8; bytes];
                            builder.append(None, Some(&value), &[], time - n as i64).expect("fits");
                            batch.push((model.end + n as i64, time - n as i64, value));
                        }
                        let built = builder.build().expect("builds");
                        let epoch = log.last_epoch().unwrap_or(0);
                        let info = log.append_as_leader(built, epoch, AppendOrigin::Client, WallMs(time)).expect("appends");
                        assert_eq!(info.first_offset, model.end);
                        model.end += records as i64;
                        model.sequence += records as i32;
                        model.batches.push(batch);
                    }
                    Step::Checkpoint => bench.data_dir().checkpoint().await.expect("checkpoints"),
                    Step::Truncate { back } => {
                        let end = i64::max(model.end - back, model.start + 1);
                        if end < model.end {
                            log.truncate_to(end).await.expect("truncates");
                            // the batch that holds the log's start goes with the rest
                            model.truncate(end);
                            model.start = i64::min(model.start, model.end);
                        }
                        prop_assume_start(&log, &mut model);
                    }
                    Step::RaiseStart { by } => {
                        model.start = log.raise_log_start_offset(model.start + by).await.expect("raises");
                        assert!(model.start <= model.end);
                    }
                    Step::Retain { late_ms } => {
                        let report = log.apply_retention(WallMs(time + late_ms), model.end).await.expect("retains");
                        assert!(report.log_start_offset >= model.start);
                        model.start = report.log_start_offset;
                        let bases = log.log_start_offset();
                        model.batches.retain(|batch| batch.last().expect("not empty").0 >= bases);
                    }
                    Step::Kill => {
                        bench.kill().await;
                        log = bench.open(&config).await.0;
                    }
                    Step::Restart => {
                        bench.restart().await;
                        let (opened, report) = bench.open(&config).await;
                        assert_eq!(report.cut_bytes, 0);
                        log = opened;
                    }
                }
            }
            check(&log, &model, &bench).await;
            let producers = log.producer_state();
            bench.kill().await;
            let (log, report) = bench.open(&config).await;
            assert!(report.rot.is_empty() && report.cut_bytes == 0, "{report:?}");
            assert_eq!(log.producer_state(), producers);
            check(&log, &model, &bench).await;
        });
    }
}

/// A truncation into the batch that holds the log's start empties the log at that batch's own start.
fn prop_assume_start(log: &Log, model: &mut Model) {
    model.start = log.log_start_offset();
    model.end = log.log_end_offset();
    model.sequence = i32::try_from(model.end).expect("small");
}
