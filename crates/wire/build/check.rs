//! What must hold of a schema beyond its grammar, so that the emitter need not ask.

use std::collections::BTreeMap;

use crate::model::{Default, Field, Kind, Primitive, Schema, SchemaError, Struct, Type, Versions};

/// Checks one schema by itself.
pub fn check(schema: &Schema) -> Result<(), SchemaError> {
    let fail = |line: usize, what: String| {
        Err(SchemaError {
            file: schema.file.clone(),
            line,
            what,
        })
    };
    let wanted = if matches!(schema.kind, Kind::Api { .. }) {
        2
    } else {
        1
    };
    if schema.roots.len() != wanted {
        return fail(
            schema.line,
            format!("{} sections where {wanted} belong", schema.roots.len()),
        );
    }
    if let Kind::Api {
        served: Some(served), ..
    } = schema.kind
        && !schema.versions.covers(served)
    {
        return fail(
            schema.line,
            format!("served at {served}, but only {} have a schema", schema.versions),
        );
    }
    for root in &schema.roots {
        check_depth(schema, root, &mut Vec::new())?;
    }
    let mut names = BTreeMap::new();
    for it in schema.structs.iter().chain(&schema.roots) {
        if let Some(line) = names.insert(it.name.as_str(), it.line) {
            return fail(
                it.line,
                format!(
                    "struct {} was defined at line {line} already; rename one",
                    it.name
                ),
            );
        }
        check_struct(schema, it)?;
    }
    Ok(())
}

/// Checks what only holds among all schemas.
pub fn check_all(schemas: &[Schema]) -> Result<(), SchemaError> {
    let mut ids: BTreeMap<(u8, i64), &str> = BTreeMap::new();
    for schema in schemas {
        let id = match schema.kind {
            Kind::Api { key, .. } => (0, i64::from(key)),
            Kind::Record { id } => (1, i64::from(id)),
            Kind::Control { id } => (2, i64::from(id)),
            Kind::Data => continue,
        };
        if let Some(other) = ids.insert(id, &schema.name) {
            let what = format!("{} has the number of {other}, {}", schema.name, id.1);
            return Err(SchemaError {
                file: schema.file.clone(),
                line: schema.line,
                what,
            });
        }
    }
    Ok(())
}

fn check_struct(schema: &Schema, it: &Struct) -> Result<(), SchemaError> {
    let mut names = BTreeMap::new();
    let mut tags = BTreeMap::new();
    for field in &it.fields {
        let fail = |what: String| {
            Err(SchemaError {
                file: schema.file.clone(),
                line: field.line,
                what,
            })
        };
        if let Some(line) = names.insert(field.name.as_str(), field.line) {
            return fail(format!("`{}` was named at line {line} already", field.name));
        }
        if !field
            .name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            return fail(format!("`{}` is not snake_case", field.name));
        }
        if let Some((tag, _)) = field.tag
            && let Some(line) = tags.insert(tag, field.line)
        {
            return fail(format!("tag {tag} was given at line {line} already"));
        }
        if let Err(what) = check_field(schema, field) {
            return fail(format!("`{}` {what}", field.name));
        }
    }
    Ok(())
}

fn check_field(schema: &Schema, field: &Field) -> Result<(), String> {
    if let Some(name) = field.ty.struct_name() {
        let Some(inner) = schema.find(name) else {
            return Err(format!("is a {name}, which is defined nowhere in this file"));
        };
        if !inner.versions.covers(field.versions) {
            return Err(format!(
                "stands at {}, its struct only at {}",
                field.versions, inner.versions
            ));
        }
    }
    if let Some(nullable) = field.nullable {
        let can = match &field.ty {
            Type::Primitive(primitive) => primitive.can_be_null(),
            Type::Struct(_) | Type::Array(_) => true,
        };
        if !can {
            return Err("cannot be null: its type has no way to say so".into());
        }
        if nullable.and(field.versions).is_none() {
            return Err(format!(
                "is nullable at {nullable} but stands at {}",
                field.versions
            ));
        }
    }
    check_default(field)?;
    check_elements(schema, field)?;
    match field.tag {
        Some((_, versions)) => check_tag(schema, field, versions),
        None => Ok(()),
    }
}

fn check_default(field: &Field) -> Result<(), String> {
    let fits =
        |low: i64, high: i64| matches!(field.default, Some(Default::Int(n)) if (low..=high).contains(&n));
    match (&field.default, &field.ty) {
        (Some(Default::Null), _) if field.nullable.is_none() => {
            Err("is null by default, but never nullable".into())
        }
        (Some(Default::Int(n)), Type::Primitive(primitive)) => {
            let ok = match primitive {
                Primitive::I8 => fits(i8::MIN.into(), i8::MAX.into()),
                Primitive::I16 => fits(i16::MIN.into(), i16::MAX.into()),
                Primitive::U16 => fits(0, u16::MAX.into()),
                Primitive::I32 => fits(i32::MIN.into(), i32::MAX.into()),
                Primitive::U32 => fits(0, u32::MAX.into()),
                _ => true,
            };
            if ok {
                Ok(())
            } else {
                Err(format!("has the default {n}, which does not fit its type"))
            }
        }
        _ => Ok(()),
    }
}

/// An array's count is bounded by what an element takes at least, so that must not be nothing.
fn check_elements(schema: &Schema, field: &Field) -> Result<(), String> {
    let Type::Array(element) = &field.ty else {
        return Ok(());
    };
    if matches!(**element, Type::Array(_)) {
        return Err("is an array of arrays, which Kafka does not know".into());
    }
    let last = field.versions.last.min(schema.versions.last);
    match (field.versions.first..=last).find(|version| schema.min_type_size(element, *version) == 0) {
        Some(version) => Err(format!(
            "has elements of no bytes at version {version}: a count could not be bounded"
        )),
        None => Ok(()),
    }
}

fn check_tag(schema: &Schema, field: &Field, versions: Versions) -> Result<(), String> {
    if versions.last.min(schema.versions.last) < field.versions.last.min(schema.versions.last) {
        return Err("is tagged only up to a version; a tag stays".into());
    }
    if !schema.flexible_at(versions.first.max(field.versions.first)) {
        return Err(format!(
            "is tagged at {versions}, where the message is not flexible"
        ));
    }
    if field.ty == Type::Primitive(Primitive::Records) {
        return Err("holds records, which cannot be tagged".into());
    }
    Ok(())
}

/// Decoding recurses by the nesting of structs, so nesting must end.
fn check_depth<'a>(schema: &'a Schema, it: &'a Struct, above: &mut Vec<&'a str>) -> Result<(), SchemaError> {
    if above.contains(&it.name.as_str()) {
        let what = format!("struct {} contains itself", it.name);
        return Err(SchemaError {
            file: schema.file.clone(),
            line: it.line,
            what,
        });
    }
    above.push(&it.name);
    for inner in it
        .fields
        .iter()
        .filter_map(|f| f.ty.struct_name())
        .filter_map(|name| schema.find(name))
    {
        check_depth(schema, inner, above)?;
    }
    above.pop();
    Ok(())
}
