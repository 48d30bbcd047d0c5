//! Hash maps whose hasher is the same in every process, for look-ups only.
//!
//! Never iterate one where the order could reach a decision, a file or the wire: take a `BTreeMap`. The hasher is
//! SipHash with fixed keys, so a peer that chooses its keys could make buckets collide: bound such maps.
#![allow(clippy::disallowed_types)] // this is the place that names the replacement

use std::hash::{BuildHasherDefault, DefaultHasher};

/// The hasher of these maps: SipHash-1-3 with fixed keys.
pub type FixedState = BuildHasherDefault<DefaultHasher>;

/// Make one with `HashMap::default()`.
pub type HashMap<K, V> = std::collections::HashMap<K, V, FixedState>;

/// Make one with `HashSet::default()`.
pub type HashSet<T> = std::collections::HashSet<T, FixedState>;
