//! The one crate that knows which world the program runs in.
//!
//! In a plain build everything here is tokio, the operating system's files and clocks. Built with `--cfg madsim` it
//! is madsim's executor with a network, disks and clocks of our own, driven by one seed. All other crates are
//! ordinary async Rust on top of these modules and never ask which it is.
//!
//! Invariants:
//! 1. The public surface is the same in both worlds, except for [`sim`], which only the simulator's crate may name.
//! 2. Writes to files are synchronous (page cache); whatever may wait for a device is async.
//! 3. In the simulator every random draw, time and order is a function of the run's seeds.
//! 4. `Drop` does no I/O: dropping a stream or a file only gives its descriptor back, as the kernel would.
//!
//! Deliberately absent: unix sockets, UDP, processes, file watching, memory maps, intervals (use `time::sleep_until`).

#[cfg(not(madsim))]
mod real;
#[cfg(not(madsim))]
use real as world;
#[cfg(madsim)]
mod simulated;
#[cfg(madsim)]
use simulated as world;

pub mod buggify;
pub mod collections;
pub mod disk;
pub mod mutant;
pub mod net;
pub mod process;
pub mod rng;
pub mod task;
pub mod time;

/// The control surface of a simulated run: nodes, crashes, faults, clocks, the trace hash.
#[cfg(madsim)]
pub use world::control as sim;

pub use tokio::{join, pin, select, try_join};

/// The traits of byte streams, and the standard library's errors.
pub mod io {
    pub use std::io::*;
    pub use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
}

/// Channels and locks; both worlds share them. A guard of [`Mutex`](sync::Mutex) never crosses an await.
pub mod sync {
    pub use parking_lot::{Mutex, MutexGuard, RwLock};
    pub use tokio::sync::{
        Mutex as AsyncMutex, Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit, broadcast, mpsc,
        oneshot, watch,
    };
}

/// Feeds one event into the run's trace hash (simulator); does nothing in the plain build. See [`trace!`].
#[inline]
pub fn trace(event: std::fmt::Arguments<'_>) {
    world::trace(event);
}

/// `trace!("{} acked", offset)`: an event that two runs of one seed must share, in this order and at this time.
#[macro_export]
macro_rules! trace {
    ($($argument:tt)*) => {
        $crate::trace(::core::format_args!($($argument)*))
    };
}
