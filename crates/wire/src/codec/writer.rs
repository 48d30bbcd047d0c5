//! Values to bytes.

use bytes::{BufMut, Bytes, BytesMut};

use super::{STRING_BYTES_MAX, VARINT_BYTES_MAX};
use crate::error::{EncodeError, EncodeFault};
use crate::uuid::Uuid;

/// The end of one message in the making.
pub struct Writer<'a> {
    buf: &'a mut BytesMut,
    holes: Option<Holes<'a>>,
}

/// Records that somebody else sends: only their lengths are written.
struct Holes<'a> {
    lengths: &'a [Option<u32>],
    positions: Vec<usize>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(buf: &'a mut BytesMut) -> Self {
        Self { buf, holes: None }
    }

    pub(crate) fn with_holes(buf: &'a mut BytesMut, lengths: &'a [Option<u32>]) -> Self {
        Self {
            buf,
            holes: Some(Holes {
                lengths,
                positions: Vec::with_capacity(lengths.len()),
            }),
        }
    }

    /// Where the holes are; refuses if there were fewer places than lengths.
    pub(crate) fn into_holes(self) -> Result<Vec<usize>, EncodeError> {
        match self.holes {
            Some(holes) if holes.lengths.is_empty() => Ok(holes.positions),
            Some(holes) => Err(EncodeError::new(
                "records",
                EncodeFault::Holes(holes.lengths.len()),
            )),
            None => Ok(Vec::new()),
        }
    }

    #[inline]
    pub(crate) fn bool(&mut self, value: bool) {
        self.buf.put_u8(u8::from(value));
    }

    #[inline]
    pub(crate) fn i8(&mut self, value: i8) {
        self.buf.put_i8(value);
    }

    #[inline]
    pub(crate) fn i16(&mut self, value: i16) {
        self.buf.put_i16(value);
    }

    #[inline]
    pub(crate) fn u16(&mut self, value: u16) {
        self.buf.put_u16(value);
    }

    #[inline]
    pub(crate) fn i32(&mut self, value: i32) {
        self.buf.put_i32(value);
    }

    #[allow(dead_code)] // no schema has a field of this type yet
    #[inline]
    pub(crate) fn u32(&mut self, value: u32) {
        self.buf.put_u32(value);
    }

    #[inline]
    pub(crate) fn i64(&mut self, value: i64) {
        self.buf.put_i64(value);
    }

    #[inline]
    pub(crate) fn f64(&mut self, value: f64) {
        self.buf.put_f64(value);
    }

    #[inline]
    pub(crate) fn uuid(&mut self, value: Uuid) {
        self.buf.put_slice(&value.0);
    }

    pub(crate) fn varint(&mut self, mut value: u32) {
        let mut bytes = [0; VARINT_BYTES_MAX];
        let mut length = 0;
        while value >= 0x80 {
            bytes[length] = value as u8 | 0x80;
            value >>= 7;
            length += 1;
        }
        bytes[length] = value as u8;
        self.buf.put_slice(&bytes[..=length]);
    }

    pub(crate) fn required<'b, T: ?Sized>(
        &self,
        value: Option<&'b T>,
        field: &'static str,
    ) -> Result<&'b T, EncodeError> {
        value.ok_or_else(|| EncodeError::new(field, EncodeFault::Null))
    }

    pub(crate) fn string(
        &mut self,
        flexible: bool,
        value: &str,
        field: &'static str,
    ) -> Result<(), EncodeError> {
        if value.len() > STRING_BYTES_MAX {
            return Err(EncodeError::new(field, EncodeFault::LongString(value.len())));
        }
        if flexible {
            self.varint(value.len() as u32 + 1)
        } else {
            self.i16(value.len() as i16)
        }
        self.buf.put_slice(value.as_bytes());
        Ok(())
    }

    pub(crate) fn nullable_string(
        &mut self,
        flexible: bool,
        value: Option<&str>,
        field: &'static str,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.string(flexible, value, field),
            None if flexible => {
                self.varint(0);
                Ok(())
            }
            None => {
                self.i16(-1);
                Ok(())
            }
        }
    }

    /// A length of 32 bits, as arrays and bytes have it; null is none.
    fn length(
        &mut self,
        flexible: bool,
        length: Option<usize>,
        field: &'static str,
    ) -> Result<(), EncodeError> {
        let length = match length.map(i32::try_from) {
            None => -1,
            Some(Ok(length)) if length < i32::MAX => length,
            Some(_) => return Err(EncodeError::new(field, EncodeFault::Long)),
        };
        if flexible {
            self.varint((length + 1) as u32)
        } else {
            self.i32(length)
        }
        Ok(())
    }

    pub(crate) fn bytes(
        &mut self,
        flexible: bool,
        value: &[u8],
        field: &'static str,
    ) -> Result<(), EncodeError> {
        self.length(flexible, Some(value.len()), field)?;
        self.buf.put_slice(value);
        Ok(())
    }

    pub(crate) fn nullable_bytes(
        &mut self,
        flexible: bool,
        value: Option<&Bytes>,
        field: &'static str,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.bytes(flexible, value, field),
            None => self.length(flexible, None, field),
        }
    }

    /// As `nullable_bytes`, unless this message is written around its records.
    pub(crate) fn records(
        &mut self,
        flexible: bool,
        value: Option<&Bytes>,
        field: &'static str,
    ) -> Result<(), EncodeError> {
        let Some(holes) = &mut self.holes else {
            return self.nullable_bytes(flexible, value, field);
        };
        let Some((length, after)) = holes.lengths.split_first() else {
            return Err(EncodeError::new(field, EncodeFault::NoHole));
        };
        holes.lengths = after;
        let length = length.map(|it| it as usize);
        self.length(flexible, length, field)?;
        let position = self.buf.len();
        if let Some(holes) = &mut self.holes {
            holes.positions.push(position);
        }
        Ok(())
    }

    pub(crate) fn array<T>(
        &mut self,
        flexible: bool,
        elements: &[T],
        field: &'static str,
        write: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.nullable_array(flexible, Some(elements), field, write)
    }

    pub(crate) fn nullable_array<T>(
        &mut self,
        flexible: bool,
        elements: Option<&[T]>,
        field: &'static str,
        mut write: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.length(flexible, elements.map(<[T]>::len), field)?;
        elements
            .unwrap_or_default()
            .iter()
            .try_for_each(|element| write(self, element))
    }

    /// A struct that may be absent.
    pub(crate) fn nullable<T>(
        &mut self,
        value: Option<&T>,
        write: impl FnOnce(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => {
                self.i8(1);
                write(self, value)
            }
            None => {
                self.i8(-1);
                Ok(())
            }
        }
    }

    pub(crate) fn tag_count(&mut self, count: u32) {
        self.varint(count);
    }

    /// A tagged field. Its length stands before it, so it is made aside first: tagged fields are rare and
    /// small, and hold no records.
    pub(crate) fn tagged(
        &mut self,
        tag: u32,
        field: &'static str,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mut aside = BytesMut::new();
        write(&mut Writer::new(&mut aside))?;
        let length = u32::try_from(aside.len()).map_err(|_| EncodeError::new(field, EncodeFault::Long))?;
        self.varint(tag);
        self.varint(length);
        self.buf.put_slice(&aside);
        Ok(())
    }
}
