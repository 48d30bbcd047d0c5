//! Random work, crashed again and again. After each crash the log is a prefix of what was written, with all that was
//! durable in it.

use super::model::{Model, adopt_refused, append, check, open, try_open};
use super::{assert_no_panic, machine, run};
use runtime::sim::{DiskFault, PowerLoss, Sim};
use runtime::sync::Mutex;
use runtime::time::{Duration, WallMs, sleep};
use std::sync::Arc;
use storage::AppendError;

const CRASHES: usize = 12;

/// One life of the process: open, check, work until the end comes.
async fn live(model: Arc<Mutex<Model>>) {
    let (data_dir, log, report) = open().await;
    model.lock().recovered(&log, &report);
    let seen = model.lock().clone();
    check(&log, &seen).await;
    let epoch = seen.leader_epoch + 1;
    model.lock().leader_epoch = epoch;
    log.assign_epoch(epoch).await.expect("epochs are written");
    loop {
        match runtime::rng::below(30) {
            0 => data_dir.checkpoint().await.expect("checkpoints"),
            1 => {
                let now = WallMs::now();
                let end = log.durable_end();
                model.lock().start_pending = end;
                let report = log.apply_retention(now, end).await.expect("retains");
                model.lock().start = report.log_start_offset;
            }
            2 => {
                let (to, end) = {
                    let mut model = model.lock();
                    let to = model.start + runtime::rng::below(4) as i64;
                    model.start_pending = to;
                    (to, log.durable_end())
                };
                let start = log
                    .raise_log_start_offset(i64::min(to, end))
                    .await
                    .expect("raises");
                model.lock().start = start;
            }
            3 => {
                let to = {
                    let mut model = model.lock();
                    let back = runtime::rng::below(20) as i64;
                    let to = model.batch_start(model.end - back);
                    let to = if to < model.start { model.end } else { to };
                    model.durable = i64::min(model.durable, to);
                    to
                };
                log.truncate_to(to).await.expect("truncates");
                model.lock().truncated(to, &log);
            }
            4..=7 => {
                let end = log.sync().await.expect("syncs");
                let mut model = model.lock();
                model.durable = i64::max(model.durable, end);
            }
            8..=12 => sleep(Duration::from_micros(runtime::rng::below(3000))).await,
            _ => {
                append(&log, &mut model.lock()).expect("appends");
            }
        }
    }
}

async fn torture(sim: Sim, keep: Option<f64>) -> Arc<Mutex<Model>> {
    let model = Arc::new(Mutex::new(Model::default()));
    let program = {
        let model = model.clone();
        move || live(model.clone())
    };
    let node = machine(&sim, program);
    sim.set_power_loss(node, PowerLoss { keep, torn: 0.2 });
    for crash in 0..CRASHES {
        // every third life is short: it ends while it recovers
        let life = match crash % 3 {
            2 => Duration::from_micros(runtime::rng::below(4000)),
            _ => Duration::from_millis(20 + runtime::rng::below(150)),
        };
        sim.sleep(life).await;
        assert_no_panic(&sim);
        match runtime::rng::below(4) {
            0 => sim.kill(node),
            _ => sim.power_loss(node),
        }
        sim.restart(node);
    }
    sim.sleep(Duration::from_millis(300)).await;
    assert_no_panic(&sim);
    model
}

#[test]
fn recovery_yields_a_prefix_with_all_that_was_durable() {
    let (mut opened, mut cut, mut scanned) = (0, 0, 0);
    for seed in 0..40 {
        let keep = match seed % 3 {
            0 => None,
            1 => Some(0.5),
            _ => Some(0.9),
        };
        let model = run(seed, |sim| torture(sim, keep));
        let model = model.lock();
        opened += model.opened;
        cut += model.cut;
        scanned += model.scanned;
        println!(
            "seed {seed}: {} opened, {} cut, {} scanned",
            model.opened, model.cut, model.scanned
        );
    }
    assert!(
        opened > 300 && cut > 10_000 && scanned > 100_000,
        "{opened} opened, {cut} cut, {scanned} scanned"
    );
}

/// One life on a disk that fails now and then: it ends when the log is fenced or cannot be opened.
async fn live_on_bad_disk(model: Arc<Mutex<Model>>) {
    let Some((data_dir, log, report)) = try_open().await else {
        return;
    };
    let mut seen = model.lock().clone();
    adopt_refused(&log, &mut seen).await;
    seen.recovered(&log, &report);
    seen.leader_epoch += 1;
    *model.lock() = seen;
    let epoch = model.lock().leader_epoch;
    if log.assign_epoch(epoch).await.is_err() {
        return;
    }
    while log.fenced().is_none() {
        match runtime::rng::below(30) {
            0 => drop(data_dir.checkpoint().await),
            1 => {
                let end = log.durable_end();
                model.lock().start_pending = end;
                drop(log.apply_retention(WallMs::now(), end).await);
                model.lock().start = log.log_start_offset();
            }
            2..=7 => {
                if let Ok(end) = log.sync().await {
                    let mut model = model.lock();
                    model.durable = i64::max(model.durable, end);
                }
            }
            8..=12 => sleep(Duration::from_micros(runtime::rng::below(3000))).await,
            _ => match append(&log, &mut model.lock()) {
                Ok(_) | Err(AppendError::Full { .. } | AppendError::Fenced(_)) => {}
                Err(error) => panic!("{error}"),
            },
        }
    }
}

async fn torture_bad_disk(sim: Sim) -> Arc<Mutex<Model>> {
    let model = Arc::new(Mutex::new(Model::default()));
    let program = {
        let model = model.clone();
        move || live_on_bad_disk(model.clone())
    };
    let node = machine(&sim, program);
    for _ in 0..CRASHES {
        sim.sleep(Duration::from_millis(5)).await;
        for (fault, probability) in [
            (DiskFault::NoSpace, 0.02),
            (DiskFault::WriteError, 0.002),
            (DiskFault::SyncError, 0.01),
            (DiskFault::SyncNoSpace, 0.005),
            (DiskFault::MetadataError, 0.005),
        ] {
            sim.set_disk_fault(node, fault, probability);
        }
        sim.sleep(Duration::from_millis(20 + runtime::rng::below(100)))
            .await;
        assert_no_panic(&sim);
        sim.heal_disk(node);
        match runtime::rng::below(3) {
            0 => sim.kill(node),
            _ => sim.power_loss(node),
        }
        sim.restart(node);
    }
    sim.sleep(Duration::from_millis(300)).await;
    assert_no_panic(&sim);
    model
}

#[test]
fn a_failing_disk_takes_nothing_that_was_durable() {
    let mut opened = 0;
    for seed in 0..30 {
        opened += run(seed, torture_bad_disk).lock().opened;
    }
    assert!(opened > 200, "{opened} opened");
}
