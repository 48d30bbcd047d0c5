//! Encoders: one `write_at(writer, version)` per struct. A field that the version lacks must hold its
//! default, unless the schema calls it ignorable.

use std::fmt::Write;

use super::types::{self, When};
use crate::model::{Field, Primitive, Schema, Struct, Type, Versions};

pub fn function(out: &mut String, schema: &Schema, it: &Struct) {
    let within = it.versions.and(schema.versions).unwrap_or(schema.versions);
    out.push_str("        pub(crate) fn write_at(&self, w: &mut Writer<'_>, version: i16) -> Result<(), EncodeError> {\n");
    let flexible = types::flexible(schema.flexible, within);
    let _ = writeln!(out, "            let flexible = {flexible};");
    for field in &it.fields {
        inline(out, schema, it, field, within);
    }
    if flexible != "false" {
        tags(out, schema, it, within);
    }
    out.push_str("            Ok(())\n        }\n");
}

fn inline(out: &mut String, schema: &Schema, it: &Struct, field: &Field, within: Versions) {
    let (inline, _) = types::places(field);
    let write = |at| value(schema, it, field, at);
    let _ = match types::when(inline, within) {
        When::Never => Ok(()),
        When::Always => writeln!(out, "            {}", write(within)),
        When::If(condition) => writeln!(
            out,
            "            if {condition} {{ {} }}",
            write(inline.unwrap_or(within))
        ),
    };
    if field.ignorable {
        return;
    }
    let guard = match types::when(Some(field.versions), within) {
        When::Always => return,
        When::Never => String::new(),
        When::If(condition) => format!("!({condition}) && "),
    };
    let _ = writeln!(
        out,
        "            if {guard}{} {{ return Err(EncodeError::absent(\"{}.{}\")); }}",
        types::is_not_default(field),
        it.name,
        field.name
    );
}

/// The tagged section: how many, then each by its number, skipping those that hold their default.
fn tags(out: &mut String, schema: &Schema, it: &Struct, within: Versions) {
    let mut tagged: Vec<(&Field, u32)> = it
        .fields
        .iter()
        .filter_map(|f| f.tag.map(|(tag, _)| (f, tag)))
        .collect();
    tagged.sort_by_key(|(_, tag)| *tag);
    let mut count = vec!["0".to_string()];
    let mut writes = String::new();
    out.push_str("            if flexible {\n");
    for (field, tag) in tagged {
        let (_, versions) = types::places(field);
        let guard = match types::when(versions, within) {
            When::Never => continue,
            When::Always => String::new(),
            When::If(condition) => format!("{condition} && "),
        };
        let _ = writeln!(
            out,
            "                let has_{tag} = {guard}{};",
            types::is_not_default(field)
        );
        count.push(format!("u32::from(has_{tag})"));
        let write = value(schema, it, field, versions.unwrap_or(within));
        let _ = writeln!(
            writes,
            "                if has_{tag} {{ w.tagged({tag}, \"{}.{}\", |w| {{ {write} Ok(()) }})?; }}",
            it.name, field.name
        );
    }
    let sum = if count.len() == 1 {
        "0".to_string()
    } else {
        count[1..].join(" + ")
    };
    let _ = writeln!(out, "                w.tag_count({sum});\n{writes}            }}");
}

/// A statement that writes a field, at versions where it exists.
fn value(schema: &Schema, it: &Struct, field: &Field, at: Versions) -> String {
    let label = format!("\"{}.{}\"", it.name, field.name);
    let me = format!("self.{}", types::field_name(&field.name));
    let required = |out: String| format!("let it = w.required({me}.as_ref(), {label})?; {out}");
    match types::when(field.nullable, at.and(schema.versions).unwrap_or(at)) {
        When::Never if field.nullable.is_some() => {
            format!("{{ {} }}", required(plain(&field.ty, "it", &label)))
        }
        When::Never => plain(&field.ty, &me, &label),
        When::Always => nullable(&field.ty, &me, &label),
        When::If(condition) => format!(
            "if {condition} {{ {} }} else {{ {} }}",
            nullable(&field.ty, &me, &label),
            required(plain(&field.ty, "it", &label))
        ),
    }
}

/// `it` is a place or a reference; both serve in the calls below.
fn plain(ty: &Type, it: &str, label: &str) -> String {
    match ty {
        Type::Struct(_) => format!("{it}.write_at(w, version)?;"),
        Type::Array(element) => format!(
            "w.array(flexible, &{it}, {label}, |w, it| {{ {} Ok(()) }})?;",
            item(element, label)
        ),
        Type::Primitive(primitive) => match primitive {
            Primitive::String => format!("w.string(flexible, &{it}, {label})?;"),
            Primitive::Bytes => format!("w.bytes(flexible, &{it}, {label})?;"),
            Primitive::Records => format!("w.records(flexible, Some(&{it}), {label})?;"),
            other => format!("w.{}({it});", other.name()),
        },
    }
}

fn nullable(ty: &Type, it: &str, label: &str) -> String {
    match ty {
        Type::Struct(_) => format!("w.nullable({it}.as_ref(), |w, it| it.write_at(w, version))?;"),
        Type::Array(element) => {
            format!(
                "w.nullable_array(flexible, {it}.as_deref(), {label}, |w, it| {{ {} Ok(()) }})?;",
                item(element, label)
            )
        }
        Type::Primitive(Primitive::String) => {
            format!("w.nullable_string(flexible, {it}.as_deref(), {label})?;")
        }
        Type::Primitive(Primitive::Records) => format!("w.records(flexible, {it}.as_ref(), {label})?;"),
        Type::Primitive(_) => format!("w.nullable_bytes(flexible, {it}.as_ref(), {label})?;"),
    }
}

/// An array's element, of which `it` is a reference.
fn item(ty: &Type, label: &str) -> String {
    match ty {
        Type::Primitive(primitive) if !primitive.can_be_null() => format!("w.{}(*it);", primitive.name()),
        other => plain(other, "it", label),
    }
}
