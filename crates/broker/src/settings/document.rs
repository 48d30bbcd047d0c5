//! SETTINGS.md, written from the table.

use crate::settings::row::{Effect, Scope, Setting};
use crate::settings::table::{BROKER, TOPIC};

/// The whole document.
pub fn document() -> String {
    let mut text = String::from(
        "# Settings\n\n\
         Made from the settings table (`crates/broker/src/settings/`); `UPDATE_SETTINGS=1 cargo test -p broker settings` \
         writes it again.\n\n\
         Give them in a `server.properties`, or as `--override key=value`, which win, the last one most. Names, types, \
         defaults and bounds are those of Apache Kafka 4.2; where a default differs, the row says so. A *dynamic* setting \
         can be altered while the broker runs. *Later*: accepted, and in effect once what it governs is built. *Without \
         effect*: accepted, so that existing files go on working.\n",
    );
    text.push_str(
        "\n## Topics\n\nFor a single topic; the default is that of the broker setting, if there is one.\n\n",
    );
    text.push_str(&table(TOPIC));
    for area in BROKER {
        text.push_str(&format!("\n## {}\n\n{}", area.title, table(area.rows)));
    }
    text
}

fn table(rows: &[Setting]) -> String {
    let mut text =
        String::from("| name | type | default | allowed | | what it does |\n|---|---|---|---|---|---|\n");
    for row in rows {
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {} |\n",
            row.name,
            row.kind,
            default(row),
            allowed(row),
            marks(row),
            row.doc.replace('|', "\\|")
        ));
    }
    text
}

fn default(row: &Setting) -> String {
    let code = |text: &str| {
        if text.is_empty() {
            "empty".to_string()
        } else {
            format!("`{text}`")
        }
    };
    let own = row.default.map_or("none".to_string(), code);
    match row.kafka_default {
        Some("") => format!("{own} (Kafka: none)"),
        Some(kafka) => format!("{own} (Kafka: {})", code(kafka)),
        None => own,
    }
}

fn allowed(row: &Setting) -> String {
    use crate::settings::row::Allowed::*;
    match row.allowed {
        Any => String::new(),
        AtLeast(least) => format!("≥ {least}"),
        Between(least, most) => format!("{least} – {most}"),
        BetweenOr(least, most, or) => format!("{least} – {most}, or {or}"),
        Fraction(least, most) => format!("{least} – {most}"),
        OneOf(words) | OneOfIgnoringCase(words) | Items(words) => words.join(", "),
        ThrottledReplicas => "`*`, or partition:broker, …".to_string(),
    }
}

fn marks(row: &Setting) -> String {
    let mut marks: Vec<String> = Vec::new();
    if row.ours {
        marks.push("ours".into());
    }
    if row.internal {
        marks.push("internal".into());
    }
    if row.dynamic && row.scope == Scope::Broker {
        marks.push("dynamic".into());
    }
    match row.effect {
        Effect::Now => {}
        Effect::Later => marks.push("later".into()),
        Effect::Moot => marks.push("without effect".into()),
    }
    if !row.synonyms.is_empty() {
        let names: Vec<_> = row
            .synonyms
            .iter()
            .map(|synonym| format!("`{}`", synonym.name))
            .collect();
        marks.push(format!("broker: {}", names.join(", ")));
    }
    marks.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_md_is_not_stale() {
        let stored = include_str!("../../SETTINGS.md");
        if std::env::var_os("UPDATE_SETTINGS").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/SETTINGS.md");
            let written = runtime::process::main(runtime::disk::write_atomic(path, document().as_bytes()));
            return written.expect("SETTINGS.md can be written");
        }
        assert!(
            stored == document(),
            "SETTINGS.md is stale: UPDATE_SETTINGS=1 cargo test -p broker settings"
        );
    }
}
