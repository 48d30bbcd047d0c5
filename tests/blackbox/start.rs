//! The first minute with the broker, and its last second: what a person sees on the terminal.

use crate::support::odradek::{Odradek, ready_address};
use crate::support::process::{Process, run, wait_until};
use crate::support::{frame, tools};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

fn broker(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(tools::broker_binary());
    command.current_dir(folder).args(arguments);
    command
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    broker(folder, arguments).output().expect("the broker runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Ports of its own, so that the tests can run side by side; all else is as without any argument.
const FREE_PORTS: [&str; 4] = [
    "--override",
    "listeners=PLAINTEXT://127.0.0.1:0",
    "--override",
    "odradek.metrics.listener=127.0.0.1:0",
];

#[test]
fn it_starts_in_an_empty_folder_and_says_what_to_paste() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut process = Process::start(broker(folder.path(), &FREE_PORTS), folder.path(), "broker");
    wait_until(Duration::from_secs(30), "it is ready", || {
        ready_address(&process.stdout()).is_some()
    });
    let printed = process.stdout();
    let address = ready_address(&printed).expect("just found").to_string();
    let pasted: Vec<_> = printed.lines().filter(|line| line.contains("kcat -b ")).collect();
    assert_eq!(pasted.len(), 2, "one line to write and one to read: {printed}");
    tools::system("kcat");
    let mut answers = Vec::new();
    for line in pasted {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]);
        answers.push(run(shell, Duration::from_secs(30)));
    }
    assert_eq!(answers[1].trim(), "hello", "what was pasted on {address} works");
    process.signal("TERM");
    let status = process.wait(Duration::from_secs(30));
    assert_eq!(
        status.code(),
        Some(0),
        "SIGTERM ends it cleanly: {}",
        process.stderr()
    );
    assert!(
        folder.path().join("odradek-data/.kafka_cleanshutdown").exists(),
        "a clean stop leaves its marker"
    );
    assert!(
        folder.path().join("odradek-data/greetings-0").is_dir(),
        "the topic has Kafka's folder name"
    );
}

#[test]
fn what_was_written_is_there_after_a_clean_restart() {
    let mut broker = Odradek::start();
    kcat_writes(&broker.bootstrap(), "kept", "one");
    assert_eq!(broker.stop().code(), Some(0));
    broker.restart();
    assert!(frame::api_versions(broker.port()).is_ok());
    kcat_writes(&broker.bootstrap(), "kept", "two");
    assert_eq!(kcat_reads(&broker.bootstrap(), "kept"), "one\ntwo\n");
}

fn kcat_writes(bootstrap: &str, topic: &str, line: &str) {
    let mut shell = Command::new("sh");
    tools::system("kcat");
    shell.args(["-c", &format!("echo {line} | kcat -b {bootstrap} -P -t {topic}")]);
    run(shell, Duration::from_secs(30));
}

fn kcat_reads(bootstrap: &str, topic: &str) -> String {
    let mut command = tools::system("kcat");
    command.args(["-b", bootstrap, "-C", "-t", topic, "-o", "beginning", "-e", "-q"]);
    run(command, Duration::from_secs(30))
}

#[test]
fn help_and_version_exit_0_and_wrong_usage_2() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let help = output(folder.path(), &["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(
        text(&help.stdout).contains("--override"),
        "{}",
        text(&help.stdout)
    );
    let version = output(folder.path(), &["--version"]);
    assert_eq!(version.status.code(), Some(0));
    let unknown = output(folder.path(), &["--no-such-flag"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("--no-such-flag"));
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("it is there").collect();
    assert!(left.is_empty(), "none of these leaves anything behind: {left:?}");
}

#[test]
fn a_bad_setting_names_the_key_the_value_and_what_is_allowed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cases = [
        ("num.partitions=many", "num.partitions", "many"),
        ("log.segment.bytes=-5", "log.segment.bytes", "-5"),
        ("compression.type=rar", "compression.type", "zstd"),
    ];
    for (setting, key, word) in cases {
        let refused = output(folder.path(), &["--override", setting]);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{setting}: {said}");
        assert!(said.contains(key) && said.contains(word), "{setting}: {said}");
    }
    let missing = output(folder.path(), &["nowhere/server.properties"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("nowhere/server.properties"));
}

#[test]
fn stock_properties_are_taken_and_unknown_keys_are_warned_about() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let properties = folder.path().join("server.properties");
    let lines =
        "# as shipped\nnum.network.threads=3\nnum.io.threads=8\nlog.retention.hours=168\nmy.own.key=1\n";
    std::fs::write(&properties, lines).expect("the folder is writable");
    let arguments = [&["server.properties"][..], &FREE_PORTS].concat();
    let process = Process::start(broker(folder.path(), &arguments), folder.path(), "broker");
    wait_until(Duration::from_secs(30), "it is ready", || {
        ready_address(&process.stdout()).is_some()
    });
    let said = process.stderr();
    assert!(
        said.contains("my.own.key"),
        "an unknown key is warned about: {said}"
    );
    assert!(
        !said.contains("num.network.threads: "),
        "a known one is not an error: {said}"
    );
}

#[test]
fn a_second_broker_on_the_same_folder_is_refused() {
    let first = Odradek::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = format!("log.dirs={}", first.data().display());
    let second = output(folder.path(), &[&["--override", &data][..], &FREE_PORTS].concat());
    let said = text(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&first.data().display().to_string()),
        "the message names the folder: {said}"
    );
    assert!(frame::api_versions(first.port()).is_ok(), "the first one goes on");
}

#[test]
fn a_taken_port_is_named() {
    let first = Odradek::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let listener = format!("listeners=PLAINTEXT://{}", first.address());
    let second = output(folder.path(), &["--override", &listener]);
    assert_eq!(second.status.code(), Some(1));
    let said = text(&second.stderr);
    assert!(said.contains(&first.port().to_string()), "{said}");
}
