//! Every struct that stands alone, with its schema and its codec behind plain functions.

use std::path::Path;

use bytes::Bytes;
use wire::{DecodeError, EncodeError, Message};

use crate::model::{Schema, Struct};
use crate::parse;

pub struct Entry {
    /// The schema file below `schema/`, without its ending.
    pub file: &'static str,
    pub name: &'static str,
    pub first: i16,
    pub last: i16,
    pub decode: fn(Bytes, i16) -> Result<Box<dyn Decoded>, DecodeError>,
}

/// A decoded message, whatever its type.
pub trait Decoded {
    fn encode(&self, version: i16) -> Result<Bytes, EncodeError>;
    fn show(&self) -> String;
}

impl<M: Message + std::fmt::Debug> Decoded for M {
    fn encode(&self, version: i16) -> Result<Bytes, EncodeError> {
        self.to_bytes(version)
    }

    fn show(&self) -> String {
        format!("{self:#?}")
    }
}

fn entry<M: Message + std::fmt::Debug + 'static>(file: &'static str, name: &'static str) -> Entry {
    Entry {
        file,
        name,
        first: *M::VERSIONS.start(),
        last: *M::VERSIONS.end(),
        decode: |bytes, version| Ok(Box::new(M::decode_exact(bytes, version)?)),
    }
}

pub fn all() -> Vec<Entry> {
    Vec::from(include!(concat!(env!("OUT_DIR"), "/catalogue.rs")))
}

/// An entry beside what its schema says.
pub struct Known {
    pub entry: Entry,
    pub schema: Schema,
}

impl Known {
    pub fn root(&self) -> &Struct {
        self.schema
            .find(self.entry.name)
            .expect("the catalogue was made from this schema")
    }
}

pub fn all_with_schemas() -> Vec<Known> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let known = |entry: Entry| {
        let path = folder.join(entry.file).with_extension("wire");
        let text = std::fs::read_to_string(&path).expect("the schema was there at build time");
        let stem = entry.file.rsplit('/').next().unwrap_or_default();
        let schema = parse::parse(&path.to_string_lossy(), stem, &text).expect("it parsed at build time");
        Known { entry, schema }
    };
    all().into_iter().map(known).collect()
}

#[test]
fn every_schema_is_in_the_catalogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let mut files = std::collections::BTreeSet::new();
    for below in ["", "record"] {
        for found in std::fs::read_dir(folder.join(below)).expect("the folder exists") {
            let name = found
                .expect("it can be read")
                .file_name()
                .into_string()
                .expect("a plain name");
            if let Some(stem) = name.strip_suffix(".wire") {
                files.insert(if below.is_empty() {
                    stem.to_string()
                } else {
                    format!("{below}/{stem}")
                });
            }
        }
    }
    let known: std::collections::BTreeSet<String> = all().iter().map(|it| it.file.to_string()).collect();
    assert_eq!(files, known);
}
