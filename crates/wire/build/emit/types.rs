//! Words that the other emitters share: Rust's names for types and fields, defaults, conditions.

use std::fmt::Write;

use crate::model::{Default, Field, OPEN, Primitive, Type, Versions};

const KEYWORDS: [&str; 12] = [
    "type", "match", "final", "ref", "in", "use", "move", "where", "loop", "fn", "impl", "self",
];

pub fn docs(out: &mut String, indent: &str, lines: &[String]) {
    for line in lines {
        let _ = writeln!(out, "{indent}/// {line}");
    }
}

pub fn field_name(name: &str) -> String {
    if KEYWORDS.contains(&name) {
        format!("r#{name}")
    } else {
        name.to_string()
    }
}

pub fn rust_type(field: &Field) -> String {
    let plain = plain_type(&field.ty);
    if field.nullable.is_some() {
        format!("Option<{plain}>")
    } else {
        plain
    }
}

pub fn plain_type(ty: &Type) -> String {
    match ty {
        Type::Struct(name) => name.clone(),
        Type::Array(element) => format!("Vec<{}>", plain_type(element)),
        Type::Primitive(primitive) => match primitive {
            Primitive::Uuid => "Uuid".into(),
            Primitive::String => "String".into(),
            Primitive::Bytes | Primitive::Records => "Bytes".into(),
            other => other.name().into(),
        },
    }
}

/// Whether `Default::default()` of the field's Rust type is Kafka's default.
pub fn default_is_natural(field: &Field) -> bool {
    match field.nullable {
        Some(_) => field.default_is_null(),
        None => field.default.is_none(),
    }
}

pub fn default_value(field: &Field) -> String {
    let value = match &field.default {
        Some(Default::Null) => return "None".into(),
        Some(Default::Bool(value)) => value.to_string(),
        Some(Default::Int(value)) => value.to_string(),
        Some(Default::Float(value)) => format!("{value:?}"),
        Some(Default::Str(value)) => format!("{value:?}.to_string()"),
        None => "Default::default()".into(),
    };
    if field.nullable.is_some() {
        format!("Some({value})")
    } else {
        value
    }
}

/// A condition that says that a field differs from its default.
pub fn is_not_default(field: &Field) -> String {
    let it = format!("self.{}", field_name(&field.name));
    let is_null = field.default_is_null();
    match (&field.ty, field.nullable.is_some(), &field.default) {
        (_, true, _) if is_null => format!("{it}.is_some()"),
        (Type::Primitive(Primitive::String), true, Some(Default::Str(text))) => {
            format!("{it}.as_deref() != Some({text:?})")
        }
        (Type::Primitive(Primitive::String), false, Some(Default::Str(text))) => format!("{it} != {text:?}"),
        (Type::Struct(name), true, _) => format!("{it} != Some({name}::default())"),
        (_, true, _) => format!("{it}.as_ref().is_none_or(|it| !it.is_empty())"),
        (Type::Struct(name), false, _) => format!("{it} != {name}::default()"),
        (
            Type::Array(_) | Type::Primitive(Primitive::String | Primitive::Bytes | Primitive::Records),
            false,
            _,
        ) => {
            format!("!{it}.is_empty()")
        }
        (Type::Primitive(Primitive::Bool), false, default) => {
            if *default == Some(Default::Bool(true)) {
                format!("!{it}")
            } else {
                it
            }
        }
        (Type::Primitive(Primitive::Uuid), false, _) => format!("{it} != Uuid::ZERO"),
        (Type::Primitive(Primitive::F64), false, None) => format!("{it} != 0.0"),
        (Type::Primitive(_), false, None) => format!("{it} != 0"),
        (Type::Primitive(_), false, Some(_)) => format!("{it} != {}", default_value(field)),
    }
}

/// A condition on `version`, within versions that are known to hold.
#[derive(Clone, PartialEq)]
pub enum When {
    Always,
    Never,
    If(String),
}

pub fn when(versions: Option<Versions>, within: Versions) -> When {
    let Some(both) = versions.and_then(|it| it.and(within)) else {
        return When::Never;
    };
    let low = (both.first > within.first).then(|| format!("version >= {}", both.first));
    let high = (both.last < within.last && both.last != OPEN).then(|| format!("version <= {}", both.last));
    match (low, high) {
        (None, None) => When::Always,
        (Some(one), None) | (None, Some(one)) => When::If(one),
        (Some(low), Some(high)) => When::If(format!("{low} && {high}")),
    }
}

/// `flexible` as an expression, within versions that are known to hold.
pub fn flexible(from: Option<i16>, within: Versions) -> String {
    match from {
        None => "false".into(),
        Some(from) if from <= within.first => "true".into(),
        Some(from) if from > within.last => "false".into(),
        Some(from) => format!("version >= {from}"),
    }
}

/// The versions at which a field stands in line, and those at which it is tagged.
pub fn places(field: &Field) -> (Option<Versions>, Option<Versions>) {
    match field.tag {
        None => (Some(field.versions), None),
        Some((_, tagged)) => {
            let tagged = tagged.and(field.versions);
            let before = tagged.and_then(|t| {
                (t.first > field.versions.first).then(|| Versions {
                    first: field.versions.first,
                    last: t.first - 1,
                })
            });
            (before, tagged)
        }
    }
}
