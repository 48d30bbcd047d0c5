//! ARCHITECTURE.md's layer table against what cargo says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

type Layers = BTreeMap<String, BTreeSet<String>>;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn each_crate_imports_what_the_layer_table_allows() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let table = parse_table(&text);
    let actual = workspace_imports();
    let names = |layers: &Layers| layers.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(
        names(&table),
        names(&actual),
        "the layer table names the crates that exist, and no others"
    );
    for (name, imports) in &actual {
        let allowed = &table[name];
        let beyond: Vec<_> = imports.difference(allowed).collect();
        assert!(
            beyond.is_empty(),
            "{name} imports {beyond:?}, which ARCHITECTURE.md's layer table does not allow it"
        );
        let unused: Vec<_> = allowed.difference(imports).collect();
        assert!(
            unused.is_empty(),
            "ARCHITECTURE.md lets {name} import {unused:?}, which it does not: narrow the table"
        );
    }
}

#[test]
fn the_table_parser_reads_rows_and_skips_prose() {
    let layers = parse_table(
        "| crate | purpose | may import |\n|---|---|---|\n| `a` | x | – |\n| `b` | y, `z` | `a` |\n\n| other | table |\n| `q` | r |\n",
    );
    assert_eq!(layers.len(), 2);
    assert!(layers["a"].is_empty());
    assert_eq!(layers["b"], BTreeSet::from(["a".to_string()]));
}

/// The rows under the header `| crate | purpose | may import |`.
fn parse_table(text: &str) -> Layers {
    text.lines()
        .skip_while(|line| !line.starts_with("| crate | purpose | may import |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 3, "three cells in: {line}");
            (cells[0].trim_matches('`').to_string(), backticked(cells[2]))
        })
        .collect()
}

fn backticked(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_string).collect()
}

/// For each crate under `crates/`, the other crates there that it depends on outside its tests.
fn workspace_imports() -> Layers {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
            "--locked",
        ])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let ours = |package: &serde_json::Value| {
        package["manifest_path"]
            .as_str()
            .is_some_and(|path| path.contains("/crates/"))
    };
    let name = |value: &serde_json::Value| value["name"].as_str().expect("a name").to_string();
    let names: BTreeSet<_> = packages
        .iter()
        .filter(|package| ours(package))
        .map(name)
        .collect();
    packages
        .iter()
        .filter(|package| ours(package))
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies");
            let imports = dependencies
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(name);
            (
                name(package),
                imports.filter(|import| names.contains(import)).collect(),
            )
        })
        .collect()
}
