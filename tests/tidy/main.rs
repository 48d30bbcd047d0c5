//! The house's rules as ordinary tests: what no compiler checks and a reviewer forgets.
#![allow(clippy::disallowed_methods)] // these tests look at the tree with the operating system's files

mod layers;
mod sources;
