//! Random work, crashed again and again. After each crash the log is a prefix of what was written, with all that was
//! durable in it.

use super::model::{Model, append, check, open};
use super::{assert_no_panic, machine, run};
use runtime::sim::{PowerLoss, Sim};
use runtime::sync::Mutex;
use runtime::time::{Duration, WallMs, sleep};
use std::sync::Arc;

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
