//! Rules over the text of the sources that git tracks.

use crate::layers::root;
use std::process::Command;

/// A file longer than this has a second noun in it.
const LINES_MAX: usize = 800;

/// `(path, text)` of every tracked file whose path the filter takes.
fn tracked(filter: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let output = Command::new("git")
        .args(["ls-files"])
        .current_dir(root())
        .output()
        .expect("git ls-files runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .expect("paths are UTF-8")
        .lines()
        .filter(|path| filter(path))
        .filter_map(|path| Some((path.to_string(), std::fs::read_to_string(root().join(path)).ok()?)))
        .collect()
}

fn offenders(files: &[(String, String)], is_bad: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        let bad = text.lines().enumerate().filter(|(_, line)| is_bad(path, line));
        found.extend(bad.map(|(index, line)| format!("{path}:{}: {}", index + 1, line.trim())));
    }
    found
}

#[test]
fn only_the_runtime_and_the_launcher_know_which_world_they_are_in() {
    let sources = tracked(|path| {
        path.starts_with("crates/")
            && path.ends_with(".rs")
            && !path.starts_with("crates/runtime/")
            && path.contains("/src/")
            && path != "crates/sim/src/main.rs"
            && path != "crates/sim/src/launcher.rs"
    });
    let found = offenders(&sources, |_, line| {
        line.contains("cfg(") && line.contains("madsim")
    });
    assert!(
        found.is_empty(),
        "ask `runtime` instead of cfg(madsim):\n{}",
        found.join("\n")
    );
}

#[test]
fn nothing_reaches_past_the_runtime() {
    let sources = tracked(|path| {
        path.starts_with("crates/")
            && path.contains("/src/")
            && path.ends_with(".rs")
            && !path.starts_with("crates/runtime/")
            && !path.starts_with("crates/sim/")
    });
    let banned = [
        "tokio::",
        "madsim::",
        "std::fs",
        "std::thread",
        "std::net::Tcp",
        "Instant::now",
        "SystemTime::now",
        "thread_local!",
        "static mut",
        "OnceLock",
        "LazyLock",
    ];
    let found = offenders(&sources, |_, line| {
        !line.trim_start().starts_with("//") && banned.iter().any(|word| line.contains(word))
    });
    let found: Vec<_> = found.into_iter().filter(|line| !in_a_test(line)).collect();
    assert!(
        found.is_empty(),
        "use `runtime`'s net, disk, time, task:\n{}",
        found.join("\n")
    );
}

/// Whether the `path:line: text` lies below its file's `mod tests`.
fn in_a_test(found: &str) -> bool {
    let mut parts = found.splitn(3, ':');
    let (Some(path), Some(line)) = (
        parts.next(),
        parts.next().and_then(|line| line.parse::<usize>().ok()),
    ) else {
        return false;
    };
    let text = std::fs::read_to_string(root().join(path)).expect("a tracked file");
    path.ends_with("/tests.rs")
        || text
            .lines()
            .take(line)
            .any(|line| line.trim().starts_with("#[cfg(test)]"))
}

#[test]
fn no_file_outgrows_its_noun() {
    let sources =
        tracked(|path| path.ends_with(".rs") || path.ends_with(".py") || path.starts_with("scripts/"));
    let long: Vec<_> = sources
        .iter()
        .map(|(path, text)| (text.lines().count(), path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .collect();
    assert!(
        long.is_empty(),
        "look for the noun that wants its own file: {long:?}"
    );
}

#[test]
fn nothing_unfinished_is_committed() {
    let sources = tracked(|path| path.ends_with(".rs") && !path.starts_with("tests/tidy/"));
    let words = ["todo!(", "unimplemented!(", "TODO", "FIXME", "XXX", "dbg!("];
    let found = offenders(&sources, |_, line| words.iter().any(|word| line.contains(word)));
    assert!(
        found.is_empty(),
        "finish it, or answer with a clear error:\n{}",
        found.join("\n")
    );
}

#[test]
fn every_source_file_says_why_it_exists() {
    let sources =
        tracked(|path| path.starts_with("crates/") && path.contains("/src/") && path.ends_with(".rs"));
    let silent: Vec<_> = sources
        .iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "these want a `//!` header: {silent:?}");
}

#[test]
fn every_source_file_is_part_of_a_crate() {
    let sources =
        tracked(|path| path.starts_with("crates/") && path.contains("/src/") && path.ends_with(".rs"));
    let all: String = sources.iter().map(|(_, text)| text.as_str()).collect();
    let is_root =
        |path: &str| path.ends_with("/lib.rs") || path.ends_with("/main.rs") || path.contains("/bin/");
    let stem = |path: &str| {
        let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
        path.rsplit('/')
            .next()
            .expect("a path has a last part")
            .to_string()
    };
    let dead: Vec<_> = sources
        .iter()
        .filter(|(path, _)| !is_root(path))
        .filter(|(path, _)| {
            !all.contains(&format!("mod {};", stem(path))) && !all.contains(&format!("{}.rs\"", stem(path)))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(dead.is_empty(), "no `mod` names these files: {dead:?}");
}
