//! Clocks, tasks, entropy, the process.

use crate::run;
use runtime::time::{Duration, Elapsed, Monotonic, WallMs, sleep, sleep_until, timeout};
use runtime::{process, rng, task};

#[test]
fn clocks_and_timers() {
    run(async {
        let (before, wall) = (Monotonic::now(), WallMs::now());
        sleep(Duration::from_millis(20)).await;
        sleep_until(before + Duration::from_millis(30)).await;
        assert!(before.elapsed() >= Duration::from_millis(30));
        assert!(WallMs::now().0 - wall.0 >= 25);
        assert_eq!(before.saturating_since(Monotonic::now()), Duration::ZERO);
        assert_eq!(
            timeout(Duration::from_millis(5), std::future::pending::<()>()).await,
            Err(Elapsed)
        );
        assert_eq!(timeout(Duration::MAX, async { 7 }).await, Ok(7));
        assert!(Monotonic::now() + Duration::MAX > Monotonic::now());
    });
}

#[test]
fn tasks_join_abort_and_panic() {
    run(async {
        assert_eq!(task::spawn(async { 1 }).await.unwrap(), 1);
        assert_eq!(task::blocking(|| 2).await, 2);
        let waiting = task::spawn(std::future::pending::<()>());
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert!(
            task::spawn(async { panic!("on purpose") })
                .await
                .unwrap_err()
                .is_panic()
        );
        task::yield_now().await;
    });
}

#[test]
fn numbers_below() {
    let mut seen = [0; 5];
    (0..500).for_each(|_| seen[rng::below(5) as usize] += 1);
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
    assert_ne!(rng::u64(), rng::u64());
}

#[test]
fn the_limit_of_open_files_rises() {
    assert!(process::raise_open_files() >= 1024);
}

#[test]
fn nothing_of_the_simulator_is_on() {
    assert!(!runtime::mutant::planted(runtime::mutant::Mutant::SkipCrc));
    assert!(!runtime::buggify::chance("anywhere"));
    runtime::trace!("{} is nowhere", "this");
    for mutant in runtime::mutant::Mutant::ALL {
        assert_eq!(runtime::mutant::Mutant::from_name(mutant.name()), Some(mutant));
    }
}
