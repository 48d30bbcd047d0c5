//! Files and folders. Writes are synchronous into the page cache; whatever may wait for the device is async.
//!
//! What survives a power loss, in both worlds:
//! 1. A file's bytes and length: what was written before a `sync_data` or `sync_all` of it *began*, if that succeeded.
//! 2. A folder's entries (creates, renames, removals): those made before a `sync_dir` of that folder began.
//! 3. Nothing after a failed sync: the kernel may have dropped the pages, and a later sync may succeed without them.
//!
//! Errors are the operating system's: `ErrorKind::StorageFull` for a full disk, a raw `EIO` for a broken one.

use std::io;
use std::path::Path;

pub use crate::world::disk::{
    File, LockGuard, create_dir_all, exists, lock, metadata, read_dir, remove_dir_all, remove_file, rename,
    space, sync_dir,
};

use crate::time::WallMs;
use bytes::Bytes;

/// How [`File::open`] treats a file that is there, or is not. Every file can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenOptions {
    pub(crate) write: bool,
    pub(crate) create: bool,
    pub(crate) create_new: bool,
    pub(crate) truncate: bool,
}

impl OpenOptions {
    const READ: OpenOptions = OpenOptions {
        write: false,
        create: false,
        create_new: false,
        truncate: false,
    };

    /// An existing file, to read only.
    pub const fn read() -> OpenOptions {
        OpenOptions::READ
    }

    /// An existing file, to read and write.
    pub const fn write() -> OpenOptions {
        OpenOptions {
            write: true,
            ..OpenOptions::READ
        }
    }

    /// To read and write; made when missing, kept when there.
    pub const fn create() -> OpenOptions {
        OpenOptions {
            create: true,
            ..OpenOptions::write()
        }
    }

    /// To read and write; an error (`AlreadyExists`) when it is there.
    pub const fn create_new() -> OpenOptions {
        OpenOptions {
            create_new: true,
            ..OpenOptions::write()
        }
    }

    /// To read and write; made when missing, emptied when there.
    pub const fn truncate() -> OpenOptions {
        OpenOptions {
            truncate: true,
            ..OpenOptions::create()
        }
    }
}

/// One entry of a folder, from [`read_dir`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirEntry {
    pub name: String,
    pub is_dir: bool,
    /// Bytes of a file; 0 for a folder.
    pub len: u64,
}

/// What [`metadata`] tells of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metadata {
    pub is_dir: bool,
    /// Bytes of a file; 0 for a folder.
    pub len: u64,
    pub modified: WallMs,
}

/// The room on the file system that holds a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    pub total_bytes: u64,
    pub free_bytes: u64,
}

/// The whole file.
pub async fn read(path: impl AsRef<Path>) -> io::Result<Bytes> {
    let file = File::open(path, OpenOptions::read()).await?;
    let len = usize::try_from(file.len()?).map_err(|_| io::ErrorKind::FileTooLarge)?;
    file.read_bytes(0, len).await
}

/// Replaces the file's content so that after a crash at any instant it is the old or the new one: temporary file
/// beside it, sync, rename, sync of the folder.
pub async fn write_atomic(path: impl AsRef<Path>, content: &[u8]) -> io::Result<()> {
    let path = path.as_ref();
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let file = File::open(&temporary, OpenOptions::truncate()).await?;
    file.write_at(content, 0)?;
    file.sync_all().await?;
    rename(&temporary, path).await?;
    sync_dir(folder_of(path)).await
}

/// The folder in which `path` is an entry.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

impl File {
    /// Reads until `buffer` is full; `UnexpectedEof` when the file ends first.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_at(&mut buffer[filled..], offset + filled as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
        }
        Ok(())
    }
}
