//! Where `scripts/tools` puts the foreign clients, and what to say when they are not there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("tests/ is in the workspace").to_path_buf()
}

fn installed(path: &str) -> PathBuf {
    let path = root().join("target/tools").join(path);
    assert!(
        path.exists(),
        "{} is missing; install it: scripts/tools",
        path.display()
    );
    path
}

/// `python3` of the virtual environment, with one of `tests/clients/python`.
pub fn python(program: &str) -> Command {
    let mut command = Command::new(installed("python/bin/python"));
    command.arg(root().join("tests/clients/python").join(program));
    command
}

pub fn node(program: &str) -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", installed("node/node_modules"));
    command.arg(root().join("tests/clients/node").join(program));
    command
}

pub fn franz() -> Command {
    Command::new(installed("go/bin/franz"))
}

/// A JVM with Apache Kafka's jars and `tests/clients/java`, quick to start rather than quick to run.
pub fn java(main: &str, heap: &str) -> Command {
    let (classes, jars) = (installed("java/classes"), installed("java/lib"));
    let mut command = Command::new("java");
    command
        .args([
            heap,
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.awt.headless=true",
            "-cp",
        ])
        .arg(format!("{}:{}/*", classes.display(), jars.display()))
        .arg(main);
    command
}

/// A program of the system, such as kcat, that scripts/tools installs when root runs it.
pub fn system(program: &str) -> Command {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "{program} is missing; install it: scripts/tools system (as root), or: sudo apt-get install {program}"
    );
    Command::new(program)
}

/// Our broker's binary, built once per run of the tests; `ODRADEK_BROKER` names another build of it.
pub fn broker_binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        if let Some(path) = std::env::var_os("ODRADEK_BROKER") {
            return PathBuf::from(path);
        }
        let status = Command::new(env!("CARGO"))
            .args(["build", "--locked", "--quiet", "-p", "broker", "--bin", "broker"])
            .current_dir(root())
            .status()
            .expect("cargo runs");
        assert!(status.success(), "cargo build -p broker --bin broker: {status}");
        // target/<profile>/deps/blackbox-<hash>: the profile folder is two up.
        let here = std::env::current_exe().expect("this test has a path");
        let target = here.ancestors().nth(3).expect("it lies in target/<profile>/deps");
        target.join("debug/broker")
    })
}
