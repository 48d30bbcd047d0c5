//! Processes that stop with their test, and where the foreign tools are.

pub mod frame;
pub mod kafka;
pub mod odradek;
pub mod process;
pub mod tools;
