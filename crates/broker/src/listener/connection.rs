//! One connection: requests are handled in order, and answered in order.
//!
//! ```text
//!  socket -> FrameReader -> api::dispatch -> bounded channel -> writer -> socket
//! ```
//!
//! The next request is handled when the handler of the one before has returned; a handler may leave the rest
//! of its work (the wait for durability) to the writer, so that pipelined Produce requests share a group commit.
//! A peer that does not read fills the channel, and then no more is read from it.

use super::frame::{FrameEnd, FrameReader};
use super::{Budget, Phase};
use crate::api::{self, Answer, Call};
use crate::metrics::ListenerCounters;
use runtime::io::{self, AsyncWriteExt};
use runtime::net::{OwnedWriteHalf, TcpStream};
use runtime::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use runtime::time::{self, Duration, Monotonic};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::{debug, info, warn};

/// Requests of one connection that are answered or waiting to be.
const IN_FLIGHT_MAX: usize = 64;
/// Memory of one connection's answers that wait to be sent; a larger answer waits until it is alone.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

pub struct Connection {
    pub peer: SocketAddr,
    pub call: api::Origin,
    pub counters: Arc<ListenerCounters>,
    pub budget: Budget,
    pub frame_bytes_max: usize,
    pub idle: Duration,
    pub phase: watch::Receiver<Phase>,
}

struct Pending {
    answer: Answer,
    received: Monotonic,
    /// Its share of [`ANSWER_BYTES_MAX`].
    _memory: OwnedSemaphorePermit,
}

/// Why a connection ended, for its one line in the log.
enum End {
    /// The peer's choice, or ours to stop: not worth a warning.
    Quiet(&'static str),
    Idle,
    Fault(String),
}

impl Connection {
    pub async fn serve(self, stream: TcpStream) {
        let (read_half, write_half) = stream.into_split();
        let (sender, receiver) = mpsc::channel(IN_FLIGHT_MAX);
        let outstanding = AtomicUsize::new(0);
        let reader = FrameReader::new(read_half, self.frame_bytes_max, self.idle, self.budget.clone());
        let (read_end, write_end) = runtime::join!(
            self.read_requests(reader, sender, &outstanding),
            write_answers(write_half, receiver, self.idle, &outstanding),
        );
        self.log_end(write_end.err().unwrap_or(read_end));
    }

    /// Ends when the peer is done, at fault, or idle; when the node stops; or when the writer has ended.
    async fn read_requests(
        &self,
        mut reader: FrameReader,
        sender: mpsc::Sender<Pending>,
        outstanding: &AtomicUsize,
    ) -> End {
        let mut phase = self.phase.clone();
        let memory = Arc::new(Semaphore::new(ANSWER_BYTES_MAX));
        loop {
            let next = runtime::select! {
                biased;
                _ = phase.wait_for(|phase| *phase != Phase::Running) => return End::Quiet("stopping"),
                _ = sender.closed() => return End::Quiet("writer ended"),
                next = reader.next() => next,
            };
            let frame = match next {
                Ok(frame) => frame,
                // An answer is still on its way: the connection is in use.
                Err(FrameEnd::Idle { inside_frame: false }) if outstanding.load(Ordering::Relaxed) > 0 => {
                    continue;
                }
                Err(end) => return self.on_frame_end(end),
            };
            let received = Monotonic::now();
            let call = Call {
                origin: self.call.clone(),
                peer: self.peer,
                phase: self.phase.clone(),
            };
            let answer = api::dispatch(call, frame.bytes).await;
            drop(frame.reservation);
            let closes = match &answer {
                Answer::Nothing => continue,
                Answer::Close(reason) => Some(reason.clone()),
                Answer::Reply(..) | Answer::Later(..) => None,
            };
            outstanding.fetch_add(1, Ordering::Relaxed);
            let bytes = answer.memory_bytes().min(ANSWER_BYTES_MAX) as u32;
            let share = runtime::select! {
                biased;
                _ = sender.closed() => return End::Quiet("writer ended"),
                share = memory.clone().acquire_many_owned(bytes) => share.expect("the semaphore is never closed"),
            };
            if sender
                .send(Pending {
                    answer,
                    received,
                    _memory: share,
                })
                .await
                .is_err()
            {
                return End::Quiet("writer ended");
            }
            if let Some(reason) = closes {
                return End::Fault(reason);
            }
        }
    }

    fn on_frame_end(&self, end: FrameEnd) -> End {
        match end {
            FrameEnd::Closed => End::Quiet("closed by the peer"),
            FrameEnd::Idle { inside_frame: false } => End::Idle,
            FrameEnd::Idle { inside_frame: true } => End::Fault("a request stalled half-way".into()),
            FrameEnd::Truncated { have } => {
                End::Fault(format!("the peer closed after {have} bytes of a request"))
            }
            FrameEnd::TooLarge { size, max } => End::Fault(format!(
                "a request of {size} bytes is above socket.request.max.bytes={max}; raise it if the client is \
                 rightful, or look for one that speaks another protocol"
            )),
            FrameEnd::Negative { size } => End::Fault(format!(
                "a request's size is {size}: the peer does not speak Kafka's protocol"
            )),
            FrameEnd::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => End::Quiet("reset by the peer"),
                _ => End::Fault(format!("cannot read: {error}")),
            },
        }
    }

    fn log_end(&self, end: End) {
        let (listener, peer) = (self.call.listener.name.as_str(), self.peer);
        match end {
            End::Quiet(reason) => debug!(listener, %peer, reason, "connection ended"),
            End::Idle => {
                self.counters.idle.add(1);
                info!(listener, %peer, idle_ms = self.idle.as_millis() as u64, "connection closed: idle");
            }
            End::Fault(reason) => warn!(listener, %peer, reason, "connection closed"),
        }
    }
}

async fn write_answers(
    mut half: OwnedWriteHalf,
    mut receiver: mpsc::Receiver<Pending>,
    idle: Duration,
    outstanding: &AtomicUsize,
) -> Result<(), End> {
    while let Some(Pending {
        answer,
        received,
        _memory,
    }) = receiver.recv().await
    {
        let (reply, done) = match answer {
            Answer::Reply(reply, done) => (Ok(reply), done),
            Answer::Later(reply, done) => (reply.await, done),
            Answer::Nothing => continue,
            Answer::Close(reason) => return Err(End::Fault(reason)),
        };
        let reply = reply.map_err(End::Fault)?;
        if runtime::buggify::chance("connection.answer.delay") {
            time::sleep(Duration::from_millis(runtime::rng::below(50))).await;
        }
        match time::timeout(idle, reply.send(&mut half)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(End::Fault(format!("an answer could not be finished: {error}")));
            }
            Ok(Err(_)) => return Err(End::Quiet("the peer is gone")),
            Err(_) => return Err(End::Fault("the peer does not read its answers".into())),
        }
        done.sent(received);
        outstanding.fetch_sub(1, Ordering::Relaxed);
    }
    // A polite end: the peer sees all answers, then the end of the stream.
    let _ = half.shutdown().await;
    Ok(())
}
