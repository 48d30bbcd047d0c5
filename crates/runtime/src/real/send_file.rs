//! `sendfile(2)`: from the page cache to a socket, without a copy through the process.

use super::disk::{File, is_resident};
use std::io;
use std::os::fd::AsRawFd;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// The most that one call may send: bounds both the time on a worker and what is read ahead.
const CHUNK_BYTES: u64 = 512 * 1024;

/// Sends `len` bytes of `file` from `offset`; fewer only when the file ends. Ranges that are not in the page cache
/// are first read off the worker, so that a cold reader does not hold up the others.
pub async fn send_file(stream: &TcpStream, file: &File, offset: u64, len: u64) -> io::Result<u64> {
    let mut sent = 0;
    while sent < len {
        let chunk = (len - sent).min(CHUNK_BYTES);
        if !is_resident(file, offset + sent, chunk) {
            file.warm(offset + sent, chunk).await?;
        }
        let mut in_chunk = 0;
        while in_chunk < chunk {
            let at = offset + sent + in_chunk;
            let count = stream
                .async_io(Interest::WRITABLE, || call(stream, file, at, chunk - in_chunk))
                .await?;
            if count == 0 {
                return Ok(sent + in_chunk); // the file ends here
            }
            in_chunk += count;
        }
        sent += chunk;
    }
    Ok(sent)
}

fn call(stream: &TcpStream, file: &File, offset: u64, len: u64) -> io::Result<u64> {
    let mut position = libc::off_t::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
    let count = usize::try_from(len).expect("a chunk fits in memory");
    loop {
        // SAFETY: both descriptors are open for as long as the borrows live, and `position` is a live integer.
        let result = unsafe { libc::sendfile(stream.as_raw_fd(), file.as_raw_fd(), &mut position, count) };
        match u64::try_from(result) {
            Ok(sent) => return Ok(sent),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}
