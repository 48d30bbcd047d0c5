//! The process: tokio's runtime around `main`, signals, the limit of open files.

use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// Builds the runtime and runs the future on it to its end.
pub fn main<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a process that cannot make threads and an epoll instance cannot start")
        .block_on(future)
}

/// Completes when the process is asked to stop: SIGTERM or SIGINT. After the first call those no longer kill it.
pub async fn shutdown_signal() {
    let listen = |kind| signal(kind).expect("SIGTERM and SIGINT may be handled");
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate()), listen(SignalKind::interrupt()));
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Raises this process's limit of open files as far as it may, and tells what it is now.
pub fn raise_open_files() -> u64 {
    raise().unwrap_or(1024)
}

fn raise() -> io::Result<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a live rlimit.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    let raised = libc::rlimit {
        rlim_cur: limit.rlim_max,
        ..limit
    };
    // SAFETY: as above. A refusal leaves the old limit, which is an answer too.
    match check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raised) }) {
        Ok(()) => Ok(raised.rlim_cur),
        Err(_) => Ok(limit.rlim_cur),
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
