//! What survives: syncs, crashes, folders, kills, clean stops; room and time.

use crate::{idle, on, run};
use runtime::disk::{self, File, OpenOptions};
use runtime::io::{ErrorKind, IoSlice};
use runtime::sim::{DiskSpeed, NodeId, Sim};
use runtime::time::{Duration, Monotonic};
use std::collections::BTreeSet;

const SECTOR: usize = 512;

/// Opens a file whose folder entry is durable.
pub async fn durable_file(path: &'static str) -> File {
    let file = File::open(path, OpenOptions::create()).await.unwrap();
    disk::sync_dir("/").await.unwrap();
    file
}

/// Crashes the machine and starts it again.
pub fn crash(sim: &Sim, node: NodeId) {
    sim.power_loss(node);
    sim.restart(node);
}

pub async fn content(sim: &Sim, node: NodeId, path: &'static str) -> Vec<u8> {
    on(sim, node, async move { disk::read(path).await.unwrap().to_vec() }).await
}

#[test]
fn files_and_folders_work_as_the_real_ones_do() {
    run(1, async |sim| {
        let node = idle(&sim, 1);
        on(&sim, node, async {
            disk::create_dir_all("/data/t-0").await.unwrap();
            let file = File::open("/data/t-0/log", OpenOptions::create_new())
                .await
                .unwrap();
            file.write_vectored_at(&[IoSlice::new(b"hello "), IoSlice::new(b"world")], 0)
                .unwrap();
            assert_eq!(&file.read_bytes(6, 100).await.unwrap()[..], b"world");
            file.set_len(5).unwrap();
            assert_eq!(file.len().unwrap(), 5);
            let kind = |result: std::io::Result<File>| result.err().map(|error| error.kind());
            assert_eq!(
                kind(File::open("/data/t-0/log", OpenOptions::create_new()).await),
                Some(ErrorKind::AlreadyExists)
            );
            assert_eq!(
                kind(File::open("/none", OpenOptions::write()).await),
                Some(ErrorKind::NotFound)
            );
            assert_eq!(
                kind(File::open("/no/folder", OpenOptions::create()).await),
                Some(ErrorKind::NotFound)
            );
            assert_eq!(
                kind(File::open("/data", OpenOptions::read()).await),
                Some(ErrorKind::IsADirectory)
            );
            let read_only = File::open("/data/t-0/log", OpenOptions::read()).await.unwrap();
            assert!(read_only.write_at(b"x", 0).is_err());
            disk::write_atomic("/data/checkpoint", b"v1").await.unwrap();
            disk::rename("/data/t-0", "/data/t-1").await.unwrap();
            let names: Vec<_> = disk::read_dir("/data")
                .await
                .unwrap()
                .into_iter()
                .map(|e| (e.name, e.is_dir, e.len))
                .collect();
            assert_eq!(names, [("checkpoint".into(), false, 2), ("t-1".into(), true, 0)]);
            assert_eq!(&disk::read("/data/t-1/log").await.unwrap()[..], b"hello");
            disk::remove_dir_all("/data/t-1").await.unwrap();
            assert!(!disk::exists("/data/t-1/log").await.unwrap());
            assert_eq!(file.len().unwrap(), 5, "an open file outlives its name");
            assert_eq!(disk::metadata("/data/checkpoint").await.unwrap().len, 2);
            disk::remove_file("/data/checkpoint").await.unwrap();
            assert_eq!(
                disk::remove_file("/data/checkpoint").await.unwrap_err().kind(),
                ErrorKind::NotFound
            );
        })
        .await;
        assert_eq!(sim.files(node), []);
    });
}

#[test]
fn what_was_synced_survives_and_each_unsynced_sector_is_kept_lost_or_torn() {
    let (mut kept, mut lost, mut torn, mut lengths) = (0, 0, 0, BTreeSet::new());
    for seed in 0..60 {
        run(seed, async |sim| {
            let node = idle(&sim, 1);
            on(&sim, node, async {
                let file = durable_file("/log").await;
                file.write_at(&[1; 10 * SECTOR + 100], 0).unwrap();
                file.sync_data().await.unwrap();
                file.write_at(&[2; 10 * SECTOR], 10 * SECTOR as u64 + 100)
                    .unwrap();
            })
            .await;
            crash(&sim, node);
            let after = content(&sim, node, "/log").await;
            assert!(
                after[..10 * SECTOR + 100].iter().all(|byte| *byte == 1),
                "seed {seed}: synced bytes are gone"
            );
            assert!(
                after[10 * SECTOR + 100..]
                    .iter()
                    .all(|byte| matches!(byte, 0 | 2)),
                "seed {seed}"
            );
            lengths.insert(after.len());
            let statistics = sim.disk_statistics(node);
            kept += statistics.sectors_kept;
            lost += statistics.sectors_lost;
            torn += statistics.sectors_torn;
        });
    }
    assert!(
        kept > 50 && lost > 50 && torn > 20,
        "kept {kept} lost {lost} torn {torn}"
    );
    assert!(lengths.len() > 5, "{lengths:?}");
}

#[test]
fn a_sync_covers_what_was_written_before_it_began() {
    let mut lost_the_late_write = false;
    for seed in 0..40 {
        run(seed, async |sim| {
            let node = idle(&sim, 1);
            on(&sim, node, async {
                let file = durable_file("/log").await;
                file.write_at(&[1; SECTOR], 0).unwrap();
                let (synced, ()) = runtime::join!(file.sync_data(), async {
                    runtime::time::sleep(Duration::from_micros(50)).await;
                    file.write_at(&[2; 2 * SECTOR], 0).unwrap();
                });
                synced.unwrap();
            })
            .await;
            crash(&sim, node);
            let after = content(&sim, node, "/log").await;
            assert!(
                after.len() >= SECTOR && after[..SECTOR].iter().all(|byte| *byte != 0),
                "seed {seed}"
            );
            lost_the_late_write |= after[0] == 1;
        });
    }
    assert!(lost_the_late_write);
}

#[test]
fn entries_are_durable_only_after_the_folders_sync() {
    let (mut vanished, mut stayed, mut old_name) = (false, false, false);
    for seed in 0..60 {
        run(seed, async |sim| {
            let node = idle(&sim, 1);
            on(&sim, node, async {
                durable_file("/synced").await.sync_all().await.unwrap();
                durable_file("/from").await.write_at(b"moved", 0).unwrap();
                File::open("/from", OpenOptions::write())
                    .await
                    .unwrap()
                    .sync_all()
                    .await
                    .unwrap();
                let file = File::open("/unsynced", OpenOptions::create()).await.unwrap();
                file.sync_all().await.unwrap();
                disk::rename("/from", "/to").await.unwrap();
            })
            .await;
            crash(&sim, node);
            let names: Vec<_> = sim.files(node).into_iter().map(|(name, _)| name).collect();
            let has = |name: &str| names.iter().any(|there| there == name);
            assert!(has("/synced"), "seed {seed}");
            assert!(
                has("/from") != has("/to"),
                "seed {seed}: a rename is atomic: {names:?}"
            );
            vanished |= !has("/unsynced");
            stayed |= has("/unsynced");
            old_name |= has("/from");
        });
    }
    assert!(vanished && stayed && old_name);
}

#[test]
fn an_atomic_write_is_old_or_new_after_a_crash_at_any_instant() {
    let mut seen = BTreeSet::new();
    for seed in 0..80 {
        run(seed, async |sim| {
            let node = idle(&sim, 1);
            on(&sim, node, async {
                disk::write_atomic("/checkpoint", b"old").await.unwrap()
            })
            .await;
            let writing = sim.spawn_on(node, async { disk::write_atomic("/checkpoint", b"newer").await });
            sim.sleep(Duration::from_micros(seed * 60)).await;
            let was_done = writing.is_finished();
            crash(&sim, node);
            let after = content(&sim, node, "/checkpoint").await;
            assert!(
                after == b"newer" || (after == b"old" && !was_done),
                "seed {seed}: {after:?}"
            );
            seen.insert((after, was_done));
        });
    }
    assert!(seen.len() >= 3, "{seen:?}");
}

#[test]
fn a_removed_file_can_come_back_until_the_folder_is_synced() {
    let mut came_back = false;
    for seed in 0..30 {
        run(seed, async |sim| {
            let node = idle(&sim, 1);
            on(&sim, node, async {
                let file = durable_file("/log").await;
                file.write_at(b"here", 0).unwrap();
                file.sync_data().await.unwrap();
                disk::remove_file("/log").await.unwrap();
            })
            .await;
            crash(&sim, node);
            for (_, len) in sim.files(node) {
                came_back = true;
                assert_eq!(len, 4);
            }
            on(&sim, node, async {
                let _ = disk::remove_file("/log").await;
                disk::sync_dir("/").await.unwrap();
            })
            .await;
            crash(&sim, node);
            assert_eq!(sim.files(node), []);
        });
    }
    assert!(came_back);
}

#[test]
fn the_page_cache_survives_a_kill_and_a_clean_stop_but_only_the_stop_is_durable() {
    for seed in 0..10 {
        run(seed, async |sim| {
            let node = idle(&sim, 1);
            on(&sim, node, async {
                durable_file("/log").await.write_at(&[3; 5000], 0).unwrap()
            })
            .await;
            sim.kill(node);
            sim.restart(node);
            assert_eq!(content(&sim, node, "/log").await, [3; 5000]);
            sim.shut_down_machine(node);
            sim.restart(node);
            crash(&sim, node);
            assert_eq!(content(&sim, node, "/log").await, [3; 5000]);
        });
    }
}

#[test]
fn a_killed_processs_late_operations_are_refused_and_its_lock_is_free() {
    run(2, async |sim| {
        let node = idle(&sim, 1);
        let (file, guard) = on(&sim, node, async {
            let guard = disk::lock("/.lock").await.unwrap();
            assert_eq!(
                disk::lock("/.lock").await.unwrap_err().kind(),
                ErrorKind::WouldBlock
            );
            (durable_file("/log").await, guard)
        })
        .await;
        file.write_at(b"in time", 0).unwrap();
        sim.kill(node);
        assert!(file.write_at(b"too late", 0).is_err());
        assert!(file.sync_data().await.is_err());
        sim.restart(node);
        assert!(file.write_at(b"too late", 0).is_err());
        assert_eq!(content(&sim, node, "/log").await, b"in time");
        assert_eq!(sim.disk_statistics(node).late_operations, 3);
        on(&sim, node, async move {
            let held = disk::lock("/.lock").await.unwrap();
            drop(guard); // the old process's guard
            assert!(disk::lock("/.lock").await.is_err(), "does not free the new one's");
            drop(held);
            disk::lock("/.lock").await.unwrap();
        })
        .await;
    });
}

#[test]
fn a_full_disk_takes_a_part_and_room_comes_back() {
    run(3, async |sim| {
        let node = idle(&sim, 1);
        sim.set_disk_capacity(node, 10_000);
        on(&sim, node, async {
            let file = File::open("/log", OpenOptions::create()).await.unwrap();
            file.write_at(&[1; 8000], 0).unwrap();
            let error = file.write_at(&[2; 8000], 8000).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StorageFull);
            assert_eq!(file.len().unwrap(), 10_000, "a part was written");
            file.write_at(&[3; 100], 0).unwrap(); // overwriting needs no room
            file.set_len(8000).unwrap();
            file.write_at(&[2; 2000], 8000).unwrap();
            assert_eq!(disk::space("/").await.unwrap().free_bytes, 0);
            disk::remove_file("/log").await.unwrap();
            assert_eq!(disk::space("/").await.unwrap().free_bytes, 0, "it is still open");
            drop(file);
            assert_eq!(disk::space("/").await.unwrap().free_bytes, 10_000);
        })
        .await;
        assert_eq!(sim.disk_used(node), 0);
    });
}

#[test]
fn disks_are_slow_and_stall() {
    run(4, async |sim| {
        let node = idle(&sim, 1);
        let ms = |ms| (Duration::from_millis(ms), Duration::from_millis(ms));
        sim.set_disk_speed(
            node,
            DiskSpeed {
                operation: ms(5),
                sync: ms(40),
                bytes_per_second: 1_000_000,
            },
        );
        let file = on(&sim, node, async {
            File::open("/log", OpenOptions::create()).await.unwrap()
        })
        .await;
        let timed = async |start: Monotonic| start.elapsed().as_millis();
        let start = Monotonic::now();
        file.write_at(&[1; 102_400], 0).unwrap();
        assert_eq!(timed(start).await, 0, "the page cache is not the device");
        file.sync_data().await.unwrap();
        assert_eq!(timed(start).await, 142);
        let start = Monotonic::now();
        file.read_bytes(0, 50_000).await.unwrap();
        assert_eq!(timed(start).await, 55);
        sim.stall_disk(node, Duration::from_secs(3));
        let start = Monotonic::now();
        file.sync_data().await.unwrap();
        assert_eq!(timed(start).await, 3040);
        sim.stall_disk(node, Duration::from_secs(3));
        sim.set_disk_speed(node, DiskSpeed::default());
        let start = Monotonic::now();
        file.sync_data().await.unwrap();
        assert!(timed(start).await < 5, "a healed device has no backlog");
    });
}
