//! The plain build of `sim`: builds this same package again with `--cfg madsim`, then becomes the result.
//!
//! Of the standard library alone, so that `cargo run --bin sim -- --seed N` works from a fresh checkout. `exec` keeps
//! the process id, the terminal, signals and the exit code. Silent when there is nothing to build.
//!
//! Environment: SIM_PROFILE (default `sim`; `dev` builds fastest), SIM_TARGET_DIR (default `target/sim`).
#![allow(clippy::disallowed_methods)] // the launcher lives outside both worlds

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// The simulator's own exit code for "not the program under test but the simulator is at fault".
const EXIT_OWN_FAULT: i32 = 3;

/// A build that takes longer than this is worth a word.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What `cargo run`, `cargo test` or `cargo clippy` set for its own build and must not shape this one.
const NOT_OURS: [&str; 7] = [
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_TARGET",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_MAKEFLAGS",
    "MAKEFLAGS",
    "MFLAGS",
];

pub fn main() {
    let workspace = workspace();
    let target = env::var_os("SIM_TARGET_DIR").map_or_else(|| workspace.join("target/sim"), absolute);
    let profile = env::var("SIM_PROFILE").unwrap_or_else(|_| "sim".into());
    // Cargo's one profile whose folder has another name.
    let folder = if profile == "dev" { "debug" } else { &profile };
    let program = target.join(folder).join("sim");

    build(&workspace, &target, &profile, program.exists());
    let error = Command::new(&program).args(env::args_os().skip(1)).exec();
    fail(format_args!("cannot run {}: {error}", program.display()));
}

/// The workspace of the source: cargo says where it is now, or else the compiler knew.
fn workspace() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let sim = manifest.filter(|folder| folder.ends_with("crates/sim") && folder.exists());
    let root = sim
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")))
        .join("../..");
    match root.canonicalize() {
        Ok(root) => root,
        Err(error) => fail(format_args!(
            "the source that this program was built from is gone ({}: {error}); run it again by `cargo run --bin sim`",
            root.display()
        )),
    }
}

fn absolute(path: OsString) -> PathBuf {
    std::path::absolute(&path).unwrap_or_else(|_| PathBuf::from(path))
}

fn build(workspace: &Path, target: &Path, profile: &str, built_before: bool) {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command.current_dir(workspace).args([
        "build",
        "--locked",
        "--package",
        "sim",
        "--bin",
        "sim",
        "--profile",
        profile,
    ]);
    command.arg("--target-dir").arg(target);
    NOT_OURS.iter().for_each(|name| _ = command.env_remove(name));
    add_cfg(&mut command);
    if built_before || !std::io::stderr().is_terminal() {
        command.arg("--quiet");
    }
    if !built_before {
        eprintln!("sim: building the simulator, once: a minute or two ...");
    }
    let finished = built_before.then(say_so_if_it_takes_long);
    let status = command.status();
    drop(finished);
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => fail(format_args!(
            "the simulator's build failed ({status}); the errors above say why"
        )),
        Err(error) => fail(format_args!(
            "cannot run {}: {error}; is cargo installed and in PATH?",
            cargo.to_string_lossy()
        )),
    }
}

/// Adds `--cfg madsim` to whichever source of flags is in force: the variables beat all configuration.
fn add_cfg(command: &mut Command) {
    let set = |name| env::var_os(name).filter(|flags| !flags.is_empty());
    if let Some(mut flags) = set("CARGO_ENCODED_RUSTFLAGS") {
        flags.push("\x1f--cfg\x1fmadsim");
        command.env("CARGO_ENCODED_RUSTFLAGS", flags);
    } else if let Some(mut flags) = set("RUSTFLAGS") {
        flags.push(" --cfg madsim");
        command.env("RUSTFLAGS", flags);
    } else {
        // An empty variable would still count as one that is set.
        command
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("RUSTFLAGS");
        command.args(["--config", "target.'cfg(all())'.rustflags=['--cfg','madsim']"]);
    }
}

/// Says on stderr that a build goes on, unless what is answered is dropped soon.
fn say_so_if_it_takes_long() -> Sender<()> {
    let (finished, wait) = channel();
    std::thread::spawn(move || {
        if wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            eprintln!("sim: building the simulator ...");
        }
    });
    finished
}

fn fail(message: impl Display) -> ! {
    eprintln!("sim: {message}");
    exit(EXIT_OWN_FAULT);
}
