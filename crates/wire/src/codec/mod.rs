//! How primitives stand in bytes: big-endian numbers, lengths before strings and arrays, and in flexible
//! versions "compact" lengths (an unsigned varint of length + 1, where 0 is null) and tagged fields.

mod reader;
mod writer;

pub use reader::Reader;
pub(crate) use reader::read_front;
pub use writer::Writer;

/// The longest string that Kafka reads or writes, in bytes.
pub(crate) const STRING_BYTES_MAX: usize = i16::MAX as usize;

/// The longest that an unsigned varint of 32 bits gets.
pub(crate) const VARINT_BYTES_MAX: usize = 5;
