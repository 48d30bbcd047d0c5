//! Folder locks: an exclusive `flock`, which the kernel gives back when the process ends, however it ends.

use super::task::blocking;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// Holds the lock until dropped.
#[derive(Debug)]
pub struct LockGuard(#[allow(dead_code)] std::fs::File);

/// Takes the exclusive lock on a file, making the file if needed. `WouldBlock` when another process holds it.
pub async fn lock(path: impl AsRef<Path>) -> io::Result<LockGuard> {
    let path = path.as_ref().to_path_buf();
    blocking(move || {
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        // SAFETY: the descriptor is open.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } != 0 {
            let error = io::Error::last_os_error();
            let message = match error.kind() {
                io::ErrorKind::WouldBlock => {
                    format!(
                        "{} is locked: another process uses this folder; stop it or choose another folder",
                        path.display()
                    )
                }
                _ => format!("cannot lock {}: {error}", path.display()),
            };
            return Err(io::Error::new(error.kind(), message));
        }
        Ok(LockGuard(file))
    })
    .await
}
