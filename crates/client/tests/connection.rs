//! One connection against a broker that is a script: what it answers, how it breaks.

use bytes::{Buf, Bytes, BytesMut};
use client::{ClientConfig, Connection, Error, Outcome};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::time::{Duration, sleep};
use wire::api_versions::{ApiVersion, ApiVersionsResponse};
use wire::header::{RequestHeader, ResponseHeader, response_header_version};
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use wire::metadata::MetadataRequest;
use wire::{ApiKey, ErrorCode, Message};

/// Runs `script` as the broker of one accepted connection, and `client` against it.
fn check<S, C>(script: impl FnOnce(Peer) -> S + Send + 'static, client: impl FnOnce(String) -> C)
where
    S: Future<Output = ()> + Send + 'static,
    C: Future<Output = ()>,
{
    runtime::process::main(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let broker = runtime::task::spawn(async move {
            let (stream, _) = listener.accept().await.expect("the client connects");
            script(Peer(stream)).await;
        });
        client(address).await;
        broker.abort();
    });
}

struct Peer(TcpStream);

impl Peer {
    async fn read(&mut self) -> (RequestHeader, Bytes) {
        let length = self.0.read_i32().await.expect("a frame") as usize;
        let mut frame = BytesMut::zeroed(length);
        self.0.read_exact(&mut frame).await.expect("the rest of it");
        let mut frame = frame.freeze();
        let header = RequestHeader::decode(&mut frame).expect("a header");
        (header, frame)
    }

    async fn write(&mut self, correlation_id: i32, header_version: i16, body: &[u8]) {
        let mut frame = BytesMut::zeroed(4);
        ResponseHeader { correlation_id }.encode(&mut frame, header_version);
        frame.extend_from_slice(body);
        let length = (frame.len() - 4) as i32;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        self.0.write_all(&frame).await.expect("the client reads");
    }

    /// Answers the client's first question: InitProducerId and ApiVersions are served.
    async fn greet(&mut self) {
        let (header, _) = self.read().await;
        assert_eq!(header.request_api_key, ApiKey::ApiVersions.code());
        let body = versions(ErrorCode::None, 4)
            .to_bytes(header.request_api_version)
            .expect("it can be written");
        self.write(header.correlation_id, 0, &body).await;
    }

    async fn answer(&mut self, header: &RequestHeader, producer_id: i64) {
        let version = header.request_api_version;
        let answer = InitProducerIdResponse {
            producer_id,
            ..InitProducerIdResponse::default()
        };
        let body = answer.to_bytes(version).expect("it can be written");
        let header_version = response_header_version(ApiKey::InitProducerId, version);
        self.write(header.correlation_id, header_version, &body).await;
    }
}

fn versions(error: ErrorCode, api_versions_max: i16) -> ApiVersionsResponse {
    let row = |key: ApiKey, max_version| ApiVersion {
        api_key: key.code(),
        min_version: 0,
        max_version,
    };
    ApiVersionsResponse {
        error_code: error.code(),
        api_keys: vec![
            row(ApiKey::ApiVersions, api_versions_max),
            row(ApiKey::InitProducerId, 3),
        ],
        ..ApiVersionsResponse::default()
    }
}

fn config() -> ClientConfig {
    ClientConfig {
        request_timeout: Duration::from_millis(400),
        ..ClientConfig::new("unused:1")
    }
}

async fn connect(address: &str) -> Connection {
    Connection::connect(address, &config())
        .await
        .expect("it connects")
}

#[test]
fn pipelined_requests_leave_and_return_in_order() {
    check(
        async |mut peer: Peer| {
            peer.greet().await;
            let mut headers = Vec::new();
            for _ in 0..3 {
                headers.push(peer.read().await.0);
            }
            for (number, header) in headers.iter().enumerate() {
                assert_eq!(header.request_api_version, 3, "the highest that both know");
                peer.answer(header, 100 + number as i64).await;
            }
            sleep(Duration::from_secs(5)).await;
        },
        async |address| {
            let connection = connect(&address).await;
            let request = InitProducerIdRequest::default();
            let mut pending = Vec::new();
            for _ in 0..3 {
                pending.push(connection.submit(&request, 3).await.expect("in line"));
            }
            for (number, pending) in pending.into_iter().enumerate() {
                let answer = pending.answer(Duration::from_secs(5)).await.expect("answered");
                assert_eq!(answer.producer_id, 100 + number as i64);
            }
        },
    );
}

#[test]
fn an_older_broker_gets_an_older_question() {
    check(
        async |mut peer: Peer| {
            let (header, _) = peer.read().await;
            assert_eq!(header.request_api_version, 4);
            let refusal = versions(ErrorCode::UnsupportedVersion, 2)
                .to_bytes(0)
                .expect("it can be written");
            peer.write(header.correlation_id, 0, &refusal).await;
            let (header, _) = peer.read().await;
            assert_eq!(header.request_api_version, 2);
            let answer = versions(ErrorCode::None, 2)
                .to_bytes(2)
                .expect("it can be written");
            peer.write(header.correlation_id, 0, &answer).await;
            sleep(Duration::from_secs(5)).await;
        },
        async |address| {
            let connection = connect(&address).await;
            let error = connection
                .call(&MetadataRequest::default())
                .await
                .expect_err("it is not served");
            assert!(matches!(error, Error::UnsupportedVersion { .. }), "{error}");
            assert_eq!(error.outcome(), Outcome::Failed);
            assert!(!connection.is_broken());
        },
    );
}

#[test]
fn silence_breaks_the_connection_with_an_unknown_outcome() {
    check(
        async |mut peer: Peer| {
            peer.greet().await;
            sleep(Duration::from_secs(30)).await;
        },
        async |address| {
            let connection = connect(&address).await;
            let request = InitProducerIdRequest::default();
            let behind = connection.submit(&request, 3).await.expect("in line");
            let error = connection.call(&request).await.expect_err("nobody answers");
            assert!(matches!(error, Error::TimedOut { .. }), "{error}");
            assert_eq!(error.outcome(), Outcome::Unknown);
            let error = behind
                .answer(Duration::from_secs(5))
                .await
                .expect_err("the connection broke");
            assert_eq!(error.outcome(), Outcome::Unknown, "it had been sent");
            assert!(connection.is_broken());
            let error = connection.call(&request).await.expect_err("it stays broken");
            assert!(
                matches!(error, Error::Disconnected { sent: false, .. }),
                "{error}"
            );
            assert_eq!(error.outcome(), Outcome::Failed);
        },
    );
}

#[test]
fn whatever_is_no_answer_breaks_the_connection() {
    type Script = fn(Vec<u8>, i32) -> Vec<u8>;
    let scripts: [(&str, Script); 5] = [
        ("another correlation id", |_, id| {
            [&[0, 0, 0, 8][..], &(id + 7).to_be_bytes(), &[0; 4]].concat()
        }),
        ("a length beyond the limit", |_, _| vec![0x7f, 0xff, 0xff, 0xff]),
        ("a negative length", |_, _| vec![0xff; 4]),
        ("a body that is cut off", |_, id| {
            [&[0, 0, 0, 6][..], &id.to_be_bytes(), &[0; 2]].concat()
        }),
        ("the end of the stream", |_, _| vec![0, 0, 0]),
    ];
    for (name, script) in scripts {
        check(
            async move |mut peer: Peer| {
                peer.greet().await;
                let (header, body) = peer.read().await;
                let bytes = script(body.chunk().to_vec(), header.correlation_id);
                peer.0.write_all(&bytes).await.expect("the client reads");
                // The stream ends here.
            },
            async move |address| {
                let connection = connect(&address).await;
                let error = connection
                    .call(&InitProducerIdRequest::default())
                    .await
                    .expect_err(name);
                assert_eq!(error.outcome(), Outcome::Unknown, "{name}: {error}");
                assert!(connection.is_broken(), "{name}");
            },
        );
    }
}

#[test]
fn nobody_there_is_a_failure_that_may_pass() {
    runtime::process::main(async {
        let error = Connection::connect("127.0.0.1:1", &config())
            .await
            .err()
            .expect("nobody listens");
        assert!(error.is_retriable());
        assert_eq!(error.outcome(), Outcome::Failed);
    });
}
