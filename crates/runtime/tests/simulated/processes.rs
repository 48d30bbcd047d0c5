//! Processes that end, start again, panic; the switches of a run.

use crate::{idle, on, run};
use parking_lot::Mutex;
use runtime::mutant::{Mutant, planted};
use runtime::sim::{Lifecycle, NodeId, Run, RunOptions};
use runtime::time::{Duration, sleep};
use runtime::{buggify, process, rng, task};
use std::net::IpAddr;
use std::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);
const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

#[test]
fn a_node_is_its_init_again_at_every_start() {
    run(1, async |sim| {
        let starts = Arc::new(Mutex::new(Vec::new()));
        let log = starts.clone();
        let node = sim.add_node("broker-1", IP, move || {
            let log = log.clone();
            async move {
                log.lock()
                    .push((runtime::sim::current_node(), runtime::sim::current_node_name()));
                sleep(10 * SECOND).await;
            }
        });
        sim.sleep(SECOND).await;
        assert_eq!(sim.lifecycle(node), Lifecycle::Running);
        sim.kill(node);
        assert_eq!(sim.lifecycle(node), Lifecycle::Killed);
        sim.restart(node);
        sim.power_loss(node);
        assert_eq!(sim.lifecycle(node), Lifecycle::PoweredOff);
        sim.sleep(20 * SECOND).await;
        sim.restart(node);
        assert_eq!(sim.wait_exit(node).await, Lifecycle::Exited);
        assert_eq!(
            starts.lock()[..],
            [
                (Some(node), Some("broker-1".to_string())),
                (Some(node), Some("broker-1".to_string()))
            ]
        );
        assert_eq!(runtime::sim::current_node(), Some(NodeId::HARNESS));
        assert_eq!(sim.nodes(), [node]);
    });
}

#[test]
fn tasks_of_an_ended_process_never_run_again() {
    run(2, async |sim| {
        let ticks = Arc::new(Mutex::new(0));
        let counter = ticks.clone();
        let node = sim.add_node("n", IP, move || {
            let counter = counter.clone();
            async move {
                task::spawn(async move {
                    loop {
                        sleep(SECOND).await;
                        *counter.lock() += 1;
                    }
                });
                sleep(SECOND * 7 / 2).await;
            }
        });
        sim.sleep(60 * SECOND).await;
        assert_eq!(*ticks.lock(), 3);
        sim.restart(node);
        sim.sleep(SECOND * 5 / 2).await;
        sim.kill(node);
        sim.sleep(60 * SECOND).await;
        assert_eq!(*ticks.lock(), 5);
    });
}

#[test]
fn a_stop_is_a_request_that_may_be_ignored() {
    run(3, async |sim| {
        let polite = sim.add_node("polite", IP, || async {
            process::shutdown_signal().await;
            sleep(SECOND).await;
        });
        let deaf = idle(&sim, 2);
        sim.sleep(SECOND).await;
        assert!(sim.stop(polite, 10 * SECOND).await);
        assert_eq!(sim.lifecycle(polite), Lifecycle::Exited);
        sim.restart(polite);
        sim.sleep(SECOND * 5).await;
        assert!(sim.is_running(polite), "the request was for the process before");
        assert!(!sim.stop(deaf, SECOND).await);
        assert!(sim.is_running(deaf));
    });
}

#[test]
fn a_nodes_panic_is_noted_and_the_harness_goes_on() {
    run(4, async |sim| {
        let node = idle(&sim, 1);
        let joined = sim.spawn_on(node, async {
            sleep(SECOND).await;
            panic!("offset {} is wrong", 7)
        });
        sim.panicked().await;
        assert!(joined.await.unwrap_err().is_panic());
        let panics = sim.panics();
        assert_eq!(panics.len(), 1);
        assert_eq!(
            (panics[0].node, &*panics[0].name, &*panics[0].message),
            (node, "n1", "offset 7 is wrong")
        );
        assert_eq!(panics[0].at.as_secs(), 1);
        assert!(
            panics[0].location.contains("processes.rs"),
            "{}",
            panics[0].location
        );
        let root = sim.add_node("root", "10.0.0.9".parse().unwrap(), || async {
            panic!("at the root")
        });
        assert_eq!(sim.wait_exit(root).await, Lifecycle::Exited);
        assert_eq!(sim.panics().len(), 2);
    });
}

#[test]
#[should_panic(expected = "the harness's own")]
fn the_harnesss_panic_is_not_caught() {
    run(5, async |_| panic!("the harness's own"));
}

#[test]
fn entropy_is_the_nodes_own_and_the_seeds() {
    let draw = |seed, number| {
        run(seed, async move |sim| {
            let mut node = idle(&sim, 1);
            for more in 2..=number {
                node = idle(&sim, more);
            }
            on(&sim, node, async { (rng::u64(), rng::below(1000)) }).await
        })
    };
    assert_eq!(draw(1, 1), draw(1, 1));
    assert_ne!(draw(1, 1), draw(2, 1));
    assert_ne!(draw(1, 1), draw(1, 2));
}

#[test]
fn one_mutant_is_planted_or_none() {
    let options = RunOptions {
        mutant: Some(Mutant::SkipCrc),
        ..RunOptions::default()
    };
    Run::new(options).block_on(async |sim| {
        let node = idle(&sim, 1);
        assert_eq!(
            on(&sim, node, async {
                (planted(Mutant::SkipCrc), planted(Mutant::DedupOneBatch))
            })
            .await,
            (true, false)
        );
    });
    run(1, async |_| assert!(!planted(Mutant::SkipCrc)));
    assert!(!planted(Mutant::SkipCrc));
}

#[test]
fn buggify_is_active_in_a_quarter_of_runs_and_fires_a_quarter_of_the_time() {
    let fired = |seed, on: bool| {
        let options = RunOptions {
            seed,
            buggify: true,
            ..RunOptions::default()
        };
        Run::new(options).block_on(async |sim| {
            sim.set_faults_on(on);
            (0..400).filter(|_| buggify::chance("here")).count()
        })
    };
    let counts: Vec<_> = (0..100).map(|seed| fired(seed, true)).collect();
    let active: Vec<_> = counts.iter().filter(|count| **count > 0).collect();
    assert!((12..40).contains(&active.len()), "{}", active.len());
    assert!(
        active.iter().all(|count| (60..140).contains(*count)),
        "{active:?}"
    );
    assert!((0..20).all(|seed| fired(seed, false) == 0));
    assert!(
        run(1, async |_| (0..100).all(|_| !buggify::chance("here"))),
        "off unless asked for"
    );
}

#[test]
fn blocking_work_runs_at_once_and_aborted_tasks_say_so() {
    run(6, async |sim| {
        let node = idle(&sim, 1);
        assert_eq!(on(&sim, node, task::blocking(|| 2)).await, 2);
        let waiting = sim.spawn_on(node, std::future::pending::<()>());
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert_eq!(process::raise_open_files(), 65_536);
    });
}

#[test]
fn a_program_of_one_node_runs_in_a_world_of_its_own() {
    assert_eq!(
        process::main(async {
            sleep(SECOND).await;
            3
        }),
        3
    );
}
