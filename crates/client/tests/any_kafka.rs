//! The scenarios against whichever broker `ODRADEK_TEST_BOOTSTRAP` names:
//! `ODRADEK_TEST_BOOTSTRAP=127.0.0.1:9092 cargo test -p client --test any_kafka`. Without it there is nothing to ask.
//! The black-box tests run the same scenarios against brokers that they start.

mod scenarios;

#[test]
fn every_scenario() {
    let Ok(bootstrap) = std::env::var("ODRADEK_TEST_BOOTSTRAP") else {
        eprintln!("ODRADEK_TEST_BOOTSTRAP is not set: nothing is tested");
        return;
    };
    runtime::process::main(scenarios::all(&bootstrap));
}
