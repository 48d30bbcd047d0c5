//! The plain binary becomes the simulator: same process, its signals, its exit code, and not a word when warm.
#![cfg(not(madsim))] // under the flag the binary is the simulator, and there is nothing to launch
#![allow(clippy::disallowed_methods)] // these tests drive processes; no simulated node is in here

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SIGTERM: i32 = 15;

/// More than the first build takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(1200);

fn launcher() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sim"))
}

#[test]
fn it_is_silent_when_there_is_nothing_to_build() {
    assert!(launcher().arg("list").output().unwrap().status.success());
    // On a machine with more to do than cores, even finding that out may take long enough for a word.
    let silent = (0..5).any(|_| {
        let warm = launcher().arg("list").output().unwrap();
        assert!(!warm.stdout.is_empty());
        warm.stderr.is_empty()
    });
    assert!(silent);
}

#[test]
fn the_launchers_process_is_the_simulators_and_takes_its_signals() {
    let mut child = launcher()
        .args(["run", "--seeds", "0..1000000", "--jobs", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until_it_is_the_simulator(&mut child);
    let killed = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().signal(), Some(SIGTERM));
}

fn wait_until_it_is_the_simulator(child: &mut Child) {
    let launcher = std::fs::canonicalize(env!("CARGO_BIN_EXE_sim")).unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it was asked to"
        );
        let program = std::fs::read_link(format!("/proc/{}/exe", child.id())).unwrap();
        if program != launcher {
            return assert!(program.ends_with("sim"), "{}", program.display());
        }
        assert!(Instant::now() < deadline, "still the launcher after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
