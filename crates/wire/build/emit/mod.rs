//! Model to Rust source. The text is plain and readable, yet not formatted: it lives in OUT_DIR.

mod read;
mod structs;
mod table;
mod types;
mod write;

use std::fmt::Write;

use crate::model::{Kind, Schema};

pub use table::{api_key, catalogue, records};

/// All modules of requests and responses.
pub fn apis(schemas: &[Schema]) -> String {
    let mut out = String::new();
    for schema in schemas {
        if let Kind::Api { key, .. } = schema.kind {
            module(
                &mut out,
                schema,
                &[format!("API key {key}, versions {}.", schema.versions)],
            );
        }
    }
    out
}

/// One schema's module: its structs with their codecs.
fn module(out: &mut String, schema: &Schema, notes: &[String]) {
    let docs: Vec<String> = schema
        .doc
        .iter()
        .chain(std::iter::once(&String::new()))
        .chain(notes)
        .cloned()
        .collect();
    types::docs(out, "", &docs);
    let _ = writeln!(out, "pub mod {} {{\n    use crate::prelude::*;", schema.stem);
    for it in schema.roots.iter().chain(&schema.structs) {
        structs::definition(out, schema, it);
        let _ = writeln!(out, "    impl {} {{", it.name);
        structs::min_size(out, schema, it);
        read::function(out, schema, it);
        write::function(out, schema, it);
        out.push_str("    }\n");
    }
    for root in &schema.roots {
        structs::message(out, schema, root);
    }
    if let Kind::Api { .. } = schema.kind {
        let name = &schema.name;
        let _ = writeln!(
            out,
            "    impl Request for {name}Request {{ const KEY: ApiKey = ApiKey::{name}; type Response = {name}Response; }}"
        );
    }
    out.push_str("}\n");
}
