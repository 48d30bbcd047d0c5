//! `sim run`: many seeds, each in its own process.

use super::children::{Answer, Job, in_parallel};
use super::cli::{Exit, Run, Seeds};
use super::report::{Report, Verdict};
use super::stopwatch::Stopwatch;
use std::io::{IsTerminal, Write};

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: Vec<(u64, String)>,
    broken: Vec<(u64, String)>,
    virtual_seconds: f64,
    wall_seconds: f64,
    calls: u64,
}

struct Result {
    seed: u64,
    first: Answer,
    again: Option<Answer>,
}

pub fn run(run: &Run) -> Exit {
    let stopwatch = Stopwatch::start();
    let Seeds { from, to } = run.seeds;
    let mut tally = Tally::default();
    in_parallel(
        from..to,
        run.jobs,
        |seed| {
            let first = Job::seed(seed).run();
            let again = run.check_determinism.then(|| Job::seed(seed).run());
            Result { seed, first, again }
        },
        |result| {
            tally.add(result, run.json);
            progress(&tally, to - from);
            true
        },
    );
    summary(&tally, stopwatch.seconds(), run);
    match (tally.broken.is_empty(), tally.failed.is_empty()) {
        (false, _) => Exit::Harness,
        (true, false) => Exit::Violation,
        (true, true) => Exit::Pass,
    }
}

impl Tally {
    fn done(&self) -> u64 {
        self.passed + (self.failed.len() + self.broken.len()) as u64
    }

    fn add(&mut self, result: Result, json: bool) {
        let report = match result.first {
            Answer::Report(report) => report,
            Answer::Broken(why) => return self.broken.push((result.seed, why)),
        };
        if json {
            println!(
                "{}",
                serde_json::to_string(&report).expect("a report has only plain values")
            );
        }
        self.virtual_seconds += report.virtual_seconds;
        self.wall_seconds += report.wall_seconds;
        self.calls += report.ops.invoked;
        if let Some(why) = result.again.and_then(|again| differs(&report, again)) {
            return self.broken.push((result.seed, why));
        }
        match (report.verdict, report.violation) {
            (Verdict::Pass, _) => self.passed += 1,
            (Verdict::Fail, violation) => {
                let what = violation.map(|v| format!("{} at {} ms: {}", v.invariant, v.at_ms, v.message));
                self.failed.push((result.seed, what.unwrap_or_default()));
            }
        }
    }
}

fn differs(first: &Report, again: Answer) -> Option<String> {
    match again {
        Answer::Broken(why) => Some(why),
        Answer::Report(second) if second.trace_hash != first.trace_hash => Some(format!(
            "D1: trace {} in one process and {} in another",
            first.trace_hash, second.trace_hash
        )),
        Answer::Report(_) => None,
    }
}

fn progress(tally: &Tally, of: u64) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let bad = tally.failed.len() + tally.broken.len();
        let end = if tally.done() == of { "\n" } else { "" };
        // A terminal that went away is no reason to stop.
        write!(stderr, "\r{} of {of} seeds, {bad} bad{end}", tally.done())
            .and_then(|()| stderr.flush())
            .ok();
    }
}

fn summary(tally: &Tally, wall: f64, run: &Run) {
    let mut lines = Vec::new();
    for (seed, what) in &tally.failed {
        lines.push(format!(
            "FAIL seed={seed} {what} again: cargo run --bin sim -- --seed {seed}"
        ));
    }
    for (seed, why) in &tally.broken {
        lines.push(format!(
            "BROKEN seed={seed} {why} again: cargo run --bin sim -- --seed {seed}"
        ));
    }
    let twice = if run.check_determinism { ", each twice" } else { "" };
    lines.push(format!(
        "{} seeds{twice}: {} passed, {} failed, {} broken; {:.0} seeds per minute, {:.0} virtual seconds per wall second of a run, {} calls",
        tally.done(),
        tally.passed,
        tally.failed.len(),
        tally.broken.len(),
        tally.done() as f64 * 60.0 / wall,
        tally.virtual_seconds / tally.wall_seconds.max(0.001),
        tally.calls,
    ));
    for line in lines {
        // With --json, stdout holds one object per line and nothing else.
        if run.json {
            eprintln!("{line}")
        } else {
            println!("{line}")
        }
    }
}
