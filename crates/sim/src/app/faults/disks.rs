//! Faults of a broker's disk.
//!
//! Errors and damage meet the files of topic partitions. The metadata log is spared: a single voter has no second copy
//! of it, so all that could be said of the rest of such a run is that the broker is down.

use super::Strike;
use runtime::sim::DiskFault;

/// Planned topics' folders have this in their paths.
const TOPICS: &str = "/topic-";
const CERTAIN: f64 = 1.0;

pub async fn write_error(strike: Strike, per_mille: u64) -> Option<String> {
    error(strike, DiskFault::WriteError, per_mille).await
}

pub async fn read_error(strike: Strike, per_mille: u64) -> Option<String> {
    error(strike, DiskFault::ReadError, per_mille).await
}

pub async fn sync_failure(strike: Strike, per_mille: u64) -> Option<String> {
    error(strike, DiskFault::SyncError, per_mille).await
}

async fn error(strike: Strike, fault: DiskFault, per_mille: u64) -> Option<String> {
    let Strike {
        cluster,
        broker,
        length,
        ..
    } = strike;
    let node = cluster.broker(broker);
    let before = cluster.sim.disk_errors(node).len();
    cluster.sim.set_disk_fault_paths(node, Some(TOPICS));
    cluster.sim.set_disk_fault(node, fault, per_mille as f64 / 1000.0);
    cluster.sim.sleep(length).await;
    cluster.sim.set_disk_fault(node, fault, 0.0);
    Some(format!(
        "{} errors were given out",
        cluster.sim.disk_errors(node).len() - before
    ))
}

/// The disk is full: nothing can grow. With `on_sync`, only what is written turns out not to fit.
pub async fn no_space(strike: Strike, on_sync: bool) -> Option<String> {
    let Strike {
        cluster,
        broker,
        length,
        ..
    } = strike;
    let node = cluster.broker(broker);
    cluster.sim.set_disk_fault_paths(node, Some(TOPICS));
    let fault = if on_sync {
        DiskFault::SyncNoSpace
    } else {
        DiskFault::NoSpace
    };
    cluster.sim.set_disk_fault(node, fault, CERTAIN);
    cluster.sim.sleep(length).await;
    cluster.sim.set_disk_fault(node, fault, 0.0);
    Some(if on_sync {
        "found by fsync".to_owned()
    } else {
        "found by write".to_owned()
    })
}

/// Sectors of one file of a partition decay: mostly of a log, sometimes of what is made from it.
pub async fn bit_rot(mut strike: Strike, sectors: u32) -> Option<String> {
    let node = strike.cluster.broker(strike.broker);
    let wanted = match strike.dice.below(10) {
        0 => ".index",
        1 => ".timeindex",
        2 => ".snapshot",
        _ => ".log",
    };
    let files = strike.cluster.sim.files(node);
    let fitting: Vec<&(String, u64)> = files
        .iter()
        .filter(|(path, len)| path.contains(TOPICS) && path.ends_with(wanted) && *len > 0)
        .collect();
    if fitting.is_empty() {
        return None;
    }
    let (path, len) = strike.dice.pick(&fitting).clone();
    let mut rotted = 0;
    for _ in 0..sectors.min(4) {
        let at = strike.dice.below(len);
        rotted += u32::from(strike.cluster.sim.rot_at(node, &path, at).is_some());
    }
    strike.cluster.sim.sleep(strike.length).await;
    (rotted > 0).then(|| format!("{rotted} sectors of {path}"))
}

pub async fn misdirected_write(strike: Strike) -> Option<String> {
    let Strike {
        cluster,
        broker,
        length,
        ..
    } = strike;
    let node = cluster.broker(broker);
    let before = cluster.sim.damages(node).len();
    cluster.sim.set_disk_fault_paths(node, Some(TOPICS));
    cluster.sim.fail_next(node, DiskFault::MisdirectedWrite, TOPICS);
    cluster.sim.sleep(length).await;
    let damages = cluster.sim.damages(node);
    damages.get(before).map(|damage| format!("over {}", damage.path))
}

pub async fn slow(strike: Strike, factor: u64) -> Option<String> {
    let Strike {
        cluster,
        broker,
        length,
        ..
    } = strike;
    cluster.set_disk_speed(broker, factor);
    cluster.sim.sleep(length).await;
    cluster.set_disk_speed(broker, 1);
    Some(format!("{factor} times slower"))
}
