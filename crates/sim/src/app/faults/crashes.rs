//! Faults that end, stop or start a broker's process.

use super::Strike;
use crate::app::history::Stop;
use std::time::Duration;

pub async fn power_loss(strike: Strike) -> Option<String> {
    crash(strike, Stop::PowerLoss).await
}

pub async fn kill(strike: Strike) -> Option<String> {
    crash(strike, Stop::Kill).await
}

async fn crash(strike: Strike, how: Stop) -> Option<String> {
    let Strike {
        cluster,
        broker,
        length,
        ..
    } = strike;
    let _lifecycle = cluster.lifecycle(broker).lock().await;
    cluster.end(broker, how);
    cluster.sim.sleep(length).await;
    cluster.start(broker);
    Some(format!("down for {} ms", length.as_millis()))
}

/// Power is lost; then again, each time a little after the start, while logs are being recovered.
pub async fn crash_in_recovery(mut strike: Strike, times: u32, within_us: u64) -> Option<String> {
    let cluster = strike.cluster.clone();
    let broker = strike.broker;
    let _lifecycle = cluster.lifecycle(broker).lock().await;
    cluster.end(broker, Stop::PowerLoss);
    cluster.sim.sleep(strike.length).await;
    let mut in_recovery = 0;
    for _ in 0..times {
        cluster.start(broker);
        cluster
            .sim
            .sleep(Duration::from_micros(strike.dice.between(0, within_us)))
            .await;
        in_recovery += u32::from(!cluster.is_serving(broker));
        cluster.end(broker, Stop::PowerLoss);
    }
    cluster.start(broker);
    Some(format!("{in_recovery} of {times} more losses hit recovery"))
}

pub async fn clean_restart(strike: Strike) -> Option<String> {
    let Strike {
        cluster,
        broker,
        length,
        ..
    } = strike;
    let _lifecycle = cluster.lifecycle(broker).lock().await;
    if !cluster.is_serving(broker) {
        return None;
    }
    let clean = cluster.stop(broker).await;
    cluster.sim.sleep(length).await;
    cluster.start(broker);
    Some(if clean {
        "stopped cleanly".to_owned()
    } else {
        "had to be killed".to_owned()
    })
}

pub async fn pause(strike: Strike) -> Option<String> {
    let Strike {
        cluster,
        broker,
        length,
        ..
    } = strike;
    let _lifecycle = cluster.lifecycle(broker).lock().await;
    let node = cluster.broker(broker);
    if !cluster.sim.is_running(node) {
        return None;
    }
    cluster.sim.pause(node);
    cluster.sim.sleep(length).await;
    cluster.sim.resume(node);
    Some(format!("stood still for {} ms", length.as_millis()))
}
