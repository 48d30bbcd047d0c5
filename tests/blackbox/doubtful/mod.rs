//! Requests that are wrong, or odd, in one way each, asked of our broker and of Apache Kafka by the same program.
//! Both must answer the same: the same error codes, the same numbers, or the same hanging up.
//!
//! Where the two differ on purpose, the case stands in [`DIFFERENCES`] with the reason.

mod handshake;
mod producing;
mod reading;
mod topics;
mod world;

use crate::support::kafka::ApacheKafka;
use crate::support::odradek::Odradek;
use world::World;

/// A name, and what a broker answers, in words.
type Case = (&'static str, fn(&World) -> String);

/// `(case, why)`: what ours answers differently, knowing why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("null records", "Apache Kafka never answers; ours refuses at once"),
    (
        "a batch and some bytes",
        "Apache Kafka cuts the rest off without a word; ours refuses what is not one batch",
    ),
    (
        "an unknown codec",
        "Apache Kafka answers UNKNOWN_SERVER_ERROR; ours names the cause",
    ),
    (
        "a codec that does not fit the bytes",
        "Apache Kafka answers UNKNOWN_SERVER_ERROR; ours names the cause",
    ),
    (
        "Fetch from an id of zeros",
        "Apache Kafka answers UNKNOWN_SERVER_ERROR; ours names the cause",
    ),
    (
        "AlterConfigs: an unknown operation",
        "Apache Kafka answers UNKNOWN_SERVER_ERROR; ours names the cause",
    ),
];

#[test]
fn both_brokers_answer_doubtful_requests_alike() {
    let ours = Odradek::start();
    let kafka = ApacheKafka::start();
    let port = kafka
        .bootstrap()
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .expect("host:port");
    let (ours, theirs) = (World::prepare(ours.port()), World::prepare(port));
    let mut differences = Vec::new();
    let mut count = 0;
    for (name, case) in all() {
        let (answer, oracle) = (case(&ours), case(&theirs));
        let is_known = DIFFERENCES.iter().any(|(known, _)| *known == name);
        if (answer == oracle) == is_known {
            let note = if is_known {
                "is listed as different, but is not"
            } else {
                "differs"
            };
            differences.push(format!(
                "{name} {note}\n    ours:         {answer}\n    Apache Kafka: {oracle}"
            ));
        }
        if std::env::var_os("ODRADEK_SHOW").is_some() {
            println!("{name}: {oracle}");
        }
        count += 1;
    }
    assert!(
        differences.is_empty(),
        "{} of {count} answers differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

fn all() -> impl Iterator<Item = Case> {
    [handshake::CASES, producing::CASES, reading::CASES, topics::CASES]
        .into_iter()
        .flatten()
        .copied()
}
