//! The operating system's files. Async operations run on tokio's pool for blocking work.

use super::task::blocking;
use crate::disk::{DirEntry, Metadata, OpenOptions, Space};
use crate::time::WallMs;
use bytes::Bytes;
use std::ffi::CString;
use std::fs;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

pub use super::lock::{LockGuard, lock};

/// Slices that one `pwritev` takes (the kernel's IOV_MAX).
const SLICES_MAX: usize = 1024;

/// An open file; clones share it.
#[derive(Clone, Debug)]
pub struct File(Arc<fs::File>);

impl File {
    pub async fn open(path: impl AsRef<Path>, options: OpenOptions) -> io::Result<File> {
        let path = path.as_ref().to_path_buf();
        blocking(move || File::open_now(path, options)).await
    }

    /// As [`File::open`], without awaiting: for code that may not. It blocks the worker where the folder is not in
    /// memory.
    pub fn open_now(path: impl AsRef<Path>, options: OpenOptions) -> io::Result<File> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(options.write)
            .create(options.create)
            .create_new(options.create_new)
            .truncate(options.truncate)
            .open(path)?;
        Ok(File(Arc::new(file)))
    }

    /// Writes all into the page cache, or errs; then a part may have been written.
    pub fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(buffer, offset)
    }

    /// Writes all slices, one after the other, into the page cache; an error as for [`File::write_at`].
    pub fn write_vectored_at(&self, slices: &[IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        for group in slices.chunks(SLICES_MAX) {
            let len: usize = group.iter().map(|slice| slice.len()).sum();
            let written = pwritev(self.as_raw_fd(), group, offset)?;
            if written < len {
                finish_write(&self.0, group, offset, written)?;
            }
            offset += len as u64;
        }
        Ok(())
    }

    pub fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    pub fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads what is there, at most the buffer's length; 0 at the end of the file. Meant for ranges that are in the
    /// page cache: it blocks the worker when they are not.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.0.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Reads a range, off the worker unless it is in the page cache. Short when the file ends first.
    pub async fn read_bytes(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        if is_resident(self, offset, len as u64) {
            return read_range(&self.0, offset, len);
        }
        let file = self.0.clone();
        blocking(move || read_range(&file, offset, len)).await
    }

    /// Makes the bytes and the length durable (`fdatasync`).
    pub async fn sync_data(&self) -> io::Result<()> {
        let file = self.0.clone();
        blocking(move || file.sync_data()).await
    }

    /// Makes bytes, length and attributes durable (`fsync`).
    pub async fn sync_all(&self) -> io::Result<()> {
        let file = self.0.clone();
        blocking(move || file.sync_all()).await
    }

    /// Reads a range into the page cache, off the worker.
    pub(super) async fn warm(&self, offset: u64, len: u64) -> io::Result<()> {
        let file = self.0.clone();
        blocking(move || {
            let mut buffer = vec![0; 64 * 1024];
            let mut at = offset;
            while at < offset + len {
                match file.read_at(&mut buffer, at)? {
                    0 => break,
                    count => at += count as u64,
                }
            }
            Ok(())
        })
        .await
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn read_range(file: &fs::File, offset: u64, len: usize) -> io::Result<Bytes> {
    // Bounded by the file, not by the caller's word.
    let there = file.metadata()?.len().saturating_sub(offset);
    let mut buffer = vec![0; usize::try_from(there).unwrap_or(usize::MAX).min(len)];
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(buffer.into())
}

/// Whether the range seems to lie in the page cache: its first and last byte do. A wrong yes costs a blocked worker,
/// a wrong no costs a hop to the pool. Kernels and file systems that cannot tell count as yes.
pub(super) fn is_resident(file: &File, offset: u64, len: u64) -> bool {
    len == 0
        || (byte_is_resident(file.as_raw_fd(), offset)
            && byte_is_resident(file.as_raw_fd(), offset.saturating_add(len - 1)))
}

fn byte_is_resident(fd: RawFd, offset: u64) -> bool {
    let Ok(offset) = libc::off_t::try_from(offset) else {
        return true;
    };
    let mut byte = 0u8;
    let vector = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    // SAFETY: the vector points to one live, writable byte.
    let result = unsafe { libc::preadv2(fd, &vector, 1, offset, libc::RWF_NOWAIT) };
    result >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::WouldBlock
}

fn pwritev(fd: RawFd, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
    let offset = libc::off_t::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let count = libc::c_int::try_from(slices.len()).expect("at most SLICES_MAX");
    loop {
        // SAFETY: IoSlice is guaranteed to have the layout of iovec, and the slices are live.
        let result = unsafe { libc::pwritev(fd, slices.as_ptr().cast(), count, offset) };
        match usize::try_from(result) {
            Ok(written) => return Ok(written),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// Writes what a short `pwritev` left, which also brings out the error that cut it short.
fn finish_write(file: &fs::File, slices: &[IoSlice<'_>], offset: u64, mut written: usize) -> io::Result<()> {
    let mut at = offset;
    for slice in slices {
        let skip = written.min(slice.len());
        file.write_all_at(&slice[skip..], at + skip as u64)?;
        written -= skip;
        at += slice.len() as u64;
    }
    Ok(())
}

pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    on_path(path, fs::create_dir_all).await
}

/// The folder's entries, sorted by name. Names that are not UTF-8 are not ours, and are left out.
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<Vec<DirEntry>> {
    on_path(path, |path| {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let metadata = match fs::metadata(entry.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue, // removed meanwhile
                metadata => metadata?,
            };
            let is_dir = metadata.is_dir();
            entries.push(DirEntry {
                name,
                is_dir,
                len: if is_dir { 0 } else { metadata.len() },
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    })
    .await
}

/// Renames a file or folder, replacing a file that is there. Durable after [`sync_dir`] of the folders involved.
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let to = to.as_ref().to_path_buf();
    on_path(from, move |from| fs::rename(from, to)).await
}

pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    on_path(path, fs::remove_file).await
}

pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    on_path(path, fs::remove_dir_all).await
}

/// Makes the folder's entries durable: files created, renamed and removed in it.
pub async fn sync_dir(path: impl AsRef<Path>) -> io::Result<()> {
    on_path(path, |path| fs::File::open(path)?.sync_all()).await
}

pub async fn exists(path: impl AsRef<Path>) -> io::Result<bool> {
    on_path(path, fs::exists).await
}

pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    on_path(path, |path| {
        let metadata = fs::metadata(path)?;
        let is_dir = metadata.is_dir();
        let modified = WallMs(metadata.mtime() * 1000 + metadata.mtime_nsec() / 1_000_000);
        Ok(Metadata {
            is_dir,
            len: if is_dir { 0 } else { metadata.len() },
            modified,
        })
    })
    .await
}

/// The room on the file system that holds the path.
pub async fn space(path: impl AsRef<Path>) -> io::Result<Space> {
    on_path(path, |path| {
        let name = CString::new(path.as_os_str().as_bytes())?;
        // SAFETY: all-zero is a valid statvfs; the kernel fills it.
        let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
        // SAFETY: `name` ends in NUL and `stat` is live.
        if unsafe { libc::statvfs(name.as_ptr(), &mut stat) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Ok(Space {
            total_bytes: bytes(stat.f_blocks),
            free_bytes: bytes(stat.f_bavail),
        })
    })
    .await
}

/// Runs a file-system call on the pool for blocking work.
async fn on_path<T: Send + 'static>(
    path: impl AsRef<Path>,
    call: impl FnOnce(std::path::PathBuf) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let path = path.as_ref().to_path_buf();
    blocking(move || call(path)).await
}
