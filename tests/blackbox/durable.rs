//! The system calls of the real broker: no acknowledgement of a durable topic leaves before the fdatasync that covers it.
//! A kill cannot show this, for the page cache outlives the process.
//!
//! The same trace holds a topic with `write.caching=true`, whose acknowledgements do leave early: so the check can fail.

use crate::support::frame::{Raw, produce};
use crate::support::odradek::Odradek;
use crate::support::process::wait_until;
use std::collections::BTreeMap;
use std::time::Duration;
use wire::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};

/// Produce requests to each topic, one after another.
const REQUESTS: usize = 100;
const CALLS: &str =
    "trace=pwrite64,pwritev,pwritev2,fdatasync,fsync,sync_file_range,write,writev,sendto,sendmsg,sendfile";

#[test]
fn a_durable_topic_acknowledges_after_the_fdatasync_that_covers_the_record() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("trace");
    let trace = path.to_str().expect("a UTF-8 path");
    // -D: the broker is our child and strace its watcher; -yy: paths and addresses instead of numbers.
    let strace = [
        "strace",
        "-D",
        "-f",
        "-yy",
        "-s",
        "0",
        "-e",
        CALLS,
        "-e",
        "signal=none",
        "-o",
        trace,
    ];
    let mut broker = Odradek::start_under(&strace, &[]);
    let writers = [("durable", "false"), ("caching", "true")].map(|(topic, caching)| {
        create(broker.port(), topic, caching);
        let port = broker.port();
        std::thread::spawn(move || (topic, write(port, topic)))
    });
    let ports: BTreeMap<_, _> = writers
        .into_iter()
        .map(|writer| writer.join().expect("it wrote"))
        .collect();
    assert_eq!(broker.stop().code(), Some(0), "{}", broker.log());
    wait_until(Duration::from_secs(10), "strace has written all", || {
        read(trace).contains("+++ exited with 0 +++")
    });

    let lines = read(trace);
    let durable = Topic::new("durable", ports["durable"]).replay(&lines);
    let caching = Topic::new("caching", ports["caching"]).replay(&lines);
    assert!(
        durable.answers >= REQUESTS,
        "the trace shows the answers: {durable:?}"
    );
    assert!(
        durable.writes >= REQUESTS && durable.syncs >= REQUESTS,
        "and what was before them: {durable:?}"
    );
    assert!(
        durable.early.is_empty(),
        "acknowledged before its fdatasync:\n{}",
        durable.early.join("\n")
    );
    assert!(
        caching.answers >= REQUESTS && caching.writes >= REQUESTS,
        "{caching:?}"
    );
    assert!(
        caching.early.len() > REQUESTS / 2,
        "write.caching=true does not wait for the disk: {}",
        caching.early.len()
    );
}

fn read(trace: &str) -> String {
    String::from_utf8_lossy(&std::fs::read(trace).unwrap_or_default()).into_owned()
}

fn create(port: u16, topic: &str, caching: &str) {
    let config = CreatableTopicConfig {
        name: "write.caching".into(),
        value: Some(caching.into()),
    };
    let topic = CreatableTopic {
        name: topic.into(),
        num_partitions: 1,
        replication_factor: 1,
        configs: vec![config],
        ..Default::default()
    };
    let request = CreateTopicsRequest {
        topics: vec![topic],
        timeout_ms: 30_000,
        ..Default::default()
    };
    let frame = wire::frame::request(&request, 7, 1, None).expect("it can be written");
    let answer = Raw::connect(port)
        .and_then(|mut raw| raw.exchange(&frame[4..]))
        .expect("an answer");
    assert!(answer.len() > 20, "the topic was made");
}

/// Writes with acks=all, waiting for each answer; gives the port that it wrote from.
fn write(port: u16, topic: &str) -> u16 {
    let mut raw = Raw::connect(port).expect("a connection");
    for number in 0..REQUESTS {
        let value = format!("{topic} {number}");
        let answer = raw
            .exchange(&produce(topic, value.as_bytes()))
            .expect("an answer");
        assert_ne!(answer.len(), 0);
    }
    raw.local_port()
}

/// What the trace says of one topic's log and of the connection that wrote to it.
#[derive(Debug)]
struct Topic {
    log: String,
    connection: String,
    /// Set by a write, cleared by the end of a sync that began after it.
    is_dirty: bool,
    /// Threads inside a sync, and whether anything was written since it began.
    syncing: BTreeMap<u32, bool>,
    writes: usize,
    syncs: usize,
    answers: usize,
    early: Vec<String>,
}

impl Topic {
    fn new(name: &str, port: u16) -> Topic {
        Topic {
            log: format!("/{name}-0/00000000000000000000.log>"),
            connection: format!("->127.0.0.1:{port}]>"),
            is_dirty: false,
            syncing: BTreeMap::new(),
            writes: 0,
            syncs: 0,
            answers: 0,
            early: Vec::new(),
        }
    }

    /// Follows the calls in the order in which they began and ended. A call that another thread's interrupts stands in
    /// two lines: `… <unfinished ...>` and `<... fdatasync resumed>…`.
    fn replay(mut self, lines: &str) -> Topic {
        for line in lines.lines() {
            let Some((thread, call)) = line.split_once(' ') else {
                continue;
            };
            let Ok(thread) = thread.parse() else { continue };
            self.on_call(thread, call.trim_start());
        }
        self
    }

    fn on_call(&mut self, thread: u32, call: &str) {
        let ends = !call.ends_with("<unfinished ...>");
        if call.starts_with("<... fdatasync resumed>") || call.starts_with("<... fsync resumed>") {
            self.on_synced(thread);
        } else if call.starts_with("fdatasync(") || call.starts_with("fsync(") {
            if call.contains(&self.log) {
                self.syncing.insert(thread, false);
                if ends {
                    self.on_synced(thread);
                }
            }
        } else if call.starts_with("pwrite") && call.contains(&self.log) {
            self.writes += 1;
            self.is_dirty = true;
            self.syncing
                .values_mut()
                .for_each(|written_since| *written_since = true);
        } else if call.contains(&self.connection) {
            self.answers += 1;
            if self.is_dirty {
                self.early.push(call.to_string());
            }
        }
    }

    fn on_synced(&mut self, thread: u32) {
        if let Some(written_since) = self.syncing.remove(&thread) {
            self.syncs += 1;
            self.is_dirty &= written_since;
        }
    }
}

#[test]
fn the_trace_is_read_rightly() {
    let log = "7</d/t-0/00000000000000000000.log>";
    let socket = "9<TCP:[127.0.0.1:1->127.0.0.1:2]>";
    let check = |calls: &[&str], early: usize| {
        let lines: Vec<_> = calls
            .iter()
            .map(|call| call.replace("LOG", log).replace("SOCKET", socket))
            .collect();
        let topic = Topic::new("t", 2).replay(&lines.join("\n"));
        assert_eq!(topic.early.len(), early, "{lines:#?}");
    };
    check(
        &[
            "1 pwritev(LOG, 1, 0) = 9",
            "2 fdatasync(LOG) = 0",
            "1 sendto(SOCKET, 4) = 4",
        ],
        0,
    );
    check(
        &[
            "1 pwritev(LOG, 1, 0) = 9",
            "1 sendto(SOCKET, 4) = 4",
            "2 fdatasync(LOG) = 0",
        ],
        1,
    );
    check(
        &[
            "1 pwritev(LOG, 1, 0) = 9",
            "2 fdatasync(LOG <unfinished ...>",
            "1 sendto(SOCKET, 4) = 4",
            "2 <... fdatasync resumed>) = 0",
        ],
        1,
    );
    check(
        &[
            "1 pwritev(LOG, 1, 0) = 9",
            "2 fdatasync(LOG <unfinished ...>",
            "2 <... fdatasync resumed>) = 0",
            "1 sendto(SOCKET, 4) = 4",
        ],
        0,
    );
    check(
        &[
            "2 fdatasync(LOG <unfinished ...>",
            "1 pwritev(LOG, 1, 0) = 9",
            "2 <... fdatasync resumed>) = 0",
            "1 sendto(SOCKET, 4) = 4",
        ],
        1,
    );
    check(
        &[
            "1 pwritev(LOG, 1, 0) = 9",
            "2 fdatasync(8</d/other-0/1.log>) = 0",
            "1 writev(SOCKET, 4) = 4",
        ],
        1,
    );
}
