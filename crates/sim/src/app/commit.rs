//! Which commit this simulator was built from: a seed means something there alone.

use std::path::Path;

/// Twelve digits, or `unknown` outside a repository.
pub fn short() -> String {
    full().map_or_else(|| "unknown".to_owned(), |hash| hash.chars().take(12).collect())
}

#[allow(clippy::disallowed_methods, clippy::disallowed_types)] // the harness reads the real repository, outside the run
fn full() -> Option<String> {
    let git = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.git");
    let git = match std::fs::read_to_string(&git) {
        Ok(link) => link.strip_prefix("gitdir:")?.trim().into(),
        Err(_) => git,
    };
    let head = std::fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(reference) = head.trim().strip_prefix("ref: ") else {
        return Some(head.trim().to_owned());
    };
    if let Ok(hash) = std::fs::read_to_string(git.join(reference)) {
        return Some(hash.trim().to_owned());
    }
    let packed = std::fs::read_to_string(git.join("packed-refs")).ok()?;
    let line = packed.lines().find(|l| l.ends_with(reference))?;
    Some(line.split(' ').next()?.to_owned())
}
