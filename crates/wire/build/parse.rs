//! Text to model. The notation is described in SCHEMA.md: a head of `word value` lines, then sections
//! whose fields stand one a line, nested by two spaces.

use crate::model::{Default, Field, Kind, OPEN, Primitive, Schema, SchemaError, Struct, Type, Versions};

const INDENT: usize = 2;

/// Reads one schema file. `file` is what errors call it.
pub fn parse(file: &str, stem: &str, text: &str) -> Result<Schema, SchemaError> {
    let fail = |line: usize, what: String| SchemaError {
        file: file.to_string(),
        line,
        what,
    };
    let lines = lines(text).map_err(|(line, what)| fail(line, what))?;
    let head_end = lines
        .iter()
        .position(|l| is_section(&l.words))
        .unwrap_or(lines.len());
    let head = head(&lines[..head_end]).map_err(|(line, what)| fail(line, what))?;
    let mut schema = Schema {
        stem: stem.to_string(),
        file: file.to_string(),
        name: head.name,
        doc: text
            .lines()
            .map_while(|l| l.strip_prefix('#'))
            .map(|l| l.trim().to_string())
            .collect(),
        kind: head.kind,
        versions: head.versions,
        flexible: head.flexible,
        roots: Vec::new(),
        structs: Vec::new(),
        line: head.line,
    };
    let mut at = head_end;
    while at < lines.len() {
        let end = lines[at + 1..]
            .iter()
            .position(|l| is_section(&l.words))
            .map_or(lines.len(), |n| at + 1 + n);
        section(&mut schema, &lines[at], &lines[at + 1..end]).map_err(|(line, what)| fail(line, what))?;
        at = end;
    }
    Ok(schema)
}

type Flaw = (usize, String);

/// A line that says something.
struct Line<'a> {
    number: usize,
    indent: usize,
    words: Vec<&'a str>,
    comment: &'a str,
}

fn lines(text: &str) -> Result<Vec<Line<'_>>, Flaw> {
    let mut lines = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let number = index + 1;
        if raw.contains('\t') {
            return Err((number, "a tab; indent and align with spaces".into()));
        }
        let (code, comment) = raw.split_once('#').unwrap_or((raw, ""));
        let words: Vec<&str> = code.split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        let indent = code.len() - code.trim_start().len();
        lines.push(Line {
            number,
            indent,
            words,
            comment: comment.trim(),
        });
    }
    Ok(lines)
}

fn is_section(words: &[&str]) -> bool {
    matches!(words, ["request" | "response" | "fields"] | ["struct", _])
}

struct Head {
    name: String,
    kind: Kind,
    versions: Versions,
    flexible: Option<i16>,
    line: usize,
}

fn head(lines: &[Line<'_>]) -> Result<Head, Flaw> {
    let first = lines.first().ok_or((
        1,
        "an empty schema; begin with `api`, `record`, `control` or `data`".into(),
    ))?;
    let (mut kind, name) = kind(first)?;
    let mut versions = None;
    let mut flexible = None;
    for line in &lines[1..] {
        let range = |text: &str| range(text).map_err(|what| (line.number, what));
        match line.words.as_slice() {
            ["versions", text] => versions = Some(range(text)?),
            ["flexible", "none"] => flexible = Some(None),
            ["flexible", text] => flexible = Some(Some(range(text)?.first)),
            ["served", text] => match &mut kind {
                Kind::Api { served, .. } => *served = Some(range(text)?),
                _ => return Err((line.number, "only an `api` is served".into())),
            },
            ["advertised", text] => match &mut kind {
                Kind::Api { advertised, .. } => *advertised = Some(range(text)?),
                _ => return Err((line.number, "only an `api` is advertised".into())),
            },
            words => {
                let what = format!(
                    "`{}` does not belong in the head; it takes versions, flexible, served, advertised",
                    words.join(" ")
                );
                return Err((line.number, what));
            }
        }
    }
    let versions = versions.ok_or((first.number, "no `versions` line".to_string()))?;
    let flexible = flexible.ok_or((
        first.number,
        "no `flexible` line; write `flexible none` if there is none".to_string(),
    ))?;
    Ok(Head {
        name,
        kind,
        versions,
        flexible,
        line: first.number,
    })
}

fn kind(line: &Line<'_>) -> Result<(Kind, String), Flaw> {
    let number = |text: &str| {
        text.parse()
            .map_err(|_| (line.number, format!("`{text}` is no number")))
    };
    match line.words.as_slice() {
        ["api", key, name] => Ok((
            Kind::Api {
                key: number(key)?,
                served: None,
                advertised: None,
            },
            name.to_string(),
        )),
        ["record", id, name] => Ok((
            Kind::Record {
                id: number(id)? as u16,
            },
            name.to_string(),
        )),
        ["control", id, name] => Ok((Kind::Control { id: number(id)? }, name.to_string())),
        ["data", name] => Ok((Kind::Data, name.to_string())),
        words => Err((
            line.number,
            format!(
                "`{}`: the first line is `api KEY Name`, `record ID Name`, `control ID Name` or `data Name`",
                words.join(" ")
            ),
        )),
    }
}

fn section(schema: &mut Schema, title: &Line<'_>, body: &[Line<'_>]) -> Result<(), Flaw> {
    if title.indent != 0 {
        return Err((
            title.number,
            format!("section `{}` is indented", title.words.join(" ")),
        ));
    }
    let is_api = matches!(schema.kind, Kind::Api { .. });
    let name = match (title.words.as_slice(), is_api) {
        (["request"], true) => format!("{}Request", schema.name),
        (["response"], true) => format!("{}Response", schema.name),
        (["fields"], false) => schema.name.clone(),
        (["struct", name], _) => name.to_string(),
        (words, _) => {
            let has = if is_api {
                "`request` and `response`"
            } else {
                "`fields`"
            };
            return Err((
                title.number,
                format!("section `{}` does not belong here; this file has {has}", words[0]),
            ));
        }
    };
    let is_root = title.words.len() == 1;
    let mut rest = body;
    let fields = fields(schema, &mut rest, INDENT, schema.versions)?;
    if let Some(line) = rest.first() {
        return Err((
            line.number,
            format!("indented by {}, which belongs to no struct above", line.indent),
        ));
    }
    let made = Struct {
        name,
        doc: title.comment.to_string(),
        versions: schema.versions,
        fields,
        line: title.number,
    };
    if is_root {
        schema.roots.push(made)
    } else {
        schema.structs.push(made)
    }
    Ok(())
}

/// Takes the fields at one depth, and with each the fields of the struct that it defines.
fn fields(
    schema: &mut Schema,
    rest: &mut &[Line<'_>],
    indent: usize,
    within: Versions,
) -> Result<Vec<Field>, Flaw> {
    let mut found = Vec::new();
    while let Some(line) = rest.first() {
        if line.indent < indent {
            break;
        }
        if line.indent > indent {
            return Err((line.number, format!("indented by {}, not {indent}", line.indent)));
        }
        *rest = &rest[1..];
        let field = field(line, within)?;
        if rest.first().is_some_and(|next| next.indent > indent) {
            let Some(name) = field.ty.struct_name().map(str::to_string) else {
                return Err((
                    line.number,
                    format!("`{}` is no struct, so it has no fields below it", field.name),
                ));
            };
            let inner = fields(schema, rest, indent + INDENT, field.versions)?;
            schema.structs.push(Struct {
                name,
                doc: String::new(),
                versions: field.versions,
                fields: inner,
                line: line.number,
            });
        }
        found.push(field);
    }
    Ok(found)
}

/// `name type [versions] [nullable [versions]] [= default] [tag N [versions]] [ignorable]`
fn field(line: &Line<'_>, within: Versions) -> Result<Field, Flaw> {
    let fail = |what: String| (line.number, what);
    let [name, ty, options @ ..] = line.words.as_slice() else {
        return Err(fail("a field is `name type …`".into()));
    };
    let ty = parse_type(ty).map_err(fail)?;
    let mut options = options;
    let versions = take_range(&mut options).map_err(fail)?.unwrap_or(within);
    let versions = versions
        .and(within)
        .ok_or_else(|| fail(format!("`{name}` at {versions} never exists within {within}")))?;
    let mut field = Field {
        name: name.to_string(),
        ty,
        versions,
        nullable: None,
        default: None,
        tag: None,
        ignorable: false,
        doc: line.comment.to_string(),
        line: line.number,
    };
    while let Some((word, after)) = options.split_first() {
        options = after;
        match *word {
            "nullable" => field.nullable = Some(take_range(&mut options).map_err(fail)?.unwrap_or(versions)),
            "=" => {
                let (text, after) = options
                    .split_first()
                    .ok_or_else(|| fail("no default after `=`".into()))?;
                options = after;
                field.default = Some(parse_default(&field.ty, text).map_err(fail)?);
            }
            "tag" => {
                let (text, after) = options
                    .split_first()
                    .ok_or_else(|| fail("no number after `tag`".into()))?;
                options = after;
                let tag = text.parse().map_err(|_| fail(format!("`{text}` is no tag")))?;
                field.tag = Some((tag, take_range(&mut options).map_err(fail)?.unwrap_or(versions)));
            }
            "ignorable" => field.ignorable = true,
            other => {
                return Err(fail(format!(
                    "`{other}` is no option; a field takes nullable, =, tag, ignorable"
                )));
            }
        }
    }
    Ok(field)
}

fn take_range(options: &mut &[&str]) -> Result<Option<Versions>, String> {
    match options.split_first() {
        Some((word, after)) if word.starts_with(|c: char| c.is_ascii_digit()) => {
            *options = after;
            range(word).map(Some)
        }
        _ => Ok(None),
    }
}

fn range(text: &str) -> Result<Versions, String> {
    let number = |part: &str| part.parse::<i16>().ok().filter(|n| *n >= 0);
    let parsed = match (text.strip_suffix('+'), text.split_once('-')) {
        (Some(first), _) => number(first).map(|first| Versions { first, last: OPEN }),
        (None, Some((first, last))) => number(first)
            .zip(number(last))
            .map(|(first, last)| Versions { first, last }),
        (None, None) => number(text).map(|only| Versions {
            first: only,
            last: only,
        }),
    };
    parsed
        .filter(|it| it.first <= it.last)
        .ok_or_else(|| format!("`{text}` is no range of versions, such as 3, 3-7 or 3+"))
}

fn parse_type(text: &str) -> Result<Type, String> {
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner
            .strip_suffix(']')
            .ok_or_else(|| format!("`{text}` lacks its `]`"))?;
        return Ok(Type::Array(Box::new(parse_type(inner)?)));
    }
    if let Some((_, primitive)) = Primitive::NAMES.iter().find(|(name, _)| *name == text) {
        return Ok(Type::Primitive(*primitive));
    }
    if text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(Type::Struct(text.to_string()));
    }
    let known: Vec<&str> = Primitive::NAMES.iter().map(|(name, _)| *name).collect();
    Err(format!(
        "`{text}` is no type; there are {}, [arrays] and Structs",
        known.join(", ")
    ))
}

fn parse_default(ty: &Type, text: &str) -> Result<Default, String> {
    if text == "null" {
        return Ok(Default::Null);
    }
    let parsed = match ty {
        Type::Primitive(Primitive::Bool) => text.parse().ok().map(Default::Bool),
        Type::Primitive(Primitive::F64) => text.parse().ok().map(Default::Float),
        Type::Primitive(Primitive::String) => text
            .strip_prefix('"')
            .and_then(|t| t.strip_suffix('"'))
            .map(|t| Default::Str(t.to_string())),
        Type::Primitive(primitive) if !primitive.can_be_null() && *primitive != Primitive::Uuid => {
            match text.strip_prefix("0x") {
                Some(hex) => i64::from_str_radix(hex, 16).ok().map(Default::Int),
                None => text.parse().ok().map(Default::Int),
            }
        }
        _ => None,
    };
    parsed.ok_or_else(|| format!("`{text}` is no default for this type"))
}
