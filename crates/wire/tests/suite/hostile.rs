//! Hostile bytes: whatever arrives, decoding ends in a value or an error, without a panic, and allocates at
//! most a small multiple of what arrived.
//!
//! `WIRE_FUZZ_SECONDS` says how long the mutator runs (2 if unset); `WIRE_FUZZ_SEED` repeats a run.

use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use proptest::prelude::*;
use wire::frame;
use wire::header::{RequestHeader, ResponseHeader};
use wire::record::{ControlRecord, ControlType, MetadataRecord};

use crate::allocation;
use crate::catalogue::{Entry, Known, all, all_with_schemas};
use crate::golden::{self, What};
use crate::interpreter;
use crate::tape::{Rng, Tape};

/// An element of an array takes 24 bytes of memory (an empty `String`) for one byte on the wire at the
/// worst, and half as much again while its vector grows.
const ALLOCATION_FACTOR: usize = 40;

/// What a decoder may allocate whatever arrives: one short vector per level of nesting, and an error.
const ALLOCATION_START: usize = 24 * 1024;

const BYTES_MAX: usize = 4096;

/// Decodes within the bound; what decodes must also encode, to bytes that decode to the same.
fn attack(entry: &Entry, bytes: &Bytes, version: i16) {
    let place = || format!("{} version {version}: {bytes:?}", entry.name);
    let (decoded, peak) = allocation::peak(|| (entry.decode)(bytes.clone(), version));
    let bound = ALLOCATION_START + ALLOCATION_FACTOR * bytes.len();
    assert!(
        peak <= bound,
        "{} bytes allocated for {}, of at most {bound}: {}",
        peak,
        bytes.len(),
        place()
    );
    match decoded {
        Ok(decoded) => {
            let again = decoded
                .encode(version)
                .unwrap_or_else(|error| panic!("{error}: {}", place()));
            let second =
                (entry.decode)(again.clone(), version).unwrap_or_else(|error| panic!("{error}: {}", place()));
            assert_eq!(second.encode(version).expect("as before"), again, "{}", place());
        }
        Err(error) => assert_eq!(
            (error.message(), error.version()),
            (entry.name, version),
            "{}",
            place()
        ),
    }
}

/// The hand-written decoders.
fn attack_the_rest(bytes: &Bytes) {
    let work = || {
        let _ = RequestHeader::peek(bytes);
        let _ = RequestHeader::decode(&mut bytes.clone());
        let _ = ResponseHeader::decode(&mut bytes.clone(), 1);
        let _ = frame::take(&mut bytes.as_ref().into(), BYTES_MAX);
        let _ = MetadataRecord::decode(bytes.clone());
        let _ = ControlRecord::decode(bytes.clone(), bytes.clone());
        for code in 0..=6 {
            let key = ControlType::from_code(code).expect("there are seven").key();
            let _ = ControlRecord::decode(key, bytes.clone());
        }
    };
    let ((), peak) = allocation::peak(work);
    assert!(
        peak <= ALLOCATION_START + ALLOCATION_FACTOR * bytes.len(),
        "{peak} bytes allocated: {bytes:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let bytes = Bytes::from(bytes);
        for entry in all() {
            for version in entry.first..=entry.last {
                attack(&entry, &bytes, version);
            }
        }
        attack_the_rest(&bytes);
    }
}

/// Huge counts with nothing behind them, at every place of every message.
#[test]
fn huge_counts_everywhere() {
    let huge: [&[u8]; 4] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0x07],
        &[0xff; 8],
        &[0x80, 0, 0, 0],
    ];
    let mut rng = Rng(1);
    for known in all_with_schemas() {
        for version in known.entry.first..=known.entry.last {
            let bytes = make(&known, version, &rng.tape(200));
            for at in 0..bytes.len().min(120) {
                for count in huge {
                    let mut bytes = bytes.clone();
                    bytes.splice(at..(at + count.len()).min(bytes.len()), count.iter().copied());
                    attack(&known.entry, &Bytes::from(bytes), version);
                }
            }
        }
    }
}

/// The most memory for the fewest bytes: arrays of the smallest elements.
#[test]
fn the_smallest_elements() {
    for entry in all() {
        for version in entry.first..=entry.last {
            for fill in [0, 1, 0xff] {
                for count in [[0, 0, 7, 208].as_slice(), &[0xa1, 0x1f]] {
                    for before in 0..40 {
                        let mut bytes = vec![0; before];
                        bytes.extend(count);
                        bytes.resize(BYTES_MAX, fill);
                        attack(&entry, &Bytes::from(bytes), version);
                    }
                }
            }
        }
    }
}

/// Well-formed messages, real ones where there are golden bytes, mutated for as long as asked.
#[test]
fn mutated_messages() {
    let variable = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let seconds = variable("WIRE_FUZZ_SECONDS").unwrap_or(2);
    let seed = variable("WIRE_FUZZ_SEED").unwrap_or_else(|| std::process::id().into());
    println!("WIRE_FUZZ_SEED={seed}");
    let known = all_with_schemas();
    let corpus = corpus(&known);
    let frames = request_frames();
    let mut rng = Rng(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut runs = 0u64;
    while Instant::now() < end {
        for _ in 0..100 {
            let (index, version, bytes) = pick(&known, &corpus, &mut rng);
            let other = &corpus[rng.below(corpus.len())].2;
            let bytes = Bytes::from(mutate(bytes, other, &mut rng));
            attack(&known[index].entry, &bytes, version);
            attack_the_rest(&bytes);
            runs += 1;
            if !frames.is_empty() && rng.below(4) == 0 {
                let frame = frames[rng.below(frames.len())].clone();
                let other = &frames[rng.below(frames.len())];
                attack_frame(&known, &mutate(frame, other, &mut rng));
                runs += 1;
            }
        }
    }
    println!(
        "{runs} mutants of {} messages and {} frames",
        corpus.len(),
        frames.len()
    );
    assert!(runs > 0);
}

/// As a broker does: the length decides what is a frame, its header which message it holds.
fn attack_frame(known: &[Known], bytes: &[u8]) {
    let Ok(Some(mut frame)) = frame::take(&mut bytes.into(), BYTES_MAX) else {
        return;
    };
    let Ok(header) = RequestHeader::decode(&mut frame) else {
        return;
    };
    let Some(key) = header.api_key() else { return };
    let name = format!("{}Request", key.name());
    let entry = known
        .iter()
        .map(|it| &it.entry)
        .find(|it| it.name == name)
        .expect("every key has a request");
    attack(entry, &frame, header.request_api_version);
}

fn request_frames() -> Vec<Vec<u8>> {
    let requests = golden::all()
        .into_iter()
        .filter(|it| matches!(it.what, What::Frame { is_request: true, .. }));
    requests.map(|it| it.bytes.to_vec()).collect()
}

type Sample = (usize, i16, Vec<u8>);

/// Golden bodies and records, and one made message per version, so that none is missed.
fn corpus(known: &[Known]) -> Vec<Sample> {
    let mut samples = Vec::new();
    let index_of = |name: &str| known.iter().position(|it| it.entry.name == name);
    for golden in golden::all() {
        match golden.what {
            What::Body { message, version } => {
                if let Some(index) = index_of(&message) {
                    samples.push((index, version, golden.bytes.to_vec()));
                }
            }
            What::Record => {
                let mut bytes = golden.bytes.clone();
                if let Ok((record, version)) = MetadataRecord::decode(bytes.clone())
                    && let Some(index) = index_of(record.name())
                {
                    // Frame version, type and version take a byte each for all records there are.
                    bytes.advance(3);
                    samples.push((index, version, bytes.to_vec()));
                }
            }
            What::Control { .. } | What::Frame { .. } => {}
        }
    }
    let mut rng = Rng(2);
    for (index, known) in known.iter().enumerate() {
        for version in known.entry.first..=known.entry.last {
            samples.push((index, version, make(known, version, &rng.tape(300))));
        }
    }
    samples
}

fn make(known: &Known, version: i16, tape: &[u8]) -> Vec<u8> {
    let value = interpreter::generate(&known.schema, known.root(), version, &mut Tape::new(tape));
    interpreter::encode(&known.schema, known.root(), &value, version).expect("a value of this version")
}

/// Mostly a sample at its own version; now and then at another, or a message of another kind.
fn pick(known: &[Known], corpus: &[Sample], rng: &mut Rng) -> Sample {
    let (mut index, mut version, bytes) = corpus[rng.below(corpus.len())].clone();
    if rng.below(16) == 0 {
        index = rng.below(known.len());
        version = known[index].entry.first;
    }
    if rng.below(8) == 0 {
        let entry = &known[index].entry;
        version = entry.first + rng.below((entry.last - entry.first + 1) as usize) as i16;
    }
    (index, version, bytes)
}

fn mutate(mut bytes: Vec<u8>, other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let edges: [&[u8]; 9] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[0x7f, 0xff],
        &[0x80, 0x00],
        &[0, 0, 0, 1],
        &[0x80],
        &[0],
    ];
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(bytes.len() + 1);
        let end = at + rng.below(bytes.len() - at + 1).min(16);
        match rng.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.insert(at, rng.next() as u8),
            3 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            4 if at < bytes.len() => bytes[at] = rng.next() as u8,
            5 => {
                let edge = edges[rng.below(edges.len())];
                bytes.splice(at..(at + edge.len()).min(bytes.len()), edge.iter().copied());
            }
            6 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                let from = rng.below(other.len() + 1);
                bytes.splice(at..end, other[from..].iter().copied());
            }
        }
        bytes.truncate(BYTES_MAX);
    }
    bytes
}
