//! Kafka's text checkpoints: a version, a count, one line for each entry.

use crate::names::TopicPartition;
use std::collections::BTreeMap;

/// Offsets by partition, as in `recovery-point-offset-checkpoint` and its siblings.
pub(crate) type Offsets = BTreeMap<TopicPartition, i64>;

const VERSION: &str = "0";

/// `0\n<count>\n<topic> <partition> <offset>\n...`
pub(crate) fn format_offsets(offsets: &Offsets) -> String {
    let entries = offsets
        .iter()
        .map(|(tp, offset)| format!("{} {} {offset}", tp.topic, tp.partition));
    format(offsets.len(), entries)
}

pub(crate) fn parse_offsets(text: &str) -> Result<Offsets, String> {
    let entry = |line: &str| {
        let mut words = line.split_whitespace();
        let tp = TopicPartition::new(words.next()?, words.next()?.parse().ok()?);
        let offset = words.next()?.parse::<i64>().ok().filter(|o| *o >= 0)?;
        words.next().is_none().then_some((tp, offset))
    };
    Ok(parse(text, entry)?.into_iter().collect())
}

pub(crate) fn format(count: usize, entries: impl Iterator<Item = String>) -> String {
    let mut text = format!("{VERSION}\n{count}\n");
    for entry in entries {
        text.push_str(&entry);
        text.push('\n');
    }
    text
}

/// The entries of a checkpoint; an error says which line is wrong.
pub(crate) fn parse<T>(text: &str, entry: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    let mut lines = text.lines();
    match lines.next() {
        Some(VERSION) => {}
        version => return Err(format!("version {version:?} where 0 was expected")),
    }
    let count: usize = lines
        .next()
        .and_then(|line| line.trim().parse().ok())
        .ok_or("no count in the second line")?;
    let entries = lines
        .filter(|line| !line.trim().is_empty())
        .map(|line| entry(line).ok_or_else(|| format!("malformed line {line:?}")))
        .collect::<Result<Vec<T>, String>>()?;
    if entries.len() != count {
        return Err(format!("{} entries where {count} were promised", entries.len()));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_survive_the_text() {
        let offsets = Offsets::from([
            (TopicPartition::new("a", 0), 5),
            (TopicPartition::new("b-c.d_e", 12), i64::MAX),
        ]);
        let text = format_offsets(&offsets);
        assert_eq!(text, "0\n2\na 0 5\nb-c.d_e 12 9223372036854775807\n");
        assert_eq!(parse_offsets(&text), Ok(offsets));
        assert_eq!(parse_offsets("0\n0\n"), Ok(Offsets::new()));
    }

    #[test]
    fn damage_is_refused() {
        for text in [
            "",
            "1\n0\n",
            "0\n",
            "0\n2\na 0 5\n",
            "0\n1\na 0\n",
            "0\n1\na 0 -3\n",
            "0\n1\na 0 5 6\n",
        ] {
            assert!(parse_offsets(text).is_err(), "{text:?}");
        }
    }
}
