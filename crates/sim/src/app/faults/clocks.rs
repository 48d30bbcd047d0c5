//! Faults of a broker's clocks.

use super::Strike;

/// The calendar jumps and stays there until the heal.
pub async fn step(strike: Strike, ms: i64) -> Option<String> {
    let node = strike.cluster.broker(strike.broker);
    strike.cluster.sim.jump_wall_clock(node, ms);
    Some(format!("by {ms} ms"))
}

pub async fn drift(strike: Strike, ppm: i64) -> Option<String> {
    let node = strike.cluster.broker(strike.broker);
    strike
        .cluster
        .sim
        .set_clock_drift(node, ppm.clamp(-900_000, 900_000) as i32);
    strike.cluster.sim.sleep(strike.length).await;
    strike.cluster.sim.set_clock_drift(node, 0);
    Some(format!("{ppm} ppm"))
}
