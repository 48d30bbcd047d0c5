//! The house's rules as ordinary tests: what no compiler checks and a reviewer forgets.

mod layers;
mod sources;
