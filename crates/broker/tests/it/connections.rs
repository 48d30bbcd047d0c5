//! What connections may do, and what ends them; and that others never notice.

use crate::client::{Client, batch, fetch, frame, produce};
use crate::fixture::{Fixture, run};
use runtime::io::AsyncReadExt;
use runtime::time::{self, Duration, Monotonic};
use wire::ErrorCode;
use wire::fetch::FetchRequest;
use wire::metadata::MetadataRequest;
use wire::produce::ProduceRequest;

async fn works(fixture: &Fixture) {
    let mut client = fixture.client().await;
    let response = client
        .call(
            9,
            &MetadataRequest {
                topics: Some(vec![]),
                ..Default::default()
            },
        )
        .await;
    assert_eq!(response.brokers.len(), 1);
}

#[test]
fn garbage_of_every_kind_closes_only_its_own_connection() {
    run(async {
        let fixture = Fixture::start(&["socket.request.max.bytes=100000"]).await;
        let cases: &[(&str, &[u8])] = &[
            ("http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            ("too large", &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
            ("negative", &[0xff, 0xff, 0xff, 0xff, 0, 0]),
            ("empty frame", &[0, 0, 0, 0]),
            ("short header", &[0, 0, 0, 3, 0, 3, 0]),
            (
                "body ends early",
                &[0, 0, 0, 11, 0, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0x7f],
            ),
            (
                "client id too long",
                &[0, 0, 0, 11, 0, 3, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0],
            ),
            (
                "huge array",
                &[
                    0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff,
                ],
            ),
        ];
        for (name, bytes) in cases {
            let mut client = fixture.client().await;
            client.send_bytes(bytes).await;
            client.expect_closed().await;
            works(&fixture).await;
            println!("{name}: closed");
        }
        fixture.stop().await;
    });
}

#[test]
fn a_half_sent_request_blocks_nobody_and_counts_when_it_is_completed() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut slow = fixture.client().await;
        let bytes = frame(
            9,
            1,
            &MetadataRequest {
                topics: Some(vec![]),
                ..Default::default()
            },
        );
        let (first, second) = bytes.split_at(bytes.len() / 2);
        slow.send_bytes(first).await;
        works(&fixture).await;
        slow.send_bytes(second).await;
        slow.receive_frame().await.expect("an answer");
        let mut gone = fixture.client().await;
        gone.send_bytes(first).await;
        drop(gone);
        works(&fixture).await;
        fixture.stop().await;
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        let mut ids = Vec::new();
        for round in 0..40 {
            let value = format!("value-{round}");
            ids.push(client.send(9, &produce("t", 0, -1, Some(batch(&[&value])))).await);
            if round % 3 == 0 {
                ids.push(client.send(11, &fetch("t", 0, 0)).await);
            }
            client
                .send(9, &produce("t", 0, 0, Some(batch(&["no answer"]))))
                .await;
        }
        let mut ids = ids.into_iter();
        let mut last = -1;
        for round in 0..40 {
            let response = client.receive::<ProduceRequest>(9, ids.next().unwrap()).await;
            let answer = &response.responses[0].partition_responses[0];
            assert_eq!(answer.error_code, 0);
            assert!(answer.base_offset > last, "in the order of sending");
            last = answer.base_offset;
            if round % 3 == 0 {
                client.receive::<FetchRequest>(11, ids.next().unwrap()).await;
            }
        }
        assert_eq!(last, 78, "each acks=0 batch was appended between the others");
        fixture.stop().await;
    });
}

#[test]
fn a_long_poll_delays_nobody_else_and_ends_when_data_comes() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut writer = fixture.client().await;
        writer.create_topic("t", 1, &[]).await;
        let mut reader = fixture.client().await;
        let id = reader.send(11, &fetch("t", 0, 15_000)).await;
        works(&fixture).await;
        let started = Monotonic::now();
        writer.produce_ok("t", "hello").await;
        let response = reader.receive::<FetchRequest>(11, id).await;
        assert!(started.elapsed() < Duration::from_secs(10));
        assert_eq!(crate::client::values_of(&response, 0), ["hello"]);

        let started = Monotonic::now();
        let response = reader.fetch("t", 1, 300).await;
        assert!(crate::client::values_of(&response, 1).is_empty());
        assert!(
            started.elapsed() >= Duration::from_millis(290),
            "max_wait_ms was waited for"
        );
        fixture.stop().await;
    });
}

#[test]
fn an_idle_connection_is_closed_and_one_that_waits_for_an_answer_is_not() {
    run(async {
        let fixture = Fixture::start(&["connections.max.idle.ms=400"]).await;
        let mut busy = fixture.client().await;
        busy.create_topic("t", 1, &[]).await;
        let mut idle = fixture.client().await;
        let id = busy.send(11, &fetch("t", 0, 1200)).await;
        idle.expect_closed().await;
        busy.receive::<FetchRequest>(11, id).await;
        fixture.stop().await;
    });
}

#[test]
fn a_slow_reader_is_held_back_and_blocks_nobody() {
    run(async {
        let fixture = Fixture::start(&["connections.max.idle.ms=3000"]).await;
        let mut writer = fixture.client().await;
        writer.create_topic("t", 1, &[]).await;
        let large = "x".repeat(500_000);
        writer.produce_ok("t", &large).await;
        let mut slow = fixture.client().await;
        // More than all the buffers between us hold.
        let requests = frame(11, 1, &fetch("t", 0, 0)).repeat(1000);
        let flood = async {
            for _ in 0..400 {
                slow.send_bytes(&requests).await;
            }
        };
        let held_back = time::timeout(Duration::from_secs(2), flood).await;
        assert!(
            held_back.is_err(),
            "the broker reads on though nobody takes its answers"
        );
        works(&fixture).await;
        writer.produce_ok("t", "still").await;
        // Nobody reads: in the end the connection is cut, and its memory and files are free.
        time::sleep(Duration::from_secs(4)).await;
        let mut sink = vec![0; 1 << 20];
        let drained = async { while matches!(slow.stream.read(&mut sink).await, Ok(count) if count > 0) {} };
        time::timeout(Duration::from_secs(15), drained)
            .await
            .expect("the connection was cut");
        fixture.stop().await;
    });
}

#[test]
fn connections_are_limited_by_address_and_in_all() {
    run(async {
        let fixture = Fixture::start(&["max.connections.per.ip=2"]).await;
        let mut first = fixture.client().await;
        let mut second = fixture.client().await;
        for client in [&mut first, &mut second] {
            client
                .call(
                    9,
                    &MetadataRequest {
                        topics: Some(vec![]),
                        ..Default::default()
                    },
                )
                .await;
        }
        let mut third = fixture.client().await;
        third.expect_closed().await;
        drop(first);
        time::sleep(Duration::from_millis(200)).await;
        works(&fixture).await;
        drop(second);
        fixture.stop().await;

        let fixture = Fixture::start(&["max.connections=1"]).await;
        let mut first = fixture.client().await;
        first
            .call(
                9,
                &MetadataRequest {
                    topics: Some(vec![]),
                    ..Default::default()
                },
            )
            .await;
        let mut waiting = fixture.client().await;
        let id = waiting
            .send(
                9,
                &MetadataRequest {
                    topics: Some(vec![]),
                    ..Default::default()
                },
            )
            .await;
        let early = time::timeout(
            Duration::from_millis(300),
            waiting.receive::<MetadataRequest>(9, id),
        )
        .await;
        assert!(early.is_err(), "a full broker leaves it in the backlog");
        drop(first);
        waiting.receive::<MetadataRequest>(9, id).await;
        fixture.stop().await;
    });
}

#[test]
fn acks_0_with_an_error_closes_the_connection() {
    run(async {
        let fixture = Fixture::start(&[]).await;
        let mut client = fixture.client().await;
        client
            .send(9, &produce("no-such-topic", 0, 0, Some(batch(&["x"]))))
            .await;
        client.expect_closed().await;
        fixture.stop().await;
    });
}

#[test]
fn a_large_request_is_taken_and_a_larger_one_is_not() {
    run(async {
        let fixture =
            Fixture::start(&["socket.request.max.bytes=2000000", "message.max.bytes=3000000"]).await;
        let mut client = fixture.client().await;
        client.create_topic("t", 1, &[]).await;
        client.produce_ok("t", &"x".repeat(1_500_000)).await;
        let mut other = fixture.client().await;
        let request = frame(9, 1, &produce("t", 0, -1, Some(batch(&[&"x".repeat(2_500_000)]))));
        // The broker may close before all of it is sent.
        let _ = runtime::io::AsyncWriteExt::write_all(&mut other.stream, &request).await;
        other.expect_closed().await;
        let answer = client.produce("t", -1, batch(&["after"])).await;
        assert_eq!(ErrorCode::from_code(answer.error_code), ErrorCode::None);
        fixture.stop().await;
    });
}

#[test]
fn two_listeners_advertise_their_own_addresses() {
    run(async {
        let fixture = Fixture::start(&[
            "listeners=INSIDE://127.0.0.1:0,OUTSIDE://127.0.0.1:0,CONTROLLER://127.0.0.1:0",
            "listener.security.protocol.map=INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name=INSIDE",
        ])
        .await;
        for (name, address) in fixture.handle.listeners() {
            let mut client = Client::connect(*address).await;
            let response = client
                .call(
                    9,
                    &MetadataRequest {
                        topics: Some(vec![]),
                        ..Default::default()
                    },
                )
                .await;
            assert_eq!(response.brokers[0].port, i32::from(address.port()), "{name}");
        }
        fixture.stop().await;
    });
}
