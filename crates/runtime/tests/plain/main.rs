//! The plain build against the real operating system.
#![cfg(not(madsim))]
#![allow(clippy::disallowed_methods)] // looks at files behind the runtime's back

mod disk;
mod net;
mod rest;

/// Runs a test's future as a program's main would be.
fn run<F: Future>(future: F) -> F::Output {
    runtime::process::main(future)
}
