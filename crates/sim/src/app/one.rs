//! `sim --seed N` and `sim --plan FILE`: one run, one report.

use super::children::{Answer, Job};
use super::cli::{Exit, One};
use super::invariants::Heed;
use super::plan::Plan;
use super::report::{Report, Verdict};
use super::{logging, run};
use std::path::Path;

pub fn run(args: &One) -> Exit {
    let plan = match plan_of(args) {
        Ok(plan) => plan,
        Err(why) => {
            eprintln!("error: {why}");
            return Exit::Usage;
        }
    };
    if let Some(file) = &args.save_plan
        && let Err(why) = write(file, &plan.to_json())
    {
        eprintln!(
            "error: cannot write the plan to {}: {why}; name a file in a folder that exists",
            file.display()
        );
        return Exit::Usage;
    }
    if args.check_determinism {
        return twice(args);
    }
    let heed = if args.heed.is_empty() {
        Heed::All
    } else {
        Heed::Only(args.heed.clone())
    };
    if let Some(level) = args.log {
        logging::install(level);
    }
    let report = run::run(
        &plan,
        &run::Options {
            mutant: args.mutant,
            heed,
        },
    );
    show(&report, args)
}

fn show(report: &Report, args: &One) -> Exit {
    if args.json {
        println!(
            "{}",
            serde_json::to_string(report).expect("a report has only plain values")
        );
    } else {
        print!("{}", report.for_people(&again(args)));
    }
    match report.verdict {
        Verdict::Pass => Exit::Pass,
        Verdict::Fail => Exit::Violation,
    }
}

fn plan_of(args: &One) -> Result<Plan, String> {
    match (&args.plan, args.seed) {
        (Some(file), _) => {
            let text = read(file).map_err(|e| format!("cannot read the plan {}: {e}", file.display()))?;
            Plan::from_json(&text).map_err(|e| format!("{}: {e}", file.display()))
        }
        (None, Some(seed)) => Ok(Plan::of_seed(seed)),
        (None, None) => Err(
            "nothing to run; name a seed (`sim --seed 42`), a plan (`sim --plan FILE`), or see `sim --help`"
                .into(),
        ),
    }
}

#[allow(clippy::disallowed_methods)] // the harness's own files, outside the run
fn read(file: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(file)
}

#[allow(clippy::disallowed_methods)] // the harness's own files, outside the run
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(file, text)
}

/// What names this run on a command line, without how it is shown.
fn naming(args: &One) -> Vec<String> {
    let mut words = Vec::new();
    match (&args.plan, args.seed) {
        (Some(file), _) => words.extend(["--plan".to_owned(), file.display().to_string()]),
        (None, Some(seed)) => words.extend(["--seed".to_owned(), seed.to_string()]),
        (None, None) => {}
    }
    if let Some(mutant) = args.mutant {
        words.extend(["--mutant".to_owned(), mutant.name().to_owned()]);
    }
    if !args.heed.is_empty() {
        words.extend(["--heed".to_owned(), args.heed.join(",")]);
    }
    words
}

fn again(args: &One) -> String {
    format!("cargo run --bin sim -- {}", naming(args).join(" "))
}

/// In two processes, whose hashes must agree.
fn twice(args: &One) -> Exit {
    let job = Job { args: naming(args) };
    let (first, second) = (job.run(), job.run());
    match (first, second) {
        (Answer::Report(first), Answer::Report(second)) => {
            let exit = show(&first, args);
            if first.trace_hash == second.trace_hash {
                return exit;
            }
            eprintln!(
                "D1: trace {} in one process and {} in another",
                first.trace_hash, second.trace_hash
            );
            Exit::Harness
        }
        (Answer::Broken(why), _) | (_, Answer::Broken(why)) => {
            eprintln!("the simulator itself failed: {why}");
            Exit::Harness
        }
    }
}
