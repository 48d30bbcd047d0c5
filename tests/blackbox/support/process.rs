//! Children that end with their owner, and waiting with a limit.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A child process that is killed when dropped; its output goes to files in its folder.
pub struct Process {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts it with its output in `folder/<name>.out` and `folder/<name>.err`.
    pub fn start(command: Command, folder: &Path, name: &str) -> Process {
        Process::start_reading(command, Stdio::null(), folder, name)
    }

    /// The same, with something to read.
    fn start_reading(mut command: Command, stdin: Stdio, folder: &Path, name: &str) -> Process {
        let (stdout, stderr) = (
            folder.join(format!("{name}.out")),
            folder.join(format!("{name}.err")),
        );
        let create = |path: &Path| std::fs::File::create(path).expect("the folder is writable");
        let child = command
            .stdin(stdin)
            .stdout(create(&stdout))
            .stderr(create(&stderr))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {:?}: {error}", command.get_program()));
        Process {
            child,
            stdout,
            stderr,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let line = format!("kill -s {name} {}", self.id());
        let status = Command::new("sh")
            .args(["-c", &line])
            .status()
            .expect("a shell runs");
        assert!(status.success(), "{line}");
    }

    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let mut status = None;
        wait_until(limit, "the process ends", || {
            status = self.has_ended();
            status.is_some()
        });
        status.expect("it ended")
    }

    pub fn stdout(&self) -> String {
        read_lossy(&self.stdout)
    }

    pub fn stderr(&self) -> String {
        read_lossy(&self.stderr)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lossy(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

#[track_caller]
pub fn wait_until(limit: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < limit, "waited {limit:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs to the end, and gives what it printed; a failure panics with all it said.
#[track_caller]
pub fn run(command: Command, limit: Duration) -> String {
    run_with_input(command, "", limit)
}

#[track_caller]
pub fn run_with_input(command: Command, input: &str, limit: Duration) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shown = format!("{command:?}");
    let path = folder.path().join("run.in");
    std::fs::write(&path, input).expect("the folder is writable");
    let stdin = std::fs::File::open(&path).expect("just written");
    let mut process = Process::start_reading(command, stdin.into(), folder.path(), "run");
    let started = Instant::now();
    let status = loop {
        if let Some(status) = process.has_ended() {
            break status;
        }
        assert!(
            started.elapsed() < limit,
            "{shown}\ndid not end within {limit:?}\n{}{}",
            process.stdout(),
            process.stderr()
        );
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(
        status.success(),
        "{shown}\n{status}\n{}{}",
        tail(&process.stdout()),
        tail(&process.stderr())
    );
    process.stdout()
}

/// The last lines, so that a failure stays readable.
pub fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// A port that nobody listened on a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}
