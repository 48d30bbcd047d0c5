//! The scenarios against whichever broker `ODRADEK_TEST_BOOTSTRAP` names:
//! `ODRADEK_TEST_BOOTSTRAP=127.0.0.1:9092 cargo test -p client --test any_kafka -- --ignored`.
//! `tests/blackbox/native.rs` runs the same scenarios against brokers that it starts.

mod scenarios;

#[test]
#[ignore = "needs a broker that ODRADEK_TEST_BOOTSTRAP names; the black-box tests start their own"]
fn every_scenario() {
    let bootstrap = std::env::var("ODRADEK_TEST_BOOTSTRAP").expect("ODRADEK_TEST_BOOTSTRAP names a broker");
    runtime::process::main(scenarios::all(&bootstrap));
}
