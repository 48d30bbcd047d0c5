//! Makes the crate's structs, decoders and encoders from `schema/`. One module per schema file, and
//! tables of what there is. The parts: `model` (what a schema says), `parse` (text to model), `check`
//! (what must hold), `emit` (model to Rust).

// A build script runs on no runtime of ours.
#![allow(clippy::disallowed_methods)]

mod check;
mod emit;
mod model;
mod parse;

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use model::{Schema, SchemaError};

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=schema");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts"));
    match load(Path::new("schema")) {
        Ok(schemas) => write(&out, &schemas).expect("OUT_DIR can be written"),
        Err(error) => {
            // Cargo shows this line to whoever builds; the path is clickable.
            println!("cargo::error=crates/wire/{error}");
            process::exit(1);
        }
    }
}

/// Reads and checks every schema, in the order of their paths.
fn load(folder: &Path) -> Result<Vec<Schema>, SchemaError> {
    let mut schemas = Vec::new();
    for path in files(folder).map_err(|error| unreadable(folder, &error))? {
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        let stem = path
            .file_stem()
            .map(|it| it.to_string_lossy().into_owned())
            .unwrap_or_default();
        let schema = parse::parse(&path.to_string_lossy(), &stem, &text)?;
        check::check(&schema)?;
        schemas.push(schema);
    }
    check::check_all(&schemas)?;
    Ok(schemas)
}

fn unreadable(path: &Path, error: &io::Error) -> SchemaError {
    SchemaError {
        file: path.to_string_lossy().into_owned(),
        line: 0,
        what: error.to_string(),
    }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|it| it == "wire") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn write(out: &Path, schemas: &[Schema]) -> io::Result<()> {
    fs::write(out.join("apis.rs"), emit::apis(schemas))?;
    fs::write(out.join("api_key.rs"), emit::api_key(schemas))?;
    fs::write(out.join("records.rs"), emit::records(schemas))?;
    fs::write(out.join("catalogue.rs"), emit::catalogue(schemas))
}
