//! A data folder that our broker filled is taken by Apache Kafka, which writes to it, and taken back by ours.

use crate::native;
use crate::support::kafka::{ApacheKafka, Ports};
use crate::support::odradek::Odradek;
use serde_json::{Value, json};

#[test]
fn a_data_folder_moves_to_apache_kafka_and_back() {
    let ports = Ports::free();
    let listeners = format!(
        "listeners=PLAINTEXT://127.0.0.1:{},CONTROLLER://127.0.0.1:{}",
        ports.broker, ports.controller
    );
    let mut ours = Odradek::start_with(&[&listeners, "controller.listener.names=CONTROLLER"]);
    native::write(&ours.bootstrap(), "by-ours", &rows("ours"));
    let wrote = read(&ours.bootstrap(), &["by-ours"]);
    assert_eq!(wrote.lines().count(), 5 * 20);
    assert_eq!(ours.stop().code(), Some(0), "{}", ours.log());

    let mut kafka = ApacheKafka::start_on_data(ours.data(), ports);
    assert_eq!(
        read(&kafka.bootstrap(), &["by-ours"]),
        wrote,
        "Apache Kafka reads what ours wrote"
    );
    native::write(&kafka.bootstrap(), "by-kafka", &rows("kafka"));
    let both = read(&kafka.bootstrap(), &["by-ours", "by-kafka"]);
    kafka.stop();

    ours.restart();
    assert_eq!(
        read(&ours.bootstrap(), &["by-ours", "by-kafka"]),
        both,
        "and ours what both wrote"
    );
    native::write(&ours.bootstrap(), "by-ours-again", &rows("again"));
    assert_eq!(ours.stop().code(), Some(0), "{}", ours.log());
}

fn read(bootstrap: &str, topics: &[&str]) -> String {
    native::read(
        bootstrap,
        &topics.iter().map(|topic| topic.to_string()).collect::<Vec<_>>(),
    )
}

fn rows(name: &str) -> Vec<Value> {
    let row = |number: i64| {
        json!({"key": format!("key {number}"), "value": format!("{name} {number}"),
               "timestamp": 1_700_000_000_000 + number, "headers": [["from", name]]})
    };
    (0..20).map(row).collect()
}
