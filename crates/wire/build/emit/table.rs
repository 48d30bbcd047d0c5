//! Tables over all schemas: `ApiKey`, the enum of metadata records, and a catalogue for tests.

use std::fmt::Write;

use crate::model::{Kind, Schema, Versions};

/// The body of `ApiKey`: the enum, and one row of facts per key.
pub fn api_key(schemas: &[Schema]) -> String {
    let mut apis: Vec<(i16, &Schema, Option<Versions>, Option<Versions>)> = schemas
        .iter()
        .filter_map(|schema| match schema.kind {
            Kind::Api {
                key,
                served,
                advertised,
            } => Some((key, schema, served, advertised.or(served))),
            _ => None,
        })
        .collect();
    apis.sort_by_key(|(key, ..)| *key);
    let mut out = String::from(
        "/// Which API a request is of.\n#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n#[repr(i16)]\npub enum ApiKey {\n",
    );
    for (key, schema, ..) in &apis {
        super::types::docs(&mut out, "    ", &schema.doc[..schema.doc.len().min(1)]);
        let _ = writeln!(out, "    {} = {key},", schema.name);
    }
    out.push_str("}\n\nconst ROWS: &[Row] = &[\n");
    for (_, schema, served, advertised) in &apis {
        let _ = writeln!(
            out,
            "    Row {{ key: ApiKey::{0}, name: \"{0}\", stem: \"{1}\", versions: {2}..={3}, served: {4}, advertised: {5}, flexible_from: {6} }},",
            schema.name,
            schema.stem,
            schema.versions.first,
            schema.versions.last,
            range(*served),
            range(*advertised),
            schema
                .flexible
                .map_or("i16::MAX".to_string(), |from| from.to_string()),
        );
    }
    out.push_str("];\n");
    out
}

fn range(versions: Option<Versions>) -> String {
    versions.map_or("None".into(), |it| format!("Some({}..={})", it.first, it.last))
}

/// The modules of all records, and `MetadataRecord`.
pub fn records(schemas: &[Schema]) -> String {
    let mut out = String::new();
    let mut metadata = Vec::new();
    for schema in schemas {
        let note = match schema.kind {
            Kind::Api { .. } => continue,
            Kind::Record { id } => {
                metadata.push((id, schema));
                format!("Metadata record {id}, versions {}.", schema.versions)
            }
            Kind::Control { id } => format!("Control record of type {id}, versions {}.", schema.versions),
            Kind::Data => format!("Versions {}.", schema.versions),
        };
        super::module(&mut out, schema, &[note]);
        let _ = writeln!(out, "pub use {}::{};", schema.stem, schema.name);
    }
    metadata.sort_by_key(|(id, _)| *id);
    out.push_str("/// A record of the metadata log. Variants are Kafka's names without `Record`.\n");
    out.push_str("#[derive(Clone, Debug, PartialEq)]\npub enum MetadataRecord {\n");
    let variants: Vec<(u16, &str, &str)> = metadata
        .iter()
        .map(|(id, s)| {
            (
                *id,
                s.name.strip_suffix("Record").unwrap_or(&s.name),
                s.name.as_str(),
            )
        })
        .collect();
    for (_, variant, name) in &variants {
        let _ = writeln!(out, "    {variant}({name}),");
    }
    out.push_str("}\n");
    for (_, variant, name) in &variants {
        let _ = writeln!(
            out,
            "impl From<{name}> for MetadataRecord {{ fn from(it: {name}) -> Self {{ Self::{variant}(it) }} }}"
        );
    }
    out.push_str("impl MetadataRecord {\n");
    arms(
        &mut out,
        "/// The number that stands for this record's type.\n    pub fn id(&self) -> u16",
        &variants,
        |id, _| id.to_string(),
    );
    arms(
        &mut out,
        "/// Kafka's name of this record's type.\n    pub fn name(&self) -> &'static str",
        &variants,
        |_, name| format!("\"{name}\""),
    );
    arms(
        &mut out,
        "/// The newest version that has a schema.\n    pub fn newest_version(&self) -> i16",
        &variants,
        |_, name| format!("*<{name} as Message>::VERSIONS.end()"),
    );
    out.push_str("    pub(super) fn write_value(&self, buf: &mut BytesMut, version: i16) -> Result<(), EncodeError> {\n        match self {\n");
    for (_, variant, _) in &variants {
        let _ = writeln!(out, "            Self::{variant}(it) => it.encode(buf, version),");
    }
    out.push_str("        }\n    }\n    pub(super) fn read_value(id: u16, buf: &mut Bytes, version: i16) -> Result<Option<Self>, DecodeError> {\n        Ok(Some(match id {\n");
    for (id, variant, name) in &variants {
        let _ = writeln!(
            out,
            "            {id} => Self::{variant}({name}::decode(buf, version)?),"
        );
    }
    out.push_str("            _ => return Ok(None),\n        }))\n    }\n}\n");
    out
}

fn arms(
    out: &mut String,
    signature: &str,
    variants: &[(u16, &str, &str)],
    value: impl Fn(u16, &str) -> String,
) {
    let _ = writeln!(out, "    {signature} {{\n        match self {{");
    for (id, variant, name) in variants {
        let _ = writeln!(out, "            Self::{variant}(_) => {},", value(*id, name));
    }
    out.push_str("        }\n    }\n");
}

/// Every struct that stands alone, for tests that go through all of them.
pub fn catalogue(schemas: &[Schema]) -> String {
    let mut out = String::from("[\n");
    for schema in schemas {
        let (folder, place) = match schema.kind {
            Kind::Api { .. } => ("", "wire"),
            _ => ("record/", "wire::record"),
        };
        for root in &schema.roots {
            let stem = &schema.stem;
            let _ = writeln!(
                out,
                "    entry::<{place}::{stem}::{0}>(\"{folder}{stem}\", \"{0}\"),",
                root.name
            );
        }
    }
    out.push_str("]\n");
    out
}
