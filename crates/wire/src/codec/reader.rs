//! Bytes to values. Every count and length is checked against what remains before anything is allocated.

use bytes::{Buf, Bytes};

use super::{STRING_BYTES_MAX, VARINT_BYTES_MAX};
use crate::error::{DecodeError, DecodeFault};
use crate::uuid::Uuid;

/// What an array allocates before its first element has been read: more only as elements arrive.
const ARRAY_BYTES_AHEAD: usize = 4096;

/// A place in the bytes of one message. Every method takes the field's name, for errors.
pub struct Reader<'a> {
    source: &'a Bytes,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(source: &'a Bytes) -> Self {
        Self { source, rest: source }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    #[inline]
    fn fixed<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((found, rest)) => {
                self.rest = rest;
                Ok(*found)
            }
            None => Err(self.short(N as u64, field)),
        }
    }

    #[cold]
    fn short(&self, wanted: u64, field: &'static str) -> DecodeError {
        DecodeError::new(
            field,
            DecodeFault::Short {
                wanted,
                remaining: self.rest.len(),
            },
        )
    }

    #[inline]
    fn take(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(length) {
            Some((found, rest)) => {
                self.rest = rest;
                Ok(found)
            }
            None => Err(self.short(length as u64, field)),
        }
    }

    #[inline]
    pub(crate) fn bool(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        Ok(self.i8(field)? != 0)
    }

    #[inline]
    pub(crate) fn i8(&mut self, field: &'static str) -> Result<i8, DecodeError> {
        self.fixed(field).map(i8::from_be_bytes)
    }

    #[inline]
    pub(crate) fn i16(&mut self, field: &'static str) -> Result<i16, DecodeError> {
        self.fixed(field).map(i16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.fixed(field).map(u16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn i32(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        self.fixed(field).map(i32::from_be_bytes)
    }

    #[allow(dead_code)] // no schema has a field of this type yet
    #[inline]
    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.fixed(field).map(u32::from_be_bytes)
    }

    #[inline]
    pub(crate) fn i64(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        self.fixed(field).map(i64::from_be_bytes)
    }

    #[inline]
    pub(crate) fn f64(&mut self, field: &'static str) -> Result<f64, DecodeError> {
        self.fixed(field).map(f64::from_be_bytes)
    }

    #[inline]
    pub(crate) fn uuid(&mut self, field: &'static str) -> Result<Uuid, DecodeError> {
        self.fixed(field).map(Uuid)
    }

    /// An unsigned varint of at most 32 bits.
    pub(crate) fn varint(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        let mut value = 0u32;
        for index in 0..VARINT_BYTES_MAX {
            let [byte] = self.fixed(field)?;
            let bits = u32::from(byte & 0x7f);
            if index == VARINT_BYTES_MAX - 1 && byte > 0x0f {
                break;
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::new(field, DecodeFault::Varint))
    }

    /// A length, or none for null.
    #[inline]
    fn length(
        &mut self,
        flexible: bool,
        short: bool,
        field: &'static str,
    ) -> Result<Option<usize>, DecodeError> {
        let length = match (flexible, short) {
            (true, _) => i64::from(self.varint(field)?) - 1,
            (false, true) => i64::from(self.i16(field)?),
            (false, false) => i64::from(self.i32(field)?),
        };
        match length {
            -1 => Ok(None),
            0.. => Ok(Some(length as usize)),
            _ => Err(DecodeError::new(field, DecodeFault::Negative(length))),
        }
    }

    pub(crate) fn string(&mut self, flexible: bool, field: &'static str) -> Result<String, DecodeError> {
        self.nullable_string(flexible, field)?
            .ok_or_else(|| DecodeError::new(field, DecodeFault::Null))
    }

    pub(crate) fn nullable_string(
        &mut self,
        flexible: bool,
        field: &'static str,
    ) -> Result<Option<String>, DecodeError> {
        let Some(length) = self.length(flexible, true, field)? else {
            return Ok(None);
        };
        if length > STRING_BYTES_MAX {
            return Err(DecodeError::new(field, DecodeFault::LongString(length)));
        }
        match std::str::from_utf8(self.take(length, field)?) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(error) => Err(DecodeError::new(
                field,
                DecodeFault::Utf8 {
                    valid_up_to: error.valid_up_to(),
                },
            )),
        }
    }

    pub(crate) fn bytes(&mut self, flexible: bool, field: &'static str) -> Result<Bytes, DecodeError> {
        self.nullable_bytes(flexible, field)?
            .ok_or_else(|| DecodeError::new(field, DecodeFault::Null))
    }

    pub(crate) fn nullable_bytes(
        &mut self,
        flexible: bool,
        field: &'static str,
    ) -> Result<Option<Bytes>, DecodeError> {
        let Some(length) = self.length(flexible, false, field)? else {
            return Ok(None);
        };
        let found = self.take(length, field)?;
        Ok(Some(self.source.slice_ref(found)))
    }

    /// An array whose elements take at least `element_size` bytes each.
    pub(crate) fn array<T>(
        &mut self,
        flexible: bool,
        element_size: usize,
        field: &'static str,
        read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        match self.nullable_array(flexible, element_size, field, read)? {
            Some(elements) => Ok(elements),
            None => Err(DecodeError::new(field, DecodeFault::Null)),
        }
    }

    pub(crate) fn nullable_array<T>(
        &mut self,
        flexible: bool,
        element_size: usize,
        field: &'static str,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.length(flexible, false, field)? else {
            return Ok(None);
        };
        // The schema's check guarantees element_size >= 1.
        if count > self.rest.len() / element_size.max(1) {
            return Err(DecodeError::new(
                field,
                DecodeFault::Count {
                    count,
                    remaining: self.rest.len(),
                },
            ));
        }
        let ahead = ARRAY_BYTES_AHEAD / size_of::<T>().max(1);
        let mut elements = Vec::with_capacity(count.min(ahead.max(1)));
        for _ in 0..count {
            if elements.len() == elements.capacity() {
                // Doubling, but never past the count: what is allocated stays near what arrived.
                elements.reserve_exact((count - elements.len()).min(elements.len()));
            }
            elements.push(read(self)?);
        }
        Ok(Some(elements))
    }

    /// A struct that may be absent: one byte says whether it is.
    pub(crate) fn nullable<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.i8(field)? < 0 {
            Ok(None)
        } else {
            read(self).map(Some)
        }
    }

    /// How many tagged fields follow; each takes two bytes at least.
    pub(crate) fn tag_count(&mut self, name: &'static str) -> Result<u32, DecodeError> {
        let count = self.varint(name)?;
        if count as usize > self.rest.len() / 2 {
            return Err(DecodeError::new(
                name,
                DecodeFault::Count {
                    count: count as usize,
                    remaining: self.rest.len(),
                },
            ));
        }
        Ok(count)
    }

    /// A tagged field's number and its bytes.
    pub(crate) fn tag(&mut self, name: &'static str) -> Result<(u32, Reader<'a>), DecodeError> {
        let tag = self.varint(name)?;
        let length = self.varint(name)?;
        let rest = self.take(length as usize, name)?;
        Ok((
            tag,
            Reader {
                source: self.source,
                rest,
            },
        ))
    }

    /// A tagged section of which nothing is known.
    pub(crate) fn skip_tags(&mut self, name: &'static str) -> Result<(), DecodeError> {
        for _ in 0..self.tag_count(name)? {
            self.tag(name)?;
        }
        Ok(())
    }

    /// Refuses bytes that are left over.
    pub(crate) fn end(&self, field: &'static str) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            remaining => Err(DecodeError::new(field, DecodeFault::Trailing(remaining))),
        }
    }
}

/// Reads from the front of `buf`, and moves it past what was read if that worked.
pub(crate) fn read_front<T>(
    buf: &mut Bytes,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut reader = Reader::new(buf);
    let value = read(&mut reader)?;
    let taken = buf.len() - reader.remaining();
    buf.advance(taken);
    Ok(value)
}
