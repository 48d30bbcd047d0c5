//! Clocks that drift, stand still and jump; sleeps that follow them.

use crate::{idle, on, run, two};
use runtime::time::{Duration, Monotonic, WallMs, sleep, sleep_until, timeout};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn each_node_drifts_on_its_own_and_sleeps_follow() {
    run(1, async |sim| {
        let (a, b) = two(&sim);
        sim.set_clock_drift(a, 100_000); // ten percent fast
        let start = sim.now();
        let measured = on(&sim, a, async {
            let start = Monotonic::now();
            sleep(11 * SECOND).await;
            start.elapsed()
        });
        assert!((11_000..11_002).contains(&measured.await.as_millis()));
        assert_eq!((sim.now() - start).as_secs(), 10);
        let start = sim.now();
        on(&sim, b, sleep(11 * SECOND)).await;
        assert_eq!((sim.now() - start).as_secs(), 11);
    });
}

#[test]
fn a_frozen_clock_holds_sleeps_and_never_goes_back() {
    run(2, async |sim| {
        let node = idle(&sim, 1);
        let sleeping = sim.spawn_on(node, async {
            let deadline = Monotonic::now() + 5 * SECOND;
            sleep_until(deadline).await;
        });
        let read = || on(&sim, node, async { Monotonic::now() });
        sim.sleep(SECOND).await;
        sim.set_clock_frozen(node, true);
        let frozen = read().await;
        sim.sleep(60 * SECOND).await;
        assert_eq!(read().await, frozen);
        assert!(!sleeping.is_finished());
        sim.set_clock_frozen(node, false);
        let start = sim.now();
        sleeping.await.unwrap();
        assert!((3_990..4_010).contains(&(sim.now() - start).as_millis()));
        assert!(read().await > frozen);
    });
}

#[test]
fn the_calendar_jumps_alone() {
    run(3, async |sim| {
        let (a, b) = two(&sim);
        let read = |node| on(&sim, node, async { (Monotonic::now(), WallMs::now()) });
        let (before, wall) = read(a).await;
        sim.jump_wall_clock(a, -3_600_000);
        let (after, jumped) = read(a).await;
        assert!(after.saturating_since(before) < SECOND);
        assert_eq!((jumped.0 - wall.0) / 1000, -3_600);
        assert_eq!((read(b).await.1.0 - wall.0) / 1000, 0);
        sim.set_wall_offset(a, 0);
        assert_eq!((sim.wall(a).0 - wall.0) / 1000, 0);
    });
}

#[test]
fn a_paused_nodes_timers_come_late() {
    run(4, async |sim| {
        let node = idle(&sim, 1);
        let sleeping = sim.spawn_on(node, async {
            let start = Monotonic::now();
            sleep(SECOND).await;
            start.elapsed()
        });
        sim.sleep(SECOND / 2).await;
        sim.pause(node);
        sim.sleep(30 * SECOND).await;
        sim.resume(node);
        assert_eq!(sleeping.await.unwrap().as_secs(), 30);
    });
}

#[test]
fn timeouts_and_dropped_sleeps() {
    run(5, async |sim| {
        assert!(timeout(SECOND, std::future::pending::<()>()).await.is_err());
        assert_eq!(timeout(SECOND, async { 7 }).await, Ok(7));
        for _ in 0..1000 {
            timeout(Duration::MAX, sleep(Duration::from_micros(10)))
                .await
                .unwrap();
        }
        assert!(sim.now() < 2 * SECOND);
        let start = sim.now();
        sleep(Duration::from_micros(300)).await;
        assert_eq!((sim.now() - start).as_micros(), 300);
    });
}
