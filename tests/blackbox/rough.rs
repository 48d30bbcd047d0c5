//! Neighbours that misbehave: garbage, half requests, readers that do not read, too many of them. Each costs the broker
//! one connection and one line in the log; a well-behaved client beside them notices nothing.

use crate::support::frame::{Raw, api_versions, header, produce};
use crate::support::odradek::Odradek;
use crate::support::process::wait_until;
use std::time::{Duration, Instant};
use wire::fetch::{FetchPartition, FetchRequest, FetchTopic};
use wire::metadata::{MetadataRequest, MetadataRequestTopic};

const TOPIC: &str = "rough";

/// How long a well-behaved client may have to wait beside the others.
const PATIENCE: Duration = Duration::from_secs(2);

/// Makes the topic by asking for it, and writes a batch of a megabyte, to `times` offsets.
fn fill(port: u16, times: usize) {
    let mut raw = Raw::connect(port).expect("a connection");
    let topic = MetadataRequestTopic {
        name: Some(TOPIC.into()),
        ..Default::default()
    };
    let metadata = MetadataRequest {
        topics: Some(vec![topic]),
        ..Default::default()
    };
    raw.exchange(&wire::frame::request(&metadata, 9, 1, None).expect("it can be written")[4..])
        .expect("an answer");
    for _ in 0..times {
        let answer = raw
            .exchange(&produce(TOPIC, &vec![b'x'; 1_000_000]))
            .expect("an answer");
        assert!(!answer.is_empty());
    }
}

fn fetch_frame(offset: i64, wait_ms: i32) -> Vec<u8> {
    let partition = FetchPartition {
        fetch_offset: offset,
        partition_max_bytes: 1_000_000,
        ..Default::default()
    };
    let topic = FetchTopic {
        topic: TOPIC.into(),
        partitions: vec![partition],
        ..Default::default()
    };
    let request = FetchRequest {
        max_wait_ms: wait_ms,
        min_bytes: 1,
        max_bytes: 1_000_000,
        topics: vec![topic],
        ..Default::default()
    };
    wire::frame::request(&request, 11, 1, None).expect("it can be written")[4..].to_vec()
}

#[track_caller]
fn is_well(port: u16) {
    let started = Instant::now();
    api_versions(port).expect("a well-behaved client is answered");
    assert!(started.elapsed() < PATIENCE, "it waited {:?}", started.elapsed());
}

/// The broker's memory that is resident, in bytes.
fn resident(broker: &Odradek) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", broker.id())).expect("it runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("Linux tells it");
    let kilobytes: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .expect("a number");
    kilobytes * 1024
}

#[test]
fn garbage_costs_one_connection_and_one_line() {
    let broker = Odradek::start();
    let mut kept = Raw::connect(broker.port()).expect("a connection");
    let cases: [(&str, Vec<u8>); 5] = [
        ("a huge frame", vec![0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
        ("a negative length", vec![0xff; 8]),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        (
            "an unknown API",
            [&14_u32.to_be_bytes()[..], &header(9_999, 0, 7), &[0; 4]].concat(),
        ),
        (
            "a body cut short",
            [&12_u32.to_be_bytes()[..], &header(3, 8, 7), &[0, 0]].concat(),
        ),
    ];
    for (name, bytes) in cases {
        let before = broker.log().lines().count();
        let mut raw = Raw::connect(broker.port()).expect("a connection");
        raw.send(&bytes).expect("sent");
        assert!(raw.receive().is_err(), "{name} is hung up on");
        wait_until(Duration::from_secs(5), "the log tells of it", || {
            broker.log().lines().count() > before
        });
        std::thread::sleep(Duration::from_millis(50));
        let log = broker.log();
        let lines: Vec<_> = log.lines().skip(before).collect();
        assert_eq!(lines.len(), 1, "{name}: one line in the log: {lines:#?}");
        assert!(
            lines[0].contains(&raw.local_port().to_string()),
            "{name}: it names the peer: {}",
            lines[0]
        );
        kept.exchange(&header(18, 0, 1))
            .expect("another connection goes on");
    }
}

#[test]
fn half_a_request_harms_nobody() {
    let mut broker = Odradek::start();
    let mut halves: Vec<_> = (0..50)
        .map(|_| Raw::connect(broker.port()).expect("a connection"))
        .collect();
    for half in &mut halves {
        half.send(&[0, 1, 0, 0, 0, 3, 0, 9]).expect("sent");
    }
    is_well(broker.port());
    fill(broker.port(), 1);
    assert_eq!(
        broker.stop().code(),
        Some(0),
        "nor does it hold up the stop: {}",
        broker.log()
    );
}

#[test]
fn a_reader_that_does_not_read_takes_no_memory_and_no_time_of_others() {
    let broker = Odradek::start();
    fill(broker.port(), 8);
    let before = resident(&broker);
    let mut slow = Raw::connect(broker.port()).expect("a connection");
    for _ in 0..2_000 {
        // The broker stops to read from it, and then this would wait for ever: so these small ones must fit.
        slow.send_frame(&fetch_frame(0, 0)).expect("sent");
    }
    for _ in 0..20 {
        is_well(broker.port());
        std::thread::sleep(Duration::from_millis(20));
    }
    let grown = resident(&broker).saturating_sub(before);
    assert!(
        grown < 64 << 20,
        "2000 answers of 1 MB wait, and the broker grew by {} MiB",
        grown >> 20
    );
}

#[test]
fn an_idle_connection_is_closed() {
    let broker = Odradek::start_with(&["connections.max.idle.ms=1000"]);
    let mut idle = Raw::connect(broker.port()).expect("a connection");
    idle.exchange(&header(18, 0, 1)).expect("an answer");
    let started = Instant::now();
    assert!(idle.receive().is_err(), "it is hung up on");
    let waited = started.elapsed();
    assert!(
        (Duration::from_millis(800)..Duration::from_secs(5)).contains(&waited),
        "after {waited:?}"
    );
}

#[test]
fn one_address_has_so_many_connections_and_no_more() {
    let broker = Odradek::start_with(&["max.connections.per.ip=3"]);
    let mut taken: Vec<_> = (0..3)
        .map(|_| Raw::connect(broker.port()).expect("a connection"))
        .collect();
    for one in &mut taken {
        one.exchange(&header(18, 0, 1)).expect("an answer");
    }
    assert!(api_versions(broker.port()).is_err(), "the fourth is refused");
    taken.pop();
    wait_until(Duration::from_secs(5), "there is room again", || {
        api_versions(broker.port()).is_ok()
    });
}

#[test]
fn a_stop_answers_what_is_under_way() {
    let mut broker = Odradek::start();
    fill(broker.port(), 1);
    let mut waiting = Raw::connect(broker.port()).expect("a connection");
    waiting.send_frame(&fetch_frame(1, 20_000)).expect("sent");
    let mut writing = Raw::connect(broker.port()).expect("a connection");
    writing.send_frame(&produce(TOPIC, &[b'x'; 100])).expect("sent");
    assert!(writing.receive().is_ok(), "it is written, and the reader wakes");
    assert!(waiting.receive().is_ok(), "by what was written");
    waiting.send_frame(&fetch_frame(2, 20_000)).expect("sent");
    std::thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    assert_eq!(broker.stop().code(), Some(0));
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "it does not wait for the long poll's end"
    );
    assert!(
        waiting.receive().is_ok(),
        "the long poll is answered before the connection ends"
    );
}
