//! The simulator proper: what `sim` is once it is built with `--cfg madsim`.
//!
//! ```text
//!  seed ── plan ──> run ──> history ──> invariants ──> report
//!           |        |
//!           |        +── world: broker and client nodes, workloads, faults, then heal and demand progress
//!           +── a value: saved, edited, replayed
//! ```
//!
//! Invariants:
//! 1. One process runs one seed; many seeds are many processes.
//! 2. What a run does follows from its plan alone; what a verdict says follows from its history alone.
//! 3. A violation is the node's fault and exits 1; a panic of the harness is our own and exits 3.

mod children;
mod cli;
mod clock;
mod commit;
mod dice;
mod faults;
mod history;
mod invariants;
mod list;
mod logging;
mod mutants;
mod one;
mod plan;
mod report;
mod run;
mod stopwatch;
mod sweep;
mod value;
mod workloads;

use clap::Parser;
use cli::{Cli, Command, Exit};

pub fn main() {
    // A harness that panics must not look like a violation (1) or like rustc's own 101.
    let exit = std::panic::catch_unwind(|| {
        let cli = Cli::parse();
        match &cli.command {
            None => one::run(&cli.one),
            Some(Command::Run(args)) => sweep::run(args),
            Some(Command::Mutants(args)) => mutants::run(args),
            Some(Command::List) => {
                list::print();
                Exit::Pass
            }
        }
    });
    std::process::exit(exit.unwrap_or(Exit::Harness) as i32);
}
