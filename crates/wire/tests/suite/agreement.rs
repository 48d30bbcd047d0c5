//! Ours and the crate `kafka-protocol` agree on every API and version that both have: bytes of ours, read
//! and written again by theirs, are the same bytes; and bytes of theirs, read and written again by ours.
//! It is given well-formed bytes only: hostile ones can make it abort the process.

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{self as theirs, RequestKind, ResponseKind};
use kafka_protocol::protocol::{Decodable, Encodable, VersionRange};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use wire::ApiKey;
use wire::header::{RequestHeader, ResponseHeader};

use crate::catalogue::{Known, all_with_schemas};
use crate::interpreter::{self, Value};
use crate::model::Kind;
use crate::tape::Tape;

const CASES: u32 = 24;
const TAPE_BYTES_MAX: usize = 600;

/// Reads with their decoder and writes with their encoder. What is left over comes back too.
type Recode = Box<dyn Fn(Bytes, i16) -> Result<(Bytes, usize), String>>;

/// Their side of an entry and the versions it has, if it has any.
fn theirs(known: &Known) -> Option<(VersionRange, Recode)> {
    if let Kind::Api { key, .. } = known.schema.kind {
        let key = theirs::ApiKey::try_from(key).ok()?;
        let mut range = key.valid_versions();
        // Their key says 10, but these two requests of theirs end at 9.
        if ["OffsetCommitRequest", "OffsetFetchRequest"].contains(&known.entry.name) {
            range.max = 9;
        }
        return Some((range, by_key(key, known.entry.name.ends_with("Request"))));
    }
    let it: (VersionRange, Recode) = match known.entry.name {
        "EndTxnMarker" => by_type::<theirs::EndTxnMarker>(),
        "KRaftVersionRecord" => by_type::<theirs::KRaftVersionRecord>(),
        "LeaderChangeMessage" => by_type::<theirs::LeaderChangeMessage>(),
        "SnapshotFooterRecord" => by_type::<theirs::SnapshotFooterRecord>(),
        "SnapshotHeaderRecord" => by_type::<theirs::SnapshotHeaderRecord>(),
        "VotersRecord" => by_type::<theirs::VotersRecord>(),
        _ => return None,
    };
    Some(it)
}

fn by_key(key: theirs::ApiKey, is_request: bool) -> Recode {
    Box::new(move |mut bytes, version| {
        let mut out = BytesMut::new();
        let done = if is_request {
            RequestKind::decode(key, &mut bytes, version).and_then(|it| it.encode(&mut out, version))
        } else {
            ResponseKind::decode(key, &mut bytes, version).and_then(|it| it.encode(&mut out, version))
        };
        done.map_err(|error| error.to_string())?;
        Ok((out.freeze(), bytes.len()))
    })
}

fn by_type<M: Decodable + Encodable + kafka_protocol::protocol::Message>() -> (VersionRange, Recode) {
    let recode = |mut bytes: Bytes, version: i16| {
        let mut out = BytesMut::new();
        let it = M::decode(&mut bytes, version).map_err(|error| error.to_string())?;
        it.encode(&mut out, version).map_err(|error| error.to_string())?;
        Ok((out.freeze(), bytes.len()))
    };
    (M::VERSIONS, Box::new(recode))
}

fn check(known: &Known, recode: &Recode, version: i16, tape: &[u8]) -> Result<(), TestCaseError> {
    let Known { entry, schema } = known;
    let place = format!("{} version {version}", entry.name);
    let mut value = interpreter::generate(schema, known.root(), version, &mut Tape::new(tape));
    say_own_version(known, version, &mut value);
    let bytes = interpreter::encode(schema, known.root(), &value, version).expect("a value of this version");
    let decoded =
        (entry.decode)(bytes.into(), version).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let ours = decoded
        .encode(version)
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    let (their, left) = recode(ours.clone(), version)
        .map_err(|error| TestCaseError::fail(format!("{place}: {error}\n{}", decoded.show())))?;
    prop_assert_eq!(left, 0, "{}: they leave bytes over\n{}", place, decoded.show());
    prop_assert_eq!(
        &their,
        &ours,
        "{}: they write other bytes\n{}",
        place,
        decoded.show()
    );
    let again = (entry.decode)(their, version).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(
        again.show(),
        decoded.show(),
        "{}: we read theirs differently",
        place
    );
    Ok(())
}

/// Their decoders of control records take a field called `version` for the version to decode by, so it must
/// say just that, as it does in Kafka's logs.
fn say_own_version(known: &Known, version: i16, value: &mut Value) {
    let Value::Struct(values) = value else { return };
    for (field, value) in known.root().fields.iter().zip(values) {
        if field.name == "version" && matches!(known.schema.kind, Kind::Control { .. }) {
            *value = Value::Int(version.into());
        }
    }
}

#[test]
fn on_every_api_and_version_that_both_have() {
    let mut compared = BTreeSet::new();
    let mut versions = 0;
    for known in all_with_schemas() {
        let Some((range, recode)) = theirs(&known) else {
            continue;
        };
        for version in known.entry.first.max(range.min)..=known.entry.last.min(range.max) {
            let mut runner = TestRunner::new(Config {
                cases: CASES,
                failure_persistence: None,
                ..Config::default()
            });
            let tapes = proptest::collection::vec(any::<u8>(), 0..TAPE_BYTES_MAX);
            runner
                .run(&tapes, |tape| check(&known, &recode, version, &tape))
                .unwrap_or_else(|error| panic!("{error}"));
            versions += 1;
        }
        compared.insert(known.entry.name);
    }
    // A guard against comparing nothing.
    for key in ApiKey::all().filter(|key| key.served().is_some()) {
        for kind in ["Request", "Response"] {
            let name = format!("{}{kind}", key.name());
            assert!(
                compared.contains(name.as_str()),
                "{name} was compared with nothing"
            );
        }
    }
    assert!(
        versions >= 150,
        "{versions} pairs of message and version compared"
    );
}

#[test]
fn on_headers() {
    for client_id in [None, Some(String::new()), Some("rdkafka 🎈".to_string())] {
        for version in 1..=2 {
            let header = RequestHeader {
                request_api_key: 3,
                request_api_version: 12,
                correlation_id: -5,
                client_id: client_id.clone(),
            };
            let mut ours = BytesMut::new();
            header.encode(&mut ours, version).expect("a short client id");
            let ours = ours.freeze();
            let their = theirs::RequestHeader::decode(&mut ours.clone(), version).expect("they read ours");
            assert_eq!(their.client_id.as_ref().map(ToString::to_string), client_id);
            let mut again = BytesMut::new();
            their.encode(&mut again, version).expect("they write it");
            assert_eq!(again, ours);
            assert_eq!(RequestHeader::decode_as(&mut again.freeze(), version), Ok(header));
        }
    }
    for version in 0..=1 {
        let header = ResponseHeader { correlation_id: 77 };
        let mut ours = BytesMut::new();
        header.encode(&mut ours, version);
        let ours = ours.freeze();
        let their = theirs::ResponseHeader::decode(&mut ours.clone(), version).expect("they read ours");
        let mut again = BytesMut::new();
        their.encode(&mut again, version).expect("they write it");
        assert_eq!(again, ours);
        assert_eq!(ResponseHeader::decode(&mut again.freeze(), version), Ok(header));
    }
}

/// Which header version goes with which message is a fact of its own.
#[test]
fn on_header_versions() {
    for key in ApiKey::all() {
        let Ok(their) = theirs::ApiKey::try_from(key.code()) else {
            continue;
        };
        let range = their.valid_versions();
        for version in (*key.versions().start()).max(range.min)..=(*key.versions().end()).min(range.max) {
            let ours = (
                wire::header::request_header_version(key, version),
                wire::header::response_header_version(key, version),
            );
            let theirs = (
                their.request_header_version(version),
                their.response_header_version(version),
            );
            assert_eq!(ours, theirs, "{key} version {version}");
        }
    }
}
