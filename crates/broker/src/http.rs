//! A minimal HTTP/1.1 server for `/metrics` and `/health`: one bounded request per connection, then it closes.
//!
//! Hand-parsed: a request line and headers of at most 8 KiB, no body, five seconds from accept to answer.

use runtime::io::{self, AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::sync::Semaphore;
use runtime::time::{self, Duration};
use std::future::Future;
use std::sync::Arc;

const REQUEST_BYTES_MAX: usize = 8 * 1024;
const CONNECTIONS_MAX: usize = 64;
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(5);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl HttpResponse {
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        HttpResponse {
            status,
            content_type: "text/plain; charset=utf-8",
            body: body.into(),
        }
    }

    fn encode(&self, with_body: bool) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.status,
            reason(self.status),
            self.content_type,
            self.body.len(),
        );
        let mut bytes = head.into_bytes();
        if with_body {
            bytes.extend_from_slice(self.body.as_bytes());
        }
        bytes
    }
}

/// Serves until it is dropped. `answer` gets the path without its query.
pub async fn serve<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(String) -> F + Send + Sync + 'static,
    F: Future<Output = HttpResponse> + Send + 'static,
{
    let answer = Arc::new(answer);
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let slot = slots
            .clone()
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let Ok((stream, _)) = listener.accept().await else {
            time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let answer = answer.clone();
        runtime::task::spawn(async move {
            // A peer that is slow or gone has nobody to be told.
            let _ = time::timeout(EXCHANGE_TIME_MAX, exchange(stream, &*answer)).await;
            drop(slot);
        });
    }
}

async fn exchange<A, F>(mut stream: TcpStream, answer: &A) -> io::Result<()>
where
    A: Fn(String) -> F,
    F: Future<Output = HttpResponse>,
{
    let mut buffer = Vec::new();
    let request = loop {
        match parse(&buffer) {
            Parsed::Partial if buffer.len() >= REQUEST_BYTES_MAX => break Err(431),
            Parsed::Partial => {
                let mut chunk = [0; 1024];
                let count = stream.read(&mut chunk).await?;
                if count == 0 {
                    return Ok(());
                }
                buffer.extend_from_slice(&chunk[..count]);
            }
            Parsed::Request(request) => break Ok(request),
            Parsed::Refused(status) => break Err(status),
        }
    };
    let (response, with_body) = match request {
        Ok(request) => (answer(request.path).await, !request.is_head),
        Err(status) => (HttpResponse::text(status, format!("{}\n", reason(status))), true),
    };
    stream.write_all(&response.encode(with_body)).await?;
    stream.flush().await?;
    stream.shutdown().await
}

#[derive(Debug, PartialEq, Eq)]
struct HttpRequest {
    path: String,
    is_head: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    Partial,
    Request(HttpRequest),
    Refused(u16),
}

/// Reads a request's head; header fields are skipped, for nothing here depends on them.
fn parse(bytes: &[u8]) -> Parsed {
    let Some(head_end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        // Garbage is refused at once, not when the peer feels like ending it.
        return if looks_like_http(bytes) {
            Parsed::Partial
        } else {
            Parsed::Refused(400)
        };
    };
    let Ok(head) = std::str::from_utf8(&bytes[..head_end]) else {
        return Parsed::Refused(400);
    };
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Parsed::Refused(400);
    };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return Parsed::Refused(400);
    }
    let is_head = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Parsed::Refused(405),
    };
    let path = target.split(['?', '#']).next().unwrap_or_default().to_string();
    Parsed::Request(HttpRequest { path, is_head })
}

fn looks_like_http(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .take(8)
        .all(|byte| byte.is_ascii_uppercase() || matches!(byte, b' ' | b'/' | b'*'))
        || bytes.iter().take(4).eq(b"GET ")
        || bytes.iter().take(5).eq(b"HEAD ")
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, is_head: bool) -> Parsed {
        Parsed::Request(HttpRequest {
            path: path.to_string(),
            is_head,
        })
    }

    #[test]
    fn requests_are_parsed_or_refused() {
        let cases: &[(&str, Parsed)] = &[
            (
                "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
                request("/metrics", false),
            ),
            ("GET /metrics?name=a HTTP/1.0\r\n\r\n", request("/metrics", false)),
            ("HEAD /health HTTP/1.1\r\n\r\n", request("/health", true)),
            ("POST /metrics HTTP/1.1\r\n\r\n", Parsed::Refused(405)),
            ("GET metrics HTTP/1.1\r\n\r\n", Parsed::Refused(400)),
            ("GET /metrics\r\n\r\n", Parsed::Refused(400)),
            ("GET / HTTP/2\r\n\r\n", Parsed::Refused(400)),
            ("GET  / HTTP/1.1\r\n\r\n", Parsed::Refused(400)),
            ("\0\0\0\x10rubbish", Parsed::Refused(400)),
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n", Parsed::Partial),
            ("G", Parsed::Partial),
            ("", Parsed::Partial),
            ("\r\n\r\n", Parsed::Refused(400)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text.as_bytes()), *expected, "{text:?}");
        }
    }

    #[test]
    fn every_prefix_of_a_request_is_partial() {
        let text = b"GET /metrics HTTP/1.1\r\nHost: localhost:9308\r\nAccept: */*\r\n\r\n";
        for end in 0..text.len() {
            assert_eq!(parse(&text[..end]), Parsed::Partial, "{end}");
        }
    }

    #[test]
    fn an_answer_states_its_length() {
        let bytes = HttpResponse::text(200, "ok\n").encode(true);
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("Content-Length: 3\r\n"),
            "{text}"
        );
        assert!(text.ends_with("\r\n\r\nok\n"));
    }
}
