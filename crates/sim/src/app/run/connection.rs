//! A connection of the simulator's own, for workloads that the client crate would be too polite for.
//!
//! It speaks the wire's requests one at a time and says, when a call fails, whether the request can have reached the
//! broker.

use bytes::{Bytes, BytesMut};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::TcpStream;
use runtime::time::timeout;
use std::fmt;
use std::time::Duration;
use wire::header::{RequestHeader, ResponseHeader, request_header_version, response_header_version};
use wire::{Message, Request};

/// No answer is larger.
const FRAME_BYTES_MAX: usize = 64 << 20;
pub const CALL_LIMIT: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub enum CallError {
    /// The broker cannot have seen the request.
    NotSent(String),
    /// It may have.
    Lost(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            CallError::NotSent(why) => write!(f, "not sent: {why}"),
            CallError::Lost(why) => write!(f, "lost: {why}"),
        }
    }
}

/// Connects when it must, and again after an error.
pub struct Caller {
    address: String,
    stream: Option<TcpStream>,
    correlation: i32,
}

impl Caller {
    pub fn new(address: &str) -> Caller {
        Caller {
            address: address.to_owned(),
            stream: None,
            correlation: 0,
        }
    }

    /// Sends one request and waits for its answer, within `limit` together.
    pub async fn call<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<R::Response, CallError> {
        self.correlation = self.correlation.wrapping_add(1);
        let frame = self.frame(request, version);
        let stream = self.connected(limit).await?;
        match timeout(limit, exchange(stream, &frame)).await {
            Ok(Ok(answer)) => {
                let decoded = self.decode::<R>(answer, version);
                if decoded.is_err() {
                    self.stream = None;
                }
                decoded
            }
            Ok(Err(error)) => {
                self.stream = None;
                Err(CallError::Lost(error.to_string()))
            }
            Err(_) => {
                self.stream = None;
                Err(CallError::Lost(format!(
                    "no answer within {} ms",
                    limit.as_millis()
                )))
            }
        }
    }

    async fn connected(&mut self, limit: Duration) -> Result<&mut TcpStream, CallError> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => match timeout(limit, TcpStream::connect(&self.address)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return Err(CallError::NotSent(error.to_string())),
                Err(_) => {
                    return Err(CallError::NotSent(
                        "the connection was not made in time".to_owned(),
                    ));
                }
            },
        };
        Ok(self.stream.insert(stream))
    }

    fn frame<R: Request>(&self, request: &R, version: i16) -> Bytes {
        let header = RequestHeader {
            request_api_key: R::KEY.code(),
            request_api_version: version,
            correlation_id: self.correlation,
            client_id: Some("sim".to_owned()),
        };
        let mut body = BytesMut::new();
        header
            .encode(&mut body, request_header_version(R::KEY, version))
            .and_then(|()| request.encode(&mut body, version))
            .expect("the simulator's own requests fit their version");
        let mut frame = BytesMut::with_capacity(body.len() + 4);
        frame.extend_from_slice(&(body.len() as i32).to_be_bytes());
        frame.extend_from_slice(&body);
        frame.freeze()
    }

    fn decode<R: Request>(&self, mut answer: Bytes, version: i16) -> Result<R::Response, CallError> {
        let header = ResponseHeader::decode(&mut answer, response_header_version(R::KEY, version))
            .map_err(|e| CallError::Lost(format!("an answer with a broken header: {e}")))?;
        if header.correlation_id != self.correlation {
            return Err(CallError::Lost(format!(
                "the answer to {} came for {}",
                header.correlation_id, self.correlation
            )));
        }
        R::Response::decode(&mut answer, version)
            .map_err(|e| CallError::Lost(format!("a broken answer: {e}")))
    }
}

async fn exchange(stream: &mut TcpStream, frame: &[u8]) -> runtime::io::Result<Bytes> {
    stream.write_all(frame).await?;
    stream.flush().await?;
    let mut len = [0; 4];
    stream.read_exact(&mut len).await?;
    let len = usize::try_from(i32::from_be_bytes(len)).unwrap_or(usize::MAX);
    if len > FRAME_BYTES_MAX {
        return Err(runtime::io::Error::other(format!("an answer of {len} bytes")));
    }
    let mut answer = vec![0; len];
    stream.read_exact(&mut answer).await?;
    Ok(answer.into())
}
