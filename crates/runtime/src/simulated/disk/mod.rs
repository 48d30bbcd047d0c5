//! The simulated disk as a node's code sees it: the same names as the real one, on the node's own file system.

mod content;
mod damage;
pub mod faults;
pub mod fs;
mod tree;

use super::clock::Nanos;
use super::time::delay;
use super::universe::{World, world};
use crate::disk::{DirEntry, Metadata, OpenOptions, Space};
use crate::time::WallMs;
use bytes::Bytes;
use fs::FileSystem;
use parking_lot::Mutex;
use std::fmt;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The caller's process, as its disk knows it.
#[derive(Clone)]
struct Process {
    world: Arc<World>,
    disk: Arc<Mutex<FileSystem>>,
    epoch: u32,
}

impl Process {
    fn current() -> Process {
        let world = world();
        let disk = world.disk(world.current_node());
        let epoch = disk.lock().epoch();
        Process { world, disk, epoch }
    }

    /// Acts on the disk at once, unless the process has ended.
    fn with<T>(&self, act: impl FnOnce(&mut FileSystem) -> io::Result<T>) -> io::Result<T> {
        let mut disk = self.disk.lock();
        disk.check_epoch(self.epoch)?;
        act(&mut disk)
    }

    fn now(&self) -> Nanos {
        self.world.now()
    }

    /// Waits for the device, then acts.
    async fn operate<T>(&self, act: impl FnOnce(&mut FileSystem) -> io::Result<T>) -> io::Result<T> {
        let time = self.with(|disk| Ok(disk.operation_time(self.now(), 0)))?;
        self.wait(time).await;
        self.with(act)
    }

    async fn wait(&self, time: Duration) {
        delay(&self.world, time).await;
    }
}

/// An open file; clones share it.
#[derive(Clone)]
pub struct File(Arc<Handle>);

struct Handle {
    process: Process,
    inode: u64,
    writable: bool,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.process.disk.lock().close(self.process.epoch, self.inode);
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("inode", &self.0.inode).finish()
    }
}

impl File {
    pub async fn open(path: impl AsRef<Path>, options: OpenOptions) -> io::Result<File> {
        let process = Process::current();
        let now = WallMs::now();
        let inode = process
            .operate(|disk| disk.open(path.as_ref(), options, now))
            .await?;
        Ok(File::opened(process, inode, options))
    }

    /// As [`File::open`], without waiting for the device: for callers that hold a lock, and that open seldom.
    pub fn open_now(path: impl AsRef<Path>, options: OpenOptions) -> io::Result<File> {
        let process = Process::current();
        let now = WallMs::now();
        let inode = process.with(|disk| disk.open(path.as_ref(), options, now))?;
        Ok(File::opened(process, inode, options))
    }

    fn opened(process: Process, inode: u64, options: OpenOptions) -> File {
        File(Arc::new(Handle {
            process,
            inode,
            writable: options.write,
        }))
    }

    fn with<T>(&self, act: impl FnOnce(&mut FileSystem, u64) -> io::Result<T>) -> io::Result<T> {
        self.0.process.with(|disk| act(disk, self.0.inode))
    }

    fn check_writable(&self) -> io::Result<()> {
        const EBADF: i32 = 9;
        if self.0.writable {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(EBADF))
        }
    }

    /// Writes all into the page cache, or errs; then a part may have been written.
    pub fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<()> {
        self.check_writable()?;
        self.with(|disk, inode| disk.write(inode, offset, buffer, WallMs::now()))
    }

    /// Writes all slices, one after the other, into the page cache; an error as for [`File::write_at`].
    pub fn write_vectored_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.check_writable()?;
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        self.with(|disk, inode| disk.write(inode, offset, &all, WallMs::now()))
    }

    pub fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        self.with(|disk, inode| disk.set_len(inode, len, WallMs::now()))
    }

    pub fn len(&self) -> io::Result<u64> {
        self.with(|disk, inode| Ok(disk.len(inode)))
    }

    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads what is there, at most the buffer's length; 0 at the end of the file.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|disk, inode| {
            let bytes = disk.read(inode, offset, buffer.len())?;
            buffer[..bytes.len()].copy_from_slice(bytes);
            Ok(bytes.len())
        })
    }

    /// Reads a range after the time that the device takes. Short when the file ends first.
    pub async fn read_bytes(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let process = &self.0.process;
        let there = self.len()?.saturating_sub(offset).min(len as u64);
        let time = process.with(|disk| Ok(disk.operation_time(process.now(), there)))?;
        process.wait(time).await;
        self.with(|disk, inode| Ok(Bytes::copy_from_slice(disk.read(inode, offset, len)?)))
    }

    /// Makes the bytes and the length durable.
    pub async fn sync_data(&self) -> io::Result<()> {
        let process = &self.0.process;
        let (number, time) = self.with(|disk, inode| Ok(disk.begin_sync(inode, process.now())))?;
        process.wait(time).await;
        let now = process.world.now_duration();
        self.with(|disk, inode| disk.end_sync(inode, number, now))
    }

    /// Makes bytes, length and attributes durable.
    pub async fn sync_all(&self) -> io::Result<()> {
        self.sync_data().await
    }
}

pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    Process::current()
        .operate(|disk| disk.create_dir_all(path.as_ref()))
        .await
}

/// The folder's entries, sorted by name.
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<Vec<DirEntry>> {
    Process::current()
        .operate(|disk| disk.read_dir(path.as_ref()))
        .await
}

/// Renames a file or folder, replacing a file that is there. Durable after [`sync_dir`] of the folders involved.
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    Process::current()
        .operate(|disk| disk.rename(from.as_ref(), to.as_ref()))
        .await
}

pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    Process::current()
        .operate(|disk| disk.remove_file(path.as_ref()))
        .await
}

pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    Process::current()
        .operate(|disk| disk.remove_dir_all(path.as_ref()))
        .await
}

/// Makes the folder's entries durable: files created, renamed and removed in it.
pub async fn sync_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let (process, path) = (Process::current(), path.as_ref());
    let (ticket, time) = process.with(|disk| disk.begin_sync_dir(path, process.now()))?;
    process.wait(time).await;
    process.with(|disk| disk.end_sync_dir(path, ticket))
}

pub async fn exists(path: impl AsRef<Path>) -> io::Result<bool> {
    Process::current()
        .operate(|disk| disk.exists(path.as_ref()))
        .await
}

pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    Process::current()
        .operate(|disk| disk.metadata(path.as_ref()))
        .await
}

/// The room on the node's disk.
pub async fn space(path: impl AsRef<Path>) -> io::Result<Space> {
    let room = |disk: &mut FileSystem| {
        disk.metadata(path.as_ref())?;
        Ok(Space {
            total_bytes: disk.capacity,
            free_bytes: disk.capacity.saturating_sub(disk.used()),
        })
    };
    Process::current().operate(room).await
}

/// Holds the lock until dropped, or until its process ends.
pub struct LockGuard {
    process: Process,
    name: String,
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockGuard").field(&self.name).finish()
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        self.process.disk.lock().unlock(self.process.epoch, &self.name);
    }
}

/// Takes the exclusive lock on a file, making the file if needed. `WouldBlock` when it is held.
pub async fn lock(path: impl AsRef<Path>) -> io::Result<LockGuard> {
    let process = Process::current();
    File::open(path.as_ref(), OpenOptions::create()).await?;
    let name = process.operate(|disk| disk.lock(path.as_ref())).await?;
    Ok(LockGuard { process, name })
}
