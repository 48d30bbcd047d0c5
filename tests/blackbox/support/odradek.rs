//! Our broker as a real process.

use super::process::{Process, tail, wait_until};
use super::tools;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;
use tempfile::TempDir;

/// One broker of ours in a temporary folder, on a free port; it is killed when dropped.
pub struct Odradek {
    process: Process,
    folder: TempDir,
    /// What the broker runs under, such as strace.
    wrapper: Vec<String>,
    overrides: Vec<String>,
    address: SocketAddr,
}

impl Odradek {
    pub fn start() -> Odradek {
        Odradek::start_with(&[])
    }

    pub fn start_with(overrides: &[&str]) -> Odradek {
        Odradek::start_under(&[], overrides)
    }

    /// `wrapper` is a command that ends by becoming the one after it.
    pub fn start_under(wrapper: &[&str], overrides: &[&str]) -> Odradek {
        let wrapper: Vec<_> = wrapper.iter().map(|one| one.to_string()).collect();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let overrides: Vec<_> = overrides.iter().map(|one| one.to_string()).collect();
        let process = Process::start(command(&folder, 0, &wrapper, &overrides), folder.path(), "broker");
        let mut broker = Odradek {
            process,
            folder,
            wrapper,
            overrides,
            address: ([127, 0, 0, 1], 0).into(),
        };
        broker.address = broker.wait_until_ready();
        broker
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn bootstrap(&self) -> String {
        self.address.to_string()
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// As if it had crashed.
    pub fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.wait(Duration::from_secs(10));
    }

    /// By SIGTERM, which asks for a clean end.
    pub fn stop(&mut self) -> ExitStatus {
        self.process.signal("TERM");
        self.process.wait(Duration::from_secs(30))
    }

    /// Starts again on the same folder and port.
    pub fn restart(&mut self) {
        let command = command(&self.folder, self.port(), &self.wrapper, &self.overrides);
        self.process = Process::start(command, self.folder.path(), "broker");
        self.wait_until_ready();
    }

    fn wait_until_ready(&mut self) -> SocketAddr {
        let mut address = None;
        wait_until(
            Duration::from_secs(30),
            "the broker says that it is ready",
            || {
                address = ready_address(&self.process.stdout());
                let ended = self.process.has_ended();
                assert!(
                    address.is_some() || ended.is_none(),
                    "the broker ended ({ended:?}):\n{}",
                    tail(&self.process.stderr())
                );
                address.is_some()
            },
        );
        address.expect("just found")
    }
}

fn command(folder: &TempDir, port: u16, wrapper: &[String], overrides: &[String]) -> Command {
    let broker = tools::broker_binary();
    let mut command = match wrapper {
        [] => Command::new(broker),
        [program, arguments @ ..] => {
            let mut command = tools::system(program);
            command.args(arguments).arg(broker);
            command
        }
    };
    command.current_dir(folder.path());
    let own = [
        format!("listeners=PLAINTEXT://127.0.0.1:{port}"),
        format!("log.dirs={}/data", folder.path().display()),
        "odradek.metrics.listener=127.0.0.1:0".to_string(),
    ];
    for setting in own.iter().chain(overrides) {
        command.args(["--override", setting]);
    }
    command
}

/// From `broker 1 is ready on 127.0.0.1:33931, its data in …`.
pub fn ready_address(stdout: &str) -> Option<SocketAddr> {
    let (_, rest) = stdout.split_once("is ready on ")?;
    rest.split_once(',')?.0.parse().ok()
}
