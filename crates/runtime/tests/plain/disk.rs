//! Files, folders, locks.

use crate::run;
use runtime::disk::{self, File, OpenOptions};
use runtime::io::{ErrorKind, IoSlice};

#[test]
fn writes_reads_and_lengths() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let path = folder.path().join("log");
        let file = File::open(&path, OpenOptions::create_new()).await.unwrap();
        file.write_at(b"hello world", 0).unwrap();
        file.write_at(b"W", 6).unwrap();
        assert_eq!(file.len().unwrap(), 11);
        let mut buffer = [0; 5];
        file.read_exact_at(&mut buffer, 6).unwrap();
        assert_eq!(&buffer, b"World");
        assert_eq!(
            file.read_exact_at(&mut buffer, 8).unwrap_err().kind(),
            ErrorKind::UnexpectedEof
        );
        assert_eq!(file.read_at(&mut buffer, 100).unwrap(), 0);
        assert_eq!(&file.read_bytes(6, 100).await.unwrap()[..], b"World");
        assert!(file.read_bytes(1 << 40, 100).await.unwrap().is_empty());
        file.set_len(5).unwrap();
        file.sync_data().await.unwrap();
        file.sync_all().await.unwrap();
        assert_eq!(&disk::read(&path).await.unwrap()[..], b"hello");
        assert_eq!(std::fs::read(&path).unwrap(), b"hello");
    });
}

#[test]
fn a_vectored_write_of_more_slices_than_the_kernel_takes() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let file = File::open(folder.path().join("log"), OpenOptions::create())
            .await
            .unwrap();
        let parts: Vec<Vec<u8>> = (0..3000u32).map(|n| n.to_le_bytes().to_vec()).collect();
        let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
        file.write_vectored_at(&slices, 7).unwrap();
        assert_eq!(&file.read_bytes(7, usize::MAX).await.unwrap()[..], parts.concat());
    });
}

#[test]
fn open_options() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let path = folder.path().join("file");
        let kind = |result: std::io::Result<File>| result.err().map(|error| error.kind());
        assert_eq!(
            kind(File::open(&path, OpenOptions::read()).await),
            Some(ErrorKind::NotFound)
        );
        assert_eq!(
            kind(File::open(&path, OpenOptions::write()).await),
            Some(ErrorKind::NotFound)
        );
        let file = File::open(&path, OpenOptions::create()).await.unwrap();
        file.write_at(b"abc", 0).unwrap();
        assert_eq!(
            kind(File::open(&path, OpenOptions::create_new()).await),
            Some(ErrorKind::AlreadyExists)
        );
        assert_eq!(
            File::open(&path, OpenOptions::create())
                .await
                .unwrap()
                .len()
                .unwrap(),
            3
        );
        let read_only = File::open(&path, OpenOptions::read()).await.unwrap();
        assert!(read_only.write_at(b"x", 0).is_err());
        assert!(
            File::open(&path, OpenOptions::truncate())
                .await
                .unwrap()
                .is_empty()
                .unwrap()
        );
    });
}

#[test]
fn folders_renames_and_removals() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let root = folder.path();
        disk::create_dir_all(root.join("a/b")).await.unwrap();
        disk::create_dir_all(root.join("a/b")).await.unwrap();
        for name in ["2", "10", "1"] {
            File::open(root.join("a").join(name), OpenOptions::create())
                .await
                .unwrap()
                .write_at(b"xy", 0)
                .unwrap();
        }
        let names = |entries: Vec<disk::DirEntry>| {
            entries
                .into_iter()
                .map(|e| (e.name, e.is_dir, e.len))
                .collect::<Vec<_>>()
        };
        let expected = [("1", false, 2), ("10", false, 2), ("2", false, 2), ("b", true, 0)];
        let expected: Vec<_> = expected
            .map(|(name, is_dir, len)| (name.to_string(), is_dir, len))
            .into();
        assert_eq!(names(disk::read_dir(root.join("a")).await.unwrap()), expected);
        disk::rename(root.join("a/1"), root.join("a/2")).await.unwrap();
        assert!(!disk::exists(root.join("a/1")).await.unwrap());
        disk::remove_file(root.join("a/10")).await.unwrap();
        disk::sync_dir(root.join("a")).await.unwrap();
        assert!(disk::metadata(root.join("a")).await.unwrap().is_dir);
        let metadata = disk::metadata(root.join("a/2")).await.unwrap();
        assert_eq!(metadata.len, 2);
        assert!((runtime::time::WallMs::now().0 - metadata.modified.0).abs() < 60_000);
        disk::remove_dir_all(root.join("a")).await.unwrap();
        assert_eq!(
            disk::read_dir(root.join("a")).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
    });
}

#[test]
fn an_atomic_write_replaces_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let path = folder.path().join("checkpoint");
        disk::write_atomic(&path, b"one").await.unwrap();
        disk::write_atomic(&path, b"two").await.unwrap();
        assert_eq!(&disk::read(&path).await.unwrap()[..], b"two");
        assert_eq!(disk::read_dir(folder.path()).await.unwrap().len(), 1);
    });
}

#[test]
fn a_lock_excludes_until_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let path = folder.path().join(".lock");
        let guard = disk::lock(&path).await.unwrap();
        let refused = disk::lock(&path).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::WouldBlock);
        assert!(refused.to_string().contains("another process"), "{refused}");
        drop(guard);
        disk::lock(&path).await.unwrap();
    });
}

#[test]
fn space_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let space = run(disk::space(folder.path())).unwrap();
    assert!(
        space.total_bytes >= space.free_bytes && space.free_bytes > 0,
        "{space:?}"
    );
}
