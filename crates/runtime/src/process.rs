//! The process that hosts a node: its entry point, its signals, its limits.

pub use crate::world::process::{main, raise_open_files, shutdown_signal};
