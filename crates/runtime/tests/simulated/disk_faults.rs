//! I/O errors, failed syncs, rot, misdirected writes.

use crate::disk::{content, crash, durable_file};
use crate::{idle, on, run};
use runtime::disk::{self, File, OpenOptions};
use runtime::io::ErrorKind;
use runtime::sim::{DamageKind, DiskFault};

const EIO: Option<i32> = Some(5);

#[test]
fn reads_writes_and_folders_can_fail() {
    run(1, async |sim| {
        let node = idle(&sim, 1);
        let file = on(&sim, node, durable_file("/a.log")).await;
        file.write_at(&[1; 1000], 0).unwrap();
        sim.set_disk_fault(node, DiskFault::ReadError, 1.0);
        assert_eq!(file.read_at(&mut [0; 10], 0).unwrap_err().raw_os_error(), EIO);
        assert_eq!(file.read_bytes(0, 10).await.unwrap_err().raw_os_error(), EIO);
        sim.set_disk_fault_paths(node, Some("b.log"));
        file.read_at(&mut [0; 10], 0).expect("only other files fail");
        sim.heal_disk(node);
        sim.fail_next(node, DiskFault::WriteError, "a.log");
        assert_eq!(file.write_at(&[2; 1000], 0).unwrap_err().raw_os_error(), EIO);
        let twos = file
            .read_bytes(0, 1000)
            .await
            .unwrap()
            .iter()
            .filter(|byte| **byte == 2)
            .count();
        assert!(twos < 1000, "a part was written: {twos}");
        file.write_at(&[2; 1000], 0).expect("it was one fault");
        sim.set_disk_fault(node, DiskFault::MetadataError, 1.0);
        let failed = on(&sim, node, async {
            let renamed = disk::rename("/a.log", "/b.log").await.unwrap_err();
            let synced = disk::sync_dir("/").await.unwrap_err();
            let created = File::open("/c.log", OpenOptions::create()).await.unwrap_err();
            [renamed, synced, created].map(|error| error.raw_os_error())
        });
        assert_eq!(failed.await, [EIO; 3]);
        assert_eq!(sim.disk_statistics(node).faults[&DiskFault::ReadError], 2);
    });
}

#[test]
fn no_space_can_be_injected_on_write_and_on_sync() {
    run(2, async |sim| {
        let node = idle(&sim, 1);
        let file = on(&sim, node, durable_file("/log")).await;
        sim.set_disk_fault(node, DiskFault::NoSpace, 1.0);
        assert_eq!(
            file.write_at(&[1; 1000], 0).unwrap_err().kind(),
            ErrorKind::StorageFull
        );
        sim.heal_disk(node);
        file.write_at(&[1; 1000], 0).unwrap();
        sim.fail_next(node, DiskFault::SyncNoSpace, "");
        assert_eq!(file.sync_data().await.unwrap_err().kind(), ErrorKind::StorageFull);
    });
}

#[test]
fn after_a_failed_sync_the_next_one_succeeds_without_the_dropped_pages() {
    let (mut gone_at_once, mut gone_after_the_crash) = (0, 0);
    for seed in 0..30 {
        run(seed, async |sim| {
            let node = idle(&sim, 1);
            let file = on(&sim, node, durable_file("/log")).await;
            file.write_at(&[1; 4096], 0).unwrap();
            file.sync_data().await.unwrap();
            file.write_at(&[2; 4096], 0).unwrap();
            sim.fail_next(node, DiskFault::SyncError, "");
            assert_eq!(file.sync_data().await.unwrap_err().raw_os_error(), EIO);
            file.sync_data().await.expect("as on Linux");
            let visible = file.read_bytes(0, 4096).await.unwrap();
            gone_at_once += u32::from(visible.contains(&1));
            sim.shut_down_machine(node);
            crash(&sim, node);
            let after = content(&sim, node, "/log").await;
            assert!(after.contains(&1), "seed {seed}: something was dropped");
            gone_after_the_crash += u32::from(!visible.contains(&1));
            assert!(sim.disk_statistics(node).sectors_dropped >= 1);
        });
    }
    assert!(
        gone_at_once > 3 && gone_after_the_crash > 3,
        "{gone_at_once} {gone_after_the_crash}"
    );
}

#[test]
fn writing_a_dropped_page_again_makes_it_durable() {
    for seed in 0..20 {
        run(seed, async |sim| {
            let node = idle(&sim, 1);
            let file = on(&sim, node, durable_file("/log")).await;
            file.write_at(&[2; 4096], 0).unwrap();
            sim.fail_next(node, DiskFault::SyncError, "");
            file.sync_data().await.unwrap_err();
            file.write_at(&[3; 4096], 0).unwrap();
            file.sync_data().await.unwrap();
            crash(&sim, node);
            assert_eq!(content(&sim, node, "/log").await, [3; 4096]);
        });
    }
}

#[test]
fn rot_strikes_durable_sectors_and_is_told_until_it_is_gone() {
    run(3, async |sim| {
        let node = idle(&sim, 1);
        let file = on(&sim, node, durable_file("/x.log")).await;
        file.write_at(&[7; 5000], 0).unwrap();
        assert_eq!(sim.rot(node, ".log"), None, "nothing is durable yet");
        file.sync_data().await.unwrap();
        assert_eq!(sim.rot(node, ".index"), None);
        let damage = sim.rot(node, ".log").unwrap();
        assert_eq!(
            (damage.kind, &*damage.path, damage.node, damage.live),
            (DamageKind::Rot, "/x.log", node, true)
        );
        let (from, to) = (damage.offset as usize, (damage.offset + damage.len) as usize);
        let now = file.read_bytes(0, 5000).await.unwrap();
        assert!(now[from..to].iter().any(|byte| *byte != 7));
        assert!(now[..from].iter().chain(&now[to..]).all(|byte| *byte == 7));
        crash(&sim, node);
        assert_eq!(content(&sim, node, "/x.log").await, now, "rot is durable");
        assert_eq!(sim.damages(node), [damage]);
        on(&sim, node, async {
            disk::rename("/x.log", "/y.log").await.unwrap();
            disk::sync_dir("/").await.unwrap();
        })
        .await;
        assert_eq!(sim.damages(node)[0].path, "/y.log");
        on(&sim, node, async {
            File::open("/y.log", OpenOptions::write())
                .await
                .unwrap()
                .write_at(&[7; 5000], 0)
                .unwrap();
        })
        .await;
        assert!(!sim.damages(node)[0].live, "overwritten");
        assert!(sim.rot_at(node, "/y.log", 600).is_none(), "dirty");
    });
}

#[test]
fn a_misdirected_write_hurts_two_places_and_the_sync_succeeds() {
    let mut seen = 0;
    for seed in 0..10 {
        run(seed, async |sim| {
            let node = idle(&sim, 1);
            let victim = on(&sim, node, durable_file("/victim")).await;
            victim.write_at(&[1; 50_000], 0).unwrap();
            victim.sync_data().await.unwrap();
            let file = on(&sim, node, durable_file("/log")).await;
            file.write_at(&[2; 5000], 0).unwrap();
            sim.fail_next(node, DiskFault::MisdirectedWrite, "/log");
            file.sync_data().await.expect("nobody notices");
            let damages = sim.damages(node);
            let [lost, hit] = &damages[..] else { return };
            seen += 1;
            assert_eq!(
                (lost.kind, hit.kind),
                (DamageKind::LostToMisdirection, DamageKind::Misdirected)
            );
            assert_eq!((&*lost.path, &*hit.path), ("/log", "/victim"));
            assert_eq!(file.read_bytes(lost.offset, 10).await.unwrap()[..], [0; 10]);
            assert_eq!(victim.read_bytes(hit.offset, 10).await.unwrap()[..], [2; 10]);
        });
    }
    assert!(seen > 5, "{seen}");
}
