//! Decoders: one `read_at(reader, version)` per struct, fields in the order of the schema, then tags.

use std::fmt::Write;

use super::types::{self, When};
use crate::model::{Field, Primitive, Schema, Struct, Type, Versions};

pub fn function(out: &mut String, schema: &Schema, it: &Struct) {
    let within = it.versions.and(schema.versions).unwrap_or(schema.versions);
    out.push_str(
        "        pub(crate) fn read_at(r: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {\n",
    );
    let flexible = types::flexible(schema.flexible, within);
    let _ = writeln!(out, "            let flexible = {flexible};");
    out.push_str("            let mut it = Self::default();\n");
    for field in &it.fields {
        let (inline, _) = types::places(field);
        let name = types::field_name(&field.name);
        let read = |inline| value(schema, it, field, inline);
        let _ = match types::when(inline, within) {
            When::Never => Ok(()),
            When::Always => writeln!(out, "            it.{name} = {};", read(within)),
            When::If(condition) => {
                writeln!(
                    out,
                    "            if {condition} {{ it.{name} = {}; }}",
                    read(inline.unwrap_or(within))
                )
            }
        };
    }
    if flexible != "false" {
        tags(out, schema, it, within);
    }
    out.push_str("            Ok(it)\n        }\n");
}

fn tags(out: &mut String, schema: &Schema, it: &Struct, within: Versions) {
    let name = &it.name;
    let _ = writeln!(
        out,
        "            if flexible {{\n                for _ in 0..r.tag_count(\"{name}\")? {{"
    );
    let _ = writeln!(
        out,
        "                    let (tag, mut tagged) = r.tag(\"{name}\")?;"
    );
    let known = it.fields.iter().filter_map(|f| f.tag.map(|(tag, _)| (f, tag)));
    let mut arms = String::new();
    for (field, tag) in known {
        let (_, tagged) = types::places(field);
        let guard = match types::when(tagged, within) {
            When::Never => continue,
            When::Always => String::new(),
            When::If(condition) => format!(" if {condition}"),
        };
        let read = value(schema, it, field, tagged.unwrap_or(within));
        let _ = writeln!(
            arms,
            "                        {tag}{guard} => {{ let r = &mut tagged; it.{} = {read}; r.end(\"{name}.{}\")?; }}",
            types::field_name(&field.name),
            field.name
        );
    }
    if !arms.is_empty() {
        let _ = writeln!(
            out,
            "                    match tag {{\n{arms}                        _ => {{}}\n                    }}"
        );
    }
    out.push_str("                }\n            }\n");
}

/// An expression that reads a field, at versions where it exists.
fn value(schema: &Schema, it: &Struct, field: &Field, at: Versions) -> String {
    let label = format!("\"{}.{}\"", it.name, field.name);
    match types::when(field.nullable, at.and(schema.versions).unwrap_or(at)) {
        When::Never if field.nullable.is_some() => format!("Some({}?)", plain(&field.ty, &label)),
        When::Never => format!("{}?", plain(&field.ty, &label)),
        When::Always => format!("{}?", nullable(&field.ty, &label)),
        When::If(condition) => {
            format!(
                "if {condition} {{ {}? }} else {{ Some({}?) }}",
                nullable(&field.ty, &label),
                plain(&field.ty, &label)
            )
        }
    }
}

fn plain(ty: &Type, label: &str) -> String {
    match ty {
        Type::Struct(name) => format!("{name}::read_at(r, version)"),
        Type::Array(element) => format!(
            "r.array(flexible, {}, {label}, |r| {})",
            element_size(element),
            plain(element, label)
        ),
        Type::Primitive(primitive) => match primitive {
            Primitive::String => format!("r.string(flexible, {label})"),
            Primitive::Bytes | Primitive::Records => format!("r.bytes(flexible, {label})"),
            other => format!("r.{}({label})", other.name()),
        },
    }
}

fn nullable(ty: &Type, label: &str) -> String {
    match ty {
        Type::Struct(name) => format!("r.nullable({label}, |r| {name}::read_at(r, version))"),
        Type::Array(element) => {
            format!(
                "r.nullable_array(flexible, {}, {label}, |r| {})",
                element_size(element),
                plain(element, label)
            )
        }
        Type::Primitive(Primitive::String) => format!("r.nullable_string(flexible, {label})"),
        Type::Primitive(_) => format!("r.nullable_bytes(flexible, {label})"),
    }
}

fn element_size(element: &Type) -> String {
    match element {
        Type::Struct(name) => format!("{name}::min_size(version)"),
        Type::Array(_) => "1".into(),
        Type::Primitive(primitive) => match primitive {
            Primitive::Bool | Primitive::I8 => "1".into(),
            Primitive::I16 | Primitive::U16 => "2".into(),
            Primitive::I32 | Primitive::U32 => "4".into(),
            Primitive::I64 | Primitive::F64 => "8".into(),
            Primitive::Uuid => "16".into(),
            Primitive::String => "if flexible { 1 } else { 2 }".into(),
            Primitive::Bytes | Primitive::Records => "if flexible { 1 } else { 4 }".into(),
        },
    }
}
