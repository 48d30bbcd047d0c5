//! The wire crate against an interpreter of its schemas, a second implementation, bytes of a real broker,
//! and hostile bytes. The schemas' model and parser are the generator's own; the interpreter is not.

// The codec knows no runtime, and so neither do its tests.
#![allow(clippy::disallowed_methods)]

mod agreement;
mod allocation;
mod catalogue;
mod golden;
mod hostile;
mod interpreter;
mod round_trip;
mod schema_errors;
mod tape;

#[allow(dead_code)]
#[path = "../../build/check.rs"]
mod check;
#[allow(dead_code)]
#[path = "../../build/model.rs"]
mod model;
#[path = "../../build/parse.rs"]
mod parse;
