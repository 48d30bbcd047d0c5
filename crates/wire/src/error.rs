//! What can be wrong with bytes, and with values that should become bytes. Each error names the message,
//! its version, the field and the fault. Boxed: results stay small on the path where nothing is wrong.

use std::fmt;

/// Bytes that are no such message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(Box<Place<DecodeFault>>);

/// A value that this version of the message cannot carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError(Box<Place<EncodeFault>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place<F> {
    message: &'static str,
    version: i16,
    field: &'static str,
    fault: F,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeFault {
    #[error("{wanted} bytes wanted, {remaining} remain")]
    Short { wanted: u64, remaining: usize },
    #[error("{count} elements announced, more than the {remaining} remaining bytes can hold")]
    Count { count: usize, remaining: usize },
    #[error("a length of {0}; only -1 may be negative")]
    Negative(i64),
    #[error("null, where null is not allowed")]
    Null,
    #[error("a string of {0} bytes, more than 32767")]
    LongString(usize),
    #[error("not UTF-8 after {valid_up_to} bytes")]
    Utf8 { valid_up_to: usize },
    #[error("an unsigned varint of more than 32 bits")]
    Varint,
    #[error("{0} bytes left over")]
    Trailing(usize),
    #[error("this version has no schema here; {first} to {last} have")]
    Version { first: i16, last: i16 },
    #[error("frame version {0}; only 1 is known")]
    FrameVersion(u32),
    #[error("{0} is no known record type")]
    RecordType(u32),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EncodeFault {
    #[error("set, but this version has no such field; leave it at its default or use a version that has it")]
    Absent,
    #[error("null, where this version needs a value")]
    Null,
    #[error("a string of {0} bytes, more than 32767")]
    LongString(usize),
    #[error("longer than 31 bits can say")]
    Long,
    #[error("this version has no schema here; {first} to {last} have")]
    Version { first: i16, last: i16 },
    #[error("more fields of records than lengths were given")]
    NoHole,
    #[error("{0} lengths were given for which there is no field of records")]
    Holes(usize),
}

impl DecodeError {
    #[cold]
    pub(crate) fn new(field: &'static str, fault: DecodeFault) -> Self {
        Self(Box::new(Place {
            message: "",
            version: 0,
            field,
            fault,
        }))
    }

    #[cold]
    pub(crate) fn within(mut self, message: &'static str, version: i16) -> Self {
        self.0.message = message;
        self.0.version = version;
        self
    }

    /// The message that was being decoded, such as `FetchRequest`.
    pub fn message(&self) -> &'static str {
        self.0.message
    }

    pub fn version(&self) -> i16 {
        self.0.version
    }

    /// Struct and field, such as `FetchPartition.fetch_offset`.
    pub fn field(&self) -> &'static str {
        self.0.field
    }

    /// Whether the version, rather than the bytes, is at fault.
    pub fn is_unsupported_version(&self) -> bool {
        matches!(self.0.fault, DecodeFault::Version { .. })
    }
}

impl EncodeError {
    #[cold]
    pub(crate) fn new(field: &'static str, fault: EncodeFault) -> Self {
        Self(Box::new(Place {
            message: "",
            version: 0,
            field,
            fault,
        }))
    }

    #[cold]
    pub(crate) fn absent(field: &'static str) -> Self {
        Self::new(field, EncodeFault::Absent)
    }

    #[cold]
    pub(crate) fn within(mut self, message: &'static str, version: i16) -> Self {
        self.0.message = message;
        self.0.version = version;
        self
    }

    /// The message that was being encoded, such as `FetchRequest`.
    pub fn message(&self) -> &'static str {
        self.0.message
    }

    pub fn version(&self) -> i16 {
        self.0.version
    }

    /// Struct and field, such as `FetchPartition.fetch_offset`.
    pub fn field(&self) -> &'static str {
        self.0.field
    }

    /// Whether the version, rather than the value, is at fault.
    pub fn is_unsupported_version(&self) -> bool {
        matches!(self.0.fault, EncodeFault::Version { .. })
    }
}

impl<F: fmt::Display> fmt::Display for Place<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            message,
            version,
            field,
            fault,
        } = self;
        match (message.is_empty(), field.is_empty()) {
            (true, _) => write!(f, "{field}: {fault}"),
            (false, true) => write!(f, "{message} version {version}: {fault}"),
            (false, false) => write!(f, "{message} version {version}: {field}: {fault}"),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot decode {}", self.0)
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot encode {}", self.0)
    }
}

impl std::error::Error for DecodeError {}
impl std::error::Error for EncodeError {}
