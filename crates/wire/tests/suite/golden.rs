//! Bytes that a real Apache Kafka broker and its clients sent and wrote, in `testdata/golden`. Each must
//! decode to its last byte and encode to the same bytes again.
//!
//! ```text
//! <stem>-v<N>-request[-<what>].bin       a request's body: no length, no header
//! <stem>-v<N>-response[-<what>].bin
//! record/<what>.bin                      the value of a record in the metadata log
//! record/control-<type>-<what>.bin       the value of a control record
//! frames/<stem>-v<N>-request[…].bin      a whole frame: length, header, body
//! index.txt                              one line per file: its name, then where it comes from
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use wire::ApiKey;
use wire::record::{ControlRecord, ControlType, MetadataRecord};

use crate::catalogue::{self, Entry};

/// A file whose name says what it holds.
pub struct Golden {
    /// The path below the folder.
    pub name: String,
    pub bytes: Bytes,
    pub what: What,
}

pub enum What {
    Body {
        message: String,
        version: i16,
    },
    Frame {
        stem: String,
        version: i16,
        is_request: bool,
    },
    Record,
    Control {
        control_type: i16,
    },
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/golden")
}

/// All files, or none while there is no folder.
pub fn all() -> Vec<Golden> {
    let mut found = Vec::new();
    for below in ["", "record", "frames"] {
        let Ok(entries) = std::fs::read_dir(folder().join(below)) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("the folder can be read").path();
            if path.extension().is_some_and(|it| it == "bin") {
                let stem = path
                    .file_stem()
                    .expect("it has a name")
                    .to_string_lossy()
                    .into_owned();
                let bytes = Bytes::from(std::fs::read(&path).expect("the file can be read"));
                let name = Path::new(below)
                    .join(&stem)
                    .with_extension("bin")
                    .to_string_lossy()
                    .into_owned();
                let what = what(below, &stem)
                    .unwrap_or_else(|| panic!("{name} is not named as this test's head says"));
                found.push(Golden { name, bytes, what });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn what(below: &str, name: &str) -> Option<What> {
    if below == "record" {
        let Some(control) = name.strip_prefix("control-") else {
            return Some(What::Record);
        };
        let (number, _) = control.split_once('-').unwrap_or((control, ""));
        return Some(What::Control {
            control_type: number.parse().ok()?,
        });
    }
    let mut parts = name.split('-');
    let stem = parts.next()?.to_string();
    let version = parts.next()?.strip_prefix('v')?.parse().ok()?;
    let is_request = match parts.next()? {
        "request" => true,
        "response" => false,
        _ => return None,
    };
    if below == "frames" {
        return Some(What::Frame {
            stem,
            version,
            is_request,
        });
    }
    let key = ApiKey::all().find(|key| key.stem() == stem)?;
    let message = format!(
        "{}{}",
        key.name(),
        if is_request { "Request" } else { "Response" }
    );
    Some(What::Body { message, version })
}

/// Decodes and encodes again.
fn recode(entries: &[Entry], golden: &Golden) -> Result<Bytes, String> {
    let bytes = golden.bytes.clone();
    match &golden.what {
        What::Body { message, version } => body(entries, message, bytes, *version),
        What::Frame {
            stem,
            version,
            is_request,
        } => frame(entries, bytes, stem, *version, *is_request),
        What::Record => {
            let (record, version) = MetadataRecord::decode(bytes).map_err(|error| error.to_string())?;
            record.to_bytes(version).map_err(|error| error.to_string())
        }
        What::Control { control_type } => {
            let key = ControlType::from_code(*control_type)
                .ok_or("no known control type")?
                .key();
            let record = ControlRecord::decode(key, bytes).map_err(|error| error.to_string())?;
            record
                .ok_or("no known control type")?
                .value()
                .map_err(|error| error.to_string())
        }
    }
}

fn body(entries: &[Entry], message: &str, bytes: Bytes, version: i16) -> Result<Bytes, String> {
    let entry = entries.iter().find(|it| it.name == message).ok_or("no schema")?;
    let decoded = (entry.decode)(bytes, version).map_err(|error| error.to_string())?;
    decoded.encode(version).map_err(|error| error.to_string())
}

fn frame(
    entries: &[Entry],
    mut bytes: Bytes,
    stem: &str,
    version: i16,
    is_request: bool,
) -> Result<Bytes, String> {
    use bytes::{Buf, BytesMut};
    use wire::header::{RequestHeader, ResponseHeader, request_header_version, response_header_version};
    let key = ApiKey::all().find(|key| key.stem() == stem).ok_or("no schema")?;
    if bytes.len() < 4 || bytes.get_u32() as usize != bytes.len() {
        return Err("the length at the front is not what follows".into());
    }
    let mut again = BytesMut::new();
    wire::frame::write(&mut again, |out| {
        let message = if is_request {
            let header = RequestHeader::decode(&mut bytes).map_err(|error| error.to_string())?;
            header
                .encode(out, request_header_version(key, version))
                .map_err(|error| error.to_string())?;
            "Request"
        } else {
            let header_version = response_header_version(key, version);
            let header =
                ResponseHeader::decode(&mut bytes, header_version).map_err(|error| error.to_string())?;
            header.encode(out, header_version);
            "Response"
        };
        out.extend_from_slice(&body(
            entries,
            &format!("{}{message}", key.name()),
            bytes.clone(),
            version,
        )?);
        Ok::<(), String>(())
    })?;
    Ok(again.freeze())
}

#[test]
fn golden_bytes_come_back() {
    if !folder().exists() {
        return;
    }
    let files = all();
    assert!(!files.is_empty(), "{} holds no bytes", folder().display());
    let entries = catalogue::all();
    let mut failures = String::new();
    for golden in &files {
        match recode(&entries, golden) {
            Ok(again) if again == golden.bytes => {}
            Ok(again) => {
                failures += &format!(
                    "{}: other bytes:\n  {:?}\n  {:?}\n",
                    golden.name, golden.bytes, again
                )
            }
            Err(error) => failures += &format!("{}: {error}\n", golden.name),
        }
    }
    assert!(failures.is_empty(), "of {} files:\n{failures}", files.len());
}

/// Bytes that Kafka's own classes read and wrote again, for every message and version.
#[test]
fn bytes_recoded_by_kafka_come_back() {
    let entries = catalogue::all();
    let mut seen = BTreeSet::new();
    for line in include_str!("../../testdata/recoded-by-kafka.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (message, version, bytes) = (word(), word(), unhex(word()));
        let version = version.parse().expect("a version");
        let again = body(&entries, message, bytes.clone(), version);
        assert_eq!(again.as_ref(), Ok(&bytes), "{message} version {version}");
        seen.insert((message, version));
    }
    // What was added since has no line; what had one keeps it.
    assert!(seen.len() >= 438, "{} messages and versions", seen.len());
}

fn unhex(text: &str) -> Bytes {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.as_bytes()
        .chunks(2)
        .map(|pair| byte(pair).expect("two hexadecimal digits"))
        .collect()
}

/// Every version that is served was seen from a real broker, both ways.
#[test]
fn every_served_version_has_golden_bytes() {
    if !folder().exists() {
        return;
    }
    let bodies: BTreeSet<(String, i16)> = all()
        .into_iter()
        .filter_map(|golden| match golden.what {
            What::Body { message, version } => Some((message, version)),
            _ => None,
        })
        .collect();
    let mut missing = Vec::new();
    for key in ApiKey::all() {
        for version in key.served().into_iter().flatten() {
            for kind in ["Request", "Response"] {
                let message = format!("{}{kind}", key.name());
                if !bodies.contains(&(message.clone(), version)) {
                    missing.push(format!("{message} version {version}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "no golden bytes: {missing:?}");
}

#[test]
fn every_golden_file_has_its_source() {
    if !folder().exists() {
        return;
    }
    let index =
        std::fs::read_to_string(folder().join("index.txt")).expect("golden bytes come with an index.txt");
    let lines = index
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let listed: BTreeSet<&str> = lines.filter_map(|line| line.split_whitespace().next()).collect();
    let files = all();
    let there: BTreeSet<&str> = files.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(listed, there, "index.txt against the folder");
}
