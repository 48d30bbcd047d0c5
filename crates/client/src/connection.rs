//! One TCP connection to one broker: pipelined requests, answers in order, versions agreed on.
//!
//! ```text
//!   call ──┐                          ┌── writer task ──► socket
//!   call ──┼─► bounded channel ───────┤   (queues who waits, then writes)
//!   call ──┘                          └── reader task ◄── socket
//!                                         (answers the one who waited longest)
//! ```
//! 1. Answers come in the order of the requests (Kafka's rule); one with another correlation id breaks the connection.
//! 2. A connection that broke stays broken: every waiting call gets the cause, and the owner dials anew.
//! 3. A call that runs out of time breaks the connection too, as in Kafka's clients: what would come after the late
//!    answer cannot be trusted to come at all.

use crate::versions::BrokerVersions;
use crate::{ClientConfig, Error};
use bytes::{Buf, Bytes, BytesMut};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{OwnedReadHalf, OwnedWriteHalf, TcpStream};
use runtime::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use runtime::task::AbortHandle;
use runtime::time::{Duration, timeout};
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use wire::header::{RequestHeader, ResponseHeader, response_header_version};
use wire::{ApiKey, Message, Request};

/// Requests that wait for the writer; a caller beyond that waits for room.
const QUEUED_REQUESTS_MAX: usize = 64;

/// Requests that wait for an answer, queued or sent; a caller beyond that waits for a place. The producer has a bound
/// of its own, max.in.flight.requests.per.connection.
const UNANSWERED_REQUESTS_MAX: usize = 256;

/// The length prefix of a frame.
const LENGTH_BYTES: usize = 4;

/// A cheap handle; the connection closes when the last one is dropped.
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    address: String,
    client_id: String,
    request_timeout: Duration,
    versions: BrokerVersions,
    correlation: AtomicI32,
    places: Arc<Semaphore>,
    outgoing: mpsc::Sender<Outgoing>,
    shared: Arc<Shared>,
    tasks: [AbortHandle; 2],
}

/// A request in line, or on its way. See [`Connection::submit`].
pub struct Pending<R> {
    connection: Connection,
    version: i16,
    wait: oneshot::Receiver<Result<Bytes, Broken>>,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> Pending<R> {
    /// The answer. Without one within `limit` the connection is given up.
    pub async fn answer(self, limit: Duration) -> Result<R::Response, Error> {
        let inner = &self.connection.0;
        let Ok(answer) = timeout(limit, self.wait).await else {
            return Err(inner.timed_out(R::KEY, limit));
        };
        let bytes = inner.open_answer(R::KEY, self.version, answer)?;
        R::Response::decode_exact(bytes, self.version)
            .map_err(|error| inner.malformed(R::KEY, error.to_string()))
    }
}

/// What callers and both tasks see.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Who waits for an answer, in the order of the requests.
    waiting: VecDeque<Waiting>,
    /// Why the connection broke.
    broken: Option<String>,
}

struct Waiting {
    correlation_id: i32,
    /// Given back when the answer is here, or nobody can wait for it any more.
    _place: OwnedSemaphorePermit,
    answer: oneshot::Sender<Result<Bytes, Broken>>,
}

struct Outgoing {
    frame: Bytes,
    /// `None` for the one request without an answer, Produce with acks=0; it learns when it was written.
    waiting: Option<Waiting>,
    written: Option<oneshot::Sender<()>>,
}

/// The connection broke before the answer came.
struct Broken {
    cause: String,
    sent: bool,
}

impl Connection {
    /// Connects and agrees on versions.
    pub async fn connect(address: &str, config: &ClientConfig) -> Result<Connection, Error> {
        let stream = dial(address, config.connection_setup_timeout).await?;
        let (reader, writer) = stream.into_split();
        let shared = Arc::new(Shared::default());
        let (outgoing, queue) = mpsc::channel(QUEUED_REQUESTS_MAX);
        let bytes_max = config.receive_message_max_bytes as usize;
        let tasks = [
            runtime::task::spawn(write_all(writer, queue, shared.clone())).abort_handle(),
            runtime::task::spawn(read_all(reader, bytes_max, shared.clone())).abort_handle(),
        ];
        let mut inner = Inner {
            address: address.to_string(),
            client_id: config.client_id.clone(),
            request_timeout: config.request_timeout,
            versions: BrokerVersions::default(),
            correlation: AtomicI32::new(0),
            places: Arc::new(Semaphore::new(UNANSWERED_REQUESTS_MAX)),
            outgoing,
            shared,
            tasks,
        };
        inner.versions = BrokerVersions::ask(&inner).await?;
        Ok(Connection(Arc::new(inner)))
    }

    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// What the broker serves.
    pub fn versions(&self) -> &BrokerVersions {
        &self.0.versions
    }

    pub fn is_broken(&self) -> bool {
        self.0.shared.state.lock().broken.is_some()
    }

    /// Sends a request at the newest version that both sides know, and waits for its answer.
    pub async fn call<R: Request>(&self, request: &R) -> Result<R::Response, Error> {
        let version = self.0.versions.choose::<R>()?;
        self.0.call(request, version, self.0.request_timeout).await
    }

    /// As [`Connection::call`], at the given version and with extra patience: for requests that the broker holds
    /// back, such as a long poll.
    pub async fn call_at<R: Request>(
        &self,
        request: &R,
        version: i16,
        patience: Duration,
    ) -> Result<R::Response, Error> {
        self.0
            .call(request, version, self.0.request_timeout + patience)
            .await
    }

    /// Puts a request in line and returns once it has its place there: requests leave in the order of these calls.
    /// The answer is waited for apart; giving up on that is harmless.
    pub async fn submit<R: Request>(&self, request: &R, version: i16) -> Result<Pending<R>, Error> {
        let (correlation_id, frame) = self.0.frame(request, version)?;
        let (answer, wait) = oneshot::channel();
        let waiting = Some(self.0.waiting(correlation_id, answer).await);
        self.0
            .enqueue(Outgoing {
                frame,
                waiting,
                written: None,
            })
            .await?;
        Ok(Pending {
            connection: self.clone(),
            version,
            wait,
            request: PhantomData,
        })
    }

    /// Sends a request that the broker does not answer (Produce with acks=0); returns when it is written.
    pub async fn send<R: Request>(&self, request: &R, version: i16) -> Result<(), Error> {
        let (_, frame) = self.0.frame(request, version)?;
        let (written, wait) = oneshot::channel();
        self.0
            .enqueue(Outgoing {
                frame,
                waiting: None,
                written: Some(written),
            })
            .await?;
        wait.await.map_err(|_| self.0.disconnected(true))
    }
}

impl Inner {
    pub(crate) async fn call<R: Request>(
        &self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<R::Response, Error> {
        let bytes = self.exchange(request, version, limit).await?;
        R::Response::decode_exact(bytes, version).map_err(|error| self.malformed(R::KEY, error.to_string()))
    }

    /// Sends a request and gives the body of its answer.
    pub(crate) async fn exchange<R: Request>(
        &self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<Bytes, Error> {
        let (correlation_id, frame) = self.frame(request, version)?;
        let (answer, wait) = oneshot::channel();
        let exchange = async {
            let waiting = Some(self.waiting(correlation_id, answer).await);
            self.enqueue(Outgoing {
                frame,
                waiting,
                written: None,
            })
            .await?;
            Ok::<_, Error>(wait.await)
        };
        let Ok(answer) = timeout(limit, exchange).await else {
            return Err(self.timed_out(R::KEY, limit));
        };
        self.open_answer(R::KEY, version, answer?)
    }

    async fn waiting(&self, correlation_id: i32, answer: oneshot::Sender<Result<Bytes, Broken>>) -> Waiting {
        let place = self.places.clone().acquire_owned().await;
        Waiting {
            correlation_id,
            _place: place.expect("this semaphore is never closed"),
            answer,
        }
    }

    /// The body of an answer, without its header.
    fn open_answer(
        &self,
        key: ApiKey,
        version: i16,
        answer: Result<Result<Bytes, Broken>, oneshot::error::RecvError>,
    ) -> Result<Bytes, Error> {
        let answer = answer.map_err(|_| self.disconnected(true))?;
        let mut bytes = answer.map_err(|Broken { cause, sent }| Error::Disconnected {
            address: self.address.clone(),
            cause,
            sent,
        })?;
        ResponseHeader::decode(&mut bytes, response_header_version(key, version))
            .map_err(|error| self.malformed(key, error.to_string()))?;
        Ok(bytes)
    }

    fn timed_out(&self, key: ApiKey, after: Duration) -> Error {
        self.shared.break_off(&format!("{} timed out", key.name()));
        self.abort();
        Error::TimedOut {
            api: key.name(),
            address: self.address.clone(),
            after,
        }
    }

    fn frame<R: Request>(&self, request: &R, version: i16) -> Result<(i32, Bytes), Error> {
        let correlation_id = self.correlation.fetch_add(1, Ordering::Relaxed) & i32::MAX;
        let header = RequestHeader {
            request_api_key: R::KEY.code(),
            request_api_version: version,
            correlation_id,
            client_id: Some(self.client_id.clone()),
        };
        let encode = || {
            let mut frame = BytesMut::zeroed(LENGTH_BYTES);
            header.encode(&mut frame, R::header_version(version))?;
            request.encode(&mut frame, version)?;
            Ok::<_, wire::EncodeError>(frame)
        };
        let mut frame = encode().map_err(|error| Error::Encode(error.to_string()))?;
        let length = i32::try_from(frame.len() - LENGTH_BYTES);
        let length = length.map_err(|_| Error::Encode("a request above 2 GiB cannot be framed".into()))?;
        frame[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        Ok((correlation_id, frame.freeze()))
    }

    async fn enqueue(&self, outgoing: Outgoing) -> Result<(), Error> {
        if self.shared.state.lock().broken.is_some() {
            return Err(self.disconnected(false));
        }
        self.outgoing
            .send(outgoing)
            .await
            .map_err(|_| self.disconnected(false))
    }

    fn disconnected(&self, sent: bool) -> Error {
        let cause = self.shared.state.lock().broken.clone();
        let cause = cause.unwrap_or_else(|| "it was closed".into());
        Error::Disconnected {
            address: self.address.clone(),
            cause,
            sent,
        }
    }

    /// An answer that cannot be read: nothing that follows on this connection can be trusted.
    fn malformed(&self, key: ApiKey, cause: String) -> Error {
        self.shared
            .break_off(&format!("its answer to {} cannot be read", key.name()));
        self.abort();
        Error::Malformed {
            api: key.name(),
            address: self.address.clone(),
            cause,
        }
    }

    fn abort(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The reader would wait for the peer for ever; the writer ends by itself once its queue is empty.
        self.tasks[1].abort();
    }
}

impl BrokerVersions {
    /// Asks with ApiVersions; a broker that knows only older versions of it says so in an answer of version 0.
    async fn ask(inner: &Inner) -> Result<BrokerVersions, Error> {
        let newest = *wire::api_versions::ApiVersionsRequest::VERSIONS.end();
        let request = wire::api_versions::ApiVersionsRequest {
            client_software_name: "odradek".into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
        };
        let bytes = inner.exchange(&request, newest, inner.request_timeout).await?;
        let address = inner.address.clone();
        match BrokerVersions::from_answer(bytes, newest, &address)? {
            Ok(versions) => Ok(versions),
            Err(supported) => {
                let request = wire::api_versions::ApiVersionsRequest::default();
                let bytes = inner.exchange(&request, supported, inner.request_timeout).await?;
                let answer = BrokerVersions::from_answer(bytes, supported, &address)?;
                answer.map_err(|_| Error::Malformed {
                    api: ApiKey::ApiVersions.name(),
                    address,
                    cause: "it refused the version that it had asked for".into(),
                })
            }
        }
    }
}

impl Shared {
    /// Everyone who waits learns that the connection broke, and why; the first cause stays.
    fn break_off(&self, cause: &str) {
        let waiting = {
            let mut state = self.state.lock();
            state.broken.get_or_insert_with(|| cause.to_string());
            std::mem::take(&mut state.waiting)
        };
        for waiting in waiting {
            let _ = waiting.answer.send(Err(Broken {
                cause: cause.to_string(),
                sent: true,
            }));
        }
    }
}

async fn dial(address: &str, limit: Duration) -> Result<TcpStream, Error> {
    let failed = |cause: String| Error::Connect {
        address: address.to_string(),
        cause,
    };
    match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {} ms", limit.as_millis()))),
    }
}

async fn write_all(mut socket: OwnedWriteHalf, mut queue: mpsc::Receiver<Outgoing>, shared: Arc<Shared>) {
    while let Some(outgoing) = queue.recv().await {
        if let Some(waiting) = outgoing.waiting {
            let mut state = shared.state.lock();
            if let Some(cause) = &state.broken {
                let _ = waiting.answer.send(Err(Broken {
                    cause: cause.clone(),
                    sent: false,
                }));
                continue;
            }
            state.waiting.push_back(waiting);
        }
        if let Err(error) = socket.write_all(&outgoing.frame).await {
            return shared.break_off(&error.to_string());
        }
        if let Some(written) = outgoing.written {
            let _ = written.send(());
        }
    }
}

async fn read_all(mut socket: OwnedReadHalf, bytes_max: usize, shared: Arc<Shared>) {
    let cause = loop {
        match read_one(&mut socket, bytes_max, &shared).await {
            Ok(()) => {}
            Err(cause) => break cause,
        }
    };
    shared.break_off(&cause);
}

/// Reads one answer and hands it to the one who waited longest.
async fn read_one(socket: &mut OwnedReadHalf, bytes_max: usize, shared: &Shared) -> Result<(), String> {
    let frame = read_frame(socket, bytes_max).await?;
    let mut head = frame.clone();
    let correlation_id = head.get_i32();
    let waiting = {
        let mut state = shared.state.lock();
        let expected = state.waiting.front().map(|waiting| waiting.correlation_id);
        match expected {
            None => return Err("the broker answered a request that nobody sent".into()),
            // who waits learns it once the connection counts as broken, and not before
            Some(expected) if expected != correlation_id => {
                return Err(format!(
                    "the broker answered request {correlation_id} where {expected} was next"
                ));
            }
            Some(_) => state.waiting.pop_front().expect("it was there under this lock"),
        }
    };
    // Nobody listens any more when the caller gave up; the answer is of no use then.
    let _ = waiting.answer.send(Ok(frame));
    Ok(())
}

async fn read_frame(socket: &mut OwnedReadHalf, bytes_max: usize) -> Result<Bytes, String> {
    let describe = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the broker closed it".to_string(),
        _ => error.to_string(),
    };
    let length = socket.read_i32().await.map_err(describe)?;
    let length = usize::try_from(length)
        .ok()
        .filter(|length| (4..=bytes_max).contains(length));
    let length = length.ok_or("the broker's answer is longer than receive.message.max.bytes, or no frame")?;
    let mut frame = BytesMut::new();
    while frame.len() < length {
        let mut rest = (&mut *socket).take((length - frame.len()) as u64);
        if rest.read_buf(&mut frame).await.map_err(describe)? == 0 {
            return Err("the broker closed it in the middle of an answer".into());
        }
    }
    Ok(frame.freeze())
}
