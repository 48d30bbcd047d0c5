//! The command line: what may be asked, and the exit codes.

use clap::{Args, Parser, Subcommand, ValueEnum};
use runtime::mutant::Mutant;
use std::path::PathBuf;

/// How a process of the simulator ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Exit {
    Pass = 0,
    /// An invariant was violated, or a mutant survived.
    Violation = 1,
    /// The command line or a plan makes no sense.
    Usage = 2,
    /// The simulator's own fault: it panicked, or one plan gave two hashes.
    Harness = 3,
}

/// Runs a cluster in a simulated world that crashes it, and checks every promise that a log makes.
#[derive(Debug, Parser)]
#[command(name = "sim", args_conflicts_with_subcommands = true)]
#[command(after_help = "Exit codes: 0 pass, 1 violation, 2 usage, 3 the simulator's own fault.")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub one: One,
}

#[derive(Clone, Debug, Args)]
pub struct One {
    /// The seed that the plan is made from
    #[arg(long, value_name = "N", conflicts_with = "plan")]
    pub seed: Option<u64>,
    /// Replays a saved plan
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Writes the plan as JSON before it runs
    #[arg(long, value_name = "FILE")]
    pub save_plan: Option<PathBuf>,
    /// One JSON object in place of the page
    #[arg(long)]
    pub json: bool,
    /// Shows the nodes' logs with virtual time, on stderr
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<Level>,
    /// Runs twice, in two processes, and compares the trace hashes
    #[arg(long)]
    pub check_determinism: bool,
    /// Plants a bug (see `sim list`)
    #[arg(long, value_name = "NAME", value_parser = parse_mutant)]
    pub mutant: Option<Mutant>,
    /// Mutes all invariants but these
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = parse_invariant)]
    pub heed: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs many seeds, each in a process of its own
    Run(Run),
    /// Plants each known bug and counts the seeds until its invariant catches it
    Mutants(Mutants),
    /// Names scenarios, faults, workloads, invariants and mutants
    List,
}

#[derive(Debug, Args)]
pub struct Run {
    /// From A to B − 1
    #[arg(long, value_name = "A..B", value_parser = parse_seeds)]
    pub seeds: Seeds,
    /// Processes at a time
    #[arg(long, value_name = "J", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: u32,
    /// One JSON line per seed on stdout
    #[arg(long)]
    pub json: bool,
    /// Runs each seed twice and compares the trace hashes
    #[arg(long)]
    pub check_determinism: bool,
}

#[derive(Debug, Args)]
pub struct Mutants {
    /// Fewer starting points and seeds: the inner loop
    #[arg(long)]
    pub quick: bool,
    /// This mutant alone
    #[arg(long, value_name = "NAME", value_parser = parse_mutant)]
    pub only: Option<Mutant>,
    /// Processes at a time
    #[arg(long, value_name = "J", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// A half-open range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    pub from: u64,
    pub to: u64,
}

fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let seeds = text.split_once("..").and_then(|(from, to)| {
        Some(Seeds {
            from: from.parse().ok()?,
            to: to.parse().ok()?,
        })
    });
    seeds
        .filter(|s| s.from < s.to)
        .ok_or_else(|| format!("{text:?} is no range of seeds; write A..B with A below B, such as 0..100"))
}

fn parse_mutant(text: &str) -> Result<Mutant, String> {
    Mutant::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Mutant::ALL.iter().map(|m| m.name()).collect();
        format!("no mutant has this name; known are {}", names.join(", "))
    })
}

fn parse_invariant(text: &str) -> Result<String, String> {
    let known = super::invariants::ALL.iter().find(|i| i.id == text);
    known
        .map(|i| i.id.to_owned())
        .ok_or_else(|| "no invariant has this id; `sim list` names them".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn refused(args: &[&str], words: &str) {
        let error = Cli::try_parse_from(args.iter().copied())
            .expect_err(words)
            .to_string();
        assert!(error.contains(words), "{error:?} should contain {words:?}");
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        let cli = Cli::try_parse_from(["sim", "--seed", "42", "--json", "--log", "debug"]).unwrap();
        assert_eq!(
            (cli.one.seed, cli.one.json, cli.one.log),
            (Some(42), true, Some(Level::Debug))
        );
        let cli = Cli::try_parse_from(["sim", "run", "--seeds", "3..9", "--jobs", "4"]).unwrap();
        let Some(Command::Run(run)) = cli.command else {
            panic!("not run")
        };
        assert_eq!((run.seeds, run.jobs), (Seeds { from: 3, to: 9 }, 4));
    }

    #[test]
    fn usage_errors_name_cause_and_fix() {
        refused(&["sim", "--seed", "x"], "invalid value 'x'");
        refused(&["sim", "--seed", "1", "--plan", "p"], "cannot be used with");
        refused(&["sim", "run", "--seeds", "9..3"], "write A..B");
        refused(&["sim", "run"], "--seeds");
        refused(&["sim", "mutants", "--only", "none"], "skip-crc");
        refused(&["sim", "--seed", "1", "--log", "loud"], "possible values");
        refused(&["sim", "--sed", "1"], "--seed");
    }
}
