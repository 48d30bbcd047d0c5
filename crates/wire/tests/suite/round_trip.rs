//! Every message at every version: what the interpreter writes, the generated decoder reads and the
//! generated encoder writes again; at other versions both write the same, or both refuse.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::catalogue::{Known, all_with_schemas};
use crate::interpreter;
use crate::tape::Tape;

const TAPE_BYTES_MAX: usize = 600;

/// A value per version and case; the cases are few since the versions are many.
const CASES: u32 = 24;

fn check(known: &Known, version: i16, tape: &[u8]) -> Result<(), TestCaseError> {
    let Known { entry, schema } = known;
    let value = interpreter::generate(schema, known.root(), version, &mut Tape::new(tape));
    let bytes = interpreter::encode(schema, known.root(), &value, version).expect("a value of this version");
    let place = format!("{} version {version}", entry.name);
    let decoded = (entry.decode)(Bytes::from(bytes.clone()), version)
        .map_err(|error| TestCaseError::fail(format!("{place}: {error}\n{bytes:?}\n{value:?}")))?;
    for other in entry.first..=entry.last {
        let ours = decoded.encode(other);
        let theirs = interpreter::encode(schema, known.root(), &value, other);
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => {
                prop_assert_eq!(ours, theirs, "{} written at {}: {}", place, other, decoded.show())
            }
            (Err(_), Err(_)) => prop_assert_ne!(version, other),
            (ours, theirs) => prop_assert!(
                false,
                "{place} written at {other}: {ours:?}, but {theirs:?}\n{}",
                decoded.show()
            ),
        }
    }
    Ok(())
}

#[test]
fn every_message_at_every_version() {
    for known in all_with_schemas() {
        for version in known.entry.first..=known.entry.last {
            let mut runner = TestRunner::new(Config {
                cases: CASES,
                failure_persistence: None,
                ..Config::default()
            });
            let tapes = proptest::collection::vec(any::<u8>(), 0..TAPE_BYTES_MAX);
            runner
                .run(&tapes, |tape| check(&known, version, &tape))
                .unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn versions_without_a_schema_are_refused() {
    for known in all_with_schemas() {
        for version in [known.entry.first - 1, known.entry.last + 1, i16::MIN, i16::MAX] {
            let Err(error) = (known.entry.decode)(Bytes::new(), version) else {
                panic!("{} decodes at {version}", known.entry.name);
            };
            assert!(error.is_unsupported_version(), "{error}");
            assert_eq!((error.message(), error.version()), (known.entry.name, version));
        }
    }
}

/// A tagged section may hold what we do not know: it is passed over.
#[test]
fn unknown_tagged_fields_are_passed_over() {
    for known in all_with_schemas() {
        let schema = &known.schema;
        for version in (known.entry.first..=known.entry.last).filter(|version| schema.flexible_at(*version)) {
            let value = interpreter::generate(schema, known.root(), version, &mut Tape::new(&[]));
            let plain =
                interpreter::encode(schema, known.root(), &value, version).expect("a value of this version");
            let mut bytes = plain.clone();
            assert_eq!(bytes.pop(), Some(0), "an empty tape makes no tagged fields");
            bytes.extend([1, 99, 3, 7, 7, 7]);
            let decoded = (known.entry.decode)(Bytes::from(bytes), version).expect("tag 99 is passed over");
            assert_eq!(decoded.encode(version).expect("it came from this version"), plain);
        }
    }
}
