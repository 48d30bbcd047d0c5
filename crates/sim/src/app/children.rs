//! Runs of the simulator in processes of their own: one seed, one process.
//!
//! Inside one process a second run of a seed may differ (a reused thread's hash seeds, for one), so `sim run` and
//! `sim mutants` only ever start children and read their JSON.

use super::report::Report;
use std::process::{Command, Stdio};
use std::sync::mpsc;

/// What a child was asked, and by which arguments it is asked again.
#[derive(Clone, Debug)]
pub struct Job {
    pub args: Vec<String>,
}

#[derive(Clone, Debug)]
pub enum Answer {
    Report(Box<Report>),
    /// The child panicked or was killed.
    Broken(String),
}

impl Job {
    pub fn seed(seed: u64) -> Job {
        Job {
            args: vec!["--seed".to_owned(), seed.to_string()],
        }
    }

    pub fn with(mut self, args: &[&str]) -> Job {
        self.args.extend(args.iter().map(|a| (*a).to_owned()));
        self
    }

    /// Runs it to its end.
    pub fn run(&self) -> Answer {
        let me = match std::env::current_exe() {
            Ok(me) => me,
            Err(error) => {
                return Answer::Broken(format!("cannot find this program to start it again: {error}"));
            }
        };
        let child = Command::new(me)
            .args(&self.args)
            .arg("--json")
            .stdin(Stdio::null())
            .output();
        let output = match child {
            Ok(output) => output,
            Err(error) => return Answer::Broken(format!("cannot start a child: {error}")),
        };
        match (output.status.code(), serde_json::from_slice(&output.stdout)) {
            (Some(0 | 1), Ok(report)) => Answer::Report(Box::new(report)),
            _ => {
                let stderr = String::from_utf8_lossy(&output.stderr);
                let mut tail: Vec<&str> = stderr.lines().rev().take(20).collect();
                tail.reverse();
                Answer::Broken(format!("{}: {}", output.status, tail.join("\n")))
            }
        }
    }
}

/// Runs tasks on `jobs` threads and hands each result over as it comes. Tasks are started in order; `on_result`
/// returns whether to go on.
#[allow(clippy::disallowed_methods)] // threads of the harness, which no simulated node sees
pub fn in_parallel<T: Send, R: Send>(
    tasks: impl Iterator<Item = T> + Send,
    jobs: u32,
    run: impl Fn(T) -> R + Sync,
    mut on_result: impl FnMut(R) -> bool,
) {
    let tasks = std::sync::Mutex::new(tasks);
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, tasks, run) = (sender.clone(), &tasks, &run);
            scope.spawn(move || {
                loop {
                    let next = tasks.lock().expect("no task panics while it is drawn").next();
                    let Some(task) = next else { return };
                    if sender.send(run(task)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        while let Ok(result) = results.recv() {
            if !on_result(result) {
                return; // dropping the receiver lets the threads stop after their current task
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once() {
        let mut sum = 0;
        in_parallel(
            1..=100u64,
            3,
            |n| n,
            |n| {
                sum += n;
                true
            },
        );
        assert_eq!(sum, 5050);
    }
}
