//! Kafka's wire protocol: bytes to types and back, for every version of every API that is known here.
//!
//! The structs and their codecs are made at build time from `schema/`, one readable file per API (the
//! notation: SCHEMA.md). What is written by hand is what the schemas do not say: how primitives stand in
//! bytes (`codec`), headers, frames, error codes, the frame of a metadata record.
//!
//! Invariants:
//! 1. Decoding any bytes ends in a value or in a `DecodeError`, without a panic, and allocates at most a
//!    small multiple of the bytes given: every count is bounded by what the remaining bytes could hold.
//! 2. `decode(encode(x)) == x` wherever `encode` accepts `x`: a field that a version lacks must hold its
//!    default, unless its schema calls it ignorable.
//! 3. `bytes` and `records` fields are slices of the input: nothing is copied.
//!
//! Deliberately absent: the meaning of record sets (crate `records`), sockets, and any policy such as
//! which versions a broker wants to serve to whom.

mod api_key;
mod codec;
mod error;
mod error_code;
pub mod frame;
pub mod header;
mod message;
pub mod record;
mod uuid;

pub use api_key::ApiKey;
pub use codec::{Reader, Writer};
pub use error::{DecodeError, EncodeError};
pub use error_code::ErrorCode;
pub use message::{Message, Request};
pub use uuid::{ParseUuidError, Uuid};

/// What the generated modules use.
mod prelude {
    pub use std::ops::RangeInclusive;

    pub use bytes::Bytes;

    pub use crate::{ApiKey, DecodeError, EncodeError, Message, Reader, Request, Uuid, Writer};
}

#[allow(unused, clippy::all)]
mod apis {
    include!(concat!(env!("OUT_DIR"), "/apis.rs"));
}

pub use apis::*;
