//! Disks that are full or fail: what is refused, what is fenced, what stays readable.

use super::model::{Model, append, check, open};
use super::{assert_no_panic, machine, run};
use runtime::sim::{DiskFault, Sim};
use runtime::sync::Mutex;
use runtime::time::Duration;
use std::sync::Arc;
use storage::{AppendError, StorageError};

/// Runs a test's steps on a machine, to their end.
fn on_machine<F>(seed: u64, steps: impl Fn(Sim) -> F + Send + Sync + Clone + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    run(seed, |sim| async move {
        let done = Arc::new(Mutex::new(false));
        let node = machine(&sim, std::future::pending);
        let (flag, inner) = (done.clone(), sim.clone());
        let task = sim.spawn_on(node, async move {
            steps(inner).await;
            *flag.lock() = true;
        });
        let _ = task.await;
        assert_no_panic(&sim);
        assert!(*done.lock(), "the steps ran to their end");
    });
}

fn node() -> runtime::sim::NodeId {
    runtime::sim::current_node().expect("on a machine")
}

#[test]
fn a_full_disk_refuses_the_append_and_goes_on_later() {
    for seed in 0..10 {
        on_machine(seed, |sim| async move {
            let (_data_dir, log, _) = open().await;
            let mut model = Model::default();
            for _ in 0..20 {
                append(&log, &mut model).expect("appends");
            }
            for _ in 0..5 {
                let before = (log.log_end_offset(), log.size_bytes());
                sim.fail_next(node(), DiskFault::NoSpace, ".log");
                let refused = append(&log, &mut model);
                assert!(matches!(refused, Err(AppendError::Full { .. })), "{refused:?}");
                assert_eq!((log.log_end_offset(), log.size_bytes()), before);
                assert_eq!(log.fenced(), None);
                check(&log, &model).await;
                append(&log, &mut model).expect("there is space again");
            }
            log.sync().await.expect("syncs");
            assert_eq!(log.durable_end(), log.log_end_offset());
        });
    }
}

#[test]
fn a_disk_that_stays_full_refuses_rolls_and_checkpoints_too() {
    on_machine(3, |sim| async move {
        let (data_dir, log, _) = open().await;
        let mut model = Model::default();
        for _ in 0..20 {
            append(&log, &mut model).expect("appends");
        }
        log.sync().await.expect("syncs");
        sim.set_disk_capacity(node(), sim.disk_used(node()));
        for _ in 0..30 {
            assert!(matches!(append(&log, &mut model), Err(AppendError::Full { .. })));
        }
        let _ = data_dir.checkpoint().await;
        assert_eq!(log.fenced(), None);
        sim.set_disk_capacity(node(), u64::MAX);
        for _ in 0..30 {
            append(&log, &mut model).expect("there is space again");
        }
        data_dir.checkpoint().await.expect("checkpoints");
        assert_eq!(log.recovery_point(), model.end);
        check(&log, &model).await;
    });
}

#[test]
fn other_errors_of_an_append_fence_the_log() {
    on_machine(4, |sim| async move {
        let (_data_dir, log, _) = open().await;
        let mut model = Model::default();
        for _ in 0..5 {
            append(&log, &mut model).expect("appends");
        }
        log.sync().await.expect("syncs");
        sim.fail_next(node(), DiskFault::WriteError, ".log");
        assert!(matches!(append(&log, &mut model), Err(AppendError::Fenced(_))));
        assert!(
            matches!(append(&log, &mut model), Err(AppendError::Fenced(_))),
            "for good"
        );
        assert!(log.fenced().is_some());
        check(&log, &model).await;
        assert_eq!(log.durable_end(), model.end);
    });
}

#[test]
fn a_failed_sync_fences_the_log_and_tells_every_waiter() {
    for fault in [DiskFault::SyncError, DiskFault::SyncNoSpace] {
        on_machine(5, move |sim| async move {
            let (data_dir, log, _) = open().await;
            let mut model = Model::default();
            append(&log, &mut model).expect("appends");
            let durable = log.sync().await.expect("syncs");
            append(&log, &mut model).expect("appends");
            sim.fail_next(node(), fault, ".log");
            let (one, other) = runtime::join!(log.sync(), log.sync());
            assert!(matches!(one, Err(StorageError::Fenced(_))), "{one:?}");
            assert!(matches!(other, Err(StorageError::Fenced(_))), "{other:?}");
            assert_eq!(log.durable_end(), durable);
            assert!(log.subscribe_durable().borrow().fenced);
            assert!(matches!(append(&log, &mut model), Err(AppendError::Fenced(_))));
            assert!(
                matches!(log.sync().await, Err(StorageError::Fenced(_))),
                "never tried again"
            );
            assert!(
                !data_dir.shutdown(1).await.expect("stops"),
                "no mark of a clean shutdown"
            );
        });
    }
}

/// The pages that a failed sync dropped look written until the power goes: recovery must not call them durable as they are.
#[test]
fn what_a_failed_sync_dropped_is_written_again_by_recovery() {
    for seed in 0..20 {
        run(seed, |sim| async move {
            let model = Arc::new(Mutex::new(Model::default()));
            let program = {
                let model = model.clone();
                move || {
                    let model = model.clone();
                    async move {
                        let (_data_dir, log, report) = open().await;
                        model.lock().recovered(&log, &report);
                        let seen = model.lock().clone();
                        check(&log, &seen).await;
                        loop {
                            let _ = append(&log, &mut model.lock());
                            runtime::time::sleep(Duration::from_millis(1)).await;
                            if let Ok(end) = log.sync().await {
                                let mut model = model.lock();
                                model.durable = i64::max(model.durable, end);
                            }
                        }
                    }
                }
            };
            let node = machine(&sim, program);
            for _ in 0..5 {
                sim.sleep(Duration::from_millis(30)).await;
                sim.fail_next(node, DiskFault::SyncError, ".log");
                sim.sleep(Duration::from_millis(20)).await;
                sim.heal_disk(node);
                sim.kill(node);
                sim.restart(node);
                sim.sleep(Duration::from_millis(30)).await;
                sim.power_loss(node);
                sim.restart(node);
            }
            sim.sleep(Duration::from_millis(100)).await;
            assert_no_panic(&sim);
        });
    }
}
