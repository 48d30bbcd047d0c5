//! A second reading of the schemas: random values by tape, and an encoder that walks the model field by
//! field and version by version, as Kafka's README describes the format. It shares no code with what the
//! generator makes.

use crate::model::{Default, Field, Primitive, Schema, Struct, Type};
use crate::tape::Tape;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Uuid([u8; 16]),
    Str(String),
    Bytes(Vec<u8>),
    Array(Vec<Value>),
    /// In the order of the schema's fields.
    Struct(Vec<Value>),
}

/// Why a value cannot be written at a version.
#[derive(Debug, PartialEq)]
pub struct Unwritable(pub String);

/// A value with all fields of a version, and defaults where the version has none.
pub fn generate(schema: &Schema, it: &Struct, version: i16, tape: &mut Tape<'_>) -> Value {
    Value::Struct(
        it.fields
            .iter()
            .map(|field| generate_field(schema, field, version, tape))
            .collect(),
    )
}

fn generate_field(schema: &Schema, field: &Field, version: i16, tape: &mut Tape<'_>) -> Value {
    if !field.versions.contains(version) {
        return default(schema, field);
    }
    // Tagged fields are mostly absent in practice, and so they are here in one of three.
    if field.tag_at(version).is_some() && tape.below(3) == 0 {
        return default(schema, field);
    }
    if field.nullable_at(version) && tape.below(4) == 0 {
        return Value::Null;
    }
    generate_type(schema, &field.ty, version, tape)
}

fn generate_type(schema: &Schema, ty: &Type, version: i16, tape: &mut Tape<'_>) -> Value {
    match ty {
        Type::Struct(name) => generate(schema, schema.find(name).expect("checked"), version, tape),
        Type::Array(element) => {
            let count = [0, 1, 2, 3][tape.below(4)];
            Value::Array(
                (0..count)
                    .map(|_| generate_type(schema, element, version, tape))
                    .collect(),
            )
        }
        Type::Primitive(primitive) => match primitive {
            Primitive::Bool => Value::Bool(tape.below(2) == 1),
            Primitive::I8 => Value::Int(tape.int(8)),
            Primitive::I16 => Value::Int(tape.int(16)),
            Primitive::U16 => Value::Int(tape.int(16) & 0xffff),
            Primitive::I32 => Value::Int(tape.int(32)),
            Primitive::U32 => Value::Int(tape.int(32) & 0xffff_ffff),
            Primitive::I64 => Value::Int(tape.int(64)),
            Primitive::F64 => Value::Float(tape.int(32) as f64 / 8.0),
            Primitive::Uuid => Value::Uuid(tape.bytes()),
            Primitive::String => Value::Str(generate_text(tape)),
            Primitive::Bytes | Primitive::Records => {
                let length = tape.below(40);
                Value::Bytes((0..length).map(|_| tape.byte()).collect())
            }
        },
    }
}

/// Mostly short; now and then long enough that a compact length takes two bytes.
fn generate_text(tape: &mut Tape<'_>) -> String {
    let letters = ["a", "Z", "0", ".", "_", "é", "字", "🎈", "\0"];
    let length = [0, 1, 2, 5, 9, 130][tape.below(6)];
    (0..length).map(|_| letters[tape.below(letters.len())]).collect()
}

pub fn default(schema: &Schema, field: &Field) -> Value {
    match (&field.default, &field.ty) {
        (Some(Default::Null), _) => Value::Null,
        (Some(Default::Bool(value)), _) => Value::Bool(*value),
        (Some(Default::Int(value)), _) => Value::Int(*value),
        (Some(Default::Float(value)), _) => Value::Float(*value),
        (Some(Default::Str(value)), _) => Value::Str(value.clone()),
        (None, Type::Struct(name)) => default_struct(schema, schema.find(name).expect("checked")),
        (None, Type::Array(_)) => Value::Array(Vec::new()),
        (None, Type::Primitive(primitive)) => match primitive {
            Primitive::Bool => Value::Bool(false),
            Primitive::F64 => Value::Float(0.0),
            Primitive::Uuid => Value::Uuid([0; 16]),
            Primitive::String => Value::Str(String::new()),
            Primitive::Bytes | Primitive::Records => Value::Bytes(Vec::new()),
            _ => Value::Int(0),
        },
    }
}

fn default_struct(schema: &Schema, it: &Struct) -> Value {
    Value::Struct(it.fields.iter().map(|field| default(schema, field)).collect())
}

/// The bytes of a struct at a version.
pub fn encode(schema: &Schema, it: &Struct, value: &Value, version: i16) -> Result<Vec<u8>, Unwritable> {
    let mut out = Vec::new();
    encode_struct(&mut out, schema, it, value, version)?;
    Ok(out)
}

fn encode_struct(
    out: &mut Vec<u8>,
    schema: &Schema,
    it: &Struct,
    value: &Value,
    version: i16,
) -> Result<(), Unwritable> {
    let Value::Struct(values) = value else {
        panic!("{} is no struct: {value:?}", it.name)
    };
    let mut tagged = Vec::new();
    for (field, value) in it.fields.iter().zip(values) {
        if !field.versions.contains(version) {
            if !field.ignorable && *value != default(schema, field) {
                return Err(Unwritable(format!("{}.{} at {version}", it.name, field.name)));
            }
        } else if let Some(tag) = field.tag_at(version) {
            if *value != default(schema, field) {
                let mut aside = Vec::new();
                encode_field(&mut aside, schema, field, value, version)?;
                tagged.push((tag, aside));
            }
        } else {
            encode_field(out, schema, field, value, version)?;
        }
    }
    if schema.flexible_at(version) {
        tagged.sort();
        varint(out, tagged.len() as u64);
        for (tag, bytes) in tagged {
            varint(out, tag.into());
            varint(out, bytes.len() as u64);
            out.extend(bytes);
        }
    }
    Ok(())
}

fn encode_field(
    out: &mut Vec<u8>,
    schema: &Schema,
    field: &Field,
    value: &Value,
    version: i16,
) -> Result<(), Unwritable> {
    if *value == Value::Null && !field.nullable_at(version) {
        return Err(Unwritable(format!("{} is null at {version}", field.name)));
    }
    if let (Type::Struct(_), true) = (&field.ty, field.nullable_at(version)) {
        let is_null = *value == Value::Null;
        out.push(if is_null { 0xff } else { 1 });
        if is_null {
            return Ok(());
        }
    }
    encode_type(out, schema, &field.ty, value, version)
}

fn encode_type(
    out: &mut Vec<u8>,
    schema: &Schema,
    ty: &Type,
    value: &Value,
    version: i16,
) -> Result<(), Unwritable> {
    let flexible = schema.flexible_at(version);
    match (ty, value) {
        (Type::Struct(name), value) => {
            encode_struct(out, schema, schema.find(name).expect("checked"), value, version)?;
        }
        (Type::Array(element), Value::Array(values)) => {
            length(out, flexible, 4, Some(values.len()));
            for value in values {
                encode_type(out, schema, element, value, version)?;
            }
        }
        (Type::Primitive(Primitive::String), Value::Str(text)) => {
            length(out, flexible, 2, Some(text.len()));
            out.extend(text.as_bytes());
        }
        (Type::Primitive(_), Value::Bytes(bytes)) => {
            length(out, flexible, 4, Some(bytes.len()));
            out.extend(bytes);
        }
        (Type::Primitive(Primitive::String), Value::Null) => length(out, flexible, 2, None),
        (_, Value::Null) => length(out, flexible, 4, None),
        (_, Value::Bool(value)) => out.push(u8::from(*value)),
        (_, Value::Float(value)) => out.extend(value.to_be_bytes()),
        (_, Value::Uuid(bytes)) => out.extend(bytes),
        (Type::Primitive(primitive), Value::Int(value)) => {
            let width = match primitive {
                Primitive::I8 => 1,
                Primitive::I16 | Primitive::U16 => 2,
                Primitive::I32 | Primitive::U32 => 4,
                _ => 8,
            };
            out.extend(&value.to_be_bytes()[8 - width..]);
        }
        (ty, value) => panic!("{value:?} is no {ty:?}"),
    }
    Ok(())
}

fn length(out: &mut Vec<u8>, flexible: bool, width: usize, length: Option<usize>) {
    match (flexible, length) {
        (true, length) => varint(out, length.map_or(0, |it| it as u64 + 1)),
        (false, None) => out.extend(vec![0xff; width]),
        (false, Some(length)) => out.extend(&(length as u64).to_be_bytes()[8 - width..]),
    }
}

pub fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 128 {
        out.push(value as u8 | 128);
        value /= 128;
    }
    out.push(value as u8);
}
