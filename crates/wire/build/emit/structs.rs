//! Struct definitions, their defaults, the fewest bytes they take, and the traits of the outer ones.

use std::fmt::Write;

use super::types;
use crate::model::{OPEN, Schema, Struct};

pub fn definition(out: &mut String, schema: &Schema, it: &Struct) {
    let natural = it.fields.iter().all(types::default_is_natural);
    let doc = if it.doc.is_empty() {
        format!("`{}` of {}.", it.name, schema.name)
    } else {
        it.doc.clone()
    };
    types::docs(out, "    ", &[doc]);
    let _ = writeln!(
        out,
        "    #[derive(Clone, Debug, PartialEq{})]",
        if natural { ", Default" } else { "" }
    );
    let _ = writeln!(out, "    pub struct {} {{", it.name);
    for field in &it.fields {
        let mut doc = field.doc.clone();
        if field.versions.first > schema.versions.first || field.versions.last < schema.versions.last {
            let sep = if doc.is_empty() { "" } else { " " };
            let _ = write!(doc, "{sep}(Versions {}.)", field.versions);
        }
        if !doc.is_empty() {
            types::docs(out, "        ", &[doc]);
        }
        let _ = writeln!(
            out,
            "        pub {}: {},",
            types::field_name(&field.name),
            types::rust_type(field)
        );
    }
    out.push_str("    }\n");
    if !natural {
        let _ = writeln!(
            out,
            "    impl Default for {} {{\n        fn default() -> Self {{\n            Self {{",
            it.name
        );
        for field in &it.fields {
            let _ = writeln!(
                out,
                "                {}: {},",
                types::field_name(&field.name),
                types::default_value(field)
            );
        }
        out.push_str("            }\n        }\n    }\n");
    }
}

/// `min_size(version)`: equal neighbours share an arm.
pub fn min_size(out: &mut String, schema: &Schema, it: &Struct) {
    let versions = it.versions.and(schema.versions).unwrap_or(schema.versions);
    let mut arms: Vec<(i16, usize)> = Vec::new();
    for version in versions.first..=versions.last.min(schema.versions.last) {
        let size = schema.min_size(&it.name, version);
        if arms.last().is_none_or(|(_, last)| *last != size) {
            arms.push((version, size));
        }
    }
    out.push_str(
        "        #[allow(dead_code)]\n        pub(crate) const fn min_size(version: i16) -> usize {\n",
    );
    match arms.as_slice() {
        [(_, size)] => {
            let _ = writeln!(out, "            {size}");
        }
        arms => {
            out.push_str("            match version {\n");
            for (index, (_, size)) in arms.iter().enumerate() {
                let _ = match arms.get(index + 1) {
                    Some((next, _)) => writeln!(out, "                ..={} => {size},", next - 1),
                    None => writeln!(out, "                _ => {size},"),
                };
            }
            out.push_str("            }\n");
        }
    }
    out.push_str("        }\n");
}

pub fn message(out: &mut String, schema: &Schema, it: &Struct) {
    let last = if schema.versions.last == OPEN {
        "i16::MAX".to_string()
    } else {
        schema.versions.last.to_string()
    };
    let flexible = schema
        .flexible
        .map_or("i16::MAX".to_string(), |from| from.to_string());
    let _ = writeln!(
        out,
        "    impl Message for {0} {{
        const NAME: &'static str = \"{0}\";
        const VERSIONS: RangeInclusive<i16> = {1}..={last};
        const FLEXIBLE_FROM: i16 = {flexible};
        fn read(r: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {{ Self::read_at(r, version) }}
        fn write(&self, w: &mut Writer<'_>, version: i16) -> Result<(), EncodeError> {{ self.write_at(w, version) }}
    }}",
        it.name, schema.versions.first
    );
}
