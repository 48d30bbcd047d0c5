//! A schema with a mistake is refused with file, line and reason.

use crate::{check, parse};

/// A schema with these lines below `fields`; they begin at line 6.
fn complaint(fields: &str) -> String {
    complaint_of(&format!(
        "data Thing\nversions 0-3\nflexible 2+\n\nfields\n{fields}"
    ))
}

fn complaint_of(text: &str) -> String {
    let checked = parse::parse("thing.wire", "thing", text).and_then(|schema| {
        check::check(&schema)?;
        check::check_all(&[schema.clone(), schema])
    });
    checked.map_or_else(|error| error.to_string(), |()| "no complaint".into())
}

#[test]
fn mistakes_in_fields() {
    for (fields, wanted) in [
        (
            "  a i32\n  b string nullable = null tag 0 2+ ignorable\n",
            "no complaint",
        ),
        ("  a int\n", "thing.wire:6: `int` is no type; there are bool, i8"),
        (
            "  a i32\n  a i32\n",
            "thing.wire:7: `a` was named at line 6 already",
        ),
        (
            "  a i32 nullable\n",
            "thing.wire:6: `a` cannot be null: its type has no way to say so",
        ),
        ("  a i32 4+\n", "thing.wire:6: `a` at 4+ never exists within 0-3"),
        ("  a i32 3-1\n", "thing.wire:6: `3-1` is no range of versions"),
        ("  a i32 = x\n", "thing.wire:6: `x` is no default for this type"),
        (
            "  a i8 = 300\n",
            "thing.wire:6: `a` has the default 300, which does not fit its type",
        ),
        (
            "  a string = null\n",
            "thing.wire:6: `a` is null by default, but never nullable",
        ),
        (
            "  a i32 tag 0\n",
            "thing.wire:6: `a` is tagged at 0-3, where the message is not flexible",
        ),
        (
            "  a i32 2+ tag 0\n  b i32 2+ tag 0\n",
            "thing.wire:7: tag 0 was given at line 6 already",
        ),
        (
            "  a i32 2+ tag 0 2\n",
            "thing.wire:6: `a` is tagged only up to a version; a tag stays",
        ),
        ("  a i32 sometimes\n", "thing.wire:6: `sometimes` is no option"),
        (
            "  a [Other]\n",
            "thing.wire:6: `a` is a Other, which is defined nowhere in this file",
        ),
        (
            "  a [[i32]]\n",
            "thing.wire:6: `a` is an array of arrays, which Kafka does not know",
        ),
        (
            "  a [Inner]\n    b [Inner]\n",
            "thing.wire:6: struct Inner contains itself",
        ),
        (
            "  a [Inner]\n    b Inner\n",
            "thing.wire:6: struct Inner contains itself",
        ),
        (
            "  a [Inner]\n    b i32 1+\n",
            "thing.wire:6: `a` has elements of no bytes at version 0",
        ),
        (
            "  a i32\n    b i32\n",
            "thing.wire:6: `a` is no struct, so it has no fields below it",
        ),
        ("  a [Inner]\n     b i32\n", "thing.wire:7: indented by 5, not 4"),
        ("\ta i32\n", "thing.wire:6: a tab"),
        ("  A i32\n", "thing.wire:6: `A` is not snake_case"),
        ("  a\n", "thing.wire:6: a field is `name type"),
    ] {
        let found = complaint(fields);
        assert!(
            found.starts_with(wanted),
            "{fields}\nsaid:   {found}\nwanted: {wanted}"
        );
    }
}

#[test]
fn mistakes_in_the_head() {
    for (text, wanted) in [
        ("", "thing.wire:1: an empty schema"),
        (
            "thing 1\n",
            "thing.wire:1: `thing 1`: the first line is `api KEY Name`",
        ),
        ("api one Thing\n", "thing.wire:1: `one` is no number"),
        (
            "data Thing\nflexible 0+\n\nfields\n",
            "thing.wire:1: no `versions` line",
        ),
        (
            "data Thing\nversions 0\n\nfields\n",
            "thing.wire:1: no `flexible` line",
        ),
        ("data Thing\nserved 0\n", "thing.wire:2: only an `api` is served"),
        (
            "data Thing\nversions 0\nflexible none\nrequest\n",
            "thing.wire:4: section `request` does not belong here",
        ),
        (
            "api 1 Thing\nversions 0\nflexible none\nrequest\n",
            "thing.wire:1: 1 sections where 2 belong",
        ),
        (
            "api 1 Thing\nversions 1-2\nserved 0-2\nflexible none\nrequest\nresponse\n",
            "thing.wire:1: served at 0-2, but only 1-2 have a schema",
        ),
        (
            "record 1 Thing\nversions 0\nflexible 0+\nfields\n",
            "thing.wire:1: Thing has the number of Thing, 1",
        ),
    ] {
        let found = complaint_of(text);
        assert!(
            found.starts_with(wanted),
            "{text}\nsaid:   {found}\nwanted: {wanted}"
        );
    }
}

#[test]
fn the_example_in_the_notation_s_description() {
    let text = include_str!("../../SCHEMA.md");
    let example = text
        .split("```")
        .nth(1)
        .and_then(|it| it.strip_prefix("text\n"))
        .expect("an example");
    let schema = parse::parse("SCHEMA.md", "cats", example).expect("it parses");
    check::check(&schema).expect("it holds");
    assert_eq!(schema.doc.len(), 2);
    let cat = schema.find("Cat").expect("it is defined");
    assert_eq!(
        cat.fields
            .iter()
            .map(|field| field.name.as_str())
            .collect::<Vec<_>>(),
        ["name", "id", "mood"]
    );
}
