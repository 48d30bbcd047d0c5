//! Java's `.properties` syntax: `key=value`, `key: value` or `key value`, comments, continued lines, escapes.

/// One entry, with the line it began on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub line: usize,
    pub key: String,
    pub value: String,
}

/// Every entry in order; a later one with the same key is meant to win.
pub fn parse(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let mut logical = line.trim_start().to_string();
        if logical.is_empty() || logical.starts_with(['#', '!']) {
            continue;
        }
        while continues(&logical) {
            logical.pop();
            let Some((_, next)) = lines.next() else { break };
            logical.push_str(next.trim_start());
        }
        entries.push(entry(index + 1, &logical));
    }
    entries
}

/// A line goes on when it ends in an odd number of backslashes.
fn continues(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

fn entry(line: usize, logical: &str) -> Entry {
    let (key, rest) = split(logical);
    Entry {
        line,
        key: unescape(key),
        value: unescape(rest),
    }
}

/// Splits at the first unescaped separator: blanks, then at most one `=` or `:`, then blanks.
fn split(logical: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = logical.char_indices().find_map(|(at, c)| {
        let separates = !escaped && (c == '=' || c == ':' || c.is_whitespace());
        escaped = c == '\\' && !escaped;
        separates.then_some(at)
    });
    let Some(end) = end else { return (logical, "") };
    let rest = logical[end..].trim_start();
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (&logical[..end], rest.trim_start())
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                out.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_java_reads() {
        let text = "# comment\n! also\n\n  a=1\nb : 2\nc 3\nd=x\\\n   y\\\n z\ne\nf=\\u0041\\t\\\\\npath\\:k=C:\\\\dir\ng= trailing \n=empty\nh==x";
        let got: Vec<_> = parse(text)
            .into_iter()
            .map(|e| (e.line, e.key, e.value))
            .collect();
        let want = [
            (4, "a", "1"),
            (5, "b", "2"),
            (6, "c", "3"),
            (7, "d", "xyz"),
            (10, "e", ""),
            (11, "f", "A\t\\"),
            (12, "path:k", "C:\\dir"),
            (13, "g", "trailing "),
            (14, "", "empty"),
            (15, "h", "=x"),
        ];
        assert_eq!(
            got,
            want.map(|(line, key, value)| (line, key.to_string(), value.to_string()))
        );
    }

    #[test]
    fn a_dangling_continuation_ends_the_text() {
        assert_eq!(
            parse("a=1\\"),
            [Entry {
                line: 1,
                key: "a".into(),
                value: "1".into()
            }]
        );
        assert_eq!(parse("a=1\\\\")[0].value, "1\\");
    }
}
