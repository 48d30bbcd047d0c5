//! The simulator as people run it: the plain binary, which builds and becomes the simulator.
#![cfg(not(madsim))] // under the flag the binary is the simulator, and there is nothing to launch
#![allow(clippy::disallowed_methods)] // these tests drive processes; no simulated node is in here

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const PASS: i32 = 0;
const VIOLATION: i32 = 1;
const USAGE: i32 = 2;

fn sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(args)
        .output()
        .expect("the launcher can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}\n{}", text(&output.stdout), text(&output.stderr)))
}

#[test]
fn usage_errors_exit_2_and_name_the_fix() {
    for (args, words) in [
        (&["--seed", "x"][..], "invalid value 'x'"),
        (&["run", "--seeds", "9..3"], "write A..B"),
        (&["run"], "--seeds"),
        (&["mutants", "--only", "nobody"], "skip-crc"),
        (&[], "sim --seed 42"),
        (&["--plan", "/no/such/file"], "/no/such/file"),
    ] {
        let output = sim(args);
        assert_eq!(
            output.status.code(),
            Some(USAGE),
            "{args:?}: {}",
            text(&output.stderr)
        );
        assert!(
            text(&output.stderr).contains(words),
            "{args:?}: {}",
            text(&output.stderr)
        );
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn list_names_everything() {
    let output = sim(&["list"]);
    assert_eq!(output.status.code(), Some(PASS));
    let page = text(&output.stdout);
    let names = [
        "swarm",
        "power_loss",
        "misdirected_write",
        "clock_step",
        "sequences",
        "P1",
        "lost-write",
        "no-panic",
        "sequence-overflow",
    ];
    for name in names {
        assert!(page.contains(name), "{name} is missing in\n{page}");
    }
}

#[test]
fn one_seed_reports_in_json_and_repeats_in_another_process_and_folder() {
    let first = sim(&["--seed", "42", "--json"]);
    assert_eq!(
        first.status.code(),
        Some(PASS),
        "{}{}",
        text(&first.stdout),
        text(&first.stderr)
    );
    let report = json(&first);
    assert_eq!(
        (&report["seed"], &report["verdict"]),
        (&42.into(), &"pass".into())
    );
    assert_eq!(report["violation"], Value::Null);
    assert!(report["trace_hash"].as_str().is_some_and(|hash| hash.len() >= 16));
    for path in [
        "/virtual_seconds",
        "/wall_seconds",
        "/ops/invoked",
        "/ops/ok",
        "/ops/failed",
        "/ops/unknown",
        "/latency_us/produce/p999",
        "/latency_us/fetch/p50",
        "/latency_us/end_to_end/max",
        "/throughput/records_per_second",
        "/throughput/bytes_per_second",
    ] {
        assert!(
            report.pointer(path).is_some_and(Value::is_number),
            "{path} in {report}"
        );
    }
    assert!(report["faults"].is_object() && report["invariants"].as_array().is_some_and(|i| i.len() > 20));

    let folder = tempfile::tempdir().expect("a temporary folder");
    let again = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(["--seed", "42", "--json"])
        .current_dir(folder.path())
        .output()
        .expect("the launcher can be started");
    assert_eq!(json(&again)["trace_hash"], report["trace_hash"]);
}

#[test]
fn a_few_seeds_are_deterministic() {
    let output = sim(&["run", "--seeds", "100..104", "--check-determinism", "--json"]);
    assert_eq!(output.status.code(), Some(PASS), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 4);
    assert!(
        text(&output.stderr).contains("4 seeds, each twice: 4 passed"),
        "{}",
        text(&output.stderr)
    );
}

/// Optimisation and debug assertions change nothing that a run decides.
#[test]
fn a_debug_build_gives_the_same_hash() {
    let optimised = json(&sim(&["--seed", "105", "--json"]));
    let debug = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(["--seed", "105", "--json"])
        .env("SIM_PROFILE", "dev")
        .output()
        .expect("the launcher can be started");
    assert_eq!(json(&debug)["trace_hash"], optimised["trace_hash"]);
}

#[test]
fn a_plan_is_saved_and_replayed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("plan.json");
    let file = file.to_str().expect("a plain path");
    let saved = json(&sim(&["--seed", "7", "--save-plan", file, "--json"]));
    let replayed = json(&sim(&["--plan", file, "--json"]));
    assert_eq!(saved["trace_hash"], replayed["trace_hash"]);
    assert_eq!(saved["plan_hash"], replayed["plan_hash"]);
    std::fs::write(file, "{\"format\": 1}").expect("the plan can be overwritten");
    let broken = sim(&["--plan", file]);
    assert_eq!(broken.status.code(), Some(USAGE));
    assert!(
        text(&broken.stderr).contains("missing field"),
        "{}",
        text(&broken.stderr)
    );
}

#[test]
fn a_planted_bug_is_a_violation_and_names_the_command() {
    let found = (0..20).any(|seed| {
        let seed = seed.to_string();
        let output = sim(&["--seed", &seed, "--mutant", "skip-crc", "--heed", "S3"]);
        match output.status.code() {
            Some(PASS) => false,
            Some(VIOLATION) => {
                let page = text(&output.stdout);
                let last = page.lines().last().unwrap_or_default();
                assert!(
                    last.starts_with(&format!("FAIL seed={seed} invariant=S3 at=")),
                    "{last}"
                );
                assert!(last.contains("--mutant skip-crc"), "{last}");
                true
            }
            other => panic!("exit {other:?}: {}", text(&output.stderr)),
        }
    });
    assert!(found, "skip-crc lives after 20 seeds");
}

/// Every plan under scenarios/regressions once failed; each passes now.
#[test]
fn regressions_stay_fixed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/regressions");
    let mut plans: Vec<_> = std::fs::read_dir(&folder)
        .expect("scenarios/regressions is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    plans.sort();
    for plan in plans {
        let output = sim(&["--plan", plan.to_str().expect("a plain path")]);
        assert_eq!(
            output.status.code(),
            Some(PASS),
            "{}:\n{}",
            plan.display(),
            text(&output.stdout)
        );
    }
}

/// A caller's own RUSTFLAGS are kept, and the simulator is built all the same. In a target folder of its own, since
/// other flags mean another build.
#[test]
fn works_with_rustflags_set() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sim-with-flags");
    let output = Command::new(env!("CARGO_BIN_EXE_sim"))
        .arg("list")
        .env("RUSTFLAGS", "--cap-lints=warn")
        .env("SIM_TARGET_DIR", target)
        .env("SIM_PROFILE", "dev")
        .output()
        .expect("the launcher can be started");
    assert_eq!(output.status.code(), Some(PASS), "{}", text(&output.stderr));
}
