//! What a run reports: one JSON object for machines, a page for people.

use super::history::{At, FaultEvent, History, Model, NodeStart, Outcome, Source};
use super::invariants::{self, Heed, Violation};
use super::plan::Plan;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    pub seed: u64,
    pub scenario: String,
    pub verdict: Verdict,
    pub violation: Option<ViolationReport>,
    pub trace_hash: String,
    pub virtual_seconds: f64,
    pub wall_seconds: f64,
    pub ops: Ops,
    pub faults: BTreeMap<String, u64>,
    pub latency_us: BTreeMap<String, Latency>,
    pub throughput: Throughput,
    pub invariants: Vec<String>,
    /// The plan's content in sixteen digits, and the commit that gave the seed its meaning.
    pub plan_hash: String,
    pub commit: String,
    /// What was not demanded, and why: damage on a single replica, for one.
    pub excuses: Vec<String>,
    /// The bug that was planted, if any.
    pub mutant: Option<String>,
    /// Of a run that failed: what befell the brokers, in order.
    pub timeline: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Fail,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ViolationReport {
    pub invariant: String,
    pub at_ms: u64,
    pub message: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ops {
    pub invoked: u64,
    pub ok: u64,
    pub failed: u64,
    pub unknown: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    pub records_per_second: f64,
    pub bytes_per_second: f64,
}

/// How a run went, apart from its history.
pub struct Frame<'a> {
    pub plan: &'a Plan,
    pub heed: &'a Heed,
    pub trace_hash: u64,
    pub virtual_seconds: f64,
    pub wall_seconds: f64,
    pub mutant: Option<&'static str>,
}

impl Report {
    pub fn of(frame: &Frame, history: &History) -> Report {
        let violation = invariants::check_all(history, frame.heed).map(|v| violation_report(&v));
        let timeline = if violation.is_some() {
            timeline(history)
        } else {
            Vec::new()
        };
        Report {
            seed: frame.plan.seed,
            scenario: frame.plan.scenario.clone(),
            verdict: if violation.is_some() {
                Verdict::Fail
            } else {
                Verdict::Pass
            },
            violation,
            trace_hash: format!("{:016x}", frame.trace_hash),
            virtual_seconds: rounded(frame.virtual_seconds),
            wall_seconds: rounded(frame.wall_seconds),
            ops: ops(history),
            faults: faults(history),
            latency_us: latencies(history),
            throughput: throughput(frame.plan, history),
            invariants: invariants::ALL
                .iter()
                .filter(|i| frame.heed.heeds(i.id))
                .map(|i| i.id.to_owned())
                .collect(),
            plan_hash: frame.plan.hash(),
            commit: super::commit::short(),
            excuses: excuses(history),
            mutant: frame.mutant.map(str::to_owned),
            timeline,
        }
    }

    /// `again` is the command that shows this run again.
    pub fn for_people(&self, again: &str) -> String {
        let mut out = String::new();
        let mut line = |text: String| writeln!(out, "{text}").expect("writing to a string");
        line(format!(
            "seed {}, scenario {}, plan {}, commit {}",
            self.seed, self.scenario, self.plan_hash, self.commit
        ));
        let ratio = self.virtual_seconds / self.wall_seconds.max(0.001);
        line(format!(
            "time       {:.1} virtual s in {:.2} s, {ratio:.0} times real time",
            self.virtual_seconds, self.wall_seconds
        ));
        let Ops {
            invoked,
            ok,
            failed,
            unknown,
        } = self.ops;
        line(format!(
            "calls      {invoked}: {ok} ok, {failed} failed, {unknown} unknown"
        ));
        let faults: Vec<String> = self
            .faults
            .iter()
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        line(format!(
            "faults     {}",
            if faults.is_empty() {
                "none".to_owned()
            } else {
                faults.join(", ")
            }
        ));
        let throughput = &self.throughput;
        line(format!(
            "rate       {:.0} records/s, {:.0} bytes/s",
            throughput.records_per_second, throughput.bytes_per_second
        ));
        for (name, l) in &self.latency_us {
            line(format!(
                "latency    {name}: p50 {} us, p99 {} us, p999 {} us, max {} us",
                l.p50, l.p99, l.p999, l.max
            ));
        }
        if let Some(mutant) = &self.mutant {
            line(format!("planted    {mutant}"));
        }
        for excuse in &self.excuses {
            line(format!("excused    {excuse}"));
        }
        for event in &self.timeline {
            line(format!("timeline   {event}"));
        }
        match &self.violation {
            None => line(format!(
                "PASS seed={} trace={} again: {again}",
                self.seed, self.trace_hash
            )),
            Some(violation) => {
                line(format!("violation  {}", violation.message));
                let ViolationReport { invariant, at_ms, .. } = violation;
                let (s, ms) = (at_ms / 1000, at_ms % 1000);
                line(format!(
                    "FAIL seed={} invariant={invariant} at={s}.{ms:03}s again: {again}",
                    self.seed
                ));
            }
        }
        out
    }
}

fn violation_report(violation: &Violation) -> ViolationReport {
    ViolationReport {
        invariant: violation.invariant.to_owned(),
        at_ms: violation.at.ms(),
        message: violation.message.clone(),
    }
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn ops(history: &History) -> Ops {
    let mut ops = Ops::default();
    for op in &history.ops {
        ops.invoked += 1;
        match op.outcome {
            Outcome::Ok => ops.ok += 1,
            Outcome::Failed(_) => ops.failed += 1,
            Outcome::Unknown(_) => ops.unknown += 1,
        }
    }
    ops
}

fn faults(history: &History) -> BTreeMap<String, u64> {
    let mut faults = BTreeMap::new();
    for fault in &history.faults {
        *faults.entry(fault.kind.to_owned()).or_insert(0) += 1;
    }
    faults
}

fn timeline(history: &History) -> Vec<String> {
    let mut events: Vec<(At, String)> = Vec::new();
    for fault in &history.faults {
        let FaultEvent {
            at,
            until,
            kind,
            broker,
            note,
        } = fault;
        events.push((*at, format!("{at} to {until} broker {broker} {kind}: {note}")));
    }
    for NodeStart {
        broker,
        at,
        ready,
        after,
    } in &history.node_starts
    {
        let ready = ready.map_or("never serves".to_owned(), |ready| format!("serves at {ready}"));
        events.push((
            *at,
            format!("{at} broker {broker} starts after {after:?}, {ready}"),
        ));
    }
    for error in &history.io_errors {
        events.push((
            error.at,
            format!(
                "{} broker {} {:?} error on {}",
                error.at, error.broker, error.kind, error.path
            ),
        ));
    }
    for loss in history.losses.iter().filter(|l| l.partition.is_none()) {
        events.push((
            loss.at,
            format!("{} unsynced writes may be lost: {:?}", loss.at, loss.cause),
        ));
    }
    events.extend(history.healed.map(|at| (at, format!("{at} healed"))));
    events.sort_by_key(|(at, _)| *at);
    events.into_iter().map(|(_, text)| text).collect()
}

fn excuses(history: &History) -> Vec<String> {
    let damages = history.damages.iter().map(|d| {
        let what = match d.first_offset {
            i64::MAX => "availability".to_owned(),
            offset => format!("from offset {offset}"),
        };
        format!(
            "{} {what}: {} was damaged at position {} at {}, and there is one replica",
            history.name(d.partition),
            d.file,
            d.position,
            d.at
        )
    });
    let demands = history.liveness.iter().filter(|l| l.met.is_none());
    damages
        .chain(demands.filter_map(|l| l.excuse.as_ref().map(|e| format!("{}: {e}", l.demand))))
        .collect()
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 86_400_000_000, 3).expect("bounds and digits are in range")
}

fn latency(histogram: &Histogram<u64>) -> Latency {
    let at = |quantile| histogram.value_at_quantile(quantile);
    Latency {
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        max: histogram.max(),
    }
}

/// Of calls that succeeded; end_to_end is from a send's invocation to the first read of its value.
fn latencies(history: &History) -> BTreeMap<String, Latency> {
    let mut all: BTreeMap<&str, Histogram<u64>> = BTreeMap::new();
    for name in ["produce", "fetch", "end_to_end"] {
        all.insert(name, histogram());
    }
    for op in history.ops.iter().filter(|op| op.outcome.is_ok()) {
        if let Some(completed) = op.completed {
            let of_call = all.entry(op.call.name()).or_insert_with(histogram);
            of_call.saturating_record((completed.0 - op.invoked.0).max(1));
        }
    }
    let model = Model::of(history);
    let mut first_reads = BTreeMap::new();
    for seen in model
        .logs
        .values()
        .flat_map(|l| &l.observations)
        .filter(|o| o.source == Source::Read)
    {
        if let Some(value) = seen.value {
            let first = first_reads.entry(value).or_insert(seen.at);
            *first = seen.at.min(*first);
        }
    }
    let end_to_end = all.entry("end_to_end").or_insert_with(histogram);
    for (value, at) in first_reads {
        if let Some((op, _)) = model.by_value.get(&value) {
            end_to_end.saturating_record(at.0.saturating_sub(op.invoked.0).max(1));
        }
    }
    all.into_iter()
        .map(|(name, h)| (name.to_owned(), latency(&h)))
        .collect()
}

/// Acknowledged records and their bytes over the plan's time.
fn throughput(plan: &Plan, history: &History) -> Throughput {
    let (mut records, mut bytes) = (0u64, 0u64);
    for (_, send) in history.sends().filter(|(op, _)| op.outcome.is_ok()) {
        records += 1;
        bytes += u64::from(send.bytes);
    }
    let seconds = plan.duration_ms as f64 / 1000.0;
    Throughput {
        records_per_second: rounded(records as f64 / seconds),
        bytes_per_second: rounded(bytes as f64 / seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::history::testing::Script;

    fn report(script: &Script) -> Report {
        let plan = Plan::of_seed(42);
        let frame = Frame {
            plan: &plan,
            heed: &Heed::All,
            trace_hash: 0xabc,
            virtual_seconds: 60.0,
            wall_seconds: 1.5,
            mutant: None,
        };
        Report::of(&frame, &script.history)
    }

    #[test]
    fn a_pass_in_json_and_in_words() {
        let mut script = Script::new();
        script.acked(7, 0).poll(0, &[(0, 7)]).last_read(0, &[(0, 7)]);
        let report = report(&script);
        let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!(json["verdict"], "pass");
        assert_eq!(json["violation"], serde_json::Value::Null);
        assert_eq!(json["trace_hash"], "0000000000000abc");
        assert_eq!(json["ops"]["ok"], 3);
        assert!(json["latency_us"]["end_to_end"]["max"].as_u64().unwrap() > 0);
        let page = report.for_people("sim --seed 42");
        let last = page.lines().last().unwrap();
        assert_eq!(last, "PASS seed=42 trace=0000000000000abc again: sim --seed 42");
    }

    #[test]
    fn a_fail_names_the_invariant_the_time_and_the_command() {
        let mut script = Script::new();
        script.acked(7, 0).last_read(0, &[]);
        let report = report(&script);
        let violation = report.violation.as_ref().unwrap();
        assert_eq!((violation.invariant.as_str(), violation.at_ms), ("P1", 5));
        let page = report.for_people("sim --seed 42");
        assert_eq!(
            page.lines().last().unwrap(),
            "FAIL seed=42 invariant=P1 at=0.005s again: sim --seed 42"
        );
    }
}
