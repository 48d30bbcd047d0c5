//! Frames, versions and the handshake.

use super::Case;
use super::world::{World, hung_up, name};
use crate::support::frame::{Raw, header};
use bytes::Bytes;
use wire::Message;
use wire::api_versions::{ApiVersionsRequest, ApiVersionsResponse};

pub const CASES: &[Case] = &[
    ("ApiVersions above ours", |world| {
        let frame = [header(18, 99, 7), vec![0; 8]].concat();
        match world.exchange(&frame) {
            Ok(answer) => {
                let mut body = Bytes::from(answer).slice(4..);
                let answer = ApiVersionsResponse::decode(&mut body, 0).expect("format of v0");
                let rows: Vec<_> = answer
                    .api_keys
                    .iter()
                    .map(|row| (row.api_key, row.min_version, row.max_version))
                    .collect();
                format!(
                    "{} {rows:?} and {} bytes more",
                    name(answer.error_code),
                    body.len()
                )
            }
            Err(error) => error,
        }
    }),
    ("ApiVersions with a name of blanks", |world| {
        software(world, "a b", "1")
    }),
    ("ApiVersions with an empty version", |world| {
        software(world, "client", "")
    }),
    ("ApiVersions with a good name", |world| {
        software(world, "client-2.x", "1.0-rc1")
    }),
    ("ApiVersions ranges of what both serve", |world| {
        let answer = world.ask(
            4,
            &ApiVersionsRequest {
                client_software_name: "a".into(),
                client_software_version: "1".into(),
            },
        );
        let ours = [0, 1, 2, 3, 18, 19, 20, 21, 22, 23, 32, 33, 35, 37, 44, 60, 61, 75];
        let rows = answer.expect("an answer").api_keys;
        let rows: Vec<_> = rows
            .iter()
            .filter(|row| ours.contains(&row.api_key))
            .map(|row| (row.api_key, row.min_version, row.max_version))
            .collect();
        format!("{rows:?}")
    }),
    ("an unknown API", |world| {
        outcome(world.exchange(&[header(9_999, 0, 7), vec![0; 4]].concat()))
    }),
    ("a negative API key", |world| {
        outcome(world.exchange(&[header(-1, 0, 7), vec![0; 4]].concat()))
    }),
    ("Metadata at a version too high", |world| {
        outcome(world.exchange(&[header(3, 99, 7), vec![0; 8]].concat()))
    }),
    ("Metadata at version -1", |world| {
        outcome(world.exchange(&[header(3, -1, 7), vec![0; 8]].concat()))
    }),
    ("Fetch at a version too low", |world| {
        outcome(world.exchange(&[header(1, 2, 7), vec![0; 32]].concat()))
    }),
    ("ListOffsets v0", |world| {
        outcome(world.exchange(&[header(2, 0, 7), vec![0; 16]].concat()))
    }),
    ("CreateTopics v0", |world| {
        outcome(world.exchange(&[header(19, 0, 7), vec![0; 16]].concat()))
    }),
    ("a body that is cut short", |world| {
        outcome(world.exchange(&[header(3, 8, 7), vec![0, 0, 0, 5, 0]].concat()))
    }),
    ("a body with a huge count", |world| {
        outcome(world.exchange(&[header(3, 8, 7), vec![0x7f, 0xff, 0xff, 0xff]].concat()))
    }),
    ("a body with bytes left over", |world| {
        outcome(world.exchange(&[header(3, 1, 7), vec![0, 0, 0, 0], vec![1, 2, 3]].concat()))
    }),
    ("an empty frame", |world| outcome(world.exchange(&[]))),
    ("a frame of three bytes", |world| {
        outcome(world.exchange(&[0, 3, 0]))
    }),
    ("a negative length", |world| {
        raw(world, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
    }),
    ("a length above socket.request.max.bytes", |world| {
        raw(world, &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])
    }),
    ("an HTTP request", |world| {
        raw(world, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    }),
    ("a TLS hello", |world| {
        raw(world, &[0x16, 3, 1, 0, 0xa5, 1, 0, 0, 0xa1, 3, 3])
    }),
    ("two pipelined requests", |world| {
        let mut raw = Raw::connect(world.port).expect("a connection");
        raw.send_frame(&header(18, 0, 1)).expect("sent");
        raw.send_frame(&[header(3, 1, 2), vec![0, 0, 0, 0]].concat())
            .expect("sent");
        let correlations: Vec<_> = (0..2)
            .map(|_| raw.receive().expect("answered")[..4].to_vec())
            .collect();
        format!("{correlations:?}")
    }),
    ("an answer after one that hung up", |world| {
        let _ = world.exchange(&[header(9_999, 0, 7), vec![0; 4]].concat());
        outcome(world.exchange(&header(18, 0, 7)))
    }),
];

fn software(world: &World, name: &str, version: &str) -> String {
    let request = ApiVersionsRequest {
        client_software_name: name.to_string(),
        client_software_version: version.to_string(),
    };
    world
        .ask(3, &request)
        .map_or_else(|error| error, |answer| super::world::name(answer.error_code))
}

fn outcome(answer: Result<Vec<u8>, String>) -> String {
    answer.map_or_else(|error| error, |_| "answers".to_string())
}

fn raw(world: &World, bytes: &[u8]) -> String {
    let mut raw = Raw::connect(world.port).expect("a connection");
    let answer = raw.send(bytes).and_then(|()| raw.receive());
    answer.map_or_else(|error| hung_up(&error), |_| "answers".to_string())
}
