//! Tasks: [`spawn`]ed futures that run beside their creator. Dropping a [`JoinHandle`] detaches its task.

pub use crate::world::task::{AbortHandle, JoinError, JoinHandle, blocking, spawn, yield_now};
